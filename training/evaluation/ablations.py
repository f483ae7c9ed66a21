"""What each choice is worth: the same short training with one thing changed, scored on persons never seen.

Budgets are equal and small, so the scores are lower than the shipped model's; only differences count.
Letters: T ticks, F features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pianokpm_training.baselines.published_inputs import project_views
from pianokpm_training.datasets.collection import DataSet, Entry
from pianokpm_training.evaluation.takes import Take, load_takes
from pianokpm_training.model.dataset import Example, cut_example
from pianokpm_training.model.devices import Place
from pianokpm_training.model.examples import fit_scaling, prepare
from pianokpm_training.model.fit import Run, predict
from pianokpm_training.model.loading import pick
from pianokpm_training.model.settings import TrainSettings
from pianokpm_training.model.windows import hide_keys

from pianokpm_ros.emg import metrics
from pianokpm_ros.muscle.features import FEATURE_NAMES, KEYS, PLACE, SHAPE

Stage = Callable[[str, int, int, str], None]
SHORTEST = 500
"""Examples of fewer ticks are not scored: a correlation over less than five seconds means little."""


@dataclass(frozen=True)
class Variant:
    """One thing changed.

    Attributes:
        name: what.
        changes: of the settings.
        blind: parts of the names of features that are left out.
        flat: the pose is what two cameras see in 2D, as in the published network, instead of features in space.
        anew: hands are seen anew under drawn conditions, besides as they were recorded.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    blind: tuple[str, ...] = ()
    flat: bool = False
    anew: bool = True


VARIANTS = (
    Variant('as shipped'),
    Variant('pose in 2D, two views', flat=True, anew=False),
    Variant('never seen anew', anew=False),
    Variant('exact hand not asked for', {'exact_hand': 0.0}),
    Variant('keys never hidden', {'keys_hidden': 0.0, 'keys_broken': 0.0}),
    Variant('no stroke speeds', blind=('_struck',)),
    Variant('no row of keys', blind=('hand_',)),
    Variant('half as wide', {'width': 64}),
    Variant('two layers', {'layers': 2}),
)


def ablate(
    data: DataSet,
    settings: TrainSettings,
    most: int,
    test: int,
    workers: int,
    stage: Stage,
    variants: Sequence[Variant] = VARIANTS,
) -> list[dict[str, Any]]:
    """Train and score all variants.

    Args:
        data: with the roles `train` and `test_users` in the settings' split.
        settings: of the short training.
        most: recordings to learn from.
        test: recordings to score on.
        workers: processes that prepare recordings.
        stage: progress.
    """
    data.refuse_seen(settings.split)
    learn = pick(data.role(settings.split, 'train'), most)
    asked = pick(data.role(settings.split, 'test_users'), test)
    sets = {
        (role, flat): _examples(data, entries, settings, role == 'learn', flat, workers)
        for role, entries in (('learn', learn), ('asked', asked))
        for flat in sorted({v.flat for v in variants})
    }
    rows = []
    for i, variant in enumerate(variants):
        stage('ablate', i, len(variants), variant.name)
        rows += _try(
            variant, settings, sets[('learn', variant.flat)], sets[('asked', variant.flat)]
        )
    stage('ablate', len(variants), len(variants), '')
    return rows


def _examples(
    data: DataSet,
    entries: Sequence[Entry],
    settings: TrainSettings,
    anew: bool,
    flat: bool,
    workers: int,
) -> list[list[Example]]:
    """For each recording its examples."""
    if flat:
        takes = load_takes(data, entries)
        return [flatten(t, settings.lookaheads) for t in takes]
    variants = settings.variants if anew else 0
    exact = anew and settings.exact_hand > 0
    made = prepare(data, entries, variants, settings.seed, settings.lookaheads, workers, exact)
    return list(made)


def flatten(take: Take, lookaheads: tuple[float, ...]) -> list[Example]:
    """Make examples whose pose is in 2D: 84 places in two images, in the first columns; keys stay as they are."""
    assert SHAPE.start == 0 and PLACE.stop <= KEYS.start  # what is overwritten is the pose alone
    made = []
    for stretch in take.stretches:
        features = stretch.features.copy()
        features[:, : PLACE.stop] = np.nan
        pixels = project_views(take, stretch.stamp)
        features[:, : pixels.shape[1]] = pixels
        flat = replace(stretch, features=features)
        example = cut_example(take.subject, flat, take.recording.envelope, lookaheads)
        if example is not None:
            made.append(example)
    return made


def _try(
    variant: Variant,
    settings: TrainSettings,
    learn: Sequence[Sequence[Example]],
    asked: Sequence[Sequence[Example]],
) -> list[dict[str, Any]]:
    blind = np.array([any(b in n for b in variant.blind) for n in FEATURE_NAMES], bool)
    chosen = [_mask(e, blind) for e in choose_examples(variant, learn)]
    settings = replace(settings, **variant.changes)
    scaling = fit_scaling(e.features for e in chosen)
    with TemporaryDirectory() as folder:
        run = Run(settings, scaling, chosen, [], Path(folder), Place(torch.device('cpu')))
        network = run.train(lambda *_: None)
    rows = []
    for keys in ('none', 'recorded'):
        scores = [
            _score(network, scaling, _mask(e, blind), keys)
            for group in asked
            for e in group
            if len(e.features) >= SHORTEST
        ]
        r, error = (np.array([s[i] for s in scores]) for i in (0, 1))
        rows.append(
            {
                'variant': variant.name,
                'keys': keys,
                'r': np.nanmean(np.nanmedian(r, axis=0), axis=-1).tolist(),
                'rmse': np.nanmean(error, axis=0).tolist(),
            }
        )
    return rows


def choose_examples(variant: Variant, learn: Sequence[Sequence[Example]]) -> list[Example]:
    """List what a variant learns from: every stretch as it was recorded, and what was seen anew if it is to."""
    return [e for group in learn for e in group if variant.anew or not e.drawn]


def _mask(example: Example, blind: NDArray[np.bool_]) -> Example:
    if not blind.any():
        return example
    features = np.where(blind, np.float16(np.nan), example.features)
    return replace(example, features=features)


def _score(network: Any, scaling: Any, example: Example, keys: str) -> tuple[NDArray, list[float]]:
    """Return r (L, M) and pooled RMSE (L,)."""
    silent = np.full(len(example.features), keys == 'none')
    mean, _ = predict(network, scaling, hide_keys(example.features, silent))
    heads = range(example.target.shape[1])
    truth = example.target.astype(np.float64)
    r = np.stack([metrics.pearson(truth[:, i], mean[:, i]) for i in heads])
    return r, [metrics.pooled_rmse(truth[:, i], mean[:, i]) for i in heads]


def make_table(rows: Sequence[dict[str, Any]], lookaheads: Sequence[float]) -> list[str]:
    """Write the scores in Markdown: r and RMSE for each look-ahead."""
    heard = {'none': 'pose only', 'recorded': 'pose and keys'}
    head = ['', 'keys', *(f'r, RMSE at {1e3 * v:.0f} ms' for v in lookaheads)]
    lines = ['| ' + ' | '.join(head) + ' |', '|' + ' --- |' * len(head)]
    for row in rows:
        pairs = zip(row['r'], row['rmse'], strict=True)
        cells = [row['variant'], heard[row['keys']], *(f'{r:.3f}, {e:.4f}' for r, e in pairs)]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines
