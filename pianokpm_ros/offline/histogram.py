"""Quantiles of any number of values in bounded memory."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Histogram:
    """Count values of K rows in bins of one width, and read quantiles off the counts."""

    def __init__(self, width: float, limit: float, rows: int = 1) -> None:
        """Set up.

        Args:
            width: of a bin; a quantile is right to half of it.
            limit: values from here on share the last bin.
            rows: how many quantities are counted side by side.
        """
        self._width = width
        self._counts = np.zeros((rows, int(np.ceil(limit / width)) + 1), np.int64)

    def add(self, values: ArrayLike) -> None:
        """Count (K,) values, one for each row, or (K, N); NaN is passed over."""
        table = np.asarray(values, np.float64).reshape(len(self._counts), -1)
        rows, columns = np.nonzero(np.isfinite(table))
        bins = (table[rows, columns] / self._width).astype(np.int64)
        np.add.at(self._counts, (rows, np.clip(bins, 0, self._counts.shape[1] - 1)), 1)

    @property
    def totals(self) -> NDArray[np.int64]:
        """How many values each row has, (K,)."""
        return self._counts.sum(axis=1)

    def quantile(self, part: float) -> NDArray[np.float64]:
        """Return the quantile of each row, (K,); NaN without values."""
        return np.array([self._read(row, part) for row in self._counts])

    def robust_variation(self) -> NDArray[np.float64]:
        """Return 1.4826 x (median absolute deviation) / median of each row, (K,): a CV that outliers don't move."""
        middles = self.quantile(0.5)
        centres = (np.arange(self._counts.shape[1]) + 0.5) * self._width
        spread = []
        for row, middle in zip(self._counts, middles, strict=True):
            distance = np.abs(centres - middle)
            order = np.argsort(distance, kind='stable')
            reached = np.searchsorted(np.cumsum(row[order]), row.sum() / 2)
            known = np.isfinite(middle) and row.sum()
            spread.append(distance[order][min(reached, len(order) - 1)] if known else np.nan)
        return 1.4826 * np.array(spread) / middles

    def _read(self, row: NDArray[np.int64], part: float) -> float:
        total = row.sum()
        if not total:
            return float('nan')
        reached = np.cumsum(row)
        index = int(np.searchsorted(reached, part * total))
        index = min(index, len(row) - 1)
        inside = (part * total - (reached[index] - row[index])) / max(row[index], 1)
        return float((index + np.clip(inside, 0, 1)) * self._width)
