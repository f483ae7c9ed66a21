import numpy as np
import pytest
from pianokpm_training.kinematic.performance import perform
from pianokpm_training.kinematic.person import Person, random_person
from pianokpm_training.kinematic.pieces import fuer_elise, random_exercise
from pianokpm_training.kinematic.player import HandPlayer

from pianokpm_ros.anatomy import Side


@pytest.fixture(scope='session')
def piece():
    return fuer_elise()


@pytest.fixture(scope='session')
def performance(piece):
    return perform(piece, seed=3)


@pytest.fixture(params=[Side.LEFT, Side.RIGHT], ids=['left', 'right'])
def side(request):
    return request.param


@pytest.fixture(scope='session')
def players(piece):
    """The demo's two hands."""
    return {
        s: HandPlayer(piece.notes, s, Person(), piece.duration, 3) for s in (Side.LEFT, Side.RIGHT)
    }


@pytest.fixture(scope='session')
def others():
    """Hands of other persons at other pieces: (person, player)."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        person, exercise = random_person(rng), random_exercise(rng, 12.0)
        for side in (Side.LEFT, Side.RIGHT):
            found.append((person, HandPlayer(exercise.notes, side, person, 12.0, seed)))
    return found
