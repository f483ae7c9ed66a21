"""Film a performance with virtual cameras: one process a camera, frames straight into H.264."""

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from multiprocessing import get_context
from multiprocessing.managers import DictProxy
from pathlib import Path
from typing import Any

from pianokpm_training.studio.view import View
from pianokpm_training.workers import open_pool

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig
from pianokpm_ros.keyboard.key_samples import positions_at
from pianokpm_ros.takes import Performance, Take, check_target, save_take
from pianokpm_ros.view.video_writer import VideoWriter

QUALITY = 25
"""x264's constant rate factor: sensor noise costs most of the file."""

REPORT_PERIOD = 0.5
Report = Callable[[int, int], None]
"""Is told how many pictures are done, and of how many."""


def film(
    performance: Performance,
    rig: Rig,
    path: Path,
    made: Mapping[str, Any],
    workers: int = 2,
    report: Report | None = None,
) -> Take:
    """Render a performance into a take, complete or not at all.

    Args:
        performance: its stamps are the frames' times.
        rig: the cameras.
        path: folder of the take to make; an existing take is replaced.
        made: how it was made, for `take.json`.
        workers: processes, at most one a camera.
        report: of progress.
    """
    check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{path.name}.', dir=path.parent) as folder:
        videos = {c.name: Path(folder) / f'{c.name}.mp4' for c in rig.cameras}
        _film_all(performance, rig, videos, workers, report)
        return save_take(path, performance, rig, videos, performance.rate, made)


def _film_all(
    performance: Performance,
    rig: Rig,
    videos: Mapping[str, Path],
    workers: int,
    report: Report | None,
) -> None:
    with get_context('spawn').Manager() as manager, open_pool(workers, finish=True) as pool:
        done = manager.dict({name: 0 for name in rig.names})
        try:
            tasks = {
                pool.submit(film_view, performance, camera, number, videos[camera.name], done)
                for number, camera in enumerate(rig.cameras)
            }
            while tasks:
                ended, tasks = wait(tasks, REPORT_PERIOD, FIRST_COMPLETED)
                for task in ended:
                    task.result()
                if report is not None:
                    report(sum(done.values()), len(rig.cameras) * len(performance.stamp))
        except BaseException:
            busy = list(pool._processes.values())  # a pool that is shut down knows them no more
            pool.shutdown(wait=False, cancel_futures=True)
            for process in busy:
                process.terminate()
                process.join()
            raise


def film_view(
    performance: Performance,
    camera: Camera,
    number: int,
    path: Path,
    done: 'DictProxy[str, int] | dict[str, int] | None' = None,
) -> Path:
    """Render one camera's video; the pictures depend on the performance, the camera and its number alone."""
    view = View(camera, performance.seed * 1000 + number)
    keys = positions_at(performance.sensor_keys(), performance.stamp)
    told = time.monotonic()
    with VideoWriter(path, camera.size, performance.rate, QUALITY) as writer:
        for index, stamp in enumerate(performance.stamp.tolist()):
            writer.write(view.render(performance.landmarks[index], keys[index]), stamp)
            if done is not None and time.monotonic() - told > REPORT_PERIOD:
                told, done[camera.name] = time.monotonic(), index + 1
    if done is not None:
        done[camera.name] = len(performance.stamp)
    return path
