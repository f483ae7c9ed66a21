import numpy as np
import pytest

from pianokpm_ros.muscle.envelope_line import EnvelopeLine, floor_sample, interpolate_knots
from pianokpm_ros.muscle.timebase import MILLISECOND as MS
from pianokpm_ros.muscle.timebase import TICK


def line_value(stamp):
    return np.stack([stamp * 1e-9, 2 - stamp * 1e-9], axis=-1)


@pytest.mark.parametrize('lookahead', [0, 33 * MS, 67 * MS])
def test_samples_lie_on_the_course_of_the_knots(lookahead):
    line = EnvelopeLine(2, lookahead)
    ticks = 500 * MS + np.arange(3) * TICK
    line.add(ticks, line_value(ticks + TICK - lookahead))
    first, block = line.take(521 * MS)
    assert first == 521 * MS - lookahead and len(block) == 1  # begins with its newest sample
    line.add(ticks[-1:] + TICK, line_value(ticks[-1:] + 2 * TICK - lookahead))
    second, more = line.take(538 * MS + 7)
    assert second == first + MS and len(more) == 17
    stamps = np.concatenate([[first], second + np.arange(17) * MS])
    np.testing.assert_allclose(np.concatenate([block, more]), line_value(stamps), atol=1e-12)
    assert line.next == stamps[-1] + MS and (line.newest == more[-1]).all()


def test_nothing_new_is_an_empty_block():
    line = EnvelopeLine(2, 0)
    line.add(np.array([0]), np.ones((1, 2)))
    line.take(5 * MS)
    first, block = line.take(5 * MS + 999_999)
    assert block.shape == (0, 2) and first == 6 * MS


def test_a_restart_forgets():
    line = EnvelopeLine(1, 0)
    line.add(np.array([0]), np.ones((1, 1)))
    line.take(5 * MS)
    line.restart()
    assert line.next is None and np.isnan(line.newest).all()
    line.add(np.array([1000 * MS]), np.zeros((1, 1)))
    first, block = line.take(1003 * MS)
    assert first == 1003 * MS and block.tolist() == [[0.0]]


def test_old_knots_are_dropped():
    line = EnvelopeLine(1, 0)
    for tick in range(0, 1000 * TICK, TICK):
        line.add(np.array([tick]), np.ones((1, 1)))
        line.take(tick + 3 * MS)
    assert len(line._knots) <= 2


def test_samples_beyond_the_knots_are_held():
    knots, values = np.array([0, TICK]), np.array([[1.0], [2.0]])
    samples = np.array([-TICK, 0, TICK // 2, TICK, 3 * TICK])
    assert interpolate_knots(samples, knots, values)[:, 0].tolist() == [1, 1, 1.5, 2, 2]
    assert interpolate_knots(samples, knots[:1], values[:1])[:, 0].tolist() == [1] * 5


def test_stamps_before_the_epoch_are_floored_too():
    assert floor_sample(1_999_999) == 1_000_000 and floor_sample(-1) == -1_000_000
