"""Fit a person's map from a minute of EMG: shrunk towards no change, as strongly as held-out time says.

Letters: T ticks, F features, M muscles, P numbers of a muscle's map, K blocks of time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.emg.metrics import ONE_SIGMA
from pianokpm_ros.muscle.person import PersonError, PersonMap

FloatArray = NDArray[np.floating]

SHORTEST = 300
"""Least ticks to learn from: 3 s; less says nothing about a person."""

BLOCKS = 8
"""Of the cross-validation: whole stretches of time, never ticks drawn at random."""

LIMITS = (0.3, 3.0)
"""Of the factor on a deviation."""

KINDS = {'gain': 0, 'mix': 2000, 'full': 9000}
"""What may change, and from how many ticks on: each muscle's own gain and offset; also by what the others do; also
by the features of the pose. Blocks of one short piece can't tell that a large map fits that piece alone."""

STRENGTHS = tuple(10.0 ** np.arange(-1.0, 2.1, 0.5))
"""How strongly no change is preferred, in parts of what a minute of data weighs."""

WEAKEST = ((500, 1.0), (3000, 0.3))
"""Below so many ticks no strength below this is tried: a few seconds of one piece look alike, so their held-out
blocks promise too much. Weaker ones were better on average and worse at worst, on simulated persons."""

MINUTE = 6000
"""Ticks of a minute."""

OFFSET_PRICE, MIX_PRICE, FEATURE_PRICE = 0.3, 3.0, 30.0
"""How much more (or less) than a gain the other numbers are held: there are more of them, and they say less."""

LEAST_SCALE = 0.05
"""A muscle that hardly acts in these minutes can't tell its gain: it is weighed as if it moved by this much."""

