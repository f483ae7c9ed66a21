"""The recordings as frames and sets, and the tables all parts print."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from rich.table import Table

from pianokpm_ros.capture.video_file import VideoFile, load_timestamps
from pianokpm_ros.geometry.alignment import ViewAligner
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.geometry.synchronizer import FrameSet, Synchronizer
from pianokpm_ros.records import Frame, HandLandmarks

CHARUCO_PERIOD = 166_000_000
BARE_HANDS = slice(90, 111)
"""Frames of `charuco_4cam` with two bare hands in every view."""

CHARUCO_CAMERAS = tuple(f'cam_{i}' for i in range(4))


def make_table(title: str, *headings: str) -> Table:
    """Return a table whose first column names the rows."""
    table = Table(title=title, title_justify='left')
    table.add_column('')
    for heading in headings:
        table.add_column(heading, justify='right')
    return table


def read_together(
    videos: Mapping[str, Path], stamps: Mapping | None = None, count: int | None = None
) -> Iterator[dict[str, Frame]]:
    """Yield the frames with the same number of all videos, at most `count` of each."""
    sources = [VideoFile(n, p, timestamps=(stamps or {}).get(n)) for n, p in videos.items()]
    for source in sources:
        source.open()
    rows = iter(lambda: [s.read() for s in sources], None)
    for frames in islice(rows, count):
        if not all(frames):
            break
        yield {f.camera: f for f in frames}
    for source in sources:
        source.close()


def charuco_frames(data: Path) -> list[dict[str, Frame]]:
    """Return all frames of `charuco_4cam` with their stamps."""
    folder = data / 'charuco_4cam'
    videos = {n: folder / f'{n}.mp4' for n in CHARUCO_CAMERAS}
    return list(read_together(videos, load_timestamps(folder / 'timestamps.csv')))


def detect_all(make: Callable, frames) -> dict[str, list[HandLandmarks]]:
    """Return the records of each camera."""
    workers, records = make(), {}
    for together in frames:
        for name, record in workers.process(together).items():
            records.setdefault(name, []).append(record)
    workers.close()
    return records


def bring_together(
    rig: Rig,
    records: Mapping[str, Sequence[HandLandmarks]],
    tolerance: int,
    align: bool = False,
) -> list[FrameSet]:
    """Group records by stamps, the rig's delays taken off; align them to one time if asked to."""
    late = {n: rig.delay_of(n) for n in rig.names}
    events = [replace(r, stamp=r.stamp - late[n]) for n in rig.names for r in records[n]]
    synchronizer = Synchronizer(rig.names, tolerance, 2 * tolerance)
    sets: list[FrameSet] = []
    for record in sorted(events, key=lambda r: r.stamp):
        sets += synchronizer.push(record)
    sets += synchronizer.flush()
    aligner = ViewAligner()
    return [aligner.align(s) for s in sets] if align else sets


def shrink(frame: Frame, size: tuple[int, int]) -> Frame:
    """Scale a frame to a width and letterbox it to a height, as a 4:3 camera would see the same scene."""
    height, width = frame.image.shape[:2]
    scaled = cv2.resize(
        frame.image, (size[0], round(height * size[0] / width)), interpolation=cv2.INTER_AREA
    )
    image = np.zeros((size[1], size[0], 3), np.uint8)
    top = (size[1] - scaled.shape[0]) // 2
    image[top : top + scaled.shape[0]] = scaled
    return replace(frame, image=image)


def shrink_rig(rig: Rig, size: tuple[int, int]) -> Rig:
    """Return a rig for frames that `shrink` made."""
    cameras = []
    for camera in rig.cameras:
        part = size[0] / camera.size[0]
        matrix = camera.matrix * part
        matrix[2, 2] = 1.0
        matrix[:2, 2] += (part - 1) / 2  # pixel centres
        matrix[1, 2] += (size[1] - round(camera.size[1] * part)) // 2
        cameras.append(replace(camera, matrix=matrix, size=size))
    return Rig(tuple(cameras), rig.frame_id)
