"""Rehearse a recording session with real parts and print what was lost, how exact the clocks are, and what it costs.

Virtual cameras (four landmark streams at 60 Hz with previews), MIDI over TCP, an LSL amplifier at 2 kHz ->
nodes -> recorder, killed once -> recover -> data set -> mini training -> estimates again -> replay.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from mcap.reader import make_reader
from rich.console import Console
from rich.table import Table
from rosbags.rosbag2 import Reader

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig, load_rig, save_rig
from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.reader import find_files, read_bag
from pianokpm_ros.records import EmgBlock, HandLandmarks, KeyMotion
from pianokpm_ros.shares import find_share

HERE = Path(__file__).resolve().parent
CONSOLE = Console(highlight=False, width=110)
KILL_BEFORE_END = 6.0
LEAD = 2.0 + 6 * 2.0


def look_at(name: str, position: tuple, size=(640, 480)) -> Camera:
    forward = np.array([0.0, 0.05, 0.0]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.9 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[600.0, 0, size[0] / 2], [0, 600.0, size[1] / 2], [0, 0, 1]])
    return Camera(name, size, matrix, np.zeros(5), rotation, -rotation @ np.array(position))


def make_rig(path: Path) -> None:
    places = {
        'top': (0.0, 0.0, 0.8),
        'left': (-0.7, 0.0, 0.4),
        'right': (0.7, 0.0, 0.4),
        'front': (0.0, -0.5, 0.5),
    }
    save_rig(Rig(tuple(look_at(n, p) for n, p in places.items())), path)


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def make_nodes(rig: Path, cameras: list[str], port: int) -> list[NodeSpec]:
    params = str(find_share('config/pianokpm.yaml'))

    def node(name: str, **parameters) -> NodeSpec:
        return NodeSpec(name, 'capture', parameters, params, respawn=False)

    return [
        node('keyboard_node', port=f'tcp:127.0.0.1:{port}'),
        node('emg_sensor_node', scope='machine', stream='rehearsal'),
        node('triangulation_node', cameras=cameras, rig=str(rig)),
        node('muscle_estimation_node'),
    ]


def make_recorder(bag: Path, rig: Path, cameras: list[str]) -> NodeSpec:
    previews = [f'{c}/image/compressed' for c in cameras]
    parameters = {'bag': str(bag), 'cameras': cameras, 'rig': str(rig), 'topics': previews}
    return NodeSpec(
        'recorder_node',
        'estimation',
        parameters,
        str(find_share('config/pianokpm.yaml')),
        respawn=False,
    )


def rehearse(out: Path, seconds: float) -> dict:
    """Record a session; returns what was seen meanwhile."""
    rig, port = out / 'rig.yaml', free_port()
    make_rig(rig)
    cameras = list(load_rig(rig).names)
    seen: dict = {}
    log = (out / 'nodes.log').open('w')
    with GraphProcesses(
        make_nodes(rig, cameras, port), lambda n, line: print(n, line, file=log)
    ) as graph:
        recorder = GraphProcesses(
            [make_recorder(out / 'first', rig, cameras)], lambda n, line: print(n, line, file=log)
        )
        recorder.start()
        sources = subprocess.Popen(
            [sys.executable, str(HERE / 'recording_sources.py'), '--rig', str(rig), '--midi', str(port),
             '--truth', str(out / 'truth.npz'), '--seconds', str(seconds)],
        )  # fmt: skip
        kill_at = time.monotonic() + 8.0 + LEAD + seconds - KILL_BEFORE_END
        pid = recorder.states['recorder_node'].pid
        measured = []
        while time.monotonic() < kill_at and sources.poll() is None:
            graph.care()
            measured.append((time.monotonic(), cpu_seconds(pid)))
            time.sleep(0.5)
        half = measured[len(measured) // 2 :]
        seen['cpu'] = (half[-1][1] - half[0][1]) / (half[-1][0] - half[0][0])
        seen['killed'] = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        second = GraphProcesses(
            [make_recorder(out / 'second', rig, cameras)], lambda n, line: print(n, line, file=log)
        )
        second.start()
        sources.wait(60)
        time.sleep(1.0)
        second.stop()
        recorder.stop()
    log.close()
    return seen


def run_cli(*arguments) -> str:
    done = subprocess.run(
        [sys.executable, '-m', 'pianokpm_ros.cli', *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f'pianokpm {arguments[0]} failed: {done.stdout}{done.stderr}')
    return done.stdout


def count_losses(bag: Path) -> dict[str, tuple[int, int]]:
    """Messages, and missing sequence numbers, by topic."""
    found: dict[str, list[int]] = {}
    for topic, record, _ in read_bag(bag):
        if hasattr(record, 'sequence'):
            found.setdefault(topic, []).append(record.sequence)
    return {t: (len(s), max(s) - min(s) + 1 - len(set(s))) for t, s in found.items()}


def clock_errors(bag: Path, truth) -> dict[str, np.ndarray]:
    """Stamp minus truth [ms] of frames, keys and EMG samples."""
    errors: dict[str, list] = {'cameras': [], 'keys': [], 'EMG': []}
    keys = []
    emg = truth['emg'].astype(np.float64)
    for _, record, _ in read_bag(bag):
        if isinstance(record, HandLandmarks):
            true = truth['play'] + record.sequence * (1_000_000_000 // 60)
            errors['cameras'].append((record.stamp - true) * 1e-6)
        elif isinstance(record, KeyMotion):
            times = record.stamp + np.rint(record.time.astype(float) * 1e9).astype(np.int64)
            struck = record.midi_velocity > 0
            keys += list(zip(times[struck].tolist(), record.key[struck].tolist(), strict=True))
        elif isinstance(record, EmgBlock) and len(record.samples):
            expected = (record.stamp - truth['origin']) * 1e-9 * record.sample_rate
            place = find_block(emg, record.samples, expected)
            if place is not None:
                errors['EMG'].append((expected - place) / record.sample_rate * 1e3)
    downs = truth['midi_down'].astype(bool)
    times, numbers = truth['midi_stamp'][downs], truth['midi_key'][downs]
    for stamp, key in keys:
        near = np.abs(times[numbers == key] - stamp)
        if len(near) and near.min() < 30_000_000:
            errors['keys'].append((stamp - times[numbers == key][near.argmin()]) * 1e-6)
    return {n: np.array(v) for n, v in errors.items()}


def find_block(emg: np.ndarray, samples: np.ndarray, expected: float) -> int | None:
    """Find by value where samples lie among all that were sent."""
    first = np.asarray(samples[0], np.float64)
    low = max(0, round(expected) - 400)
    apart = np.abs(emg[low : round(expected) + 400] - first).max(axis=1)
    return low + int(apart.argmin()) if len(apart) and apart.min() < 1e-9 else None


def print_losses(name: str, bag: Path) -> None:
    table = Table(
        'topic', 'messages', 'missing', title=f'{name}: losses by sequence number', box=None
    )
    for topic, (count, missing) in sorted(count_losses(bag).items()):
        table.add_row(topic, str(count), str(missing))
    CONSOLE.print(table)


def print_totals(first: Path, second: Path, truth) -> None:
    """Compare frames and EMG samples with what was sent."""
    sent, ends = int(truth['frames'].max(initial=0)), {}
    samples = lost = 0
    for part, bag in (('first', first), ('second', second)):
        for topic, record, _ in read_bag(bag):
            if isinstance(record, HandLandmarks):
                ends.setdefault((part, topic), []).append(record.sequence)
            elif isinstance(record, EmgBlock) and part == 'first':
                samples += len(record.samples)
                lost += int(np.isnan(record.samples).any(axis=1).sum())
    for topic in sorted({t for _, t in ends}):
        a, b = (np.array(ends.get((p, topic), [])) for p in ('first', 'second'))
        between = b.min() - a.max() - 1 if len(a) and len(b) else sent - len(a)
        CONSOLE.print(
            f'{topic}: {sent} frames sent, {len(a)} before the kill, {len(b)} after, {between} while no recorder ran'
        )
    CONSOLE.print(f'/emg: {samples} samples before the kill, {lost} of them marked as lost')


def print_clocks(bag: Path, truth) -> bool:
    table = Table(
        'clock', 'samples', 'median', 'p1', 'p99', title='stamps against the truth [ms]', box=None
    )
    fine = True
    for name, error in clock_errors(bag, truth).items():
        if not len(error):
            table.add_row(name, '0', *'---')
            continue
        values = [np.median(error), *np.percentile(error, (1, 99))]
        fine &= abs(values[0]) < 2.0
        table.add_row(name, str(len(error)), *(f'{v:+.3f}' for v in values))
    CONSOLE.print(table)
    return fine


def print_readers(bag: Path) -> None:
    count = 0
    for file in find_files(bag):
        with file.open('rb') as stream:
            count += sum(1 for _ in make_reader(stream).iter_messages())
    with Reader(bag) as reader:
        other = sum(1 for _ in reader.messages())
    CONSOLE.print(
        f'readers of {bag.name}: mcap {count} messages, rosbags {other}; `ros2 bag` is no part of the wheels'
    )


def replay(bag: Path, out: Path, model: Path) -> None:
    hashes = []
    for i in range(3):
        text = run_cli(
            'replay',
            bag,
            '--what',
            'landmarks',
            '--recompute',
            out / f'again{i}',
            '--model',
            model,
        )
        hashes.append(re.search(r'[0-9a-f]{64}', text).group())
    same = 'equal' if len(set(hashes)) == 1 else 'DIFFERENT'
    CONSOLE.print(
        f'estimated again 3 times with the new model: hashes {same}, {hashes[0][:16]}...'
    )
    text = run_cli('replay', bag, '--start', LEAD + 4, '--duration', 8)
    CONSOLE.print(next(line for line in text.splitlines() if 'replayed' in line))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('out/bench_recording'))
    parser.add_argument('--seconds', type=float, default=20.0, help='of playing')
    a = parser.parse_args()
    out = a.out / time.strftime('%Y%m%d-%H%M%S')
    out.mkdir(parents=True)
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    seen = rehearse(out, a.seconds)
    truth = np.load(out / 'truth.npz')
    CONSOLE.print(run_cli('recover', out / 'first', '-o', out / 'recovered').strip())
    bag = out / 'recovered'
    last = max(log for *_, log in read_bag(bag))
    CONSOLE.print(f'kill -9 lost the last {(seen["killed"] - last) * 1e-6:.0f} ms')
    print_losses('killed and recovered', bag)
    print_losses('after the kill', out / 'second')
    print_totals(bag, out / 'second', truth)
    fine = print_clocks(bag, truth)
    print_readers(bag)
    first = min(log for *_, log in read_bag(bag))
    size = sum(f.stat().st_size for f in find_files(bag))
    CONSOLE.print(
        f'recorder: {100 * seen["cpu"]:.0f} % of a core, {size / 1e6 / ((last - first) / 60e9):.0f} MB a minute'
    )
    CONSOLE.print(run_cli('dataset', 'build', bag, '-o', out / 'data').strip())
    CONSOLE.print(run_cli('dataset', 'train', out / 'data', '-o', out / 'model', '--mini').strip())
    replay(bag, out, out / 'model')
    CONSOLE.print(f'everything is in {out}')
    if not fine:
        raise SystemExit('a clock is off by more than 2 ms')


if __name__ == '__main__':
    main()
