"""What is said beside scores: of the data, the models, and how far the numbers can be held against others."""

from collections.abc import Sequence
from typing import Any

from pianokpm_training.baselines.simple import StrokeAverage
from pianokpm_training.datasets.recording import name_scales
from pianokpm_training.evaluation.harness import Plan
from pianokpm_training.evaluation.outside import score_outside
from pianokpm_training.evaluation.report import CEILING
from pianokpm_training.evaluation.takes import load_takes
from pianokpm_training.model.loading import pick

from pianokpm_ros.muscle.bundle import load_bundle

PUBLISHED_RMSE = {'test': 0.134, 'test_users': 0.209, 'test_tasks': 0.264}
"""Of PianoKPM Net on its own data, by role (Liu et al., NeurIPS 2025)."""

MANY_WINDOWS = 1_200_000
"""A tenth of the published training, 200 epochs of 12.6 h by 0.75 s; with less the rebuilt network is not judged."""

LOOKED_AT = 12
"""Recordings of the first role, evenly picked, that are bent into strange hands, and of which one is drawn."""

SEEN = {
    'recorded': 'Landmarks as the front end sees them, not exact ones.',
    'exact': 'EXACT landmarks of the simulation, which no camera sees.',
    'one_view': 'Landmarks as one camera sees them.',
}


def describe(plan: Plan, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the models' names, the look-ahead of the figures, and notes for the report."""
    return _in_space(plan, rows) if plan.flat is None else _in_2d(plan)


def _in_space(plan: Plan, rows: list[dict[str, Any]]) -> dict[str, Any]:
    bundle = load_bundle(plan.models[0])
    entries = pick(plan.data.role(plan.split, plan.test_roles()[0]), LOOKED_AT)
    takes = load_takes(plan.data, entries, 'none')
    unit = name_scales(t.recording.info.normalization for t in takes)
    notes = [
        f'{bundle.model_id}; data set: {plan.data.description}'
        f'{" (simulated)" if plan.data.simulated else ""}; split `{plan.split}`.',
        "Median over a person's takes, then mean over persons; in brackets the 95 % bootstrap interval over them.",
        f'{SEEN[plan.hands]} RMSE is pooled over muscles, in parts of {unit}.',
    ]
    if any(row['name'] == StrokeAverage.name for row in rows):
        notes.append('The keystroke average knows the notes in advance.')
    if any(row['name'] == CEILING for row in rows):
        notes.append('The ceiling is a second EMG of the same excitation.')
    notes += _warn_of_split(plan)
    if plan.published is not None:
        notes.append(_tell_published(plan.published.notes))
    return {
        'models': [load_bundle(m).model_id for m in plan.models],
        'main': plan.lookaheads[0],
        'unit': unit,
        'outside': score_outside(bundle, takes),
        'notes': notes,
    }


def _in_2d(plan: Plan) -> dict[str, Any]:
    notes = plan.flat.notes
    words = [
        f'Data set: {plan.data.description}; split `{plan.split}`.',
        f'Ours, in 2D: {notes["recordings"]} recordings of {notes["persons"]} persons, {notes["steps"]} steps in '
        f'{notes["seconds"]} s on {notes["hardware"]}. It sees two pictures and 88 keys, no hand in space.',
        "Median over a person's takes, then mean over persons; in brackets the 95 % bootstrap interval over them.",
        'RMSE is pooled over muscles, in the units of the data, -1 to 1. The keystroke average knows all keystrokes in '
        'advance, and not which hand played.',
        'There is no noise ceiling: nobody recorded the same excitation twice.',
    ]
    if plan.published is not None:
        words.append(_tell_published(plan.published.notes))
    return {
        'models': [],
        'main': plan.lookaheads[0],
        'unit': 'the scale from -1 to 1',
        'notes': words,
        'published': PUBLISHED_RMSE,
    }


def _warn_of_split(plan: Plan) -> list[str]:
    """Say of models that learned from another split that they may know what they are tested with."""
    bundles = [load_bundle(folder) for folder in plan.models]
    return [
        f'**{b.model_id} learned from the split `{b.manifest["training"].get("split")}`: recordings, persons and '
        f'tasks that `{plan.split}` tests with may be among those that it knows, if it learned from this data set.**'
        for b in bundles
        if b.manifest['training'].get('split') != plan.split
    ]


def _tell_published(spent: dict[str, Any]) -> str:
    """Say what the rebuilt network had, from its notes of training."""
    batch, looks = spent['settings']['batch'], spent['validation']
    words = (
        f'PianoKPM Net, rebuilt: {spent["steps"]} steps of {batch} windows, {spent["epochs"]:g} epochs in '
        f'{spent["seconds"]} s on {spent["hardware"]}, keys always there in training; see its curve.'
    )
    if 'learned' not in spent:
        words += ' From which recordings is not known: it was trained by an older version.'
    if looks:
        best = min(looks, key=lambda look: look[1])[0]
        words += (
            f' What it knew after epoch {best:g} was best on the role `validation` and is kept.'
        )
    return words + _judge(spent['steps'] * batch)


def _judge(windows: int) -> str:
    """Warn of a comparison with a network that has hardly begun to learn."""
    if windows >= MANY_WINDOWS:
        return ''
    return ' It is far from trained: the comparison says what such a budget buys, little about the published network.'
