"""The plausibility report measures what it says, and tells which assumptions matter."""

import re

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures('extra')


@pytest.fixture(scope='module')
def hand(takes):
    from pianokpm_ros.anatomy import Side

    return takes['scales'].hands[Side.RIGHT]


def test_the_model_itself_is_reproduced(hand, pianist):
    from pianokpm_training.simulation.variants import activate

    np.testing.assert_allclose(activate(hand, pianist), hand.activation, atol=1e-9)


def test_variants_differ_as_their_names_say(hand, pianist):
    from pianokpm_training.simulation.variants import VARIANTS, activate, correlate

    own = activate(hand, pianist)
    assert activate(hand, pianist, 'no co-contraction').min(axis=0).max() < own.min(axis=0).max()
    light, arms = correlate(hand, pianist, 'light'), correlate(hand, pianist, 'other arms')
    known = np.isfinite(light) & np.isfinite(arms)
    assert known.sum() >= 4
    assert (np.abs(light[known]) <= 1).all() and light[known].mean() < arms[known].mean() < 1
    assert set(VARIANTS) >= {'light', 'cubic effort', 'other arms', 'no co-contraction'}


def test_cubic_effort_is_what_is_minimised(hand, pianist):
    """Of the two answers the cubic one costs less by the cubic measure, and the square one by the square's."""
    from pianokpm_training.simulation.excitation import effort_weights
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.optimisation import TOLERANCE, UNSHARED, share_load
    from pianokpm_training.simulation.variants import Problem, _share_cubic

    load, weight = hand.load, effort_weights(build_hand(pianist.body), pianist.nerves)
    square = share_load(load, weight).activation
    cubic = _share_cubic(Problem(load, weight, np.zeros((len(square), 6)), True))
    tolerance = np.array([UNSHARED.get(n, TOLERANCE) for n in load.joints])

    def cost(activation, power):
        given = np.einsum('tuj,tu->tj', -load.arms * load.strength[..., None], activation)
        missed = (((load.torque - given) / tolerance) ** 2).sum(axis=1)
        # Reweighting with a^(p-2) minimises 2/p of the effort's power: the stationary points are the same.
        return np.mean(2 / power * (weight * activation**power).sum(axis=1) + missed)

    assert cost(cubic, 3) < cost(square, 3)
    assert cost(square, 2) < cost(cubic, 2)


def test_measures_of_a_hand(hand, pianist):
    from pianokpm_training.simulation.report.measures import measure_hand

    found = measure_hand(hand, pianist, len(hand.plan.notes) + 2)
    assert found.left_out == 2 and len(found.error) == len(hand.plan.notes)
    assert found.sunk < 0.0015 and found.overrun < 1e-9
    assert (found.torque > 0).all() and (found.saturated <= 1).all()
    assert ((found.frequency > 90) & (found.frequency < 160)).all()
    assert (found.strikes[:, 2] <= 1).all() and found.strikes[:, 0].max() <= 5
    assert found.force.min() > 0.5, 'no key goes down with less than its weight'


def test_burst_width_is_that_of_a_bell():
    from pianokpm_training.simulation.report.measures import burst_widths

    time = np.arange(0, 3, 1e-3)
    bells = sum(0.3 * np.exp(-0.5 * ((time - t) / 0.05) ** 2) for t in (0.7, 1.5, 2.3))
    np.testing.assert_allclose(burst_widths(bells), 2.3548 * 0.05, atol=2e-3)
    assert len(burst_widths(bells, least=0.5)) == 0


def test_leads_are_found_about_key_down():
    from pianokpm_training.simulation.report.measures import AFTER, BEFORE, find_lead

    time = np.arange(-BEFORE, AFTER + 1e-9, 0.01)
    ramp = 0.1 + 0.4 * np.clip((time + 0.08) / 0.1, 0, 1) * (time < 0.1)
    start, peak = find_lead(ramp)
    assert start == pytest.approx(-0.05, abs=0.011)  # a quarter of the rise, samples of 10 ms
    assert peak == pytest.approx(0.02, abs=0.011)


def test_the_report_is_one_page_that_needs_nothing_else(tmp_path):
    from pianokpm_training.simulation.make import Order
    from pianokpm_training.simulation.report import MAKERS, write_report

    order = Order(seed=3, people=1, tasks=('pieces',), seconds=5.0, trials=1)
    told = []
    path, tables = write_report(tmp_path / 'new', order, 1, lambda *n: told.append(n))
    assert told == [(0, 1), (1, 1)] and len(tables) == len(MAKERS)
    page = path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ['report.html']
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert 'never the truth of a person' in page and 'What is not realistic' in page
    for table in tables:
        assert table.rows and all(len(r) == len(table.header) for r in table.rows)
        assert table.lines()[0] == table.title
    ceiling = next(t for t in tables if t.title.startswith('Noise ceiling'))
    r = next(row for row in ceiling.rows if row[0] == 'Pearson r')
    assert all(-0.5 < float(v) < 1 for v in r[1:] if v != '-')


def test_a_data_sets_own_order_is_reported_on(tmp_path):
    import json
    from dataclasses import asdict

    from pianokpm_training.simulation.make import ORDER, Order, read_order
    from pianokpm_training.simulation.report.gather import choose_jobs

    order = Order(seed=9, people=20, tasks=('chords', 'trills'))
    (tmp_path / ORDER).write_text(json.dumps(asdict(order)))
    assert read_order(tmp_path) == order and read_order(tmp_path / 'none') is None
    jobs = choose_jobs(order)
    assert len(jobs) == 6 and {j.trial for j in jobs} == {0}
