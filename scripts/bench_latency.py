"""Measure the live graph end to end: from a frame's stamp to its landmarks, pose and estimate.

The shipped take's videos (640x480) play as cameras at their own pace, through capture_node, triangulation_node and
muscle_estimation_node, each a process. Nothing is waited for: frames that come too fast are left out and counted.

Usage: make bench-latency, or: python scripts/bench_latency.py [--views NAME ...] [--rates HZ ...] [--hands HOW ...]
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.graph import GraphOptions, add_listeners, describe_graph
from pianokpm_ros.processes import GraphProcesses, ProcessError
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take
from pianokpm_ros.view.video_writer import VideoWriter

NAME = 'bench_latency'
WARM_UP = 1.5
"""The first frames of a take, during which everything is loaded and found for the first time, are left out [s]."""

GOAL = 0.050
"""Of the 95th percentile from stamp to estimate [s]."""

LIMIT = 120.0
SLOWEST = 0.05
"""The part of the frames whose time is looked into apart."""

HANDS = {
    'full': {'hand_engine': 'litert'},
    'lite': {'hand_model': 'lite', 'hand_engine': 'litert'},
    'full-int8': {'hand_engine': 'int8'},
    'lite-int8': {'hand_model': 'lite', 'hand_engine': 'int8'},
    'full-int8-turns': {'hand_engine': 'int8', 'take_turns': True},
    'lite-int8-turns': {'hand_model': 'lite', 'hand_engine': 'int8', 'take_turns': True},
}
"""Ways to find hands, as options of the graph; turns need four views."""

STAGES = ('hands found', 'placed in space', 'muscles estimated', 'estimate received')

Heard = dict[str, dict[int, int]]
"""When the first message of a stamp was sent [ns], by topic; of the last stage when it was received."""


def main() -> int:
    """Measure each way to find hands at each rate; 1 where none of them reaches the goal."""
    arguments = parse()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    take = load_take(find_asset('takes/demo'))
    table = Table(
        'frames/s', 'hands', 'ms', 'median', 'p95', 'p99', 'slowest 5 %', 'estimates', 'load',
        title=f'From the stamp of a frame to the estimate received, views: {", ".join(arguments.views)}',
        title_justify='left',
    )  # fmt: skip
    reached = {}
    for rate in arguments.rates:
        with tempfile.TemporaryDirectory() as folder:
            videos = {
                n: prepare(take.videos[n], Path(folder) / f'{n}.mp4', rate)
                for n in arguments.views
            }
            for way in arguments.hands:
                heard, count = play(take, videos, way)
                spent = spend(heard, list(videos))
                add_rows(table, rate, way, spent, count)
                reached[rate, way] = np.percentile(spent.sum(1), 95) <= 1e3 * GOAL
    console.print(table)
    good = [f'{way} at {rate}/s' for (rate, way), fine in reached.items() if fine]
    console.print(
        f'Goal: p95 <= {1e3 * GOAL:.0f} ms, reached by: {", ".join(good) or "none"}. {os.cpu_count()} cores. Slowest '
        '5 %: means of the slowest frames, to see what takes longer in them. The newest sample of an estimate is the '
        "model's look-ahead earlier than the frame (33 ms), which comes on top."
    )
    return int(not good)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--views', nargs='+', default=['top', 'left'])
    parser.add_argument('--rates', nargs='+', type=int, default=[30, 60], help='[Hz]')
    parser.add_argument(
        '--hands', nargs='+', choices=HANDS, default=['full', 'full-int8', 'lite-int8']
    )
    return parser.parse_args()


def prepare(source: Path, target: Path, rate: int) -> Path:
    """Copy a video with every so manyth of its frames, so that it has a rate."""
    video = VideoFile(source.stem, source)
    video.open()
    stride = max(1, round((video.rate or 60.0) / rate))
    with VideoWriter(target, video.size, rate, quality=12) as writer:
        number = 0
        while (frame := video.read()) is not None:
            if number % stride == 0:
                writer.write(frame.image, frame.stamp)
            number += 1
    video.close()
    return target


def play(take: Take, videos: dict[str, Path], way: str) -> tuple[Heard, int]:
    """Run the graph once; returns what was heard after the warm-up, and how many frames each camera has then."""
    options = GraphOptions(
        videos=tuple(f'{n}={p}' for n, p in videos.items()),
        rig=str(take.path / 'rig.yaml'),
        at_end='exit',
        **HANDS[way],
    )
    topics = [f'{n}/hands' for n in videos] + ['hands/right', 'muscle_activity/right']
    nodes = add_listeners(describe_graph(options), [(NAME, t) for t in topics])
    lines: list[str] = []
    with (
        listen(list(videos)) as heard,
        GraphProcesses(nodes, lambda *words: lines.append(': '.join(words))) as graph,
    ):
        try:
            if not graph.wait_until_exit('capture_node', LIMIT):
                raise ProcessError(f'the take was not over after {LIMIT:g} s')
        except ProcessError as error:
            raise SystemExit('\n'.join([*lines[-10:], str(error)])) from error
        time.sleep(0.5)
    begun = heard.pop('start')[0] + round(WARM_UP * 1e9)
    late = {k: {s: t for s, t in times.items() if s >= begun} for k, times in heard.items()}
    return late, sum(s >= WARM_UP * 1e9 for s in list_stamps(next(iter(videos.values()))))


def list_stamps(path: Path) -> list[int]:
    """Return the times of a video's frames [ns]."""
    video = VideoFile('any', path)
    video.open()
    stamps = []
    while (frame := video.read()) is not None:
        stamps.append(frame.stamp)
    video.close()
    return stamps


