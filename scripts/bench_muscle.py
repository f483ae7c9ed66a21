#!/usr/bin/env python3
"""Measure what an estimate costs: import, load, and each pose, at several camera rates, without and with keys.

Run it where `pianokpm` runs: `python scripts/bench_muscle.py [MODEL_FOLDER]`. Wall time suffers from whatever else
the machine does; the thread's own CPU time much less. With `--published` (needs the training extra) the rebuilt
PianoKPM Net is timed in turn with ours, one second of signal each, on one thread.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

RATES = (30, 60, 120)
SECONDS = 8
MILLISECOND = 1_000_000


def load(folder: Path | None):
    """Import and load; print what each took."""
    begin = time.perf_counter()
    from pianokpm_ros.muscle import estimator  # noqa: F401
    from pianokpm_ros.muscle.bundle import load_bundle
    from pianokpm_ros.shares import find_asset

    imported = time.perf_counter()
    bundle = load_bundle(folder or find_asset('models/small'))
    loaded = time.perf_counter()
    print(f'{bundle.model_id}: import {1e3 * (imported - begin):.0f} ms (numpy not counted)')
    print(f'load and check {1e3 * (loaded - imported):.0f} ms (onnxruntime imported in it)')
    return bundle


def move_hand(seconds: float) -> np.ndarray:
    """A hand whose fingers wave over the keys, (21, 3) [m], rig frame."""
    landmarks = np.zeros((21, 3))
    landmarks[0] = [0.15, -0.11, 0.04]
    for finger in range(5):
        for joint in range(4):
            reach = 0.04 + 0.09 * joint / 3 if finger == 0 else 0.08 + 0.07 * joint / 3
            wave = 0.005 * joint * np.sin(2 * np.pi * (1.5 * seconds + 0.2 * finger))
            place = [0.023 * (finger - 2), reach, 0.02 - 0.012 * joint + wave]
            landmarks[1 + 4 * finger + joint] = landmarks[0] + place
    return landmarks


def make_stream(rate: int, with_keys: bool) -> list:
    """Poses, and a record of three moving keys every 10 ms, in the order of time."""
    from pianokpm_ros.anatomy import Side, Status
    from pianokpm_ros.records import HandPose, KeyMotion

    flat = np.full(21, 0.003, np.float32)
    events = []
    for i in range(rate * SECONDS):
        stamp = round(i * 1e9 / rate)
        landmarks = move_hand(stamp * 1e-9).astype(np.float32)
        cov, views = np.zeros((21, 6), np.float32), np.full(21, 3, np.uint8)
        events.append(
            HandPose(stamp, 'rig', i, Side.RIGHT, Status.OK, landmarks, flat, cov, flat, views)
        )
    for i in range(100 * SECONDS if with_keys else 0):
        time_, key = np.repeat(np.arange(10) * 1e-3, 3), np.tile([60, 64, 67], 10)
        position = 0.5 + 0.5 * np.sin(i / 3 + key)
        velocity, struck = np.full(30, np.nan), np.zeros(30, np.uint8)
        events.append(
            KeyMotion(
                i * 10 * MILLISECOND,
                i,
                time_,
                key,
                position,
                velocity,
                struck,
                source='sensor:bench',
            )
        )
    return sorted(events, key=lambda e: e.stamp)


def measure(bundle, rate: int, with_keys: bool) -> None:
    """Print the cost of a pose, and of all with the keys as a part of a core."""
    from pianokpm_ros.anatomy import Side
    from pianokpm_ros.muscle.estimator import MuscleEstimator
    from pianokpm_ros.records import HandPose

    estimator, cost, stream = MuscleEstimator(bundle, Side.RIGHT), [], make_stream(rate, with_keys)
    busy = time.thread_time()
    for event in stream:
        begin = time.perf_counter(), time.thread_time()
        if isinstance(event, HandPose):
            estimator.push_pose(event)
            cost.append((time.perf_counter() - begin[0], time.thread_time() - begin[1]))
        else:
            estimator.push_keys(event)
    busy = time.thread_time() - busy
    (middle, own), (late, own_late) = 1e3 * np.percentile(cost, [50, 99], axis=0)
    words = 'with keys' if with_keys else 'pose only'
    print(
        f'{rate:4d} fps, {words}: a pose {middle:.2f} ms (median), {late:.2f} ms (99 %); CPU {own:.2f} and '
        f'{own_late:.2f} ms; {100 * busy / SECONDS:.1f} % of a core for one hand'
    )


def compare(bundle, repeats: int = 9) -> None:
    """Time one second of one hand, in turn: ours frame by frame at 60 fps, ours at once, the rebuilt network."""
    import torch
    from pianokpm_training.baselines.published_network import PublishedNetwork

    torch.set_num_threads(1)
    network = PublishedNetwork().eval()
    ours = ('ours, 60 frames one by one', 'ours, at once', 'our network alone, at once')
    times = {name: [] for name in (*ours, 'PianoKPM Net, rebuilt, alone', 'of it, the decoder')}
    for _ in range(repeats):
        encoder, decoder = time_published(network)
        values = (*time_ours(bundle), encoder + decoder, decoder)
        for row, value in zip(times.values(), values, strict=True):
            row.append(value)
    middle = {name: float(np.median(values)) for name, values in times.items()}
    print(f'one second of one hand, CPU time of one thread, median of {repeats}:')
    for name, value in middle.items():
        print(f'  {name}: {1e3 * value:.1f} ms')
    theirs = middle['PianoKPM Net, rebuilt, alone']
    for name in ours:
        print(f'  the rebuilt network takes {theirs / middle[name]:.0f} times as long as {name}')


def time_ours(bundle) -> tuple[float, float, float]:
    """CPU time of a second from landmarks to envelopes, frame by frame and at once, and of the network in it [s]."""
    from pianokpm_ros.anatomy import Side
    from pianokpm_ros.muscle.batch import batch_features, estimate_batch, stack_poses
    from pianokpm_ros.muscle.estimator import MuscleEstimator

    poses = make_stream(60, False)[:120]
    estimator = MuscleEstimator(bundle, Side.RIGHT)
    for pose in poses[:60]:
        estimator.push_pose(pose)
    begin = time.thread_time()
    for pose in poses[60:]:
        estimator.push_pose(pose)
    one = time.thread_time() - begin
    begin = time.thread_time()
    series = stack_poses(poses[60:])
    estimate_batch(bundle, Side.RIGHT, series)
    whole = time.thread_time() - begin
    (stretch,) = batch_features(series, Side.RIGHT)
    features = bundle.scaling.apply(stretch.features)
    begin = time.thread_time()
    bundle.network.run(features, bundle.network.start())
    return one, whole, time.thread_time() - begin


def time_published(network) -> tuple[float, float]:
    """CPU time of its encoder and its decoder for one window of a second [s]."""
    import torch

    pose, keys = torch.randn(1, 1024, 84), torch.randn(1, 1024, 88)
    with torch.no_grad():
        begin = time.thread_time()
        latent = network.encode(pose, keys)
        middle = time.thread_time()
        network.decode(latent)
    return middle - begin, time.thread_time() - middle


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', nargs='?', type=Path, help='model folder (the one that ships)')
    parser.add_argument(
        '--published', action='store_true', help='compare with the rebuilt network'
    )
    arguments = parser.parse_args()
    bundle = load(arguments.model)
    for rate in RATES:
        for with_keys in (False, True):
            measure(bundle, rate, with_keys)
    if arguments.published:
        compare(bundle)


if __name__ == '__main__':
    main()
