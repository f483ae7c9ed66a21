"""The state machine: what it does when, with times that follow from its options."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Status
from pianokpm_ros.client import ActivityGuard, ClientOptions, ClientOptionsError, Fault, State
from test.client.streams import EPOCH, MS, PERIOD, Bench, make_activity, silence

TICK = 1e-3
"""The bench asks for a command each millisecond; a frame is received up to one late, a state seen up to one late."""


def first(commands, condition):
    """Return the time [ns] of the first command that fulfils a condition."""
    return next(t for t, c in commands if condition(c))


def started() -> Bench:
    bench = Bench()
    bench.run(1.2)
    assert bench.guard.state == State.ACTIVE
    return bench


def test_passive_until_enough_estimates_came():
    bench = Bench()
    commands = bench.run(1.5)
    o = bench.guard.options
    assert all(c.value == (0,) * 6 for _, c in commands if c.state == State.PASSIVE)
    leaves = first(commands, lambda c: c.state == State.RECOVERING)
    assert leaves == pytest.approx((o.recovery_count - 1) * PERIOD, abs=MS)
    whole = first(commands, lambda c: c.state == State.ACTIVE)
    assert (whole - leaves) * 1e-9 == pytest.approx(o.recovery, abs=2 * TICK)
    assert commands[-1][1].value == pytest.approx((0.5,) * 6)


def test_never_active_without_estimates():
    commands = Bench().run(1.0, silence)
    assert {c.state for _, c in commands} == {State.PASSIVE}
    assert commands[-1][1].silent == math.inf and commands[-1][1].fault == Fault.SILENCE


@pytest.mark.parametrize(
    ('make', 'fault'),
    [
        (silence, Fault.SILENCE),
        (lambda s: make_activity(s, math.nan), Fault.NOT_FINITE),
        (lambda s: make_activity(s, [0.1, 0.1, math.inf, 0.1, 0.1, 0.1]), Fault.NOT_FINITE),
        (lambda s: make_activity(s, confidence=math.nan), Fault.NOT_FINITE),
        (lambda s: make_activity(s, 1e9), Fault.RANGE),
        (lambda s: make_activity(s, -0.2), Fault.RANGE),
        (lambda s: make_activity(s, confidence=0.1), Fault.CONFIDENCE),
        (lambda s: make_activity(s, status=Status.STALE), Fault.STATUS),
        (lambda s: make_activity(s, status=Status.INVALID), Fault.STATUS),
        (lambda s: make_activity(s, muscle=('ADM', 'APB')), Fault.MUSCLES),
        (lambda s: make_activity(EPOCH), Fault.CLOCK_JUMP),
    ],
)
def test_holds_ramps_and_lets_go_in_time(make, fault):
    bench = started()
    usable = bench.guard.command(bench.now).stamp - EPOCH
    commands = bench.run(0.6, make)
    o = bench.guard.options
    held = [c for t, c in commands if (t - usable) * 1e-9 < o.hold]
    if fault != Fault.CLOCK_JUMP:  # a jump begins the ramp at once
        assert all(c.value == pytest.approx((0.5,) * 6) for c in held) and held
    zero = (first(commands, lambda c: max(c.value) == 0) - usable) * 1e-9
    passive = (first(commands, lambda c: c.state == State.PASSIVE) - usable) * 1e-9
    assert zero <= o.hold + o.ramp + 2 * TICK
    assert o.passive_after <= passive + 1e-9 and passive <= o.passive_after + 2 * TICK
    assert commands[-1][1].fault == fault


def test_one_lost_message_in_a_row_of_three_changes_nothing():
    bench = started()
    lost = {bench.frame + 5, bench.frame + 6}
    commands = bench.run(
        0.5, lambda s: None if (s - EPOCH) // PERIOD in lost else make_activity(s)
    )
    assert all(c.value == pytest.approx((0.5,) * 6) for _, c in commands)
    assert {c.state for _, c in commands} == {State.ACTIVE, State.HOLDING}


def test_comes_back_smoothly_and_not_for_a_flicker():
    bench = started()
    bench.run(1.0, silence)
    flicker = bench.run(0.4, lambda s: make_activity(s) if (s // PERIOD) % 8 < 4 else None)
    assert {c.state for _, c in flicker} == {State.PASSIVE}
    back = bench.run(1.5)
    values = np.array([c.value[0] for _, c in back])
    assert back[-1][1].state == State.ACTIVE
    assert (np.diff(values) >= 0).all()
    o = bench.guard.options
    assert np.diff(values).max() <= o.rise * TICK + 1e-12


def test_recovery_asks_for_more_confidence_than_staying():
    bench = started()
    between = (bench.guard.options.confidence_none + bench.guard.options.recovery_confidence) / 2
    stays = bench.run(0.5, lambda s: make_activity(s, confidence=between))
    assert stays[-1][1].state == State.ACTIVE
    bench.run(0.5, silence)
    again = bench.run(1.0, lambda s: make_activity(s, confidence=between))
    assert {c.state for _, c in again} == {State.PASSIVE}


def test_confidence_scales_the_value():
    bench = started()
    commands = bench.run(0.5, lambda s: make_activity(s, confidence=0.4))
    # halfway between none (0.2) and full (0.6)
    assert commands[-1][1].value == pytest.approx((0.25,) * 6, rel=1e-6)
    assert commands[-1][1].scale == pytest.approx(0.5)


def test_slopes_are_limited_both_ways():
    bench = started()
    up = bench.run(0.3, lambda s: make_activity(s, 1.0))
    down = bench.run(0.3, lambda s: make_activity(s, 0.0))
    o = bench.guard.options
    for commands, limit in ((up, o.rise), (down, o.fastest_fall)):
        steps = np.abs(np.diff([c.value[0] for _, c in commands]))
        assert steps.max() == pytest.approx(limit * TICK, rel=1e-6)


def test_values_are_cut_at_the_ceiling():
    assert started().run(0.5, lambda s: make_activity(s, 2.5))[-1][1].value == (1.0,) * 6


def test_a_publisher_that_is_gone_ends_in_passive_sooner():
    bench = started()
    lost_at = bench.now
    bench.guard.lose(bench.now)
    commands = bench.run(0.3, silence)
    assert (first(commands, lambda c: max(c.value) == 0) - lost_at) * 1e-9 <= 0.1 + TICK
    passive = (first(commands, lambda c: c.state == State.PASSIVE) - lost_at) * 1e-9
    assert passive <= bench.guard.options.ramp + TICK
    assert commands[-1][1].fault == Fault.LIVELINESS


def test_a_publisher_that_is_back_is_waited_for_as_any_other():
    bench = started()
    bench.guard.lose(bench.now)
    bench.run(0.3, silence)
    bench.run(0.25)
    assert bench.guard.state == State.RECOVERING
    last = bench.guard.command(bench.now).silent
    commands = bench.run(0.5, silence)
    passive = first(commands, lambda c: c.state == State.PASSIVE) - commands[0][0]
    assert passive * 1e-9 + last >= bench.guard.options.passive_after - TICK


def test_a_missed_deadline_hides_no_cause():
    bench = started()
    bench.run(0.03, lambda s: make_activity(s, math.nan))
    bench.guard.refuse(Fault.DEADLINE, bench.now)
    assert bench.run(0.1, silence)[-1][1].fault == Fault.NOT_FINITE
    assert bench.guard.faults[Fault.DEADLINE] == 1


@pytest.mark.parametrize('jump', [-5.0, 5.0, 3600.0])
def test_a_jump_of_the_ros_clock_ramps_and_recovers(jump):
    bench = started()
    bench.offset += round(jump * 1e9)
    commands = bench.run(1.5)
    values = np.array([c.value[0] for _, c in commands])
    assert bench.guard.faults[Fault.CLOCK_JUMP] == 1
    assert values.min() < 0.45 and commands[-1][1].state == State.ACTIVE
    assert np.abs(np.diff(values)).max() <= bench.guard.options.fastest_fall * TICK + 1e-12


@pytest.mark.parametrize('jump', [-10_000, 10_000])
def test_a_jump_of_the_steady_clock_makes_no_step_and_no_revival(jump):
    bench = started()
    before = bench.guard.command(bench.now).value[0]
    after = bench.guard.command(bench.now + jump * MS).value[0]
    step = bench.guard.options.longest_step
    assert before - after <= bench.guard.options.fastest_fall * step
    assert after <= before


def test_repeated_and_older_messages_are_ignored():
    bench = started()
    stamp = EPOCH + (bench.frame - 1) * PERIOD
    for late in (0, PERIOD, 2 * PERIOD):
        assert bench.guard.push(make_activity(stamp - late, 0.9), bench.now) == Fault.ORDER
    assert bench.guard.command(bench.now).value == pytest.approx((0.5,) * 6)


@pytest.mark.parametrize('step', [0, 1])
def test_a_hand_that_nobody_sees_for_seconds_is_no_jump_of_the_clock(step):
    """The node repeats its last stamp, or goes on by a nanosecond, until a hand is seen again."""
    bench = started()
    last, repeats = EPOCH + (bench.frame - 1) * PERIOD, itertools.count(1)
    unseen = bench.run(
        2.0, lambda s: make_activity(last + step * next(repeats), status=Status.INVALID)
    )
    assert unseen[-1][1].fault == Fault.STATUS and unseen[-1][1].state == State.PASSIVE
    bench.run(1.5)
    assert bench.guard.state == State.ACTIVE
    assert {f for f, n in bench.guard.faults.items() if n} == {Fault.STATUS}


def test_old_frames_are_refused_where_clocks_are_compared():
    guard = ActivityGuard()
    assert guard.push(make_activity(EPOCH), 0, EPOCH + 100 * MS) == Fault.NONE
    assert guard.push(make_activity(EPOCH + 1), 1, EPOCH + 400 * MS) == Fault.OLD
    assert guard.push(make_activity(EPOCH + 2), 2, EPOCH - 400 * MS) == Fault.OLD


@pytest.mark.parametrize('sign', [1, -1])
def test_a_frame_is_old_or_of_the_future_from_the_limit_on(sign):
    limit = round(ClientOptions().oldest * 1e9)
    for age, fault in ((limit - MS, Fault.NONE), (limit + MS, Fault.OLD)):
        guard = ActivityGuard()
        assert guard.push(make_activity(EPOCH), 0, EPOCH + sign * age) == fault


def test_a_fault_that_is_over_is_not_the_cause_of_the_next_loss():
    bench = started()
    while bench.guard.state != State.HOLDING:  # the next frame comes before the hold is over
        bench.run(0.001, lambda s: make_activity(s, math.nan))
    assert bench.guard.command(bench.now).fault == Fault.NOT_FINITE
    bench.run(0.1)
    assert bench.guard.state == State.ACTIVE
    assert {c.fault for _, c in bench.run(0.2, silence)} == {Fault.NONE, Fault.SILENCE}


def test_muscles_come_in_the_order_asked_for():
    guard = ActivityGuard(ClientOptions(muscles=('1DI', 'ADM'), rise=1e6, recovery=1e-6))
    values = dict(zip(MUSCLES, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True))
    for i in range(30):
        guard.push(make_activity(EPOCH + i * PERIOD, list(values.values())), i * PERIOD)
        command = guard.command(i * PERIOD + MS)
    assert command.value == pytest.approx((0.3, 0.1))


@pytest.mark.parametrize(
    'change',
    [
        {'muscles': ()},
        {'period': 0.0},
        {'period': math.nan},
        {'fall': 5.0},
        {'confidence_none': 0.7},
        {'passive_after': 0.04},
        {'nonsense': 0.5},
    ],
)
def test_contradicting_limits_are_refused_by_name(change):
    with pytest.raises(ClientOptionsError, match=next(iter(change))):
        ClientOptions(**change)


def test_commands_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ActivityGuard().command(0).share = 1.0
