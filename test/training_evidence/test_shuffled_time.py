"""The comparison with shuffled time finds what is there and nothing that isn't."""

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evidence.shuffled_time import (
    LEAST_SHIFT,
    Session,
    compare,
    lagged,
    make_session,
    shift_table,
)
from pianokpm_training.importing.pairs import import_pairs
from scipy.ndimage import gaussian_filter1d

from ..training_importing.makers import make_pairs

TICKS = 4000


def _smooth(random, width: float, columns: int):
    return gaussian_filter1d(random.normal(size=(TICKS, columns)), width, axis=0) * np.sqrt(width)


def _sessions(seed: int, share: float, late: int = 0) -> list[Session]:
    """Make two sessions whose muscles are partly a fixed mixture of poses, `late` ticks too late."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(4, 3))
    made = []
    for name in 'ab':
        poses = _smooth(random, 30, 4)
        target = share * np.roll(poses, late, axis=0) @ mixing + _smooth(random, 30, 3)
        made.append(Session(name, lagged(poses), target, ('x', 'y', 'z')))
    return made


def test_what_belongs_together_beats_shuffled_time():
    outcome = compare(_sessions(1, 1.0))
    assert outcome.success and outcome.statistic > 0.5
    assert outcome.channel_p.shape == (2, 3)


def test_signals_that_are_one_and_a_half_seconds_apart_do_not():
    assert not compare(_sessions(1, 1.0, late=150)).success


def test_unrelated_signals_pass_as_rarely_as_stated():
    p = np.array([compare(_sessions(seed, 0.0)).p for seed in range(20)])
    # Of 20 draws of a uniform p, more than 2 below 0.01 or fewer than 4 below 0.5 each have a chance of about 0.1 %.
    assert (p < 0.01).sum() <= 2 and 4 <= (p < 0.5).sum() <= 16


def test_shifts_are_circular_correlations():
    random = np.random.default_rng(2)
    a, b = random.normal(size=(2, 500, 2))
    table = shift_table(a, b)
    for shift in (0, 7, 333):
        wanted = [np.corrcoef(np.roll(a[:, c], shift), b[:, c])[0, 1] for c in range(2)]
        np.testing.assert_allclose(table[shift], wanted, atol=1e-12)
    assert len(table) > LEAST_SHIFT - 1


def test_pairs_become_sessions(tmp_path):
    make_pairs(tmp_path / 'source', '1')
    make_pairs(tmp_path / 'source', '2')
    data = import_pairs(tmp_path / 'source', tmp_path / 'data').data
    sessions = [make_session(data.load(e)) for e in data.entries.values()]
    assert sessions[0].features.shape[1] == 50 and sessions[0].target.shape[1] == 3
    with pytest.raises(DataError, match='fewer than two'):
        compare(sessions[:1])


def test_sessions_too_short_to_shift_are_named():
    one, other = _sessions(1, 1.0)
    few = slice(0, 2 * LEAST_SHIFT)
    short = Session('short', other.features[few], other.target[few], other.channel)
    with pytest.raises(DataError, match='muscles of short have less than 10 s in common'):
        compare([one, short])
