import numpy as np
import pytest
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.pieces import random_exercise


@pytest.fixture(scope='session')
def performance():
    """Twelve seconds of both hands at 250 poses a second."""
    return perform(random_exercise(np.random.default_rng(2), 12.0), rate=250.0, seed=2)
