"""A model on disk: a folder with a manifest, weights and an ONNX graph, checked before anything of it is run.

`manifest.json` says what the model is and lists the SHA-256 of every other file; the model's id is
its name and the head of the SHA-256 of all that the manifest says but the scores. Nothing is ever unpickled.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.muscle.features import (
    FEATURE_COUNT,
    FEATURE_NAMES,
    FEATURES_VERSION,
    SHAPE,
    Scaling,
)
from pianokpm_ros.muscle.network import BundleError, Network, NetworkShape
from pianokpm_ros.muscle.novelty import Novelty
from pianokpm_ros.muscle.timebase import MILLISECOND, SAMPLE_RATE, TICK
from pianokpm_ros.records import Normalization

__all__ = ['BundleError', 'ModelBundle', 'load_bundle']

SCHEMA, VERSION = 'pianokpm-model', 2
MANIFEST, WEIGHTS, GRAPH = 'manifest.json', 'weights.safetensors', 'model.onnx'
SCALING_NAMES = ('scaling.mean', 'scaling.deviation')
NOVELTY_NAMES = ('novelty.mean', 'novelty.whitening', 'novelty.surprise', 'novelty.usual')
INTERVALS = ('0.5', '0.8', '0.95')
"""Those of `emg.metrics.COVERAGE_LEVELS`, said again so that running a model needs no scipy."""

LARGEST = 256 * 1024 * 1024
"""No file of a bundle is larger [bytes]."""

FIELDS = {
    'name': str,
    'muscles': list,
    'sample_rate': (int, float),
    'tick': (int, float),
    'features': dict,
    'scaling': dict,
    'normalization': str,
    'lookaheads': list,
    'default_lookahead': (int, float),
    'intervals': dict,
    'state': int,
    'training': dict,
    'scores': dict,
    'files': dict,
}
"""What every manifest must say, with its type."""


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A model, ready to run.

    Attributes:
        name: such as `small`.
        model_id: name, `@`, first 8 hexadecimal digits of the SHA-256 of all but its scores: a model that is scored
            again stays the same, and persons' files with it.
        muscle: M names.
        lookaheads: [s], those the network has outputs for, ascending.
        default_lookahead: [s], one of them.
        normalization: what 1.0 stands for.
        reach: of the intervals that hold 50, 80 and 95 % of strangers' errors, to either side
            [deviations].
        simulated_training: learned from simulated EMG, alone or beside measured EMG.
        scaling: of the features.
        novelty: how far a shape is from the training data.
        network: the graph.
        manifest: all that the manifest says.
        calibration_id: of the person whose map lies behind the network; empty = nobody's.
    """

    name: str
    model_id: str
    muscle: tuple[str, ...]
    lookaheads: tuple[float, ...]
    default_lookahead: float
    normalization: Normalization
    reach: tuple[float, ...]
    simulated_training: bool
    scaling: Scaling
    novelty: Novelty
    network: Network
    manifest: dict[str, Any] = field(repr=False)
    calibration_id: str = ''

    def head(self, lookahead: float | None) -> int:
        """Return the index of the outputs for a look-ahead [s], None = the default one."""
        wanted = self.default_lookahead if lookahead is None else lookahead
        for index, available in enumerate(self.lookaheads):
            if abs(available - wanted) < 0.0005:
                return index
        words = ', '.join(f'{a:g}' for a in self.lookaheads)
        raise BundleError(
            f'asked {self.model_id} for a look-ahead of {wanted:g} s; it has {words} s: choose one of them'
        )


def load_bundle(path: Path | str) -> ModelBundle:
    """Read a bundle folder and check all of it."""
    path = Path(path)
    manifest = _parse(_read(path, MANIFEST), path)
    files = {name: _read(path, name) for name in (WEIGHTS, GRAPH)}
    for name, data in files.items():
        _check_hash(path, name, data, manifest['files'].get(name))
    network_shape = NetworkShape(
        FEATURE_COUNT, manifest['state'], len(manifest['lookaheads']), len(manifest['muscles'])
    )
    tensors = _read_tensors(path, files[WEIGHTS])
    return ModelBundle(
        manifest['name'],
        _identify(manifest),
        tuple(manifest['muscles']),
        tuple(float(v) for v in manifest['lookaheads']),
        float(manifest['default_lookahead']),
        Normalization[manifest['normalization']],
        tuple(float(manifest['intervals'][name]) for name in INTERVALS),
        manifest['training']['simulated'],
        Scaling(*(tensors[n] for n in SCALING_NAMES), float(manifest['scaling']['limit'])),
        Novelty(*(tensors[n] for n in NOVELTY_NAMES)),
        Network(files[GRAPH], network_shape),
        manifest,
    )


