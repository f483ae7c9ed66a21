"""What a training run does: read from a YAML file, flags on top."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pianokpm_ros.errors import PianokpmError

MAY_BE_ZERO = (
    'seed',
    'recordings',
    'variants',
    'default_lookahead',
    'keys_hidden',
    'keys_broken',
    'exact_hand',
    'dropout',
    'tensorboard',
)
DEVICES, PRECISIONS = ('cpu', 'cuda', 'auto'), ('float32', 'bfloat16')
Settings = TypeVar('Settings')


class SettingsError(PianokpmError, ValueError):
    """Training can't be done as asked."""


def check_numbers(settings: Any, may_be_zero: Collection[str]) -> None:
    """Refuse numbers of a dataclass that are negative, unknown, or 0 where they may not be."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not isinstance(value, int | float):
            continue
        least = 'not be negative' if field.name in may_be_zero else 'be positive'
        if not (value >= 0 if field.name in may_be_zero else value > 0):
            raise SettingsError(f'asked for {field.name} = {value}; it must {least}')


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained.

    Attributes:
        name: of the model.
        seed: of everything drawn by chance.
        split: of the data set, with the roles `train` and `validation`.
        recordings: at most so many of each role, evenly picked; 0 = all.
        variants: under how many drawn conditions each recording is seen, besides as it was recorded.
        lookaheads: [s], ascending.
        default_lookahead: [s], one of them.
        width: of the network.
        layers: of its memory.
        dropout: part of what enters and leaves the memory that is left out while it learns.
        steps: of the optimiser, at most.
        batch: windows a step, over all processes.
        window: ticks a window.
        rate: highest learning rate.
        keys_hidden: part of the windows in which the keys are hidden.
        keys_broken: part of the windows in which the keys come or go.
        exact_hand: weight of the exact hand, which simulated recordings hold, beside the muscles.
        validate: steps between two looks at the validation recordings.
        patience: looks without a better score after which training stops.
        device: `cpu`, `cuda`, or `auto`.
        precision: `float32`, or `bfloat16` (mixed).
        tensorboard: write curves for TensorBoard beside the checkpoint, in the end into the bundle.
    """

    name: str = 'small'
    seed: int = 1
    split: str = 'held_out'
    recordings: int = 0
    variants: int = 2
    lookaheads: tuple[float, ...] = (0.0, 0.033, 0.067)
    default_lookahead: float = 0.033
    width: int = 128
    layers: int = 2
    dropout: float = 0.0
    steps: int = 5000
    batch: int = 32
    window: int = 256
    rate: float = 3e-3
    keys_hidden: float = 0.35
    keys_broken: float = 0.1
    exact_hand: float = 0.05
    validate: int = 250
    patience: int = 8
    device: str = 'cpu'
    precision: str = 'float32'
    tensorboard: bool = False

    def __post_init__(self) -> None:
        check_numbers(self, MAY_BE_ZERO)
        if self.dropout >= 1 or self.keys_hidden + self.keys_broken > 1:
            raise SettingsError(
                f'asked for dropout = {self.dropout:g}, keys_hidden = {self.keys_hidden:g} and keys_broken = '
                f'{self.keys_broken:g}: the first must be below 1, the others together at most 1'
            )
        self._check_lookaheads()
        if self.device not in DEVICES or self.precision not in PRECISIONS:
            raise SettingsError(
                f'asked for {self.device} and {self.precision}; there are {", ".join(DEVICES)} '
                f'and {", ".join(PRECISIONS)}'
            )

    def _check_lookaheads(self) -> None:
        whole = all(0 <= v <= 1 and abs(1e3 * v - round(1e3 * v)) < 1e-6 for v in self.lookaheads)
        if not whole or sorted(set(self.lookaheads)) != list(self.lookaheads):
            raise SettingsError(
                f'asked for the look-aheads {list(self.lookaheads)} s; they must be whole milliseconds from 0 to 1 s '
                'and ascend'
            )
        if self.default_lookahead not in self.lookaheads:
            raise SettingsError(
                f'asked for the default look-ahead {self.default_lookahead:g} s, which is none of '
                f'{", ".join(f"{v:g}" for v in self.lookaheads)} s'
            )

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
"""Settings that ship: `mini.yaml`, a run in seconds for tests, and `full.yaml`, that of the shipped model."""


def find_config(path: Path) -> Path:
    """Return a file of settings, or one that ships by its bare name."""
    shipped = CONFIGS / f'{path}.yaml'
    return shipped if not Path(path).is_file() and shipped.is_file() else Path(path)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of `name: value` lines."""
    try:
        content = yaml.safe_load(Path(path).read_text()) or {}
    except OSError as error:
        raise SettingsError(
            f'asked for the settings {path}, which cannot be read: {error.strerror}; name a YAML file, or one of '
            f'{", ".join(sorted(p.stem for p in CONFIGS.glob("*.yaml")))}'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f'{path} is no YAML file: {error}') from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path} must hold `name: value` lines')
    return content


def load_settings(path: Path | None = None, **changes: Any) -> TrainSettings:
    """Read settings from a YAML file; `changes` that are not None win."""
    content = {} if path is None else read_yaml(path)
    return fill(TrainSettings, content | {k: v for k, v in changes.items() if v is not None}, path)


def fill(kind: type[Settings], values: dict[str, Any], path: Path | None) -> Settings:
    """Make settings, a dataclass all of whose fields have defaults, of values read from a file."""
    known = {field.name: type(field.default) for field in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(
            f'{path}: unknown {", ".join(unknown)}; there are {", ".join(sorted(known))}'
        )
    try:
        typed = {n: _convert(known[n], n, v) for n, v in values.items()}
    except (TypeError, ValueError) as error:
        raise SettingsError(f'{path}: {error}') from error
    return kind(**typed)


def _convert(kind: type, name: str, value: Any) -> Any:
    """Return a setting in its type; nothing is rounded or guessed on the way.

    Raises:
        ValueError: where it is of another one.
    """
    if kind is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f'{name} = {value!r} is no list')
        return tuple(float(v) for v in value)
    if (kind is bool) != isinstance(value, bool) or value is None:
        raise ValueError(f'{name} = {value!r} is no {kind.__name__}')
    made = kind(value)
    if kind is int and made != float(value):
        raise ValueError(f'{name} = {value!r} is no whole number')
    return made
