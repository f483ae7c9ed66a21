"""`pianokpm evaluate`: score models, baselines and the rebuilt published network on what they have not seen."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from pianokpm_training.commands.train import need_training, show_stages

from pianokpm_ros.errors import PianokpmError

MANY_WINDOWS = 1_200_000
"""A tenth of the published training, 200 epochs of 12.6 h by 0.75 s; with less the rebuilt network is not judged."""

LOOKED_AT = 12
"""Recordings of the first role, evenly picked, that are bent into strange hands, and of which one is drawn."""

SEEN = {
    'recorded': 'Landmarks as the front end sees them, not exact ones.',
    'exact': 'EXACT landmarks of the simulation, which no camera sees.',
    'one_view': 'Landmarks as one camera sees them.',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer what to compare."""
    parser.add_argument('data', type=Path, help='folder of the data set')
    parser.add_argument(
        '--model',
        type=Path,
        nargs='+',
        default=[],
        metavar='BUNDLE',
        help='model folders (the one that ships)',
    )
    parser.add_argument(
        '-o', '--out', type=Path, required=True, help='folder for tables and figures'
    )
    parser.add_argument('--split', default='held_out', help='of the data set (%(default)s)')
    parser.add_argument('--roles', nargs='+', help='to test on (all that begin with `test`)')
    parser.add_argument(
        '--keys',
        nargs='+',
        choices=('none', 'midi', 'recorded'),
        default=['none', 'recorded'],
        help='what is heard of the keys (%(default)s)',
    )
    parser.add_argument(
        '--hands',
        choices=tuple(SEEN),
        default='recorded',
        help='how hands are seen; exactly or by one camera only where they are simulated (%(default)s)',
    )
    parser.add_argument(
        '--lookahead',
        nargs='+',
        type=float,
        default=[0.067, 0.033, 0.0],
        help="of the models [s]; the first is the baselines' (%(default)s)",
    )
    parser.add_argument('--most', type=int, default=0, help='recordings of each role (all)')
    parser.add_argument(
        '--learn', type=int, default=0, help='recordings baselines learn from (all)'
    )
    parser.add_argument('--no-baselines', action='store_true', help='score models only')
    parser.add_argument(
        '--published',
        type=Path,
        help='folder of the rebuilt PianoKPM Net: read it, or train it there if it is not there yet',
    )
    parser.add_argument(
        '--published-config',
        type=Path,
        default=Path('published_short'),
        help='how to train it: published_short, published_gpu, published, or a YAML file (%(default)s)',
    )
    parser.add_argument(
        '--published-more',
        type=Path,
        nargs='+',
        default=[],
        metavar='DATA',
        help='data sets that it learns from too, whatever their split, as `pianokpm train --more`',
    )
    parser.add_argument(
        '--ablations',
        type=Path,
        metavar='CONFIG',
        help='instead, train variants of the model for a short time and compare them (ablations)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Score, write, and print the tables."""
    need_training()
    if arguments.ablations is not None:
        return _ablate(arguments)
    import torch
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.evaluation.harness import Plan, evaluate
    from pianokpm_training.evaluation.report import write_scores

    from pianokpm_ros.shares import find_asset

    plan = Plan(
        open_data(arguments.data),
        arguments.model or [find_asset('models/small')],
        arguments.split,
        tuple(arguments.roles or ()),
        tuple(arguments.keys),
        tuple(arguments.lookahead),
        arguments.most,
        arguments.learn,
        baselines=not arguments.no_baselines,
        hands=arguments.hands,
    )
    plan.check()
    with show_stages() as bars:
        plan = replace(plan, published=_published(arguments, plan, bars))
        # Scores are made of small arrays: threads cost more than they bring, on busy cores far more.
        torch.set_num_threads(1)
        rows = [row.describe() for row in evaluate(plan, bars)]
        about = _describe(plan, rows)
        lines = write_scores(arguments.out, rows, about)
        _draw(arguments.out, plan, rows)
    print('\n'.join(lines))
    print(f'tables and figures in {arguments.out}')
    return 0


def _ablate(arguments: argparse.Namespace) -> int:
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.evaluation.ablations import ablate, make_table
    from pianokpm_training.model.settings import find_config, load_settings

    settings = load_settings(find_config(arguments.ablations), split=arguments.split)
    most, test = arguments.learn or settings.recordings, arguments.most or settings.recordings
    with show_stages() as bars:
        rows = ablate(open_data(arguments.data), settings, most, test, 1, bars)
    lines = make_table(rows, settings.lookaheads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / 'ablations.md').write_text('\n'.join(lines) + '\n')
    print('\n'.join(lines))
    print(f'{settings.steps} steps of {settings.batch} windows each; table in {arguments.out}')
    return 0


def _published(arguments: argparse.Namespace, plan: Any, bars: Any) -> Any:
    """Read or train the rebuilt published network; None where it is not asked for."""
    if arguments.published is None:
        return None
    import torch
    from pianokpm_training.baselines.published import WEIGHTS, load_published
    from pianokpm_training.baselines.published_training import read_published, train_published
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.evaluation.takes import load_takes
    from pianokpm_training.model.devices import prepare_device
    from pianokpm_training.model.loading import deal, pick, refuse_tested
    from pianokpm_training.model.settings import find_config

    data = plan.data
    if (arguments.published / WEIGHTS).is_file():
        found = load_published(arguments.published)
        _refuse_learned(found.notes, plan, arguments.published)
        return found
    if arguments.published.exists():
        raise PianokpmError(
            f'asked to train the published network in {arguments.published}, which exists and has no {WEIGHTS}; '
            'name a new folder'
        )
    settings = read_published(find_config(arguments.published_config))
    prepare_device(torch.device(settings.device))
    entries, asked = deal(data, arguments.split)
    learned, used = load_takes(data, entries) if entries else [], [*entries]
    for more in map(open_data, arguments.published_more):
        refuse_tested(more, [data], arguments.split)
        chosen = pick(list(more.entries.values()), settings.more)
        learned, used = learned + load_takes(more, chosen), used + chosen
    found = train_published(
        learned,
        settings,
        lambda done, total, word: bars('PianoKPM', done, total, word),
        load_takes(data, asked) if asked else [],
    )
    found.notes['learned'] = [e.sha256 for e in used]
    found.save(arguments.published)
    return found


def _refuse_learned(notes: dict[str, Any], plan: Any, folder: Path) -> None:
    """Refuse a network trained before, perhaps on other data, that learned what is tested with."""
    learned = set(notes.get('learned', ()))
    for role in plan.test_roles():
        same = [e.name for e in plan.data.role(plan.split, role) if e.sha256 in learned]
        if same and role.startswith('test'):
            raise PianokpmError(
                f'asked to score the network in {folder}, which learned from {len(same)} recordings of '
                f'{plan.split}/{role} ({same[0]}, ...); name a new folder to train one for this split'
            )


def _describe(plan: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from pianokpm_training.datasets.recording import name_scales
    from pianokpm_training.evaluation.outside import score_outside
    from pianokpm_training.evaluation.report import CEILING
    from pianokpm_training.evaluation.takes import load_takes
    from pianokpm_training.model.loading import pick

    from pianokpm_ros.muscle.bundle import load_bundle

    bundle = load_bundle(plan.models[0])
    entries = pick(plan.data.role(plan.split, plan.test_roles()[0]), LOOKED_AT)
    takes = load_takes(plan.data, entries, 'none')
    unit = name_scales(t.recording.info.normalization for t in takes)
    notes = [
        f'{bundle.model_id}; data set: {plan.data.description}'
        f'{" (simulated)" if plan.data.simulated else ""}; split `{plan.split}`.',
        "Median over a person's takes, then mean over persons; in brackets the 95 % bootstrap interval over them.",
        f'{SEEN[plan.hands]} RMSE is pooled over muscles, in parts of {unit}.',
        'The keystroke average knows the notes in advance.',
    ]
    if any(row['name'] == CEILING for row in rows):
        notes.append('The ceiling is a second EMG of the same excitation.')
    notes += _warn_of_split(plan)
    if plan.published is not None:
        notes.append(_describe_published(plan.published.notes))
    return {
        'models': [load_bundle(m).model_id for m in plan.models],
        'main': plan.lookaheads[0],
        'unit': unit,
        'outside': score_outside(bundle, takes),
        'notes': notes,
    }


def _warn_of_split(plan: Any) -> list[str]:
    """Say of models that learned from another split that they may know what they are tested with."""
    from pianokpm_ros.muscle.bundle import load_bundle

    bundles = [load_bundle(folder) for folder in plan.models]
    return [
        f'**{b.model_id} learned from the split `{b.manifest["training"].get("split")}`: recordings, persons and '
        f'tasks that `{plan.split}` tests with may be among those that it knows, if it learned from this data set.**'
        for b in bundles
        if b.manifest['training'].get('split') != plan.split
    ]


def _describe_published(spent: dict[str, Any]) -> str:
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


def _draw(out: Path, plan: Any, rows: list[dict[str, Any]]) -> None:
    from pianokpm_training.evaluation.estimators import open_bundle
    from pianokpm_training.evaluation.figures import draw_curve, draw_excerpt, draw_scores
    from pianokpm_training.evaluation.takes import load_takes
    from pianokpm_training.model.loading import pick

    draw_scores(out / 'scores.png', rows)
    entries = pick(plan.data.role(plan.split, plan.test_roles()[0]), LOOKED_AT)
    takes = load_takes(plan.data, entries, plan.keys[-1], plan.hands)
    take = takes[len(takes) // 2]
    estimators = [open_bundle(plan.models[0], plan.lookaheads[0])]
    if plan.published is not None:
        estimators.append(plan.published)
        draw_curve(out / 'published_curve.png', plan.published.notes)
    draw_excerpt(out / 'excerpt.png', take, {e.name: e.estimate(take) for e in estimators})
