"""Write a trained network as a bundle folder; nothing half-written is left behind."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pianokpm_training.model.card import write_card
from pianokpm_training.model.graph import build_graph
from pianokpm_training.model.network import MuscleNetwork, count_parameters
from safetensors.numpy import load, save

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import (
    GRAPH,
    INTERVALS,
    MANIFEST,
    SCHEMA,
    VERSION,
    WEIGHTS,
    load_bundle,
)
from pianokpm_ros.muscle.features import FEATURE_COUNT, FEATURE_NAMES, FEATURES_VERSION, Scaling
from pianokpm_ros.muscle.novelty import Novelty
from pianokpm_ros.muscle.timebase import SAMPLE_RATE, TICK
from pianokpm_ros.outputs import whole_folder
from pianokpm_ros.records import Normalization

CARD, PREFIX = 'README.md', 'network.'


class ExportError(PianokpmError, ValueError):
    """A bundle can't be written as asked."""


PARITY = 2e-5
"""Largest difference between torch's numbers and the ONNX graph's: float32 sums of some hundred terms in two orders
differ by 8e-6 of their size, and outputs are of order 1."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model and what is known of it.

    Attributes:
        name: of the model.
        lookaheads: [s], ascending.
        default_lookahead: [s].
        network: trained, calibrated.
        scaling: of its features.
        novelty: of the shapes it knows.
        reach: of its intervals, as in `ModelBundle`.
        training: what it learned from; `simulated` says whether any of the EMG was, `measured` how many recordings
            were not.
        scores: on persons and tasks held out, as `pianokpm evaluate` wrote them; empty before that.
    """

    name: str
    lookaheads: tuple[float, ...]
    default_lookahead: float
    network: MuscleNetwork
    scaling: Scaling
    novelty: Novelty
    reach: tuple[float, ...]
    training: dict[str, Any]
    scores: dict[str, Any]


def check_target(folder: Path) -> None:
    """Refuse a folder that exists and is no bundle."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise ExportError(
            f'asked to write a model to {folder}, which exists and is none; name a new folder'
        )


def export_bundle(folder: Path, model: Model) -> Path:
    """Write a new bundle after checking its graph; an existing folder is replaced only when it is a bundle."""
    folder = Path(folder)
    check_target(folder)
    with whole_folder(folder) as part:
        part.mkdir()
        _write_bundle(part, model)
        check_parity(part, model.network)
    return folder


def _write_bundle(part: Path, model: Model) -> None:
    files = {
        WEIGHTS: save(_tensors(model)),
        GRAPH: build_graph(model.network).SerializeToString(deterministic=True),
    }
    for name, data in files.items():
        (part / name).write_bytes(data)
    parameters = count_parameters(model.network)
    (part / CARD).write_text(
        write_card(model.name, model.training, model.scores, parameters, model.reach)
    )
    (part / MANIFEST).write_text(
        json.dumps(_manifest(model, files), indent=1, ensure_ascii=False) + '\n'
    )


def check_parity(folder: Path, network: MuscleNetwork, ticks: int = 200) -> float:
    """Compare a bundle's graph with the network it was made of, on random features; returns the largest difference."""
    bundle, rng = load_bundle(folder), np.random.default_rng(0)
    features = rng.normal(size=(ticks, network.entry.in_features)).astype(np.float32)
    state = rng.uniform(-1, 1, network.state_size).astype(np.float32)
    found = bundle.network.run(features, state)
    with torch.no_grad():
        wanted = network(torch.from_numpy(features)[None], torch.from_numpy(state)[None])
    worst = float(
        np.max(
            [
                np.abs(have - want[0].numpy()).max()
                for have, want in zip(found, wanted, strict=True)
            ]
        )
    )  # NaN where any is
    if not worst <= PARITY:
        raise ExportError(
            f'the graph in {folder} differs from the network by {worst:.2g}, at most {PARITY:g} is rounding; '
            'report this with the versions of torch, onnx and onnxruntime'
        )
    return worst


def read_model(folder: Path) -> Model:
    """Read a bundle back into the network that it was made of."""
    bundle = load_bundle(folder)
    tensors = load((Path(folder) / WEIGHTS).read_bytes())
    layers = int(bundle.manifest.get('layers', 1))
    network = MuscleNetwork(
        FEATURE_COUNT,
        len(bundle.lookaheads),
        len(bundle.muscle),
        bundle.network.shape.state // layers,
        layers,
    )
    own = {n: torch.from_numpy(v) for n, v in tensors.items() if n.startswith(PREFIX)}
    network.load_state_dict({n.removeprefix(PREFIX): v for n, v in own.items()})
    return Model(
        bundle.name,
        bundle.lookaheads,
        bundle.default_lookahead,
        network.eval(),
        bundle.scaling,
        bundle.novelty,
        bundle.reach,
        bundle.manifest['training'],
        bundle.manifest['scores'],
    )


def _tensors(model: Model) -> dict[str, np.ndarray]:
    scaling, novelty = model.scaling, asdict(model.novelty)
    tensors = {f'{PREFIX}{n}': v.detach().numpy() for n, v in model.network.state_dict().items()}
    tensors['scaling.mean'], tensors['scaling.deviation'] = scaling.mean, scaling.deviation
    tensors |= {f'novelty.{n}': np.asarray(v) for n, v in novelty.items()}
    return {n: np.array(v, np.float32, order='C') for n, v in tensors.items()}


def _manifest(model: Model, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        'schema': SCHEMA,
        'version': VERSION,
        'name': model.name,
        'muscles': list(MUSCLES),
        'sample_rate': SAMPLE_RATE,
        'tick': TICK * 1e-9,
        'lookaheads': list(model.lookaheads),
        'default_lookahead': model.default_lookahead,
        'normalization': Normalization.MODEL.name,
        'intervals': dict(zip(INTERVALS, model.reach, strict=True)),
        'state': model.network.state_size,
        'layers': model.network.layers,
        'parameters': count_parameters(model.network),
        'features': {'version': FEATURES_VERSION, 'names': list(FEATURE_NAMES)},
        'scaling': {
            'mean': 'scaling.mean',
            'deviation': 'scaling.deviation',
            'limit': model.scaling.limit,
        },
        'training': model.training,
        'scores': model.scores,
        'files': {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
