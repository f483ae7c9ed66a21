"""The model card: what a model is, what it learned from, how well it does, what it is not."""

from collections.abc import Sequence
from typing import Any

from pianokpm_training.datasets.recording import name_scales


def write_card(
    name: str,
    training: dict[str, Any],
    scores: dict[str, Any],
    parameters: int,
    reach: Sequence[float],
) -> str:
    """Write the card in Markdown.

    Args:
        name: of the model.
        training: as in the manifest.
        scores: as in the manifest; its `tables` are Markdown that `pianokpm evaluate` wrote.
        parameters: number of trained numbers.
        reach: of the intervals that hold 50, 80 and 95 % of the errors [deviations].
    """
    lines = [
        f'# Model `{name}`',
        '',
        'Estimates the activity of six hand muscles of a pianist (EMG amplitude as a fraction of maximum voluntary',
        'contraction) from 21 hand landmarks and, where known, the keys of the piano.',
        '',
        *_warning(training),
        '',
        '## What it is',
        f'* {parameters:,} parameters: linear, ReLU, {_memory(training)}, linear, ReLU; for each look-ahead and',
        '  muscle a mean and a deviation, every 10 ms; state is carried, nothing later than the newest pose is used.',
        f'* Look-aheads: {_list(training["lookaheads"])} s; the default is {training["default_lookahead"]:g} s.',
        f"* 1.0 is the training data's {name_scales(training.get('normalization', ['MVC']))} (normalisation `MODEL`), "
        "not a person's own.",
        f'* A deviation holds 68 % of the errors; 50, 80 and 95 % of them lie within {_list(reach)} deviations',
        '  (a normal distribution has 0.67, 1.28, 1.96).',
        '* Keys may be unknown, heard by MIDI, or measured by sensors, at every moment anew.',
        '',
        '## What it learned from',
        f'* {training["data"]}: {training["recordings"]} recordings of {training["persons"]} persons, '
        f'{training["hours"]:g} h of one hand; nothing that the split `{training["split"]}` keeps to test on.',
        f'* {training["steps"]} steps, seed {training["seed"]}, in {training["seconds"] / 60:.0f} min on '
        f'{training["hardware"]}.',
        f'* Deviation and confidence were made true on {_others(training)}.',
        '* Made by `pianokpm train`; its settings stand in `manifest.json`.',
        '',
        *_scores(scores),
    ]
    return '\n'.join(lines)


def _warning(training: dict[str, Any]) -> list[str]:
    if training['simulated'] and training.get('measured'):
        return [
            f'**It learned from simulated muscles and from the measured ones of {training["measured"]} recordings.**',
            'What it says is an estimate, not a measured EMG. It is no medical device.',
        ]
    if training['simulated']:
        return [
            '**It learned from simulated hands and simulated muscles only.** No person was measured. What it says is',
            'plausible, never the truth of a person, and not a measured EMG. It is no medical device.',
        ]
    return ['**What it says is an estimate, not a measured EMG.** It is no medical device.']


def _others(training: dict[str, Any]) -> str:
    count = training['calibrated_on']
    if isinstance(count, int):
        return f'{count} further persons that it did not learn from'
    if count == 'train':
        return 'the very recordings that it learned from, having no others: they are too sure'
    return 'other recordings of the persons that it learned from: for a stranger they are too sure'


def _memory(training: dict[str, Any]) -> str:
    layers = training['settings']['layers']
    return 'one GRU' if layers == 1 else f'{layers} GRUs'


def _list(values: Sequence[float]) -> str:
    return ', '.join(f'{v:.3g}' for v in values)


def _scores(scores: dict[str, Any]) -> list[str]:
    if not scores.get('tables'):
        return ['## Scores', 'Not evaluated; `pianokpm evaluate` does it.', '']
    return [
        '## Scores',
        'By `pianokpm evaluate` on recordings held out. They compare the model with data like those it learned from;',
        'where these are simulated, they say nothing about real muscles.',
        '',
        *scores['tables'],
        '',
    ]
