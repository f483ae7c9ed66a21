"""Points in space from their pictures in several calibrated cameras.

Letters: V views, N points. A linear solve (Hartley and Zisserman, Multiple View Geometry, 12.2)
starts Gauss-Newton steps on the errors in the pictures, in units of a landmark's noise, which are weighted down where
a view, or a point in it, disagrees with the others (Geman and McClure's weights). All points of a call belong together:
one hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pianokpm_ros.geometry.camera import Camera

FloatArray = NDArray[np.floating]

LANDMARK_NOISE = 0.0045
"""1 sigma of a landmark in one view, at the hand, one axis across the line of sight [m]. The network sees each hand
at one size, whatever the camera: what it gets wrong is a part of the hand and not a number of pixels."""

LEAST_DEPTH = 1e-6

STEPS = 8
DAMPING = 1.0
"""Far below the curvature of two views that see a hand (1e4 / m^2 and more); keeps unseen points solvable [1/m^2]."""

SETTLED = 1e-6
"""No more steps once they are smaller than this [m], a thousandth of a landmark's error."""

VIEW_SIGMAS, POINT_SIGMAS = 2.7, 5.0
"""How far off a whole view, and a single point in it, may be before they are weighed down [sigmas of a landmark].

A network's errors go along with the view: all of a hand is off together, and its lengths stay right. So whole views
are weighed down early and single points late. Chosen on real hands and on filmed simulations (`make bench-vision`):
weighing points down at 3 sigma makes pixels fit better, but bones vary by 4.4 % instead of 3.6 %.
"""

UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Points with what is known of their quality.

    Attributes:
        points: (N, 3) [m], rig frame; NaN with fewer than two views.
        covariance: (N, 6) [m^2], xx xy xz yy yz zz.
        error: (N,) [px] root mean square over the views used, weighted.
        views: (N,) number of views used (weight of at least a quarter).
    """

    points: FloatArray
    covariance: FloatArray
    error: FloatArray
    views: NDArray[np.uint8]

    @property
    def deviation(self) -> FloatArray:
        """1 sigma per axis, (N,) [m]."""
        return np.sqrt(self.covariance[:, [0, 3, 5]].sum(axis=1) / 3)


def solve_linear(projections: FloatArray, rays: FloatArray) -> FloatArray:
    """Triangulate linearly.

    Args:
        projections: (V, 3, 4) [R | t] of the cameras.
        rays: (V, N, 2) normalised coordinates, NaN = not seen.

    Returns:
        (N, 3) [m], NaN with fewer than two views.
    """
    seen = np.isfinite(rays).all(axis=-1)
    known = np.where(seen[..., None], rays, 0.0)
    rows = known[..., None] * projections[:, None, None, 2] - projections[:, None, :2]
    rows = np.where(seen[..., None, None], rows, 0.0)
    _, vectors = np.linalg.eigh(np.einsum('vnki,vnkj->nij', rows, rows))
    homogeneous = vectors[..., 0]
    with np.errstate(divide='ignore', invalid='ignore'):
        points = homogeneous[:, :3] / homogeneous[:, 3:]
    return np.where((seen.sum(axis=0) >= 2)[:, None] & np.isfinite(points), points, np.nan)


def stack_projections(cameras: Sequence[Camera]) -> FloatArray:
    """Return (V, 3, 4) [R | t]."""
    return np.stack([np.column_stack([c.rotation, c.translation]) for c in cameras])


def solve_equally(cameras: Sequence[Camera], pixels: ArrayLike) -> FloatArray:
    """Triangulate (V, N, 2) pixels linearly, all views alike: (N, 3) [m]; a tenth of the time of `triangulate`."""
    rays = np.stack([c.normalize(p) for c, p in zip(cameras, np.asarray(pixels), strict=True)])
    return solve_linear(stack_projections(cameras), rays)


def triangulate(
    cameras: Sequence[Camera], pixels: ArrayLike, noise: float = LANDMARK_NOISE
) -> Triangulation:
    """Triangulate robustly.

    Args:
        cameras: V of them.
        pixels: (V, N, 2) [px] in the raw images, NaN = not seen.
        noise: 1 sigma of a landmark in one view, at the hand, one axis [m].
    """
    pixels = np.asarray(pixels, np.float64)
    rays = np.stack([c.normalize(p) for c, p in zip(cameras, pixels, strict=True)])
    projections, focal = stack_projections(cameras), np.array([c.focal for c in cameras])
    points = solve_linear(projections, rays)
    seen = np.isfinite(rays).all(axis=-1) & np.isfinite(points).all(axis=-1)
    sigma = noise * _pixels_per_metre(projections, focal, points, seen)
    for _ in range(STEPS):
        residual, jacobian = _linearise(projections, focal, rays, points, seen)
        weights = _robust_weights(residual / sigma, seen)
        step = _step(residual / sigma, jacobian / sigma[..., None], weights)
        points = points + step
        if np.abs(step).max(initial=0, where=np.isfinite(step)) < SETTLED:
            break
    residual, jacobian = _linearise(projections, focal, rays, points, seen)
    ahead = jacobian.any(axis=(2, 3))  # what lies behind a camera has no picture in it
    weights = _robust_weights(residual / sigma, ahead)
    return _summarise(points, residual, jacobian, weights, sigma)


def _pixels_per_metre(
    projections: FloatArray, focal: FloatArray, points: FloatArray, seen: NDArray[np.bool_]
) -> FloatArray:
    """Return how many pixels a metre at the hand takes in each view, (V, 1, 1) [px/m]."""
    depth = np.einsum('vj,nj->vn', projections[:, 2, :3], points) + projections[:, 2, 3:]
    middle = _median_of_first(np.where(seen, depth, np.inf).T, seen.sum(axis=1))
    return (focal / np.maximum(middle, LEAST_DEPTH))[:, None, None]


def _linearise(
    projections: FloatArray,
    focal: FloatArray,
    rays: FloatArray,
    points: FloatArray,
    seen: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Return residuals (V, N, 2) [px] and Jacobians (V, N, 2, 3) [px/m] of the pictures; zero where not seen."""
    rotation = projections[..., :3]
    local = np.einsum('vij,nj->vni', rotation, points) + projections[:, None, :, 3]
    ahead = seen & (local[..., 2] > LEAST_DEPTH)
    depth = np.where(ahead, local[..., 2], 1.0)[..., None]
    picture = local[..., :2] / depth
    residual = np.where(ahead[..., None], (rays - picture) * focal[:, None, None], 0.0)
    across = rotation[:, None, :2] - picture[..., None] * rotation[:, None, 2:]
    jacobian = across * (focal[:, None, None] / depth)[..., None]
    return residual, np.where(ahead[..., None, None], jacobian, 0.0)


