"""Find where something holds without a break, in signals of N samples."""

import numpy as np
from numpy.typing import ArrayLike


def find_stretches(where: ArrayLike) -> list[tuple[int, int]]:
    """List the half-open index ranges in which a (N,) bool signal is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(where, np.int8), [0]])))
    return [(start, stop) for start, stop in edges.reshape(-1, 2).tolist()]


def finite_stretches(values: ArrayLike, least: int = 1) -> list[tuple[int, int]]:
    """List the half-open index ranges in which a (N,) signal is finite, those of `least` samples or more."""
    return [(a, b) for a, b in find_stretches(np.isfinite(values)) if b - a >= least]
