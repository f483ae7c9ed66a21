"""`pianokpm export`: write a model as a bundle, with its model card and the scores of an evaluation."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from pianokpm_training.commands.train import need_training

from pianokpm_ros.errors import PianokpmError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask which model, and what is known of it."""
    parser.add_argument('model', type=Path, help='folder that `pianokpm train` made')
    parser.add_argument(
        '-o', '--out', type=Path, required=True, help='folder of the bundle to write'
    )
    parser.add_argument('--name', help='another name')
    parser.add_argument(
        '--scores',
        type=Path,
        nargs='+',
        default=[],
        help='folders that `pianokpm evaluate` wrote for this model',
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, after checking that graph and network say the same."""
    need_training()
    from pianokpm_training.model.export import check_parity, export_bundle, read_model

    from pianokpm_ros.muscle.bundle import load_bundle

    model = read_model(arguments.model)
    own = load_bundle(arguments.model).model_id
    scores = model.scores | _join([_read(folder, own) for folder in arguments.scores])
    model = replace(model, name=arguments.name or model.name, scores=scores)
    folder = export_bundle(arguments.out, model)
    worst = check_parity(folder, model.network)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f'{folder}: {size / 1e6:.2f} MB; graph and network differ by {worst:.1e} at most')
    return 0


def _join(parts: list[dict]) -> dict:
    return {n: [x for p in parts for x in p[n]] for n in ('tables', 'rows')} if parts else {}


def _read(folder: Path, model_id: str) -> dict:
    """Read the scores of a model; older ones don't say of which."""
    path = folder / 'scores.json'
    try:
        content = json.loads(path.read_text())
        scored = content.get('about', {}).get('models', [model_id])
        found = {'tables': content['tables'], 'rows': content['rows']}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        words = error.strerror if isinstance(error, OSError) else repr(error)
        raise PianokpmError(
            f'asked for the scores in {path}: {words}; name a folder that `pianokpm evaluate` wrote'
        ) from error
    if model_id not in scored:
        raise PianokpmError(
            f'{path} has the scores of {", ".join(scored) or "no model in space"}, not of {model_id}: name a folder in '
            'which this model was scored'
        )
    return found
