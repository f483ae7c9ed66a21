import io
import itertools

import pytest
from rich.console import Console

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.protocol.guide import LISTEN, Guide
from pianokpm_ros.protocol.plan import ProtocolError, load_plan, make_plan
from pianokpm_ros.protocol.streams import StreamLine
from pianokpm_ros.recording.events import SessionEvent, list_trials
from pianokpm_ros.recording.writer import RecordingError

SHORT = dict(
    rest=2.0, mvc={'seconds': 3.0, 'repeats': 1}, taps=4, tasks=[{'name': 'scales', 'repeats': 2}]
)


def guide(answers, plan, look=list):
    """Run a guide with answers; returns it, the events with times that count the waiting, and whether it ended well."""
    told, clock, given = [], itertools.count(), iter(answers)
    waited = [0.0]

    def tell(action, kind, details):
        told.append(SessionEvent(round(waited[0] * 1e9) + next(clock), action, kind, details))

    def wait(seconds):
        waited[0] += seconds

    said = io.StringIO()
    made = Guide(Console(file=said, width=200), tell, lambda _: next(given), wait, look)
    made.said = said.getvalue
    return made, told, made.run(plan)


def test_the_shipped_protocol_has_every_muscle(root):
    plan = load_plan(root / 'config' / 'protocol.yaml')
    assert {s.details['muscle'] for s in plan.steps if s.kind == 'mvc'} == set(MUSCLES)
    assert {s.kind for s in plan.steps} == {'rest', 'mvc', 'taps', 'task'}


def test_all_steps_become_trials(root):
    plan = make_plan(**SHORT)
    answers = ['p07', ''] + ['', ''] * 7 + ['', '', ''] * 3
    made, told, finished = guide(answers, plan)
    about, trials = list_trials(told)
    assert finished and about['subject'] == 'p07' and about['electrodes'] == list(MUSCLES)
    assert [t.kind for t in trials] == ['rest', *['mvc'] * 6, 'taps', 'task', 'task']
    assert [t.details.get('muscle') for t in trials[1:7]] == list(MUSCLES)
    assert (trials[1].end - trials[1].begin) * 1e-9 == pytest.approx(3.0, abs=1e-6)
    assert [t.details.get('trial') for t in trials[-2:]] == [0, 1]
    assert made.done == 10


def test_a_repeated_take_counts_once_and_a_skipped_one_not():
    plan = make_plan(
        rest=2.0,
        mvc={'repeats': 0},
        taps=0,
        tasks=[{'name': 'a', 'seconds': 5}, {'name': 'b', 'seconds': 5}],
    )
    answers = ['p07', '', 's', '', 'r', 'r', '', '', '']
    made, told, finished = guide(answers, plan)
    _, trials = list_trials(told)
    assert finished and [t.details['task'] for t in trials] == ['a', 'b']
    assert (
        sum(e.action == 'begin' for e in told) == 4
        and sum(e.action == 'discard' for e in told) == 2
    )
    assert trials[0].begin == pytest.approx((10 + LISTEN) * 1e9, abs=100)
    assert (made.done, made.repeated, made.skipped) == (2, 2, 1)


def test_a_name_is_no_pseudonym():
    plan = make_plan(rest=1.0, mvc={'repeats': 0}, taps=0)
    made, told, finished = guide(['Anna', '', 'p7b', 'sub-07', '', '', ''], plan)
    assert finished and told[0].details['subject'] == 'sub-07'
    assert 'Anna' not in ''.join(e.to_json() for e in told)


def test_what_does_not_arrive_is_told_before_and_after_a_take():
    plan = make_plan(rest=1.0, mvc={'repeats': 0}, taps=1)
    bad = [StreamLine('EMG', False, 'nothing'), StreamLine('keys', True, 'some')]
    good = [StreamLine('EMG', True, 'six [channels]'), StreamLine('keys', True, 'some')]
    # Each look but the last is preceded by one that only begins to count: twice at first, then two takes.
    looks = iter([[], bad, [], good, [], bad, [], bad])
    answers = ['', 'p07', '', '', '', '', '', '']
    made, _, finished = guide(answers, plan, lambda: next(looks))
    # Once at the start, once after the rest; taps do without EMG.
    assert finished and made.said().count('WRONG EMG: nothing') == 2
    assert 'ok    EMG: six [channels]' in made.said()
    assert not guide(['q'], plan, lambda: bad)[2]


def test_words_of_a_protocol_are_shown_as_they_are():
    words = 'hold [b], then [/a]'
    plan = make_plan(
        name='[day]', mvc={'repeats': 0}, taps=0,
        tasks=[{'name': '[x]', 'words': words, 'seconds': 1}],
    )  # fmt: skip
    made, _, finished = guide(['p07'] + [''] * 8, plan)
    assert finished and all(w in made.said() for w in (words, '[day]', '[x] (1 of 1)'))


def test_one_can_end_at_any_time():
    plan = make_plan(**SHORT)
    assert not guide(['p07', 'q'], plan)[2]
    made, told, finished = guide(['p07', '', '', '', 'q'], plan)
    assert not finished and [t.kind for t in list_trials(told)[1]] == ['rest']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('side: both', 'left or right'),
        ('electrodes: [1DI, 1DI]', 'names of their own'),
        ('breath: 3', 'breath'),
        ('tasks: [{words: x}]', 'name'),
        ('rest: soon', "rest: expected a number from 0 to 3600, found 'soon'"),
        ('rest: .inf', 'rest: expected a number'),
        ('taps: 2.5', 'taps: expected a whole number from 0 to 100, found 2.5'),
        ('mvc: {repeats: 100000000}', 'mvc repeats: expected a whole number'),
        ('tasks: [{name: scales, seconds: .nan}]', 'seconds of the task scales'),
        ('tasks: [{name: scales, repeats: 0}]', 'repeats of the task scales'),
        ('- a', 'name: value'),
        ('a: [', 'no YAML'),
    ],
)
def test_a_protocol_that_can_not_be_done_is_refused(tmp_path, text, words):
    (tmp_path / 'p.yaml').write_text(text)
    with pytest.raises(ProtocolError, match=words):
        load_plan(tmp_path / 'p.yaml')


@pytest.mark.parametrize('stamp', ['"noon"', 'null', '1e999'])
def test_an_event_at_no_time_is_refused(stamp):
    text = SessionEvent(7, 'begin', 'task').to_json()
    assert SessionEvent.from_json(text).stamp == 7
    with pytest.raises(RecordingError, match='no event of a session'):
        SessionEvent.from_json(text.replace('"stamp": 7', f'"stamp": {stamp}'))
