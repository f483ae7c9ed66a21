"""Whatever comes, in whatever order: commands stay finite, in range, within their slopes, and time out."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pianokpm_ros.anatomy import MUSCLES, Status
from pianokpm_ros.client import ActivityGuard, ClientOptions, Fault, State
from pianokpm_ros.client.conformance import find_breach
from test.client.streams import EPOCH, MS, PERIOD, Bench, make_activity

SECOND = 1_000_000_000

numbers = st.one_of(
    st.floats(0, 1, width=32),
    st.floats(width=32),
    st.sampled_from([math.nan, math.inf, -0.0, 1e38]),
)
steps = st.one_of(
    st.integers(0, 20 * MS),
    st.integers(0, SECOND),
    st.sampled_from([-SECOND, -(10**18), 3600 * SECOND, 10**18]),
)
messages = st.fixed_dictionaries(
    {
        'value': st.lists(numbers, min_size=6, max_size=6),
        'confidence': numbers,
        'status': st.sampled_from(Status),
        'muscle': st.sampled_from([MUSCLES, MUSCLES[::-1], (*MUSCLES[:5], 'FDI')]),
        'moved': st.one_of(st.just(PERIOD), steps),
    }
)
good = st.fixed_dictionaries(
    {
        'value': st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6),
        'moved': st.just(PERIOD),
    }
)
events = st.one_of(messages, good, good, st.sampled_from(['lose', 'refuse', 'command']), st.none())
option_sets = st.builds(
    lambda rise, ramp, period, count: ClientOptions(
        rise=rise, ramp=ramp, period=period, recovery_count=count
    ),
    st.floats(0.1, 1000),
    st.floats(0.01, 0.2),
    st.floats(1 / 120, 1 / 25),
    st.integers(1, 20),
)


def play(options, sequence):
    guard, now, stamp, run = ActivityGuard(options), 0, EPOCH, []
    for step, event in sequence:
        now += step
        if event == 'lose':
            guard.lose(now)
        elif event == 'refuse':
            guard.refuse(Fault.MALFORMED, now)
        elif isinstance(event, dict):
            fields = dict(event)
            stamp += fields.pop('moved')
            guard.push(make_activity(stamp, **fields), now)
        run.append((now, guard.command(now)))
    return run


@settings(max_examples=400, deadline=None)
@given(option_sets, st.lists(st.tuples(st.one_of(st.just(PERIOD), steps), events), max_size=60))
def test_commands_keep_their_limits_whatever_comes(options, sequence):
    assert find_breach(options, play(options, sequence)) == ''


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_silence_always_ends_in_passive_and_good_data_in_active(data):
    """From any state that 0.3 s of anything can lead to."""
    bench = Bench()
    bench.run(1.2)
    for _ in range(data.draw(st.integers(0, 20))):
        fields = data.draw(messages)
        fields.pop('moved')
        bench.frame += 1
        bench.guard.push(make_activity(bench.offset + bench.frame * PERIOD, **fields), bench.now)
        bench.now += data.draw(st.integers(0, 16 * MS))
        bench.guard.command(bench.now)
    bench.run(0.4, lambda _: None)
    assert bench.guard.state == State.PASSIVE
    # 1.2 s: twelve periods and the recovery, and a jump of the stamps on the way
    bench.run(1.3)
    assert bench.guard.state == State.ACTIVE
    assert find_breach(bench.guard.options, bench.commands) == ''


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'value': (math.nan,) * 6}, 'not within'),
        ({'value': (1.01,) * 6}, 'not within'),
        ({'value': (0.56,) * 6}, 'rose'),
        ({'value': (0.3,) * 6}, 'fell'),
        ({'state': State.PASSIVE}, 'passive with'),
        ({'silent': 0.06}, 'ACTIVE after'),
        ({'silent': 0.2, 'state': State.RAMPING}, 'left'),
        ({'value': (0.5,)}, '1 values'),
    ],
)
def test_the_check_itself_notices_each_breach(change, words):
    bench = Bench()
    last = bench.run(1.2)[-1]
    spoilt = last[0] + 10 * MS, dataclasses.replace(last[1], **change)
    assert words in find_breach(bench.guard.options, [last, spoilt])
