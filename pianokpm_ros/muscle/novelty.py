"""How unlike the training data a hand's shape is.

Two scores over the shape features, each about 1 or below for a hand as in training: the Mahalanobis distance of the
whole shape, and the largest surprise of a single feature given all the others, which a lost fingertip can't hide from.
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

USUAL_PART, STRANGE_FACTOR = 0.99, 1.25
"""Poses up to this quantile of persons not trained on are trusted; at this factor beyond it no trust is left."""


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distance of shapes from the training data.

    Attributes:
        mean: (D,) mean shape.
        whitening: (D, D), brings a difference from the mean to unit covariance.
        surprise: (D, D), brings it to each feature's deviation from what all the others let expect, in units of its
            standard deviation.
        usual: (2,) distance and largest surprise up to which a pose is trusted.
    """

    mean: FloatArray
    whitening: FloatArray
    surprise: FloatArray
    usual: FloatArray

    def scores(self, features: FloatArray) -> FloatArray:
        """Return (T, 2) distance and largest surprise of unscaled (T, F) features; unknown ones count as the mean."""
        difference = features[:, SHAPE] - self.mean
        known = np.isfinite(difference)
        if not known.all():
            difference = np.where(known, difference, 0.0)
        distance = np.sqrt(np.mean((difference @ self.whitening.T) ** 2, axis=1))
        surprise = np.max(np.abs(difference @ self.surprise.T) * known, axis=1)
        return np.stack([distance, surprise], axis=1)

    def trust(self, features: FloatArray) -> FloatArray:
        """Return (T,) trust: 1 for shapes as in training, falling to 0 at `STRANGE_FACTOR` times the usual scores."""
        beyond = np.max(self.scores(features) / self.usual, axis=1)
        return np.minimum(np.maximum((STRANGE_FACTOR - beyond) / (STRANGE_FACTOR - 1.0), 0.0), 1.0)


def fit_novelty(features: FloatArray, others: FloatArray) -> Novelty:
    """Fit to (T, F) unscaled training features; what is usual, (T, F) features of persons not trained on tell.

    Ticks with unknown shape are left out.
    """
    shapes, held_out = (_known(f) for f in (features, others))
    mean = shapes[:, SHAPE].mean(axis=0)
    covariance = np.cov(shapes[:, SHAPE].T) + FLOOR**2 * np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    precision = (vectors / values) @ vectors.T
    surprise = precision / np.sqrt(np.diag(precision))[:, None]
    draft = Novelty(mean, (vectors / np.sqrt(values)).T, surprise, np.ones(2))
    usual = np.quantile(draft.scores(held_out), USUAL_PART, axis=0)
    return Novelty(draft.mean, draft.whitening, draft.surprise, usual)


def _known(features: FloatArray) -> FloatArray:
    return features[np.isfinite(features[:, SHAPE]).all(axis=1)].astype(np.float64)
