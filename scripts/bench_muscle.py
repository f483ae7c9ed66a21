#!/usr/bin/env python3
"""Measure what an estimate costs: import, load, and each pose, at several camera rates, without and with keys.

Run it where `pianokpm` runs: `python scripts/bench_muscle.py [MODEL_FOLDER]`. Wall time suffers from whatever else
the machine does; the thread's own CPU time much less.
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

    estimator, wall, stream = MuscleEstimator(bundle, Side.RIGHT), [], make_stream(rate, with_keys)
    busy = time.thread_time()
    for event in stream:
        begin = time.perf_counter()
        if isinstance(event, HandPose):
            estimator.push_pose(event)
            wall.append(time.perf_counter() - begin)
        else:
            estimator.push_keys(event)
    busy = time.thread_time() - busy
    middle, late = 1e3 * np.percentile(wall, [50, 99])
    words = 'with keys' if with_keys else 'pose only'
    print(
        f'{rate:4d} fps, {words}: {middle:.2f} ms a pose (median), {late:.2f} ms (99 %), '
        f'{100 * busy / SECONDS:.1f} % of a core for one hand'
    )


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', nargs='?', type=Path, help='model folder (the one that ships)')
    bundle = load(parser.parse_args().model)
    for rate in RATES:
        for with_keys in (False, True):
            measure(bundle, rate, with_keys)


if __name__ == '__main__':
    main()
