"""The curve of calibration: what is drawn, what is scored, and that a person who differs is found."""

import numpy as np
import pytest
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evidence.person_curve import (
    PersonTakes,
    Row,
    Take,
    draw_piece,
    fit_all,
    fit_scale,
    run_draws,
    score,
)

from pianokpm_ros.muscle.person_fit import SHORTEST

from ..muscle.test_person_fit import make_person

GAIN = np.array([0.5, 1.5, 0.6, 1.4, 0.7, 1.3])


@pytest.fixture(scope='module')
def person():
    takes = [Take('ab'[i % 2], (make_person(i, 3000, GAIN),)) for i in range(8)]
    return PersonTakes('s01', tuple(takes[:6]), tuple(takes[6:]))


@pytest.mark.parametrize(('way', 'tasks'), [('spread', 2), ('one piece', 1)])
def test_pieces_are_as_long_as_asked(person, way, tasks):
    pieces = draw_piece(person.learn, 1001, way, np.random.default_rng(1))
    assert len(pieces) == tasks and sum(len(p) for p in pieces) == 1001
    long = draw_piece(person.learn, 5000, 'one piece', np.random.default_rng(1))
    assert [len(p) for p in long] == [3000, 2000]


def test_a_part_of_a_persons_data_closes_the_gap(person):
    before, _ = score(person.test)
    after = run_draws(person, 0.2, 'spread', 3, 1)
    assert max(s.rmse for s in after) < 0.6 * before.rmse
    assert all(s.worst < 0.005 and s.r >= before.r - 0.05 for s in after)
    scale = run_draws(person, 0.2, 'spread', 3, 1, fit_scale)
    assert max(s.rmse for s in scale) < before.rmse
    # Of little data more is drawn than its part: a fit needs 3 s, and so many are told.
    assert person.part(0.001) == SHORTEST == 300 and person.part(0.1) == 2400
    with pytest.raises(DataError, match='only 180 s are kept for learning'):
        run_draws(person, 0.9, 'spread', 1, 1)


def test_scores_are_the_metrics(person):
    take = person.test[0].stretches[0]
    found, muscles = score(person.test[:1])
    wanted = np.sqrt(np.mean((take.mean - take.target) ** 2, axis=0))
    np.testing.assert_allclose(muscles, wanted, rtol=1e-6)
    assert found.rmse == pytest.approx(wanted.mean())
    own = fit_all([s for t in person.learn for s in t.stretches])
    assert score(person.test, own)[0].inside == pytest.approx(0.68, abs=0.08)


def test_rows_average_over_persons_and_draws(person):
    one, _ = score(person.test)
    row = Row('spread', 0.01, 1.0, {'a': [one, one], 'b': [one, one]})
    assert row.mean('rmse') == pytest.approx(one.rmse) and row.values('r').shape == (2, 2)
    assert row.interval('rmse') == pytest.approx((one.rmse, one.rmse))
