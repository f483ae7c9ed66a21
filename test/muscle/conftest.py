import numpy as np
import pytest
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise

from pianokpm_ros.anatomy import Side
from pianokpm_ros.muscle.bundle import load_bundle
from pianokpm_ros.shares import find_asset


@pytest.fixture(scope='session')
def bundle():
    return load_bundle(find_asset('models/small'))


@pytest.fixture(scope='session')
def playing():
    """Eight seconds of both hands, poses at 240 Hz."""
    return perform(random_exercise(np.random.default_rng(4), 8.0), rate=240.0, seed=4)


@pytest.fixture(scope='session')
def hand(playing):
    """A right hand as it plays, (21, 3)."""
    return playing.landmarks[600, 1].astype(np.float64)


@pytest.fixture(params=[Side.LEFT, Side.RIGHT], ids=['left', 'right'])
def side(request):
    return request.param
