"""The muscle model on what MediaPipe sees of rendered hands, beside the exact hands and modelled errors.

`pianokpm evaluate` scores on landmarks with modelled errors, of which there is plenty; rendered takes are few, but
their errors are those of the real front end. Where scores fall from one to the other, the modelled errors are too kind.
Hands, keys and muscles are simulated.
"""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pianokpm_training.datasets.recording import (
    PoseTrack,
    Recording,
    RecordingInfo,
    SignalTrack,
)
from pianokpm_training.evaluation import takes as scored
from pianokpm_training.evaluation.estimators import BundleEstimator
from pianokpm_training.evaluation.scores import score_estimate
from pianokpm_training.model.noise import show_to_one
from pianokpm_training.sessions.reading import read_session
from pianokpm_training.simulation.sight import load_sight, see, state_doubt
from rich.console import Console
from rich.table import Table

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.cli import main as pianokpm
from pianokpm_ros.muscle.bundle import ModelBundle, load_bundle
from pianokpm_ros.offline.inputs import ORIGIN
from pianokpm_ros.offline.truth import simulated_envelopes
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take
from pianokpm_ros.view.plots import SimulatedEnvelope

LOOKAHEAD = 0.067
START = 1_500_000_000
"""Until then the model has seen too little to be judged [ns]."""

KEYS = ('none', 'recorded')
KINDS = ('exact', 'modelled errors', 'MediaPipe')


def main() -> int:
    """Score the model on each take and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('takes', nargs='*', type=Path, help='rendered takes (the one that ships)')
    parser.add_argument('--model', type=Path, help='model folder (the one that ships)')
    parser.add_argument(
        '--views', nargs='+', metavar='NAME', help='what MediaPipe sees by these cameras only'
    )
    parser.add_argument('--out', type=Path, default=Path('out/bench_takes'))
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.model or find_asset('models/small'))
    takes = arguments.takes or [find_asset('takes/demo')]
    scores = defaultdict(list)
    for path in takes:
        for kind, keys, score in score_take(path, bundle, arguments.out, arguments.views):
            scores[kind, keys].append(score)
    show(scores, bundle, len(takes))
    return 0


def score_take(
    path: Path, bundle: ModelBundle, out: Path, views: Sequence[str] | None = None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield landmarks, keys, and the scores of each hand."""
    take, estimator = load_take(path), BundleEstimator(bundle, LOOKAHEAD)
    session = read_session(see_take(path, out, views) / 'bag')
    simulated = simulated_envelopes(take.performance, ORIGIN)
    for side in (s for s in session.poses if s in simulated):
        info = describe(path.name, side)
        envelope = track_envelope(simulated[side], session.poses[side].stamp[0] + START)
        alone = views is not None and len(views) == 1
        for kind, track in list_tracks(take, session.poses[side], side, alone).items():
            recording = Recording(info, pose=track, keys=session.keys, envelope=envelope)
            for keys in KEYS:
                heard = scored.Take(recording, keys)
                yield kind, keys, score_estimate(heard, estimator.estimate(heard)).values


def describe(name: str, side: Side) -> RecordingInfo:
    """Say what is scored."""
    words = 'rendered hands: simulated, of no person'
    return RecordingInfo(name, 'simulated', name, 0, side, name, True, 'MVC', words, {})


def track_envelope(simulated: SimulatedEnvelope, start: int) -> SignalTrack:
    """Return what the simulation says from a stamp on."""
    later = simulated.stamp >= start
    samples = simulated.envelope[later].astype(np.float32)
    return SignalTrack(simulated.stamp[later], samples, simulated.muscle, 'mvc', 'simulated')


def see_take(path: Path, out: Path, views: Sequence[str] | None = None) -> Path:
    """Find the hands in a take's films, or in those of some cameras."""
    result = out / path.name
    shutil.rmtree(result, ignore_errors=True)  # of other detectors, perhaps
    skip = [word for name in ('overlay', 'mosaic', 'plot', 'csv') for word in ('--skip', name)]
    chosen = ['--views', *views] if views else []
    if pianokpm(['estimate', str(path), '--out', str(result), *skip, *chosen]):
        raise SystemExit(1)
    return result


def list_tracks(take: Take, seen: PoseTrack, side: Side, alone: bool) -> dict[str, PoseTrack]:
    """Return the exact hand, with modelled errors (`alone`: of one view), and as MediaPipe saw it, at equal moments."""
    performance = take.performance
    index = np.abs(performance.stamp[:, None] + ORIGIN - seen.stamp).argmin(axis=0)
    exact = performance.landmarks[index, (Side.LEFT, Side.RIGHT).index(side)].astype(np.float64)
    sight, rate = load_sight(), 1e9 / float(np.median(np.diff(seen.stamp)))
    chance = np.random.default_rng(0)
    modelled = see(exact, rate, sight, chance)
    sure = state_doubt(modelled, sight, chance)
    shown, doubt = show_to_one(exact, chance, rate) if alone else (modelled, sure)
    tracks = (_track(seen, exact, sure), _track(seen, shown, doubt), seen)
    return dict(zip(KINDS, tracks, strict=True))


def _track(seen: PoseTrack, landmarks: np.ndarray, doubt: np.ndarray) -> PoseTrack:
    return PoseTrack(
        seen.stamp, landmarks.astype(np.float32), doubt.astype(np.float32), seen.frame_id
    )


def show(scores: dict, bundle: ModelBundle, takes: int) -> None:
    """Print the means over hands."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    hands = len(scores[KINDS[0], 'none'])
    table = Table(title=f'{bundle.model_id} on {hands} hands of {takes} rendered takes')
    for column in ('landmarks', 'keys', 'r', *MUSCLES, 'RMSE', 'onset F1'):
        table.add_column(column)
    for (kind, keys), rows in scores.items():
        r = np.nanmean([row['r'] for row in rows], axis=0)
        error, f1 = (np.mean([row[name] for row in rows]) for name in ('pooled_rmse', 'f1'))
        cells = [f'{r.mean():.2f}', *(f'{v:.2f}' for v in r), f'{error:.4f}', f'{f1:.2f}']
        table.add_row(kind, keys, *cells)
    console.print(table)
    console.print(
        'Hands, keys and muscles are simulated; a few seconds of a few hands: differences of 0.1 mean little.'
    )


if __name__ == '__main__':
    sys.exit(main())
