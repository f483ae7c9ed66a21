"""Train a model on the recordings of a data set, with the network and the fit of simulated training.

Letters: T ticks, F features, L look-aheads, M muscles.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.datasets.recording import DataError, Recording
from pianokpm_training.model.card import write_card
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.examples import fit_scaling
from pianokpm_training.model.export import Description, check_target, export_bundle
from pianokpm_training.model.fit import calibrate, fit_network, predict
from pianokpm_training.model.network import count_parameters
from pianokpm_training.model.settings import TrainSettings
from pianokpm_training.sessions.ticks import find_targets, key_lookup, pose_series

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.batch import batch_features
from pianokpm_ros.muscle.novelty import fit_novelty

FloatArray = NDArray[np.floating]
Report = Callable[[int, int, float], None]
PARTS = ('pose', 'keys', 'envelope')


def make_examples(
    recording: Recording, lookaheads: tuple[float, ...], person: int
) -> list[Example]:
    """Turn a recording with envelopes into examples."""
    pose, envelope = recording.pose, recording.envelope
    if pose is None or envelope is None:
        return []
    side = Side(recording.info.side)
    made = []
    for stretch in batch_features(pose_series(pose), side, key_lookup(recording.keys)):
        target = find_targets(envelope, stretch.stamp, lookaheads)
        if np.isfinite(target).any():
            made.append(Example(person, stretch.features.astype(np.float32), target, True))
    return made


def train_on(
    data: DataSet,
    out: Path,
    settings: TrainSettings,
    work: Path,
    split: str = 'within',
    report: Report = lambda *_: None,
) -> dict[str, Any]:
    """Train on a split of a data set and write the bundle; returns the scores."""
    check_target(out)
    sets = {role: _load(data, split, role, settings) for role in ('train', 'validation', 'test')}
    if not sets['train']:
        raise DataError(f'{data.folder}: no recording to train on has poses and envelopes')
    held_out = sets['validation'] or sets['test'] or sets['train']
    scaling = fit_scaling(sets['train'])
    features = [np.concatenate([e.features[::5] for e in s]) for s in (sets['train'], held_out)]
    novelty = fit_novelty(*features)
    network = fit_network(
        settings,
        sets['train'],
        scaling,
        work,
        lambda done, loss: report(done, settings.steps, loss),
    )
    calibrate(network, scaling, held_out)
    scored_on = 'test' if sets['test'] else 'train'
    scores = _score(network, scaling, sets[scored_on], settings) | {'scored_on': scored_on}
    training = _describe(data, split, settings, sets['train'])
    card = _card(settings.name, training, scores, count_parameters(network))
    words = Description(
        settings.name, settings.lookaheads, settings.default_lookahead, training, scores, card
    )
    export_bundle(out, network, scaling, novelty, words)
    return scores


def _load(data: DataSet, split: str, role: str, settings: TrainSettings) -> list[Example]:
    if role not in data.splits.get(split, {}):
        return []
    entries: list[Entry] = data.role(split, role)
    people = sorted({e.subject for e in data.entries.values()})
    return [
        example
        for entry in entries
        for example in make_examples(
            data.load(entry, PARTS), settings.lookaheads, people.index(entry.subject)
        )
    ]


def _score(network, scaling, examples: list[Example], settings: TrainSettings) -> dict[str, Any]:
    head = settings.lookaheads.index(settings.default_lookahead)
    truth = np.concatenate([e.target[:, head] for e in examples])
    found = np.concatenate([predict(network, scaling, e)[0][:, head] for e in examples])

    def by_muscle(values: FloatArray) -> dict[str, float | None]:
        pairs = zip(MUSCLES, values.tolist(), strict=True)
        return {m: round(v, 4) if np.isfinite(v) else None for m, v in pairs}

    return {
        'model': {
            'rmse': by_muscle(metrics.rmse(truth, found)),
            'r': by_muscle(metrics.pearson(truth, found)),
        },
        'lookahead': settings.default_lookahead,
        'recordings': len(examples),
    }


def _describe(
    data: DataSet, split: str, settings: TrainSettings, examples: list[Example]
) -> dict[str, Any]:
    return {
        'simulated': data.simulated,
        'data': data.description,
        'split': split,
        'persons': len({e.person for e in examples}),
        'hours': round(sum(len(e.features) for e in examples) / 100 / 3600, 4),
        'seed': settings.seed,
        'lookaheads': list(settings.lookaheads),
        'default_lookahead': settings.default_lookahead,
        'settings': settings.describe(),
    }


def _card(name: str, training: dict, scores: dict, parameters: int) -> str:
    try:
        return write_card(name, training, scores, parameters)
    except (KeyError, TypeError):  # that card wants the baselines of simulated training
        what = 'simulated' if training['simulated'] else 'measured'
        rows = [f'| {m} | {r} |' for m, r in scores['model']['r'].items()]
        return '\n'.join(
            [
                f'# Model `{name}`',
                f'Trained on {training["hours"]} h of {what} EMG: {training["data"]}. {parameters} parameters. '
                f'Scored on {scores["scored_on"]}. An estimate is not a measurement; not a medical device.',
                '',
                '| muscle | r |',
                '| --- | --- |',
                *rows,
                '',
            ]
        )
