import math
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.view.live_state import LiveState, PlaybackClock

from ..messages.examples import make_activity

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND


def estimate(rng, stamp, samples=16):
    return replace(make_activity(rng, samples), stamp=stamp, side=Side.RIGHT)


@pytest.mark.parametrize('rate', [0.25, 1.0, 2.0])
def test_frames_are_due_by_the_playbacks_rate(rate):
    clock = PlaybackClock(T0, rate)
    assert clock.due(T0 + SECOND) == T0 + round(SECOND / rate)
    assert clock.position(clock.due(T0 + SECOND)) == SECOND
    assert clock.position(T0 - SECOND) == 0


def test_rates_are_those_of_the_last_seconds():
    state = LiveState(['a', 'b'], 1.0)
    for i in range(300):
        state.count('a', T0 + i * SECOND // 100)
    shown = state.snapshot(T0 + 3 * SECOND)
    assert shown.rates == {'a': pytest.approx(100, abs=1), 'b': 0}
    assert shown.counts == {'a': 300, 'b': 0}
    # A topic that fell silent loses its rate, not its count.
    later = state.snapshot(T0 + 10 * SECOND)
    assert (later.rates['a'], later.counts['a']) == (0, 300)


def test_the_delay_counts_from_when_the_frame_was_due(rng):
    state = LiveState(['m'], 0.5)
    state.start(T0)
    assert math.isnan(state.snapshot(T0).delay)
    for i in range(10):
        stamp = T0 + i * SECOND // 10
        state.take('m', estimate(rng, stamp), T0 + 2 * (stamp - T0) + 40_000_000)
    assert state.snapshot(T0).delay == pytest.approx(0.04)
    assert len(state.received) == 10


def test_repeated_estimates_are_shown_but_are_no_reception(rng):
    state = LiveState(['m'], 1.0)
    state.start(T0)
    state.take('m', estimate(rng, T0), T0 + 5)
    state.take('m', estimate(rng, T0), T0 + 7)
    repeated = estimate(rng, T0 + 1, samples=0)
    state.take('m', repeated, T0 + SECOND)
    assert state.received == {(Side.RIGHT, T0): T0 + 5}
    assert state.snapshot(T0).newest[Side.RIGHT] is repeated


def test_a_graph_that_runs_for_days_fills_no_memory(rng, monkeypatch):
    monkeypatch.setattr('pianokpm_ros.view.live_state.RECEIVED', 10)
    state, made = LiveState(['m'], 1.0), estimate(rng, T0)
    for i in range(30):
        state.take('m', replace(made, stamp=T0 + i), T0 + i)
    assert list(state.received) == [(Side.RIGHT, T0 + i) for i in range(20, 30)]


def test_rates_begin_anew_where_the_clock_was_set_back():
    state = LiveState(['a'], 1.0)
    for back in (0, 3600 * SECOND):
        for i in range(201):
            state.count('a', T0 - back + i * SECOND // 100)
    assert state.snapshot(T0 - back + 2 * SECOND).rates['a'] == pytest.approx(100, abs=1)


def test_complaints_go_when_all_is_well_again():
    state = LiveState([], 1.0)
    state.complain('x_node', 'no view')
    assert state.snapshot(0).faults == {'x_node': 'no view'}
    state.complain('x_node', '')
    assert state.snapshot(0).faults == {}


def test_the_end_is_when_it_was_heard():
    state = LiveState([], 1.0)
    assert state.snapshot(0).ended is None and state.snapshot(0).clock is None
    state.start(T0)
    state.end(T0 + 9)
    assert state.snapshot(0).ended == T0 + 9
    assert state.snapshot(0).clock.origin == T0 and np.isnan(state.snapshot(0).delay)
