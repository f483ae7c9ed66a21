"""What makes an estimate a person's own: a small file beside the model, never new weights in it.

The map acts on what the network says at each tick, so it changes nothing about streaming: a personal
model is a `ModelBundle` whose network is wrapped, and frame by frame still equals the whole take.
Letters: T ticks, F features, S state values, L look-aheads, M muscles.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError
from pianokpm_ros.muscle.bundle import ModelBundle
from pianokpm_ros.muscle.network import NetworkShape
from pianokpm_ros.outputs import whole_file
from pianokpm_ros.records import Normalization

FloatArray = NDArray[np.floating]
Float32Array = NDArray[np.float32]

SCHEMA, VERSION = 'pianokpm-person', 1
LARGEST = 1 << 20
"""No file of a person is larger [bytes]."""

STRONGEST = 100.0
"""No number of a map is larger: outputs are fractions of a maximum, features are in deviations."""


class PersonError(PianokpmError, ValueError):
    """A person's file can't be used as asked."""


@dataclass(frozen=True, eq=False)
class PersonMap:
    """From what the network says to what this person's muscles do.

    mean' = max(0, mean + mean @ mixing + features @ weights + offset), deviation' = deviation * spread.

    Attributes:
        mixing: (M, M), from estimated muscles (rows) to the correction of each; 0 changes nothing.
        offset: (M,), in the unit of the envelope.
        weights: (F, M) of the scaled features, or (0, M) for none.
        spread: (M,), positive.
    """

    mixing: FloatArray
    offset: FloatArray
    weights: FloatArray
    spread: FloatArray

    @classmethod
    def scale(cls, factors: FloatArray) -> 'PersonMap':
        """Multiply each muscle by a factor, its deviation too; (M,)."""
        factors = np.asarray(factors, np.float64)
        count = len(factors)
        return cls(np.diag(factors - 1.0), np.zeros(count), np.zeros((0, count)), factors)

    @classmethod
    def identity(cls, count: int) -> 'PersonMap':
        """Change nothing."""
        return cls.scale(np.ones(count))

    def apply(
        self, features: FloatArray, mean: FloatArray, deviation: FloatArray
    ) -> tuple[Float32Array, Float32Array]:
        """Map (T, F) scaled features and (T, L, M) means and deviations to personal ones.

        einsum adds up each row in the same order whatever T is, so blocks don't matter.
        """
        change = np.einsum('tlm,mn->tln', mean.astype(np.float64), self.mixing) + self.offset
        if len(self.weights):
            own = np.einsum('tf,fm->tm', features.astype(np.float64), self.weights)
            change = change + own[:, None]
        return (
            np.maximum(mean + change, 0.0).astype(np.float32),
            (deviation * self.spread).astype(np.float32),
        )


@dataclass(frozen=True, eq=False)
class Person:
    """A person's file.

    Attributes:
        name: pseudonym.
        model_id: of the only model that it belongs to.
        muscle: M names, the model's.
        normalization: what 1.0 of the personal envelope stands for.
        map: from the network to the person.
        fit: how it was made, in words and numbers, for readers.
    """

    name: str
    model_id: str
    muscle: tuple[str, ...]
    normalization: Normalization
    map: PersonMap
    fit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return _digest(_content(self))


class _Runs(Protocol):
    """What `ModelBundle.network` offers."""

    shape: NetworkShape

    def start(self) -> Float32Array: ...

    def run(
        self, features: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array, Float32Array]: ...


class PersonalNetwork:
    """A network with a person's map behind it; looks like a network."""

    def __init__(self, network: _Runs, own: PersonMap) -> None:
        self.shape, self._network, self._own = network.shape, network, own

    def start(self) -> Float32Array:
        """Return the (S,) state of a network that has seen nothing."""
        return self._network.start()

    def run(
        self, features: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Take T ticks, as `Network.run`."""
        mean, deviation, state = self._network.run(features, state)
        return *self._own.apply(features, mean, deviation), state


def personalise(bundle: ModelBundle, person: Person) -> ModelBundle:
    """Put a person's map behind a model.

    The new model's id is the model's and the head of the person's SHA-256, its calibration's id the person's name and
    that head, so that every message tells.

    Raises:
        PersonError: for a file of another model or other muscles.
    """
    if person.model_id != bundle.model_id:
        raise PersonError(
            f'asked to use the calibration of {person.name}, which was made for the model {person.model_id}, '
            f'with {bundle.model_id}; calibrate with this model: pianokpm personalise -h'
        )
    if person.muscle != bundle.muscle:
        raise PersonError(
            f'asked to use the calibration of {person.name} for the muscles {", ".join(person.muscle)}; the '
            f'model has {", ".join(bundle.muscle)}'
        )
    expected = bundle.network.shape.features
    if len(person.map.weights) not in (0, expected):
        raise PersonError(
            f'the calibration of {person.name} has weights of {len(person.map.weights)} features, the model '
            f'{expected}; calibrate again'
        )
    return replace(
        bundle,
        model_id=f'{bundle.model_id}+{person.digest[:8]}',
        normalization=person.normalization,
        network=PersonalNetwork(bundle.network, person.map),
        calibration_id=f'{person.name}@{person.digest[:8]}',
    )


def save_person(person: Person, path: Path) -> Path:
    """Write a person's file, complete or not at all."""
    content = _content(person)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_text(json.dumps(content | {'sha256': _digest(content)}, indent=1) + '\n')
    return path


def load_person(path: Path | str) -> Person:
    """Read a person's file and check all of it."""
    content = _read(Path(path))
    if not isinstance(content, dict) or content.get('schema') != SCHEMA:
        raise PersonError(f'{path} is no file of the schema {SCHEMA!r}')
    if content.get('version') != VERSION:
        raise PersonError(
            f'{path} has version {content.get("version")!r}, this program reads {VERSION}; calibrate again'
        )
    digest = content.pop('sha256', '')
    if digest != _digest(content):
        raise PersonError(f'{path} is damaged or was changed by hand; calibrate again')
    try:
        person = _parse(content)
    except (KeyError, TypeError, ValueError) as error:
        raise PersonError(
            f'{path} lacks something or is misshapen ({error}); calibrate again'
        ) from error
    return person


def load_personal(bundle: ModelBundle, path: Path | str | None) -> ModelBundle:
    """Put the map of a file behind a model; without a file the model stays as it is."""
    return personalise(bundle, load_person(path)) if path else bundle


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise PersonError(f'{path} has more than {LARGEST} bytes: it is no calibration')
        return json.loads(path.read_bytes())
    except OSError as error:
        raise PersonError(
            f'asked for the calibration {path}, which cannot be read: {error.strerror}; name a file that '
            '`pianokpm personalise` made'
        ) from error
    except ValueError as error:
        raise PersonError(
            f'{path} is no JSON ({error}); name a file that `pianokpm personalise` made'
        ) from error


def _parse(content: Mapping[str, Any]) -> Person:
    muscle = tuple(str(m) for m in content['muscles'])
    count, own = len(muscle), content['map']
    arrays = {
        'mixing': _array(own['mixing'], (count, count)),
        'offset': _array(own['offset'], (count,)),
        'weights': _array(own['weights'], (len(own['weights']), count)),
        'spread': _array(own['spread'], (count,)),
    }
    if not (arrays['spread'] > 0).all():
        raise ValueError('spread must be positive')
    return Person(
        str(content['person']),
        str(content['model_id']),
        muscle,
        Normalization[content['normalization']],
        PersonMap(**arrays),
        dict(content['fit']),
    )


def _array(values: Any, shape: tuple[int, ...]) -> FloatArray:
    array = np.asarray(values, np.float64).reshape(shape)
    if not (np.abs(array) <= STRONGEST).all():  # False for NaN too
        raise ValueError(f'numbers must lie within {STRONGEST:g}')
    return array


def _content(person: Person) -> dict[str, Any]:
    own = person.map
    return {
        'schema': SCHEMA,
        'version': VERSION,
        'person': person.name,
        'model_id': person.model_id,
        'muscles': list(person.muscle),
        'normalization': person.normalization.name,
        'map': {n: getattr(own, n).tolist() for n in ('mixing', 'offset', 'weights', 'spread')},
        'fit': dict(person.fit),
    }


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
