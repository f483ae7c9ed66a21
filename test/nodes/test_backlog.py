"""What a node that was held up skips, and what it never skips."""

import pytest
from pianokpm.msg import HandPose

from pianokpm_ros.nodes.backlog import Backlog
from pianokpm_ros.nodes.sensor_messages import make_header

SECOND = 1_000_000_000


def pose(seconds):
    return HandPose(header=make_header(round((100 + seconds) * SECOND), ''))


def seconds(message):
    return round(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9 - 100, 3)


def work(limit, *entries):
    """Return (topic or key, seconds) as handled, and the number skipped."""
    backlog, handled = Backlog(limit), []
    for topic, at in entries:
        backlog.push(topic, pose(at), lambda m, t=topic: handled.append((t, seconds(m))))
    assert len(backlog) == len(entries)
    backlog.work()
    assert len(backlog) == 0
    return handled, backlog.skipped


def test_what_lies_too_far_behind_the_newest_of_its_topic_is_skipped():
    entries = [('a', 0.0), ('b', 0.05), ('a', 0.1), ('b', 0.1), ('a', 0.2)]
    assert work(0.1, *entries) == ([('b', 0.05), ('a', 0.1), ('b', 0.1), ('a', 0.2)], 1)


def test_what_has_no_topic_is_never_skipped_and_keeps_its_place():
    entries = [('', 0.0), ('a', 0.0), ('', 0.5), ('a', 1.0), ('', 1.0)]
    assert work(0.1, *entries) == ([('', 0.0), ('', 0.5), ('a', 1.0), ('', 1.0)], 1)


def test_without_a_limit_nothing_is_skipped():
    entries = [('a', at) for at in range(50)]
    assert work(0.0, *entries) == (entries, 0)


@pytest.mark.parametrize(('course', 'left'), [((5, 5.1, 0, 0.1), 4), ((0, 0.1, 9, 9.1), 2)])
def test_a_clock_that_jumps_back_makes_nothing_old_and_one_that_jumps_ahead_does(course, left):
    handled, skipped = work(0.2, *(('a', at) for at in course))
    assert len(handled) == left and skipped == 4 - left
    assert handled[-1] == ('a', course[-1])


def test_what_comes_while_it_works_waits_for_the_next_time():
    backlog, handled = Backlog(0.1), []
    backlog.push('a', pose(0), lambda m: backlog.push('a', pose(9), handled.append))
    backlog.work()
    assert (len(backlog), handled, backlog.skipped) == (1, [], 0)
