"""`pianokpm evaluate`: score models, baselines and the rebuilt published network on what they have not seen."""

import argparse
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from pianokpm_training.commands.train import need_training, show_stages

from pianokpm_ros.errors import PianokpmError


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
        choices=('recorded', 'exact', 'one_view'),
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
        '--flat',
        type=Path,
        metavar='FOLDER',
        help='of our model in 2D, for data sets without poses: read it, or train it there (OUT/flat)',
    )
    parser.add_argument(
        '--flat-config',
        type=Path,
        default=Path('flat'),
        help='how to train it: a YAML file as for `pianokpm train` (%(default)s)',
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
    import torch
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.evaluation.about import describe
    from pianokpm_training.evaluation.harness import Plan, evaluate
    from pianokpm_training.evaluation.report import write_scores
    from pianokpm_training.evaluation.takes import is_flat

    from pianokpm_ros.shares import find_asset

    data = open_data(arguments.data)
    flat = is_flat(data)
    _refuse_mixed(arguments, flat)
    if arguments.ablations is not None:
        return _ablate(arguments, data)
    plan = Plan(
        data,
        [] if flat else arguments.model or [find_asset('models/small')],
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
        plan = replace(plan, flat=_flat(arguments, plan, bars) if flat else None)
        plan = replace(plan, published=_published(arguments, plan, bars))
        # Scores are made of small arrays: threads cost more than they bring, on busy cores far more.
        torch.set_num_threads(1)
        rows = [row.describe() for row in evaluate(plan, bars)]
        about = describe(plan, rows)
        lines = write_scores(arguments.out, rows, about)
        _draw(arguments.out, plan, rows)
    print('\n'.join(lines))
    print(f'tables and figures in {arguments.out}')
    return 0


def _ablate(arguments: argparse.Namespace, data: Any) -> int:
    from pianokpm_training.evaluation.ablations import ablate, make_table
    from pianokpm_training.model.settings import find_config, load_settings

    settings = load_settings(find_config(arguments.ablations), split=arguments.split)
    most, test = arguments.learn or settings.recordings, arguments.most or settings.recordings
    with show_stages() as bars:
        rows = ablate(data, settings, most, test, 1, bars)
    lines = make_table(rows, settings.lookaheads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / 'ablations.md').write_text('\n'.join(lines) + '\n')
    print('\n'.join(lines))
    print(f'{settings.steps} steps of {settings.batch} windows each; table in {arguments.out}')
    return 0


def _refuse_mixed(arguments: argparse.Namespace, flat: bool) -> None:
    """Refuse models in space for data in 2D, and the other way round."""
    if flat and (arguments.model or arguments.ablations):
        raise PianokpmError(
            f'asked to score models on {arguments.data}, which has views in 2D and no hands in space; leave out '
            '--model and --ablations: our model in 2D is trained on it'
        )
    if arguments.flat and not flat:
        raise PianokpmError(
            f'asked for our model in 2D on {arguments.data}, which has hands in space; leave out --flat'
        )


def _flat(arguments: argparse.Namespace, plan: Any, bars: Any) -> Any:
    """Read or train our model in 2D."""
    from pianokpm_training.evaluation.flat_model import (
        WEIGHTS,
        check_lookaheads,
        load_flat,
        train_flat,
    )
    from pianokpm_training.evaluation.takes import Takes
    from pianokpm_training.model.loading import deal, pick
    from pianokpm_training.model.settings import find_config, load_settings

    folder = arguments.flat or arguments.out / 'flat'
    if (folder / WEIGHTS).is_file():
        found = load_flat(folder)
        _refuse_learned(found.notes, plan, folder)
        check_lookaheads(found.settings, plan.lookaheads)
        return found
    settings = load_settings(find_config(arguments.flat_config), split=plan.split)
    check_lookaheads(settings, plan.lookaheads)
    learned, asked = (pick(part, settings.recordings) for part in deal(plan.data, plan.split))
    found = train_flat(
        Takes(plan.data, learned),
        settings,
        Takes(plan.data, asked) if asked else (),
        lambda done, total, word: bars('ours, in 2D', done, total, word),
    )
    found.notes['learned'] = [e.sha256 for e in (*learned, *asked)]
    found.save(folder)
    return found


def _published(arguments: argparse.Namespace, plan: Any, bars: Any) -> Any:
    """Read or train the rebuilt published network; None where it is not asked for."""
    if arguments.published is None:
        return None
    import torch
    from pianokpm_training.baselines.published import WEIGHTS, load_published
    from pianokpm_training.baselines.published_training import read_published, train_published
    from pianokpm_training.datasets.collection import open_data
    from pianokpm_training.evaluation.takes import Takes
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
    learned, used = [Takes(data, entries)] if entries else [], [*entries]
    for more in map(open_data, arguments.published_more):
        refuse_tested(more, [data], arguments.split)
        chosen = pick(list(more.entries.values()), settings.more)
        learned, used = [*learned, Takes(more, chosen)], used + chosen
    found = train_published(
        chain.from_iterable(learned),
        settings,
        lambda done, total, word: bars('PianoKPM', done, total, word),
        Takes(data, asked) if asked else (),
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


def _draw(out: Path, plan: Any, rows: list[dict[str, Any]]) -> None:
    from pianokpm_training.evaluation.about import LOOKED_AT
    from pianokpm_training.evaluation.estimators import open_bundle
    from pianokpm_training.evaluation.figures import draw_curve, draw_excerpt, draw_scores
    from pianokpm_training.evaluation.flat_model import FlatEstimator
    from pianokpm_training.evaluation.takes import load_takes
    from pianokpm_training.model.loading import pick

    draw_scores(out / 'scores.png', rows)
    entries = pick(plan.data.role(plan.split, plan.test_roles()[0]), LOOKED_AT)
    takes = load_takes(plan.data, entries, plan.keys[-1], plan.hands)
    take = takes[len(takes) // 2]
    if plan.flat is not None:
        estimators = [FlatEstimator(plan.flat, plan.lookaheads[0])]
    else:
        estimators = [open_bundle(plan.models[0], plan.lookaheads[0])]
    if plan.published is not None:
        estimators.append(plan.published)
        draw_curve(out / 'published_curve.png', plan.published.notes)
    draw_excerpt(out / 'excerpt.png', take, {e.name: e.estimate(take) for e in estimators})
