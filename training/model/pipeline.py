"""A training run from end to end: recordings, features, fit, calibration, bundle."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pianokpm_training.datasets.collection import DataSet
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.model.calibration import calibrate
from pianokpm_training.model.devices import Place, find_place
from pianokpm_training.model.examples import fit_scaling
from pianokpm_training.model.export import Model, check_target, export_bundle
from pianokpm_training.model.fit import BOARD, CURVE, Run
from pianokpm_training.model.loading import Examples, Job, Stage, list_jobs, load_examples
from pianokpm_training.model.settings import SettingsError, TrainSettings

from pianokpm_ros.muscle.features import SHAPE, Scaling
from pianokpm_ros.muscle.novelty import Novelty, fit_novelty
from pianokpm_ros.outputs import whole_file

SETTINGS = 'settings.json'
NOVELTY_STEP = 5
"""Every so many ticks one is looked at for what shapes are usual."""


def train(
    sources: Sequence[DataSet],
    settings: TrainSettings,
    out: Path,
    work: Path,
    stage: Stage,
    workers: int = 2,
    others: DataSet | None = None,
    more: Sequence[DataSet] = (),
) -> Model:
    """Run everything and write the bundle.

    Args:
        sources: data sets to learn from together, each with the split's roles.
        settings: of the training.
        out: folder of the bundle.
        work: folder that keeps what is needed to go on after an interruption.
        stage: progress.
        workers: processes that prepare recordings.
        others: recordings of other persons. Deviation and confidence are made true on them, because persons vary;
            on the validation recordings of known persons, without them, errors are too small.
        more: data sets that are learned from whole; without tasks that `sources` keep to test on.
    """
    with find_place(settings) as place:
        if place.first:
            check_target(out)
        jobs = list_jobs(sources, settings, others, more)
        told = _describe_run(settings, jobs)
        if place.first:
            _check_work(work, told)
        examples = load_examples(jobs, settings, stage, workers)
        scaling = fit_scaling(e.features for e in examples.train)
        novelty = _fit_novelty(examples)  # first, because it may refuse
        if place.first:
            _claim_work(work, told)
        network, run = _fit(settings, scaling, examples, work, place, stage)
        reach = calibrate(network, scaling, examples.others or examples.validation)
        words = describe_training(jobs, settings, examples, run)
        model = Model(
            settings.name,
            settings.lookaheads,
            settings.default_lookahead,
            network,
            scaling,
            novelty,
            reach,
            words,
            {'validation_crps': round(run.best, 6)} if np.isfinite(run.best) else {},
        )
        if place.first:
            export_bundle(out, model)
            for name in (CURVE, BOARD):
                if (work / name).exists():
                    shutil.move(work / name, out / name)
            shutil.rmtree(work)
    return model


def _describe_run(settings: TrainSettings, jobs: Sequence[Job]) -> str:
    """Say what a run is, wherever it computes: none may go on from another one's checkpoint."""
    told = {k: v for k, v in settings.describe().items() if k not in ('device', 'tensorboard')}
    used = [[job.part, job.variants, *(e.sha256 for e in job.entries)] for job in jobs]
    told['data'] = hashlib.sha256(json.dumps(used).encode()).hexdigest()
    return json.dumps(told, indent=1)


def _check_work(work: Path, told: str) -> None:
    """Refuse a work folder of another run, or of something else."""
    note = work / SETTINGS
    if note.exists() and note.read_text() != told:
        raise SettingsError(
            f'{work} holds a run with other settings or data that was not finished; give it the same settings and '
            'data to go on, remove the folder, or name another with --work'
        )
    if work.exists() and not note.exists() and any(work.iterdir()):
        raise SettingsError(
            f'asked to work in {work}, which holds something else; name another folder with --work'
        )


def _claim_work(work: Path, told: str) -> None:
    """Make the work folder this run's, now that there is something to compute."""
    work.mkdir(parents=True, exist_ok=True)
    with whole_file(work / SETTINGS) as part:
        part.write_text(told)


def _fit(
    settings: TrainSettings,
    scaling: Scaling,
    examples: Examples,
    work: Path,
    place: Place,
    stage: Stage,
) -> tuple[Any, Run]:
    run = Run(settings, scaling, examples.train, examples.validation, work, place)

    def report(done: int, loss: float, score: float | None) -> None:
        word = f'CRPS {loss:.4f}' + ('' if score is None else f', validation {score:.4f}')
        stage('fit', done, settings.steps, word)

    return run.train(report), run


def _fit_novelty(examples: Examples) -> Novelty:
    """Fit to hands as they were recorded: those seen anew by one camera would make anything usual."""
    known = [e for e in examples.train if not e.drawn]
    shapes = [
        np.concatenate([e.features[::NOVELTY_STEP] for e in part])
        for part in (known, examples.others or examples.validation)
    ]
    whole = [int(np.isfinite(s[:, SHAPE]).all(axis=1).sum()) for s in shapes]
    if whole[0] < 2 or not whole[1]:
        raise DataError(
            f'hands are whole (all 21 landmarks known) at {whole[0]} ticks that are learned from and {whole[1]} that '
            'confidence is made true on: what shapes are usual cannot be told; look at the poses of the data set'
        )
    return fit_novelty(*shapes)


def describe_training(
    jobs: Sequence[Job],
    settings: TrainSettings,
    examples: Examples,
    run: Run,
) -> dict[str, Any]:
    """Say what the model learned from and how, for manifest and card."""
    ticks = sum(len(e.features) for e in examples.train)
    entries = examples.learned
    unasked = {e.sha256 for job in jobs if job.part == 'validation' for e in job.entries}
    known = 'train' if unasked & {e.sha256 for e in entries} else 'validation'
    return {
        'simulated': any(e.simulated for e in entries),
        'measured': sum(not e.simulated for e in entries),
        'data': ' and '.join(job.source.description for job in jobs if job.part == 'train'),
        'split': settings.split,
        'normalization': sorted(examples.normalization),
        'persons': len({e.subject for e in examples.train}),
        'recordings': len(entries),
        'left_out': sum(len(job.entries) for job in jobs if job.part == 'train') - len(entries),
        'hours': round(ticks / 100 / 3600 / (1 + settings.variants), 3),
        'calibrated_on': len({e.subject for e in examples.others}) or known,
        'seed': settings.seed,
        'lookaheads': list(settings.lookaheads),
        'default_lookahead': settings.default_lookahead,
        'settings': settings.describe(),
        'steps': run.done,
        'seconds': round(run.seconds),
        'hardware': ', then '.join(run.hardware),
    }
