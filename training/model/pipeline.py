"""A training run from end to end: persons, features, fit, calibration, scores, bundle."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.person import random_person
from pianokpm_training.kinematic.pieces import random_exercise
from pianokpm_training.model.card import write_card
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.evaluate import LaggedRidge, Scores, score, with_keys
from pianokpm_training.model.examples import Persons, fit_scaling, prepare, split_persons
from pianokpm_training.model.export import Description, check_target, export_bundle
from pianokpm_training.model.fit import calibrate, fit_network, predict
from pianokpm_training.model.network import MuscleNetwork, count_parameters
from pianokpm_training.model.settings import SettingsError, TrainSettings

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.features import FEATURE_NAMES, Scaling
from pianokpm_ros.muscle.novelty import Novelty, fit_novelty

SETTINGS = 'settings.json'
NOISE_FLAG = FEATURE_NAMES.index('pose_noise')
ONE_VIEW = 1.2
"""Flag `pose_noise` (log10 of mm) above which a pose comes from one view."""

Stage = Callable[[str, int, int, str], None]
"""Called with the stage's name, how much of it is done, how much there is, and a word about it."""


def train(
    settings: TrainSettings, out: Path, work: Path, stage: Stage, workers: int = 2
) -> dict[str, Any]:
    """Run everything and write the bundle; `work` keeps what is needed to go on after an interruption.

    Returns:
        The scores, as in the manifest.
    """
    check_target(out)
    _claim(work, settings)
    persons = split_persons(settings)
    sets = _simulate(settings, persons, work, stage, workers)
    scaling = fit_scaling(sets['train'])
    novelty = _fit_novelty(sets)
    network = fit_network(
        settings,
        sets['train'],
        scaling,
        work,
        lambda done, loss: stage('fit', done, settings.steps, f'CRPS {loss:.4f}'),
    )
    calibrate(network, scaling, sets['validation'])
    scores = evaluate(settings, persons, network, scaling, sets, stage)
    training = describe_training(settings, sets['train'])
    card = write_card(settings.name, training, scores, count_parameters(network))
    words = Description(
        settings.name, settings.lookaheads, settings.default_lookahead, training, scores, card
    )
    export_bundle(out, network, scaling, novelty, words)
    shutil.rmtree(work)
    return scores


def _claim(work: Path, settings: TrainSettings) -> None:
    """Take the work folder, or go on in it if it belongs to the same run."""
    wanted = json.dumps(settings.describe(), indent=1)
    note = work / SETTINGS
    if note.exists() and note.read_text() != wanted:
        raise SettingsError(
            f'{work} holds a run with other settings that was not finished; give it the same settings to go on, '
            'remove the folder, or name another with --work'
        )
    if work.exists() and not note.exists() and any(work.iterdir()):
        raise SettingsError(f'asked to work in {work}, which holds something else')
    work.mkdir(parents=True, exist_ok=True)
    note.write_text(wanted)


def _simulate(
    settings: TrainSettings, persons: Persons, work: Path, stage: Stage, workers: int
) -> dict[str, list[Example]]:
    everybody = range(settings.persons + settings.validation + settings.test)
    sets: dict[str, list[Example]] = {'train': [], 'validation': [], 'test': []}
    stage('simulate', 0, len(everybody), '')
    made = prepare(settings, everybody, work / 'examples', workers)
    for number, examples in enumerate(made):
        name = next(n for n in sets if number in getattr(persons, n))
        sets[name] += examples
        stage('simulate', number + 1, len(everybody), f'person {number + 1}')
    return sets


def _fit_novelty(sets: dict[str, list[Example]]) -> Novelty:
    train, held_out = (
        np.concatenate([e.features[::5] for e in sets[name]]) for name in ('train', 'validation')
    )
    return fit_novelty(train, held_out)


def evaluate(
    settings: TrainSettings,
    persons: Persons,
    network: MuscleNetwork,
    scaling: Scaling,
    sets: dict[str, list[Example]],
    stage: Stage,
) -> dict[str, Any]:
    """Score the model and the baselines on the test persons' playing, at the default look-ahead."""
    head = settings.lookaheads.index(settings.default_lookahead)
    playing = [e for e in sets['test'] if e.playing]

    def model(example: Example, at: int = head) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = predict(network, scaling, example)
        return mean[:, at], deviation[:, at]

    average = np.nanmean(
        np.concatenate([e.target[:, head] for e in sets['train'] if e.playing]), axis=0
    )
    stage('score', 0, 3, 'lagged ridge')
    ridge = score(playing, LaggedRidge(sets['train'], scaling, head), head)
    stage('score', 1, 3, 'model')
    scores = {
        'lookahead': settings.default_lookahead,
        'persons': settings.test,
        'model': score(playing, model, head).describe(),
        'ridge': ridge.describe(),
        'mean': score(
            playing, lambda e: (np.broadcast_to(average, e.target[:, 0].shape), None), head
        ).describe(),
        'groups': {n: s.describe() for n, s in _score_groups(playing, model, head).items()},
        'lookaheads': {
            f'{lookahead:g}': score(playing, lambda e, i=i: model(e, i), i).describe()
            for i, lookahead in enumerate(settings.lookaheads)
        },
    }
    stage('score', 2, 3, 'noise ceiling')
    scores['ceiling'] = {'r': noise_ceiling(settings, persons)}
    stage('score', 3, 3, '')
    return scores


def _score_groups(playing: Sequence[Example], model: Callable, head: int) -> dict[str, Scores]:
    def one_view(example: Example) -> bool:
        return bool(np.nanmedian(example.features[:, NOISE_FLAG]) > ONE_VIEW)

    groups = {
        'several views': [e for e in playing if not one_view(e) and not with_keys(e)],
        'several views and keys': [e for e in playing if not one_view(e) and with_keys(e)],
        'one view': [e for e in playing if one_view(e) and not with_keys(e)],
        'one view and keys': [e for e in playing if one_view(e) and with_keys(e)],
    }
    return {name: score(examples, model, head) for name, examples in groups.items()}


def noise_ceiling(settings: TrainSettings, persons: Persons) -> dict[str, float]:
    """Correlate envelopes with the same without noise, by muscle: nothing can do better."""
    rows = []
    for person in persons.test:
        rng = np.random.default_rng([settings.seed, 5, person])
        who = random_person(rng)
        piece = random_exercise(rng, min(settings.seconds, 30.0))
        quiet = replace(who, muscles=replace(who.muscles, noise=0.0))
        noisy, clean = (perform(piece, p, 10.0).envelope[1] for p in (who, quiet))
        rows.append(metrics.pearson(noisy[::10], clean[::10]))
    with np.errstate(invalid='ignore'):
        middle = np.nanmedian(rows, axis=0)
    return {m: round(float(v), 4) for m, v in zip(MUSCLES, middle, strict=True)}


def describe_training(settings: TrainSettings, examples: Sequence[Example]) -> dict[str, Any]:
    """Say what the model learned from, for manifest and card."""
    hours = sum(len(e.features) for e in examples) / 100 / 3600
    return {
        'simulated': True,
        'data': 'simulated pianists: kinematic hands, muscles from documented formulas, landmarks as '
        'noisy as those of cameras',
        'persons': settings.persons,
        'hours': round(hours, 2),
        'seed': settings.seed,
        'lookaheads': list(settings.lookaheads),
        'default_lookahead': settings.default_lookahead,
        'settings': settings.describe(),
    }
