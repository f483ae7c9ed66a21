"""Drive the exoskeleton example with the shipped take, its cameras covered for a while: delays, faults, a plot.

The take's videos are made black for a while, MediaPipe finds the hands in them (ahead of time, so that the
speed of this machine does not matter), and what it found is replayed in real time through the real
triangulation_node, muscle_estimation_node and exoskeleton_node. Simulated: the take, its muscles, the motors.

Usage: make bench-exoskeleton, or: python scripts/bench_exoskeleton.py [--out FOLDER] [--views NAME ...]
"""

import argparse
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pianokpm_ros.anatomy import Side
from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take
from pianokpm_ros.view.video_writer import VideoWriter
from scripts.exoskeleton_figures import COVER, Heard, measure, plot, show
from test.client.live import child_environment

ROOT = Path(__file__).resolve().parents[1]
SIDE = Side.RIGHT
SKIPPED = ('csv', 'parquet', 'mosaic', 'overlay', 'plot')
"""Of the result of `pianokpm estimate`: only its bag is needed."""

START_LIMIT, RUN_LIMIT = 30.0, 90.0
KNOWN = 8.0
"""Before the replay begins all must have started and know each other: DDS looks around every 3 s [s]."""


def main() -> int:
    """Run it all; 1 where the example did not do what it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=Path('out/exoskeleton'))
    parser.add_argument('--views', nargs='+', default=['top', 'front', 'left', 'right'])
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    take = load_take(find_asset('takes/demo'))
    bag = prepare(take, arguments.views, arguments.out, console)
    heard = play(bag, take)
    result = measure(heard, take, bag, SIDE)
    plot(heard, result, arguments.out / 'exoskeleton.png')
    console.print(f'plot: {arguments.out / "exoskeleton.png"}')
    return show(result, console)


def prepare(take: Take, views: list[str], out: Path, console: Console) -> Path:
    """Cover the cameras and find the hands, each time: model and detector may have changed."""
    result = out / f'covered_{"_".join(views)}'
    shutil.rmtree(result, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    console.print('Covering the cameras and finding the hands ...')
    videos = {name: cover(take.videos[name], out / f'{name}_covered.mp4') for name in views}
    command = [
        'estimate',
        *(f'{n}={p}' for n, p in videos.items()),
        '--rig',
        str(take.path / 'rig.yaml'),
    ]
    command += ['--keys', str(take.path / 'keys.mid'), '--out', str(result)]
    command += [word for name in SKIPPED for word in ('--skip', name)]
    subprocess.run([sys.executable, '-m', 'pianokpm_ros.cli', *command], check=True)
    return result / 'bag'


def cover(source: Path, target: Path) -> Path:
    """Copy a video, black while covered."""
    video = VideoFile(source.stem, source)
    video.open()
    with VideoWriter(target, video.size, video.rate or 60.0) as writer:
        while (frame := video.read()) is not None:
            covered = COVER[0] <= frame.stamp * 1e-9 < COVER[1]
            writer.write(frame.image * (not covered), frame.stamp)
    video.close()
    return target


def play(bag: Path, take: Take) -> Heard:
    """Replay through the live nodes and the example; returns what was heard."""
    options = ReplayOptions(
        bag=str(bag), what='landmarks', estimate=True, rig=str(take.path / 'rig.yaml')
    )
    script = ROOT / 'examples' / 'exoskeleton' / 'exoskeleton_node.py'
    command = [sys.executable, str(script), '--ros-args', '-p', 'use_sim_time:=true']
    heard = Heard()
    example = subprocess.Popen([*command, '-p', f'side:={SIDE.label}'], env=child_environment())
    try:
        with listen(heard) as wait_for_example:
            wait_for_example()
            player, *stages = describe_replay(options)
            with GraphProcesses(stages) as graph:
                graph.wait(lambda: False, KNOWN)
                with GraphProcesses([player]) as replay:
                    ended = replay.wait_until_exit(player.name, RUN_LIMIT)
                    time.sleep(0.5)
        if not ended:
            raise SystemExit(f'the replay was not over after {RUN_LIMIT:g} s')
    finally:
        example.kill()
        example.wait()
    return heard


@contextmanager
def listen(heard: Heard) -> Iterator[Callable[[], None]]:
    """Hear the example and the estimates in a thread; gives what waits until the example is there."""
    import rclpy
    from pianokpm.msg import MuscleActivity
    from rclpy.experimental import EventsExecutor
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import JointState
    from std_msgs.msg import Bool, Float64MultiArray

    rclpy.init(args=[])
    node = rclpy.create_node('bench_exoskeleton')

    def keep(kind: type, topic: str, target: list, read: Callable) -> None:
        def take(message: object) -> None:
            target.append((time.monotonic(), read(message)))

        node.create_subscription(kind, topic, take, 50)

    keep(Clock, '/clock', heard.clock, lambda m: seconds(m.clock))
    keep(Float64MultiArray, 'exoskeleton/commands', heard.torque, lambda m: np.array(m.data))
    keep(Bool, 'exoskeleton/engaged', heard.engaged, lambda m: m.data)
    keep(JointState, 'exoskeleton/joint_states', heard.motor, lambda m: np.array(m.effort))
    keep(MuscleActivity, f'muscle_activity/{SIDE.label}', heard.estimates, read_estimate)
    executor, ending = EventsExecutor(), threading.Event()
    executor.add_node(node)

    def spin() -> None:
        while not ending.is_set():
            executor.spin_once(timeout_sec=0.1)

    def wait() -> None:
        end = time.monotonic() + START_LIMIT
        while not heard.torque:
            if time.monotonic() > end:
                raise SystemExit('the example does not start; its lines above say why')
            time.sleep(0.1)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    yield wait
    ending.set()
    thread.join(2)
    executor.remove_node(node)
    node.destroy_node()
    rclpy.try_shutdown()


def seconds(time_message: object) -> float:
    """Turn a Time into [s]."""
    return time_message.sec + time_message.nanosec * 1e-9


def read_estimate(message: object) -> tuple[float, float, int]:
    """Return stamp [s], look-ahead [s] and status."""
    return seconds(message.header.stamp), message.lookahead, message.status


if __name__ == '__main__':
    sys.exit(main())
