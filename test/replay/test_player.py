import struct
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.replay.comparison import compare_estimates, read_tracks
from pianokpm_ros.replay.graph import ReplayOptions, describe_replay
from pianokpm_ros.replay.player import WINDOW, Follower, Player
from pianokpm_ros.replay.recompute import Recomputation, recompute, write_recomputation
from pianokpm_ros.replay.selection import Selection, StoredMessage, list_topics, select_messages
from pianokpm_ros.view.difference import plot_difference

SECOND = 1_000_000_000
BEGIN = 7 * SECOND
POSE = 'pianokpm/msg/HandPose'


def make(stamp, datatype=POSE):
    return StoredMessage(
        '/x', datatype, b'\0\1\0\0' + struct.pack('<iI', *divmod(stamp, SECOND)), stamp
    )


@pytest.mark.parametrize('rate', [1.0, 4.0])
def test_messages_go_out_when_they_are_due(rate, lateness):
    sent, ticks = [], []
    player = Player(rate, lambda m: sent.append(time.monotonic_ns()), ticks.append)
    step = 10_000_000
    messages = [make(7 * SECOND + round(i * step * rate)) for i in range(60)]
    assert player.play(messages)
    late = np.array(player.timing.late)
    assert len(late) == 60 and late.min() >= 0, 'sent before it was due'
    # When each was due, by what is told of how late it was: a busy machine holds messages up, not that.
    off = np.array(sent) - late - np.arange(60) * step
    assert np.median(np.abs(off - np.median(off))) < 2e6
    assert np.median(late) < 1e9 * lateness.stretch(0.002)
    assert ticks == sorted(ticks) and ticks[-1] == messages[-1].time
    assert set(m.time for m in messages) <= set(ticks)


@pytest.mark.parametrize('offsets', [(3600, 0), (0, 2 * 86_400)])
def test_a_bag_whose_clock_was_set_keeps_its_pace_and_tells_the_new_time(offsets):
    sent, ticks = [], []
    player = Player(1.0, lambda m: sent.append(time.monotonic_ns()), ticks.append)
    step = 10_000_000
    times = [BEGIN + i * step + SECOND * offset for offset in offsets for i in range(40)]
    ending = threading.Timer(20.0, player.stop)
    ending.start()
    assert player.play([make(t) for t in times])
    ending.cancel()
    took = np.median(sent[60:]) - np.median(sent[40:60])
    assert took == pytest.approx(20 * step, rel=0.25)
    assert set(times) <= set(ticks)


@pytest.mark.parametrize('rounds', [1, 2])
def test_as_fast_as_possible_does_not_outrun_those_who_answer(rounds):
    follower, sent, ahead = Follower(['a']), [], []
    done = threading.Event()

    def answer():
        taken = 0
        while not done.is_set():
            while taken < len(sent):
                time.sleep(0.001)
                ahead.append(sent[-1] - sent[taken])
                follower.heard('a', sent[taken])
                taken += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=answer)
    thread.start()
    player = Player(0, lambda m: sent.append(m.time), lambda _: None, follower)
    for _ in range(rounds):
        player.play([make(SECOND + i * 20_000_000) for i in range(100)])
    done.set()
    thread.join()
    assert player.timing.skipped_waits == 0 and len(sent) == 100 * rounds
    assert max(ahead) <= WINDOW + 20_000_000


def test_stopping_ends_at_once(lateness):
    player = Player(1.0, lambda m: None, lambda _: None)
    threading.Timer(0.1, player.stop).start()
    begun = time.monotonic()
    assert not player.play([make(0), make(100 * SECOND), make(200 * SECOND)])
    assert time.monotonic() - begun < lateness.stretch(1.0)


