"""Which stretches of a session count, whatever was told of them."""

import pytest

from pianokpm_ros.recording.events import EVENT_TYPE, SessionEvent, list_trials, read_events
from pianokpm_ros.recording.writer import BagWriter, RecordingError


def tell(*actions):
    """Events a second apart; the words after a colon are the task."""
    told = [a.partition(':') for a in actions]
    return [
        SessionEvent(i * 10**9, action, '' if action == 'session' else 'task', {'task': task})
        for i, (action, _, task) in enumerate(told)
    ]


def tasks(trials):
    return [(t.details['task'], t.begin // 10**9, t.end // 10**9) for t in trials]


def test_what_is_discarded_is_the_running_trial_or_else_the_last_one():
    ended = tell('begin:a', 'end', 'begin:b', 'end', 'discard', 'begin:c', 'end')
    assert tasks(list_trials(ended)[1]) == [('a', 0, 1), ('c', 5, 6)]
    running = tell('begin:a', 'end', 'begin:b', 'discard', 'end', 'begin:c', 'end')
    assert tasks(list_trials(running)[1]) == [('a', 0, 1), ('c', 5, 6)]
    assert list_trials(tell('discard', 'end'))[1] == []


def test_a_trial_that_never_ended_ends_with_the_recording():
    told = tell('begin:a', 'end', 'begin:b')
    assert tasks(list_trials(told)[1]) == [('a', 0, 1)]
    assert tasks(list_trials(told, 7 * 10**9)[1]) == [('a', 0, 1), ('b', 2, 7)]
    assert tasks(list_trials(told, 2 * 10**9)[1]) == [('a', 0, 1)]


def test_events_count_in_the_order_of_their_stamps_and_a_session_adds_up():
    told = tell('begin:a', 'end', 'begin:b', 'end')
    assert list_trials(told[::-1])[1] == list_trials(told)[1]
    about = [
        SessionEvent(i, 'session', '', d) for i, d in enumerate(({'side': 'left'}, {'bpm': 80}))
    ]
    assert list_trials(about)[0] == {'side': 'left', 'bpm': 80}


def test_events_are_found_in_any_namespace(tmp_path):
    told = tell('begin:a', 'end:ä')
    with BagWriter(tmp_path / 'bag') as bag:
        for event, topic in zip(told, ('/protocol/event', '/room_2/protocol/event'), strict=True):
            bag.write(topic, EVENT_TYPE, event.to_cdr(), event.stamp + 5)
        bag.write('/other_protocol/event', EVENT_TYPE, told[0].to_cdr(), 7)
    assert list(read_events(tmp_path / 'bag')) == told


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('{"schema": "pianokpm-event"}', 'no event of a session'),
        ('[1]', 'no event of a session'),
        (tell('begin:a')[0].to_json().replace('"version": 1', '"version": 2'), 'another version'),
        (tell('begin:a')[0].to_json().replace('"begin"', '"start"'), 'another version'),
        (tell('begin:a')[0].to_json().replace('"task", ', '"song", '), 'another version'),
    ],
)
def test_what_is_no_event_is_refused(text, words):
    with pytest.raises(RecordingError, match=words):
        SessionEvent.from_json(text)
