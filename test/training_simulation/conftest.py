"""A simulated person and takes, made once; all of it needs the simulation extra."""

import pytest

EXTRA = ('mujoco', 'myo_sim', 'mink', 'daqp')


@pytest.fixture(scope='session')
def extra():
    """Skip where the simulation extra is not installed."""
    for name in EXTRA:
        pytest.importorskip(name, reason='needs requirements/simulation.txt')


@pytest.fixture(scope='session')
def pianist():
    """Return a person."""
    from pianokpm_training.simulation.people import draw_pianist

    return draw_pianist(7, 0)


@pytest.fixture(scope='session')
def takes(extra, pianist):
    """Return short takes of three tasks that differ most: thumb passing, wide chords, quick repetition."""
    import numpy as np
    from pianokpm_training.simulation.electrodes import ElectrodeSession
    from pianokpm_training.simulation.take import simulate_take
    from pianokpm_training.simulation.tasks import play_task

    from pianokpm_ros.anatomy import Side

    sessions = {s: ElectrodeSession(pianist, int(s)) for s in (Side.LEFT, Side.RIGHT)}
    made = {}
    for task in ('scales', 'chords', 'trills'):
        random = np.random.default_rng(3)
        _, notes = play_task(task, pianist.technique, random, 6.0, ())
        made[task] = simulate_take(pianist, notes, 6.0, [1, 2], sessions)
    return made
