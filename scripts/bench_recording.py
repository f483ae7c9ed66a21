"""Rehearse recording with real parts and print what was lost, how exact the clocks are, and what it costs.

1. A session: contractions, then a studio take. Its videos are the cameras of `capture_node`, its MIDI file is
   played by `keyboard_node`, the amplifier is an LSL outlet at 2 kHz -> recorder, killed once -> recover -> data
   set -> mini training -> estimates again, from the landmarks and from the videos -> replay. Everything in real
   time; the take is slowed down so that hands are found in time (`--slow`).
2. Throughput: four landmark streams at 60 Hz with previews, live MIDI, EMG at 2 kHz.
All signals are simulated.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from mcap.reader import make_reader
from rehearsal import HERE, Seen, choose_port, rehearse, run_at_full_rate
from rich.console import Console
from rich.table import Table
from rosbags.rosbag2 import Reader
from slow_take import MIDI, read_strokes, slow_performance

from pianokpm_ros.keyboard.midi_port import TCP
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.recording.reader import find_files, read_bag, read_raw
from pianokpm_ros.recording.video import load_frame_index
from pianokpm_ros.records import EmgBlock, HandLandmarks, KeyMotion
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import load_take

CONSOLE = Console(highlight=False, width=120)
LIMIT = 2.0
NEAR = 30_000_000
PREVIEW = 'sensor_msgs/msg/CompressedImage'
CLOCKS = ('cameras', 'keys', 'EMG')


def run_cli(*arguments: object, allowed: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, '-m', 'pianokpm_ros.cli', *map(str, arguments)],
        capture_output=True, text=True, env=os.environ | {'COLUMNS': '140'},
    )  # fmt: skip
    if done.returncode not in allowed:
        raise SystemExit(f'pianokpm {arguments[0]} failed: {done.stdout}{done.stderr}')
    return done.stdout.strip()


def list_sequences(bag: Path) -> dict[str, list[int]]:
    """Sequence numbers of each topic, in the order recorded."""
    found: dict[str, list[int]] = {}
    for topic, record, _ in read_bag(bag):
        if hasattr(record, 'sequence'):
            found.setdefault(topic, []).append(record.sequence)
    return found


def count_missing(found: list[int], sent: set[int] | None = None) -> int:
    """Numbers between the first and the last that are not there; of those that were sent, where that is known."""
    expected = set(range(min(found), max(found) + 1))
    return len((expected & sent if sent is not None else expected) - set(found))


def print_losses(name: str, bag: Path, sent: dict[str, set[int]]) -> int:
    table = Table('topic', 'messages', 'missing', title=f'{name}: losses', box=None)
    total = 0
    for topic, found in sorted(list_sequences(bag).items()):
        missing = count_missing(found, sent.get(topic))
        table.add_row(topic, str(len(found)), str(missing))
        total += missing
    CONSOLE.print(table)
    return total


def read_heard(truth) -> dict[str, set[int]]:
    """Numbers of the landmarks that another subscriber heard, by topic."""
    names = [n for n in truth.files if n.startswith('heard_')]
    return {f'/{n.removeprefix("heard_")}/hands': set(truth[n].tolist()) for n in names}


def print_frames(bag: Path, heard: dict[str, set[int]], count: int) -> None:
    for topic, numbers in heard.items():
        film = (bag / VIDEOS / topic.split('/')[1]).with_suffix('.csv')
        filmed = load_frame_index(film)[0]
        CONSOLE.print(
            f'{topic}: {count} frames played, {len(filmed)} filmed, hands found live in {len(numbers)} '
            '(in the others not: newer ones were due)'
        )


def read_stamps(bag: Path) -> dict[str, list]:
    """Stamps of frames by number, of key-downs by key, and the EMG blocks."""
    found: dict[str, list] = {n: [] for n in CLOCKS}
    for _, record, _ in read_bag(bag):
        if isinstance(record, HandLandmarks):
            found['cameras'].append((record.stamp, record.sequence))
        elif isinstance(record, KeyMotion):
            times = record.stamp + np.rint(record.time.astype(float) * 1e9).astype(np.int64)
            struck = record.midi_velocity > 0
            found['keys'] += zip(times[struck].tolist(), record.key[struck].tolist(), strict=True)
        elif isinstance(record, EmgBlock) and len(record.samples):
            found['EMG'].append(record)
    return found


def emg_errors(blocks: list[EmgBlock], truth) -> list[float]:
    """Find each block by value among all samples sent; returns how late its stamp is [ms]."""
    emg, errors = truth['emg'].astype(np.float64), []
    for block in blocks:
        expected = (block.stamp - truth['origin']) * 1e-9 * block.sample_rate
        first, low = np.asarray(block.samples[0], np.float64), max(0, round(expected) - 400)
        apart = np.abs(emg[low : round(expected) + 400] - first).max(axis=1)
        if len(apart) and apart.min() < 1e-9:
            place = low + int(apart.argmin())
            errors.append((expected - place) / block.sample_rate * 1e3)
    return errors


def key_errors(
    keys: list[tuple[int, int]], first: np.ndarray, last: np.ndarray, numbers: np.ndarray
) -> list[float]:
    """Compare with the nearest true key-down of the same key, which was between `first` and `last` [ms]."""
    errors = []
    for stamp, key in keys:
        own = numbers == key
        early, late = np.minimum(stamp - first[own], 0), np.maximum(stamp - last[own], 0)
        apart = early + late
        if len(apart) and np.abs(apart).min() < NEAR:
            errors.append(apart[np.abs(apart).argmin()] * 1e-6)
    return errors


def print_clocks(name: str, errors: dict[str, list[float]]) -> bool:
    title = f'{name}: stamps against the truth [ms]'
    table = Table('clock', 'samples', 'median', 'p1', 'p99', title=title, box=None)
    fine = True
    for clock, values in errors.items():
        if not values:
            table.add_row(clock, '0', *'---')
            continue
        shown = [np.median(values), *np.percentile(values, (1, 99))]
        fine &= max(map(abs, shown)) < LIMIT
        table.add_row(clock, str(len(values)), *(f'{v:+.3f}' for v in shown))
    CONSOLE.print(table)
    return fine


def print_readers(bag: Path) -> None:
    count = 0
    for file in find_files(bag):
        with file.open('rb') as stream:
            count += sum(1 for _ in make_reader(stream).iter_messages())
    with Reader(bag) as reader:
        other = sum(1 for _ in reader.messages())
    CONSOLE.print(f'readers of {bag.name}: mcap {count} messages, rosbags {other}')


def learn(bag: Path, out: Path) -> bool:
    """Find the hands in every frame of the videos, build a data set of that, train on it, estimate with it."""
    begun = time.monotonic()
    full = recompute(bag, out / 'from_video', '--what', 'video', '--compare')
    CONSOLE.print(
        f'hands found again in all frames of the videos in {time.monotonic() - begun:.0f} s: {full[:16]}...'
    )
    # A take in slow motion stretches what muscles are ahead of keys too, more than the clocks' check allows;
    # the clock of the EMG is held against the truth above.
    CONSOLE.print(run_cli('dataset', 'build', out / 'from_video', '-o', out / 'data', '--force'))
    CONSOLE.print(
        run_cli(
            'train', out / 'data', '--config', 'mini', '--split', 'within', '--out', out / 'model'
        )
    )
    hashes = {
        recompute(
            out / 'from_video', out / f'again{i}', '--what', 'landmarks', '--model', out / 'model'
        )
        for i in range(3)
    }
    CONSOLE.print(
        f'estimated 3 times with the new model: SHA-256 {"equal" if len(hashes) == 1 else "DIFFERENT"}, '
        f'{min(hashes)[:16]}...'
    )
    return len(hashes) == 1


def recompute(bag: Path, out: Path, *options: object) -> str:
    """Estimate again; returns the hash of the estimates."""
    text = run_cli('replay', bag, '--recompute', out, *options)
    return re.search(r'[0-9a-f]{64}', text).group()


def print_replay(bag: Path, start: float, duration: float) -> None:
    """Replay in real time, with a bare timer loop beside it."""
    bare = subprocess.Popen(
        [sys.executable, str(HERE / 'bare_timer.py'), str(bag), str(start), str(duration)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    text = run_cli('replay', bag, '--start', start, '--duration', duration)
    line = next(line for line in text.splitlines() if 'replayed' in line)
    median, p99 = bare.communicate()[0].split()
    CONSOLE.print(line.partition('| ')[2])
    CONSOLE.print(f'bare timer loop beside it: late by median {median} ms, p99 {p99} ms')


def print_cost(name: str, seen: Seen, bag: Path, start: int) -> None:
    """Print what recording took from the moment when cameras, keys and EMG all run."""
    sizes = np.array([(time, len(data)) for *_, data, time in read_raw(bag)])
    playing = sizes[:, 0] >= start
    # What is around the messages is shared out by their size.
    part = sizes[playing, 1].sum() / sizes[:, 1].sum()
    size = part * sum(f.stat().st_size for f in find_files(bag)) / 1e6
    minutes = (sizes[:, 0].max() - start) / 60e9
    CONSOLE.print(
        f'{name}: recorder takes {100 * seen.share:.0f} % of a core, {size / minutes:.0f} MB a minute'
    )


def session(a: argparse.Namespace, out: Path) -> bool:
    """Rehearse a session; tells whether it went as it must."""
    CONSOLE.rule('a session, killed once')
    performance = slow_performance(load_take(a.take).performance, a.slow)
    CONSOLE.print(
        f'{a.views} views, {a.slow:g} times slower than rendered: {performance.rate:.0f} frames a second, '
        f'{performance.duration * 1e-9:.1f} s'
    )
    seen = rehearse(a.take, out, a.slow, a.views)
    CONSOLE.print(run_cli('recover', out / 'first', '-o', out / 'recovered'))
    bag, truth = out / 'recovered', np.load(out / 'truth.npz')
    last = max(log for *_, log in read_bag(bag))
    CONSOLE.print(f'kill -9 lost the last {(seen.killed - last) * 1e-6:.0f} ms')
    heard = read_heard(truth)
    print_frames(bag, heard, len(performance.stamp))
    lost = print_losses('killed and recovered', bag, heard)
    lost += print_losses('after the kill', out / 'second', heard)
    found = read_stamps(bag)
    strokes = np.array([(t, k) for t, k, down in read_strokes(out / MIDI) if down])
    downs = truth['play'] + strokes[:, 0]
    fine = print_clocks('session', {
        'cameras': [(s - truth['play'] - performance.stamp[i]) * 1e-6 for s, i in found['cameras']],
        'keys of a MIDI file': key_errors(found['keys'], downs, downs, strokes[:, 1]),
        'EMG through LSL': emg_errors(found['EMG'], truth),
    })  # fmt: skip
    print_readers(bag)
    print_cost('session', seen, bag, int(truth['play']))
    CONSOLE.print(run_cli('recover', out / 'first', out / 'second', '-o', out / 'session'))
    return learn(out / 'session', out) and fine and not lost


def throughput(a: argparse.Namespace, out: Path) -> bool:
    """Record at full rate; tells whether nothing was lost and the clocks are right."""
    CONSOLE.rule('throughput')
    port = choose_port()
    seen = run_at_full_rate(out, a.seconds, port)
    bag, truth = out / 'full', np.load(out / 'full.npz')
    lost = print_losses('four cameras, keys, EMG', bag, {})
    frames = {t: len(s) for t, s in list_sequences(bag).items() if t in truth['topics']}
    for topic, count in zip(truth['topics'], truth['frames'], strict=True):
        lost += int(count) - frames[topic]
    CONSOLE.print(
        f'frames sent but not in the bag: {int(truth["frames"].sum()) - sum(frames.values())}'
    )
    previews = sum(kind == PREVIEW for _, kind, *_ in read_raw(bag))
    lost += int(truth['previews']) - previews
    CONSOLE.print(f'previews: {truth["previews"]} sent, {previews} in the bag')
    found, downs = read_stamps(bag), truth['midi_down'].astype(bool)
    before, after = truth['midi_stamp'][downs], truth['midi_after'][downs]
    fine = print_clocks('throughput', {
        f'keys through {"TCP" if port.startswith(TCP) else "a virtual port"}': key_errors(
            found['keys'], before, after, truth['midi_key'][downs]
        ),
        'EMG through LSL': emg_errors(found['EMG'], truth),
    })  # fmt: skip
    sending = (after - before) * 1e-6
    CONSOLE.print(
        f'(a key was played at some moment of its sending, which took {np.median(sending):.3f} ms, p99 '
        f'{np.percentile(sending, 99):.3f} ms; the table says how far off that the stamp is)'
    )
    print_cost('throughput', seen, bag, int(truth['play']))
    lead = (int(truth['play']) - next(read_raw(bag))[3]) * 1e-9
    print_replay(bag, lead + 1.0, min(10.0, a.seconds - 4))
    return fine and not lost


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--out', type=Path, default=Path('out/bench_recording'))
    parser.add_argument('--take', type=Path, default=find_asset('takes/demo'))
    parser.add_argument('--slow', type=float, default=2.0, help='times slower than rendered')
    parser.add_argument('--views', type=int, default=2, help='of the take (default 2)')
    parser.add_argument('--seconds', type=float, default=20.0, help='of the throughput run')
    parser.add_argument('--only', choices=('session', 'throughput'), help='one part of it')
    a = parser.parse_args()
    out = (a.out / time.strftime('%Y%m%d-%H%M%S')).resolve()
    out.mkdir(parents=True)
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    parts = {'session': session, 'throughput': throughput}
    fine = [part(a, out) for name, part in parts.items() if a.only in (None, name)]
    CONSOLE.print(
        f'load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; everything is in {out}'
    )
    if not all(fine):
        raise SystemExit(
            f'something was lost, differs, or a clock is off by more than {LIMIT:g} ms'
        )


if __name__ == '__main__':
    main()
