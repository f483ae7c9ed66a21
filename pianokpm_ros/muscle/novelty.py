"""How unlike the training data a hand's shape is.

The score is a Mahalanobis distance over the shape features, per feature: about 1 for a hand as in
training.
Letters: T ticks, D shape features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.muscle.features import SHAPE

FloatArray = NDArray[np.floating]

FLOOR = 0.05
"""Deviation added to every shape feature [palms, rad], so that directions in which the training hands hardly vary
don't rule: about 4 mm, the error of a triangulated landmark."""

USUAL_PART, STRANGE_FACTOR = 0.995, 2.0
"""Poses up to this quantile of the training data are trusted; at this factor beyond it no trust is left."""


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distance of shapes from the training data.

    Attributes:
        mean: (D,) mean shape.
        whitening: (D, D), brings a difference from the mean to unit covariance.
        usual: distance up to which a pose is trusted.
    """

    mean: FloatArray
    whitening: FloatArray
    usual: float

    def distance(self, features: FloatArray) -> FloatArray:
        """Return (T,) distances of unscaled (T, F) features; unknown features count as the mean."""
        difference = features[:, SHAPE] - self.mean
        known = np.isfinite(difference)
        if not known.all():
            difference = np.where(known, difference, 0.0)
        return np.sqrt(np.mean((difference @ self.whitening.T) ** 2, axis=1))

    def trust(self, features: FloatArray) -> FloatArray:
        """Return (T,) trust: 1 for shapes as in training, falling to 0 at twice the usual distance."""
        beyond = (self.distance(features) / self.usual - 1.0) / (STRANGE_FACTOR - 1.0)
        return np.minimum(np.maximum(1.0 - beyond, 0.0), 1.0)


def fit_novelty(features: FloatArray, others: FloatArray) -> Novelty:
    """Fit to (T, F) unscaled training features; what is usual, (T, F) features of persons not trained on tell.

    Ticks with unknown shape are left out.
    """
    shapes, held_out = (_known(f) for f in (features, others))
    mean = shapes[:, SHAPE].mean(axis=0)
    covariance = np.cov(shapes[:, SHAPE].T) + FLOOR**2 * np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    draft = Novelty(mean, (vectors / np.sqrt(values)).T, 1.0)
    usual = float(np.quantile(draft.distance(held_out), USUAL_PART))
    return Novelty(draft.mean, draft.whitening, usual)


def _known(features: FloatArray) -> FloatArray:
    return features[np.isfinite(features[:, SHAPE]).all(axis=1)].astype(np.float64)