def _robust_weights(residual: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """Weigh views and points in them down that disagree, by residuals [sigmas]; of two views none can be blamed."""
    count = seen.sum(axis=0)
    if count.max(initial=0) < 3:
        return seen.astype(np.float64)
    distance = np.where(seen, np.linalg.norm(residual, axis=-1), np.inf)
    view = _median_of_first(distance.T, seen.sum(axis=1))
    some = seen.any(axis=1)
    among = _median_of_first(np.where(some, view, np.inf)[:, None], some.sum(keepdims=True))
    usual = np.maximum(VIEW_SIGMAS, among)
    scale = np.maximum(POINT_SIGMAS, _median_of_first(distance, count))
    known = np.where(seen, distance, 0.0)
    weights = _fall_off(view / usual)[:, None] * _fall_off(known / scale)
    return np.where(count >= 3, weights, 1.0) * seen


def _fall_off(ratio: FloatArray) -> FloatArray:
    """Return Geman and McClure's weight."""
    return (1.0 + ratio**2) ** -2


def _median_of_first(values: FloatArray, count: NDArray[np.int64]) -> FloatArray:
    """Return the medians of the `count` (N,) smallest of (V, N) values, 0 of none; quicker than numpy's for NaN."""
    ascending, column = np.sort(values, axis=0), np.arange(values.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
    middle = (ascending[low, column] + ascending[np.minimum(high, len(values) - 1), column]) / 2
    return np.where(count > 0, middle, 0.0)


def _normal_matrix(jacobian: FloatArray, weights: FloatArray) -> FloatArray:
    return np.einsum('vn,vnki,vnkj->nij', weights, jacobian, jacobian)


def _invert(matrices: FloatArray) -> FloatArray:
    """Invert (N, 3, 3) matrices column by column.

    For three right-hand sides at once OpenBLAS wakes its other threads, which on busy cores takes a
    hundred times longer than the solution.
    """
    columns = [
        np.linalg.solve(matrices, np.broadcast_to(e[:, None], (len(matrices), 3, 1)))
        for e in np.eye(3)
    ]
    return np.concatenate(columns, axis=-1)


def _step(residual: FloatArray, jacobian: FloatArray, weights: FloatArray) -> FloatArray:
    normal = _normal_matrix(jacobian, weights)
    gradient = np.einsum('vn,vnki,vnk->ni', weights, jacobian, residual)
    return np.linalg.solve(normal + DAMPING * np.eye(3), gradient[..., None])[..., 0]


def _summarise(
    points: FloatArray,
    residual: FloatArray,
    jacobian: FloatArray,
    weights: FloatArray,
    sigma: FloatArray,
) -> Triangulation:
    views = (weights > 0.25).sum(axis=0)
    valid = (views >= 2) & np.isfinite(points).all(axis=-1)
    total = np.maximum(weights.sum(axis=0), 1e-12)
    error, sigmas = (
        np.sqrt((weights * (r**2).sum(axis=-1)).sum(axis=0) / total)
        for r in (residual, residual / sigma)
    )
    # Where the views disagree more than the noise explains, the noise was larger (a coordinate has
    # error / sqrt(2)).
    louder = np.maximum(1.0, sigmas / np.sqrt(2))
    normal = _normal_matrix(jacobian / sigma[..., None], weights) + DAMPING * np.eye(3)
    covariance = _invert(normal) * (louder**2)[:, None, None]
    packed = np.stack([covariance[:, i, j] for i, j in UPPER], axis=-1)
    return Triangulation(
        np.where(valid[:, None], points, np.nan),
        np.where(valid[:, None], packed, np.nan),
        np.where(valid, error, np.nan),
        np.where(valid, views, 0).astype(np.uint8),
    )
