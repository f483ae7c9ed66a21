"""Records to draw."""

from collections.abc import Callable

import numpy as np
import pytest

from pianokpm_ros.anatomy import LANDMARK_COUNT, MUSCLES, Side, Status
from pianokpm_ros.records import HandLandmarks, Inputs, MuscleActivity, Normalization


@pytest.fixture
def make_hands() -> Callable[..., HandLandmarks]:
    """Make hands whose landmarks lie on a grid, 24 px apart, far enough to be told apart when drawn."""

    def make(
        side: Side = Side.LEFT,
        corner: tuple[float, float] = (250.0, 120.0),
        size: tuple[int, int] = (640, 480),
    ) -> HandLandmarks:
        index = np.arange(LANDMARK_COUNT)
        pixels = np.stack(
            [corner[0] + 24.0 * (index % 5), corner[1] + 24.0 * (index // 5)], axis=1
        )[None]
        return HandLandmarks(
            0,
            'top',
            'top_optical_frame',
            size,
            0,
            np.array([side], np.uint8),
            np.array([0.9]),
            pixels,
            np.full((1, LANDMARK_COUNT, 3), np.nan),
            np.full((1, LANDMARK_COUNT), np.nan),
        )

    return make


@pytest.fixture
def make_activity() -> Callable[..., MuscleActivity]:
    """Make estimates of one hand with given newest activations."""

    def make(
        side: Side = Side.LEFT,
        activation: float = 0.5,
        status: Status = Status.OK,
        stamp: int = 0,
        samples: int = 20,
        deviation: float = 0.1,
        simulated: bool = True,
    ) -> MuscleActivity:
        value = np.full(len(MUSCLES), activation, np.float32)
        block = np.full((samples, len(MUSCLES)), activation, np.float32)
        return MuscleActivity(
            stamp,
            'rig',
            0,
            side,
            status,
            Inputs.POSE,
            MUSCLES,
            value,
            np.full_like(value, deviation),
            0.8,
            0.0,
            1000.0,
            stamp,
            block,
            np.full_like(block, deviation),
            Normalization.MODEL,
            'light@12345678',
            simulated_training=simulated,
        )

    return make
