"""Persons' levels: how strong a muscle's EMG is for the same movement can't be seen in a hand.

A network that is given them learns who plays what, by heart, and is wrong and sure about strangers. So all persons are
brought to one level, and each window to learn from is scored with the levels of some strangers.
Letters: M muscles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pianokpm_training.model.dataset import Example

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Gains:
    """Levels of persons beside the usual ones.

    Attributes:
        factors: by person, (M,): what brings a level to the usual one, the geometric mean over persons.
        spread: (M,) standard deviation of the logarithm of levels over persons; 0 for one person alone.
    """

    factors: dict[str, FloatArray]
    spread: FloatArray

    def level(self, examples: Iterable[Example]) -> list[Example]:
        """Bring all persons to the usual level; persons that are not known stay as they are."""
        return [replace(e, target=e.target * self._factor(e)) for e in examples]

    def _factor(self, example: Example) -> NDArray[np.float32]:
        return self.factors.get(example.subject, np.ones_like(self.spread)).astype(np.float32)

    def draw(self, rng: np.random.Generator, persons: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw the (*persons, M) levels of strangers, as parts of the usual ones."""
        drawn = rng.normal(size=(*persons, len(self.spread)))
        return np.exp(self.spread * drawn).astype(np.float32)


def fit_gains(examples: Sequence[Example]) -> Gains:
    """Measure each person's level: the root mean square of each muscle over all that is there of the person."""
    subjects = sorted({e.subject for e in examples})
    squares = {s: _mean_square([e for e in examples if e.subject == s]) for s in subjects}
    with np.errstate(divide='ignore', invalid='ignore'):
        logs = 0.5 * np.log(np.stack(list(squares.values())))
    logs[~np.isfinite(logs)] = np.nan
    known = np.isfinite(logs)
    count = np.maximum(known.sum(axis=0), 1)
    usual = np.where(known, logs, 0.0).sum(axis=0) / count
    apart = np.where(known, logs - usual, 0.0)
    spread = np.sqrt((apart**2).sum(axis=0) / np.maximum(count - 1, 1))
    return Gains(dict(zip(subjects, np.exp(-apart), strict=True)), spread)


def _mean_square(examples: Sequence[Example]) -> FloatArray:
    values = np.concatenate([e.target[:, 0] for e in examples]).astype(np.float64)
    known = np.isfinite(values)
    return (np.where(known, values, 0.0) ** 2).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
