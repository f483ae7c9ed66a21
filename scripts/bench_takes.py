"""The muscle model on what MediaPipe sees of rendered hands, beside the exact hands and modelled errors.

`pianokpm evaluate` scores on landmarks with modelled errors, of which there is plenty; rendered takes are few, but
their errors are those of the real front end. Where scores fall from one to the other, the modelled errors are too kind.
Hands, keys and muscles are simulated. Letters: N samples, M muscles.
"""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.recording import PoseTrack
from pianokpm_training.sessions.reading import read_session
from pianokpm_training.sessions.ticks import key_lookup, pose_series
from pianokpm_training.simulation.sight import load_sight, see
from rich.console import Console
from rich.table import Table

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.cli import main as pianokpm
from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.batch import estimate_batch, no_keys
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.offline.truth import simulated_envelopes
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take

FloatArray = NDArray[np.floating]

LOOKAHEAD = 0.067
RATE, STEP = 200.0, 5
"""Envelopes are compared at 200 Hz, every fifth sample."""

START = 1_500_000_000
"""Until then the model has seen too little to be judged [ns]."""

TOLERANCE = 0.05
KINDS = ('exact', 'modelled errors', 'MediaPipe')


def main() -> int:
    """Score the model on each take and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('takes', nargs='*', type=Path, help='rendered takes (the one that ships)')
    parser.add_argument('--model', type=Path, help='model folder (the one that ships)')
    parser.add_argument('--out', type=Path, default=Path('out/bench_takes'))
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.model or find_asset('models/small'))
    takes = arguments.takes or [find_asset('takes/demo')]
    scores = defaultdict(list)
    for path in takes:
        for kind, keys, score in score_take(path, bundle, arguments.out):
            scores[kind, keys].append(score)
    show(scores, bundle, len(takes))
    return 0


def score_take(
    path: Path, bundle: ModelBundle, out: Path
) -> Iterator[tuple[str, str, tuple[FloatArray, float, float]]]:
    """Yield landmarks, keys, and r (M,), RMSE and onset F1 of each hand."""
    take = load_take(path)
    session = read_session(see_take(path, out) / 'bag')
    simulated = simulated_envelopes(take.performance, ORIGIN)
    for side in (s for s in session.poses if s in simulated):
        truth = simulated[side]
        for kind, track in list_tracks(take, session.poses[side], side).items():
            for keys, lookup in (('none', no_keys), ('known', key_lookup(session.keys))):
                stamp, mean, _ = estimate_batch(
                    bundle, side, pose_series(track), lookup, LOOKAHEAD
                )
                yield kind, keys, compare(stamp, mean, truth.stamp, truth.envelope)


def see_take(path: Path, out: Path) -> Path:
    """Find the hands in a take's films."""
    result = out / path.name
    shutil.rmtree(result, ignore_errors=True)  # of other detectors, perhaps
    skip = [word for name in ('overlay', 'mosaic', 'plot', 'csv') for word in ('--skip', name)]
    if pianokpm(['estimate', str(path), '--out', str(result), *skip]):
        raise SystemExit(1)
    return result


def list_tracks(take: Take, seen: PoseTrack, side: Side) -> dict[str, PoseTrack]:
    """Return the exact hand, with modelled errors, and as MediaPipe saw it, at the same moments."""
    performance = take.performance
    index = np.abs(performance.stamp[:, None] + ORIGIN - seen.stamp).argmin(axis=0)
    exact = performance.landmarks[index, (Side.LEFT, Side.RIGHT).index(side)].astype(np.float64)
    sight = load_sight()
    rate = 1e9 / float(np.median(np.diff(seen.stamp)))
    modelled = see(exact, rate, sight, np.random.default_rng(0))
    doubt = np.broadcast_to(sight.deviation, exact.shape[:2]).astype(np.float32)
    tracks = (
        PoseTrack(seen.stamp, exact.astype(np.float32), doubt, seen.frame_id),
        PoseTrack(seen.stamp, modelled.astype(np.float32), doubt, seen.frame_id),
        seen,
    )
    return dict(zip(KINDS, tracks, strict=True))


def compare(
    stamp: NDArray[np.int64], mean: FloatArray, known: NDArray[np.int64], envelope: FloatArray
) -> tuple[FloatArray, float, float]:
    """Return r (M,), RMSE [MVC] and the mean onset F1."""
    truth = np.stack([np.interp(stamp, known, column) for column in envelope.T], axis=1)
    inside = (stamp >= max(stamp[0], known[0]) + START) & (stamp <= known[-1])
    y, p = truth[inside][::STEP], mean[inside][::STEP]
    onsets = metrics.onset_scores(y, p, RATE, TOLERANCE)
    return (
        metrics.pearson(y, p),
        float(metrics.pooled_rmse(y, p)),
        float(np.mean([o.f1 for o in onsets])),
    )


def show(scores: dict, bundle: ModelBundle, takes: int) -> None:
    """Print the means over hands."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    hands = len(scores[KINDS[0], 'none'])
    table = Table(title=f'{bundle.model_id} on {hands} hands of {takes} rendered takes')
    for column in ('landmarks', 'keys', 'r', *MUSCLES, 'RMSE', 'onset F1'):
        table.add_column(column)
    for (kind, keys), rows in scores.items():
        r = np.nanmean([row[0] for row in rows], axis=0)
        error, f1 = (np.mean([row[i] for row in rows]) for i in (1, 2))
        cells = [f'{r.mean():.2f}', *(f'{v:.2f}' for v in r), f'{error:.4f}', f'{f1:.2f}']
        table.add_row(kind, keys, *cells)
    console.print(table)
    console.print(
        'Hands, keys and muscles are simulated; a few seconds of a few hands: differences of 0.1 mean little.'
    )


if __name__ == '__main__':
    sys.exit(main())
