import io
import itertools

import pytest
from rich.console import Console

from pianokpm_ros.anatomy import MUSCLES
from pianokpm_ros.protocol.guide import Guide
from pianokpm_ros.protocol.plan import ProtocolError, load_plan, make_plan
from pianokpm_ros.recording.events import SessionEvent, list_trials

SHORT = dict(
    rest=2.0, mvc={'seconds': 3.0, 'repeats': 1}, taps=4, tasks=[{'name': 'scales', 'repeats': 2}]
)


def guide(answers, plan):
    """Run a guide with answers; returns it, the events with times that count the waiting, and whether it ended well."""
    told, clock, given = [], itertools.count(), iter(answers)
    waited = [0.0]

    def tell(action, kind, details):
        told.append(SessionEvent(round(waited[0] * 1e9) + next(clock), action, kind, details))

    def wait(seconds):
        waited[0] += seconds

    made = Guide(Console(file=io.StringIO()), tell, lambda _: next(given), wait)
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
    assert trials[0].begin == pytest.approx(10e9, abs=100)
    assert (made.done, made.repeated, made.skipped) == (2, 2, 1)


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
        ('- a', 'name: value'),
        ('a: [', 'no YAML'),
    ],
)
def test_a_protocol_that_can_not_be_done_is_refused(tmp_path, text, words):
    (tmp_path / 'p.yaml').write_text(text)
    with pytest.raises(ProtocolError, match=words):
        load_plan(tmp_path / 'p.yaml')
