"""Write a trained network as a bundle folder; nothing half-written is left behind."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pianokpm_training.model.graph import build_graph
from pianokpm_training.model.network import MuscleNetwork, count_parameters
from safetensors.numpy import save

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import GRAPH, MANIFEST, SCHEMA, VERSION, WEIGHTS
from pianokpm_ros.muscle.features import FEATURE_NAMES, FEATURES_VERSION, Scaling
from pianokpm_ros.muscle.novelty import Novelty
from pianokpm_ros.muscle.timebase import SAMPLE_RATE, TICK
from pianokpm_ros.records import Normalization

CARD = 'README.md'


class ExportError(PianokpmError, ValueError):
    """A bundle can't be written as asked."""


@dataclass(frozen=True, eq=False)
class Description:
    """What a bundle says of its model besides the weights.

    Attributes:
        name: of the model.
        lookaheads: [s], ascending.
        default_lookahead: [s].
        training: what it learned from; `simulated` says whether only from simulated EMG.
        scores: on persons held out.
        card: the model card, in Markdown.
    """

    name: str
    lookaheads: tuple[float, ...]
    default_lookahead: float
    training: dict[str, Any]
    scores: dict[str, Any]
    card: str


def check_target(folder: Path) -> None:
    """Refuse a folder that exists and is no bundle."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise ExportError(
            f'asked to write a model to {folder}, which exists and is none; name a new folder'
        )


def export_bundle(
    folder: Path, network: MuscleNetwork, scaling: Scaling, novelty: Novelty, words: Description
) -> Path:
    """Write a new bundle; an existing folder is replaced only when it is a bundle."""
    folder = Path(folder)
    check_target(folder)
    part = folder.with_name(f'.{folder.name}.part')
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    files = {
        WEIGHTS: save(_tensors(network, scaling, novelty)),
        GRAPH: build_graph(network).SerializeToString(deterministic=True),
    }
    for name, data in files.items():
        (part / name).write_bytes(data)
    (part / CARD).write_text(words.card)
    manifest = _manifest(network, scaling, words, files)
    (part / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + '\n')
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)
    return folder


def _tensors(network: MuscleNetwork, scaling: Scaling, novelty: Novelty) -> dict[str, np.ndarray]:
    tensors = {f'network.{n}': v.detach().numpy() for n, v in network.state_dict().items()}
    tensors['scaling.mean'], tensors['scaling.deviation'] = scaling.mean, scaling.deviation
    tensors |= {f'novelty.{n}': np.asarray(v) for n, v in asdict(novelty).items()}
    return {n: np.array(v, np.float32, order='C') for n, v in tensors.items()}


def _manifest(
    network: MuscleNetwork, scaling: Scaling, words: Description, files: dict[str, bytes]
) -> dict[str, Any]:
    return {
        'schema': SCHEMA,
        'version': VERSION,
        'name': words.name,
        'muscles': list(MUSCLES),
        'sample_rate': SAMPLE_RATE,
        'tick': TICK * 1e-9,
        'lookaheads': list(words.lookaheads),
        'default_lookahead': words.default_lookahead,
        'normalization': Normalization.MODEL.name,
        'state': network.width,
        'parameters': count_parameters(network),
        'features': {'version': FEATURES_VERSION, 'names': list(FEATURE_NAMES)},
        'scaling': {
            'mean': 'scaling.mean',
            'deviation': 'scaling.deviation',
            'limit': scaling.limit,
        },
        'training': words.training,
        'scores': words.scores,
        'files': {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
