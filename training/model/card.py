"""The model card: what a model is, what it learned from, how well it does, what it is not."""

from typing import Any

from pianokpm_ros.anatomy import MUSCLES


def write_card(
    name: str, training: dict[str, Any], scores: dict[str, Any], parameters: int
) -> str:
    """Write the card in Markdown.

    Args:
        name: of the model.
        training: as in the manifest.
        scores: as in the manifest.
        parameters: number of trained numbers.
    """
    lines = [
        f'# Model `{name}`',
        '',
        'Estimates the activity of six hand muscles of a pianist (EMG amplitude as a fraction of maximum voluntary',
        'contraction) from 21 hand landmarks and, where known, the keys of the piano.',
        '',
        '**It learned from simulated hands and simulated muscles only.** No person was measured. What it says is',
        'plausible, never the truth of a person, and not a measured EMG. It is no medical device.',
        '',
        '## What it is',
        f'* {parameters:,} parameters: linear, ReLU, one GRU, linear, ReLU; for each look-ahead and muscle a',
        '  mean and a deviation, every 10 ms; state is carried, nothing later than the newest pose is used.',
        f'* Look-aheads: {_list(training["lookaheads"], "s")}; the default is {training["default_lookahead"]:g} s.',
        "* 1.0 is the simulation's maximum voluntary contraction (normalisation `MODEL`): no person's scale is known.",
        '',
        '## What it learned from',
        f'* {training["data"]}',
        f'* {training["persons"]} virtual persons ({training["hours"]:g} h of one hand, seed {training["seed"]});',
        '  others for calibration and for the scores below.',
        '* Made by `pianokpm train`; muscles follow the formulas in `training/kinematic/activation.py`.',
        '',
        '## Scores',
        f'On {scores["persons"]} virtual persons held out, medians over {scores["model"]["examples"]} takes of one',
        f'hand, look-ahead {scores["lookahead"]:g} s.',
        '"Ceiling" is the correlation that is left when everything is known but the noise of the envelopes.',
        '',
        *_table(scores),
        '',
        *_coverage(scores),
        '',
        f'By what is known: {_groups(scores)}.',
        '',
        'These numbers compare the model with the simulation it learned from. They say nothing about real muscles.',
        '',
    ]
    return '\n'.join(lines)


def _list(values: list[float], unit: str) -> str:
    return ', '.join(f'{v:g}' for v in values) + f' {unit}'


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _table(scores: dict[str, Any]) -> list[str]:
    columns = [
        ('r', 'model', 'r'),
        ('r, lagged ridge', 'ridge', 'r'),
        ('r, ceiling', 'ceiling', 'r'),
        ('RMSE', 'model', 'rmse'),
        ('RMSE, lagged ridge', 'ridge', 'rmse'),
        ('RMSE, mean', 'mean', 'rmse'),
        ('NRMSE', 'model', 'nrmse'),
    ]
    head = '| muscle | ' + ' | '.join(title for title, _, _ in columns) + ' |'
    rows = [
        f'| {m} | ' + ' | '.join(_cell(scores[who][what][m]) for _, who, what in columns) + ' |'
        for m in MUSCLES
    ]
    return [head, '|' + ' --- |' * (len(columns) + 1), *rows]


def _coverage(scores: dict[str, Any]) -> list[str]:
    covered = scores['model']['coverage']
    rows = [
        f'| {100 * float(level):.0f} % | ' + ' | '.join(_cell(by[m]) for m in MUSCLES) + ' |'
        for level, by in covered.items()
    ]
    head = '| interval | ' + ' | '.join(MUSCLES) + ' |'
    words = 'Part of the samples inside the interval that the deviation promises:'
    return [words, '', head, '|' + ' --- |' * (len(MUSCLES) + 1), *rows]


def _groups(scores: dict[str, Any]) -> str:
    words = []
    for name, group in scores['groups'].items():
        values = [v for v in group['r'].values() if v is not None]
        if values:
            mean = sum(values) / len(values)
            words.append(f'{name} mean r {mean:.3f} ({group["examples"]} takes)')
    return '; '.join(words)