def _identify(manifest: dict[str, Any]) -> str:
    told = {name: value for name, value in manifest.items() if name != 'scores'}
    content = json.dumps(told, sort_keys=True, separators=(',', ':'))
    return f'{manifest["name"]}@{hashlib.sha256(content.encode()).hexdigest()[:8]}'


def _read(folder: Path, name: str) -> bytes:
    try:
        if (folder / name).stat().st_size > LARGEST:
            raise BundleError(
                f'{folder / name} has more than {LARGEST} bytes: it is no part of a model'
            )
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(
            f'asked for the model {folder}, whose {name} cannot be read: {error.strerror}; '
            'name a folder that `pianokpm train` made'
        ) from error


def _parse(content: bytes, folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise BundleError(f'{folder / MANIFEST} is no JSON: {error}') from error
    if not isinstance(manifest, dict) or manifest.get('schema') != SCHEMA:
        raise BundleError(f'{folder / MANIFEST} is no manifest of the schema {SCHEMA!r}')
    if manifest.get('version') != VERSION:
        raise BundleError(
            f'{folder} has version {manifest.get("version")!r} of the schema {SCHEMA!r}, this program reads '
            f'version {VERSION}; update the program or export the model again'
        )
    for name, kind in FIELDS.items():
        if not isinstance(manifest.get(name), kind) or isinstance(manifest.get(name), bool):
            raise BundleError(f'{folder / MANIFEST}: {name} is missing or of the wrong type')
    _check_meaning(manifest, folder / MANIFEST)
    return manifest


def _check_meaning(manifest: dict[str, Any], path: Path) -> None:
    features, muscles = manifest['features'], manifest['muscles']
    lookaheads = manifest['lookaheads']
    needs = {
        f'features of version {FEATURES_VERSION} with these {FEATURE_COUNT} names': (
            features.get('version') == FEATURES_VERSION
            and features.get('names') == list(FEATURE_NAMES)
        ),
        f'a tick of {TICK * 1e-9:g} s': manifest['tick'] == TICK * 1e-9,
        f'a sample_rate of {SAMPLE_RATE:g} Hz': manifest['sample_rate'] == SAMPLE_RATE,
        'muscles with different names': bool(muscles)
        and all(isinstance(m, str) and m for m in muscles)
        and len(set(muscles)) == len(muscles),
        'ascending lookaheads of whole milliseconds from 0 to 1 s': bool(lookaheads)
        and all(_is_milliseconds(v) for v in lookaheads)
        and sorted(set(lookaheads)) == lookaheads,
        'a default_lookahead that is one of the lookaheads': manifest['default_lookahead']
        in lookaheads,
        'a normalization that is known': manifest['normalization'] in Normalization.__members__,
        f'positive intervals for {", ".join(INTERVALS)}': all(
            _is_positive(manifest['intervals'].get(name)) for name in INTERVALS
        ),
        'a state of 1 or more values': 0 < manifest['state'] <= 1_000_000,
        'a positive scaling.limit': _is_positive(manifest['scaling'].get('limit')),
        'training.simulated, true or false': isinstance(
            manifest['training'].get('simulated'), bool
        ),
    }
    missing = [words for words, met in needs.items() if not met]
    if missing:
        raise BundleError(
            f'{path}: this program needs {"; ".join(missing)}; export the model again'
        )


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < float('inf')


def _is_milliseconds(value: Any) -> bool:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        return False
    nanoseconds = round(value * 1e9)
    return nanoseconds % MILLISECOND == 0


def _check_hash(folder: Path, name: str, data: bytes, wanted: Any) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise BundleError(
            f'{folder / name} is damaged or was changed: its SHA-256 is {found[:16]}..., the manifest says '
            f'{str(wanted)[:16]}...; fetch or export the model again'
        )


def _read_tensors(folder: Path, data: bytes) -> dict[str, NDArray[np.floating]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BundleError(f'{folder / WEIGHTS} is no safetensors file: {error}') from error
    size = SHAPE.stop - SHAPE.start
    shapes = dict(zip(NOVELTY_NAMES, ((size,), (size, size), (size, size), (2,)), strict=True))
    shapes |= {name: (FEATURE_COUNT,) for name in SCALING_NAMES}
    for name, shape in shapes.items():
        found = tensors.get(name)
        if found is None or found.shape != shape or not np.isfinite(found).all():
            raise BundleError(
                f'{folder / WEIGHTS}: asked for {name} of shape {shape}, finite, found '
                f'{"nothing" if found is None else found.shape}; export the model again'
            )
    if not (tensors['scaling.deviation'] > 0).all() or not (tensors['novelty.usual'] > 0).all():
        raise BundleError(
            f'{folder / WEIGHTS}: scaling.deviation and novelty.usual must be positive'
        )
    return tensors