@contextmanager
def listen(cameras: list[str]) -> Iterator[Heard]:
    """Note when messages were sent, and estimates received, in a thread."""
    import rclpy
    from builtin_interfaces.msg import Time
    from pianokpm.msg import HandLandmarks, HandPose, MuscleActivity
    from rclpy.experimental import EventsExecutor

    from pianokpm_ros.messages import stamp_of
    from pianokpm_ros.nodes.base import LATCHED, LISTEN

    rclpy.init(args=[])
    node, heard = rclpy.create_node(NAME), defaultdict(dict)
    ending = threading.Event()

    def note(kind: type, topic: str) -> None:
        def take(message: object) -> None:
            now, stamp = node.get_clock().now().nanoseconds, stamp_of(message.header.stamp)
            # Of poses and estimates only those that say something new: others repeat an old stamp.
            if getattr(message, 'status', HandPose.OK) >= HandPose.DEGRADED:
                heard[topic].setdefault(stamp, stamp_of(message.publish_stamp))
                if kind is MuscleActivity:
                    heard['received'].setdefault(stamp, now)

        node.create_subscription(kind, topic, take, LISTEN)

    def begin(message: Time) -> None:
        heard['start'] = {0: stamp_of(message)}

    node.create_subscription(Time, 'playback/start', begin, LATCHED)
    for name in cameras:
        note(HandLandmarks, f'{name}/hands')
    note(HandPose, 'hands/right')
    note(MuscleActivity, 'muscle_activity/right')
    executor = EventsExecutor()
    executor.add_node(node)

    def spin() -> None:
        while not ending.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        ending.set()
        thread.join(2)
        executor.remove_node(node)
        node.destroy_node()
        rclpy.try_shutdown()


def spend(heard: Heard, cameras: list[str]) -> np.ndarray:
    """Return how long each stage took of each frame whose estimate came, (N, stages) [ms]."""
    topics = [f'{n}/hands' for n in cameras]
    rows = []
    for stamp, received in heard['received'].items():
        found = [heard[t][stamp] for t in topics if stamp in heard[t]]
        if found and stamp in heard['hands/right']:
            estimated = heard['muscle_activity/right'][stamp]
            rows.append((stamp, max(found), heard['hands/right'][stamp], estimated, received))
    return np.diff(np.array(rows).reshape(-1, len(STAGES) + 1), axis=1) * 1e-6


def add_rows(table: Table, rate: int, way: str, spent: np.ndarray, count: int) -> None:
    """Add the figures of one run: in all, and stage by stage."""
    if not len(spent):
        table.add_row(str(rate), way, 'no estimate came')
        return
    whole = spent.sum(1)
    slow = np.argsort(whole)[-max(1, round(SLOWEST * len(whole))) :]
    load = f'{os.getloadavg()[0]:.1f}'
    for name, values in (('in all', whole), *zip(STAGES, spent.T, strict=True)):
        first = name == 'in all'
        table.add_row(
            *((str(rate), way) if first else ('', '')),
            name,
            *(f'{v:.1f}' for v in np.percentile(values, (50, 95, 99))),
            f'{values[slow].mean():.1f}',
            *((f'{len(whole)} of {count}', load) if first else ()),
            end_section=name == STAGES[-1],
        )


if __name__ == '__main__':
    sys.exit(main())
