"""What a training run does: read from a YAML file, flags on top."""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from pianokpm_ros.errors import PianokpmError


class SettingsError(PianokpmError, ValueError):
    """Training can't be done as asked."""


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained.

    Attributes:
        name: of the model.
        seed: of everything drawn by chance.
        persons: virtual ones to learn from.
        validation: further ones, to calibrate the deviation.
        test: further ones, for the scores.
        seconds: that each person plays.
        variants: under how many conditions each take is seen.
        lookaheads: [s], ascending.
        default_lookahead: [s], one of them.
        width: of the network.
        steps: of the optimiser.
        batch: windows a step.
        window: ticks a window.
        rate: highest learning rate.
    """

    name: str = 'small'
    seed: int = 1
    persons: int = 48
    validation: int = 8
    test: int = 12
    seconds: float = 60.0
    variants: int = 2
    lookaheads: tuple[float, ...] = (0.0, 0.033, 0.067)
    default_lookahead: float = 0.033
    width: int = 128
    steps: int = 2500
    batch: int = 32
    window: int = 256
    rate: float = 3e-3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and field.name not in ('seed', 'default_lookahead'):
                if not value > 0:
                    raise SettingsError(f'asked for {field.name} = {value}; it must be positive')
        if self.default_lookahead not in self.lookaheads:
            raise SettingsError(
                f'asked for the default look-ahead {self.default_lookahead:g} s, which is none of '
                f'{", ".join(f"{v:g}" for v in self.lookaheads)} s'
            )

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


MINI = {
    'persons': 3,
    'validation': 1,
    'test': 1,
    'seconds': 12.0,
    'variants': 1,
    'width': 32,
    'steps': 60,
    'batch': 16,
    'window': 128,
}
"""A run from end to end in seconds; its model is good for nothing."""


def load_settings(path: Path | None = None, **changes: Any) -> TrainSettings:
    """Read settings from a YAML file; `changes` that are not None win."""
    content: Any = {}
    if path is not None:
        try:
            content = yaml.safe_load(Path(path).read_text()) or {}
        except OSError as error:
            raise SettingsError(
                f'asked for the settings {path}, which cannot be read: {error.strerror}'
            ) from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SettingsError(f'{path} is no YAML file: {error}') from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path} must hold `name: value` lines')
    return _apply(content | {k: v for k, v in changes.items() if v is not None}, path)


def _apply(values: dict[str, Any], path: Path | None) -> TrainSettings:
    known = {field.name: type(field.default) for field in fields(TrainSettings)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(
            f'{path}: unknown {", ".join(unknown)}; there are {", ".join(sorted(known))}'
        )
    try:
        typed = {n: known[n](v) for n, v in values.items()}
    except (TypeError, ValueError) as error:
        raise SettingsError(f'{path}: {error}') from error
    return replace(TrainSettings(), **typed)