STEADY = 1000
"""Ticks after which a factor on the deviation counts half."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Some time of a person, without a gap.

    Attributes:
        features: (T, F) scaled, as the network takes them.
        mean: (T, M) that the network said.
        deviation: (T, M), likewise.
        target: (T, M) measured, NaN = not known.
    """

    features: FloatArray
    mean: FloatArray
    deviation: FloatArray
    target: FloatArray

    def __len__(self) -> int:
        return len(self.mean)

    def part(self, where: slice | NDArray[np.bool_]) -> 'Stretch':
        """Return some of the ticks."""
        names = ('features', 'mean', 'deviation', 'target')
        return Stretch(*(getattr(self, n)[where] for n in names))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A person's map and what held-out time said about it.

    Attributes:
        map: chosen.
        kind: of the map chosen, `none` where no change was better.
        strength: of the shrinkage.
        before: (M,) RMSE of the model on held-out blocks; NaN where a muscle was not recorded.
        after: (M,) the same of the map.
        seconds: that were learned from.
    """

    map: PersonMap
    kind: str
    strength: float
    before: FloatArray
    after: FloatArray
    seconds: float

    def describe(self, muscle: Sequence[str]) -> dict[str, Any]:
        """Return plain numbers for the file."""

        def words(values: FloatArray) -> dict[str, float | None]:
            pairs = zip(muscle, values.tolist(), strict=True)
            return {m: round(v, 5) if np.isfinite(v) else None for m, v in pairs}

        return {
            'kind': self.kind,
            'shrinkage': self.strength if self.kind != 'none' else None,
            'seconds': round(self.seconds, 2),
            'held_out_rmse_before': words(self.before),
            'held_out_rmse_after': words(self.after),
        }


def fit_person(stretches: Iterable[Stretch]) -> Fitted:
    """Choose and fit a person's map.

    Every kind and strength is tried on blocks of time that it was not fitted to; a muscle changes only where that was
    better than no change by more than its own uncertainty.
    """
    blocks = _cut(stretches)
    scale = np.maximum(np.concatenate([b.mean for b in blocks]).std(axis=0), LEAST_SCALE)
    sums = [_Sums.of(block, scale) for block in blocks]
    total = _Sums.add(sums)
    base = np.stack([s.error(np.zeros_like(total.product)) for s in sums])
    ticks = sum(len(b) for b in blocks)
    choices = _list_choices(ticks)
    folds = [_Sums.less(total, s) for s in sums]
    errors = np.stack([_held_out(sums, folds, *choice) for choice in choices])
    relative = errors.sum(axis=1) / np.maximum(base.sum(axis=0), 1e-12)
    best = int(np.argmin(relative.sum(axis=1)))
    better = _is_better(base, errors[best])
    spread = _fit_spread(blocks, folds, scale, better, *choices[best])
    count = np.maximum(total.count, 1)
    unknown = np.where(total.count > 0, 0.0, np.nan)
    after = np.where(better, errors[best].sum(axis=0), base.sum(axis=0))
    return Fitted(
        _make_map(_solve(total, *choices[best]) * better[:, None], scale, spread),
        choices[best][0] if better.any() else 'none',
        choices[best][1],
        np.sqrt(base.sum(axis=0) / count) + unknown,
        np.sqrt(after / count) + unknown,
        ticks / 100,
    )


def _list_choices(ticks: int) -> list[tuple[str, float]]:
    """List the kinds and strengths that so much time allows."""
    weakest = next((strength for most, strength in WEAKEST if ticks < most), 0.0)
    kinds = [kind for kind, least in KINDS.items() if ticks >= least]
    return [(kind, strength) for kind in kinds for strength in STRENGTHS if strength >= weakest]


def _cut(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Cut what is known into blocks of about the same length."""
    known = [s.part(np.isfinite(s.target).any(axis=1)) for s in stretches]
    stretches = [s for s in known if len(s)]
    ticks = sum(len(s) for s in stretches)
    if ticks < SHORTEST:
        raise PersonError(
            f'asked to learn a person from {ticks / 100:.1f} s with poses and EMG; at least {SHORTEST / 100:g} s '
            'are needed, a minute is good'
        )
    size = -(-ticks // BLOCKS)
    blocks = []
    for stretch in stretches:
        parts = max(round(len(stretch) / size), 1)
        ends = np.linspace(0, len(stretch), parts + 1).astype(int)
        blocks += [
            stretch.part(slice(a, b)) for a, b in zip(ends[:-1], ends[1:], strict=True) if b > a
        ]
    return blocks


def _inputs(block: Stretch, scale: FloatArray) -> FloatArray:
    """(T, P): estimates in units of their scale, features, one."""
    return np.concatenate(
        [block.mean / scale, block.features, np.ones((len(block), 1))], axis=1, dtype=np.float64
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """What a least-squares fit needs to know of some time.

    Attributes:
        square: (M, P, P).
        product: (M, P), with what the estimates lack.
        left: (M,), the square of what they lack.
        count: (M,) ticks known.
    """

    square: FloatArray
    product: FloatArray
    left: FloatArray
    count: FloatArray

    @classmethod
    def of(cls, block: Stretch, scale: FloatArray) -> '_Sums':
        inputs, lack = _inputs(block, scale), block.target - block.mean
        known = np.isfinite(lack)
        lack = np.where(known, lack, 0.0)
        shared = inputs.T @ inputs
        square = np.stack([shared if k.all() else inputs[k].T @ inputs[k] for k in known.T])
        return cls(square, lack.T @ inputs, (lack**2).sum(axis=0), known.sum(axis=0))

    @classmethod
    def add(cls, sums: Sequence['_Sums']) -> '_Sums':
        return cls(*(sum(getattr(s, n) for s in sums) for n in _NAMES))

    @classmethod
    def less(cls, total: '_Sums', part: '_Sums') -> '_Sums':
        return cls(*(getattr(total, n) - getattr(part, n) for n in _NAMES))

    def error(self, theta: FloatArray) -> FloatArray:
        """Return (M,) summed squared errors with (M, P) numbers."""
        bent = np.einsum('mp,mpq,mq->m', theta, self.square, theta, optimize=True)
        return np.maximum(self.left - 2 * np.einsum('mp,mp->m', theta, self.product) + bent, 0.0)


_NAMES = ('square', 'product', 'left', 'count')


def _solve(sums: _Sums, kind: str, strength: float) -> FloatArray:
    """Return the (M, P) numbers of a kind of map; those it doesn't have are 0."""
    muscles, size = sums.product.shape
    theta = np.zeros((muscles, size))
    for m in range(muscles):
        used = np.r_[m, size - 1] if kind == 'gain' else np.r_[:muscles, size - 1]
        used = np.arange(size) if kind == 'full' else used
        price = np.where(used < muscles, MIX_PRICE, FEATURE_PRICE)
        price[used == m], price[used == size - 1] = 1.0, OFFSET_PRICE
        square = sums.square[m][np.ix_(used, used)] + np.diag(strength * MINUTE * price)
        theta[m, used] = np.linalg.solve(square, sums.product[m, used])
    return theta


def _held_out(
    sums: Sequence[_Sums], folds: Sequence[_Sums], kind: str, strength: float
) -> FloatArray:
    """Return (K, M) squared errors of each block, by a fit to all others."""
    return np.stack(
        [s.error(_solve(fold, kind, strength)) for s, fold in zip(sums, folds, strict=True)]
    )


def _is_better(base: FloatArray, errors: FloatArray) -> NDArray[np.bool_]:
    """Tell which muscles gain more than one standard error of the gain, (M,) from (K, M)."""
    gain = base - errors
    return gain.mean(axis=0) > gain.std(axis=0, ddof=1) / np.sqrt(len(gain))


def _fit_spread(
    blocks: Sequence[Stretch],
    folds: Sequence[_Sums],
    scale: FloatArray,
    better: NDArray[np.bool_],
    kind: str,
    strength: float,
) -> FloatArray:
    """Find the (M,) factors by which one deviation holds 68 % of held-out errors."""
    ratios = []
    for block, fold in zip(blocks, folds, strict=True):
        theta = _solve(fold, kind, strength) * better[:, None]
        mean = np.maximum(block.mean + _inputs(block, scale) @ theta.T, 0.0)
        ratios.append(np.abs(block.target - mean) / block.deviation)
    ratio = np.concatenate(ratios)
    known = np.isfinite(ratio)
    trust = known.sum(axis=0) / (known.sum(axis=0) + STEADY)
    factor = [
        np.quantile(r[k], ONE_SIGMA) if k.any() else 1.0
        for r, k in zip(ratio.T, known.T, strict=True)
    ]
    return np.clip(factor, *LIMITS) ** trust


def _make_map(theta: FloatArray, scale: FloatArray, spread: FloatArray) -> PersonMap:
    muscles = len(theta)
    weights = theta[:, muscles:-1].T
    return PersonMap(
        theta[:, :muscles].T / scale[:, None],
        theta[:, -1],
        weights if weights.any() else np.zeros((0, muscles)),
        spread,
    )