def test_levels_topics_and_times_choose(session):
    everything = list_topics(session.bag, Selection())
    assert set(list_topics(session.bag, Selection('poses'))) == {
        '/hands/left', '/hands/right', '/keys', '/emg'
    }  # fmt: skip
    assert '/emg' in everything and '/emg' not in list_topics(
        session.bag, Selection(exclude=('/emg',))
    )
    times = [m.time for m in select_messages(session.bag, Selection(start=1.0, duration=2.0))]
    first = next(iter(select_messages(session.bag, Selection()))).time
    assert SECOND <= times[0] - first < 1.1 * SECOND and times[-1] - first <= 3 * SECOND
    assert set(list_topics(session.bag, Selection(topics=('keys', '/emg')))) == {'/keys', '/emg'}
    assert '/keys' not in list_topics(session.bag, Selection(exclude=('keys',)))
    with pytest.raises(RecordingError, match='no such message'):
        list_topics(session.bag, Selection(topics=('/nothing',)))


def test_a_result_folder_stands_for_its_bag(session, tmp_path):
    (tmp_path / 'bag').symlink_to(session.bag)
    nodes = describe_replay(ReplayOptions(str(tmp_path), what='landmarks', estimate=True))
    assert nodes[0].parameters['bag'] == str(tmp_path / 'bag')
    assert nodes[1].parameters['rig'] == str(tmp_path / 'bag' / 'rig.yaml')


def test_the_graph_of_a_replay_has_the_stages_after_it(session):
    def names(**options):
        return [n.executable for n in describe_replay(ReplayOptions(session.bag, **options))]

    assert names() == ['replay_node']
    assert names(what='poses', estimate=True) == ['replay_node', 'muscle_estimation_node']
    specs = describe_replay(ReplayOptions(session.bag, what='landmarks', estimate=True, rate=0.0))
    assert sorted(specs[1].parameters['cameras']) == ['left', 'top']
    assert specs[1].parameters['rig'].endswith('rig.yaml') and specs[1].parameters['use_sim_time']
    assert [n.parameters['max_backlog'] for n in specs[1:]] == [0.0, 0.0]  # nothing is left out
    assert specs[0].parameters['follow'] == ['muscle_activity/left', 'muscle_activity/right']
    with pytest.raises(RecordingError, match='landmarks of .* none in the time'):
        names(
            what='landmarks', estimate=True, duration=5.0
        )  # keys and EMG alone, nobody plays yet
    with pytest.raises(RecordingError, match='--recompute'):
        names(what='video')
    with pytest.raises(RecordingError, match="choose what='poses'"):
        names(estimate=True)


def test_a_comparison_counts_and_draws(session, bundle, tmp_path):
    for name, look in (('a', None), ('b', None), ('c', 0.0)):
        wanted = Recomputation(bundle, lookahead=look)
        write_recomputation(recompute(session.bag, wanted), tmp_path / name)
    a, b, c = (read_tracks(tmp_path / n) for n in 'abc')
    assert all(d.equal for d in compare_estimates(a, b))
    right = compare_estimates(a, c)[1]
    assert not right.equal and (right.rmse > 0).all() and right.both > 1000
    plot_difference(right, ('a', 'c'), tmp_path / 'x.png')
    assert (tmp_path / 'x.png').stat().st_size > 20_000


def test_what_only_one_of_two_knows_is_no_difference_and_no_line():
    def track(first, count, value):
        stamp = SECOND + np.arange(first, first + count) * 1_000_000
        envelope = np.full((count, 1), value, np.float32)
        return SimpleNamespace(side=Side.RIGHT, muscle=('ADM',), stamp=stamp, envelope=envelope)

    found = compare_estimates({Side.RIGHT: track(0, 60, 0.2)}, {Side.RIGHT: track(40, 60, 0.5)})[0]
    assert (found.both, found.alone, len(found.stamp)) == (20, 80, 100)
    assert np.isnan(found.before[60:]).all() and np.isnan(found.after[:40]).all()
    assert found.rmse == pytest.approx(0.3)


def test_what_is_kept_of_a_replay_without_end_is_bounded(monkeypatch):
    monkeypatch.setattr('pianokpm_ros.replay.player.MOST_LATE', 10)
    player = Player(100.0, lambda _: None, lambda _: None)
    for _ in range(3):
        assert player.play([make(i * 1_000_000) for i in range(10)])
    assert player.timing.count == 30 and len(player.timing.late) == 10
