"""EMG beside the estimates: each value once, at its time and on a scale that is told; nothing made up between."""

import dataclasses
import json
import math

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.metrics import LEAST_COMMON
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.recording import reader
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE, SessionEvent
from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.schemas import load_store, serialize
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import EmgBlock, EmgOrigin
from pianokpm_ros.viewer.feed import Feed
from pianokpm_ros.viewer.playback import BagPlayback, load_recording
from pianokpm_ros.viewer.state import ACTIVITY, EMG, ViewState
from test.report.makers import write_bag
from test.report.test_measured import PLAYING, VOLTS, add_emg
from test.viewer.makers import DELAY, FRAME, ORIGIN, make_activity

RATE = 1000.0
SIZE = 20
CHANNELS = ('4DI', 'ADM', 'trigger', '1DI')
SIDES = np.array([Side.RIGHT, Side.RIGHT, Side.RIGHT, Side.LEFT], np.uint8)


def course(muscle, at):
    """What a muscle does at some times [s], 0..1."""
    return 0.3 + 0.2 * np.sin(2 * np.pi * (0.4 + 0.13 * muscle) * at + muscle)


def make_block(number, samples, **changes):
    """Make the block of a frame, of (20, 4) samples."""
    block = EmgBlock(
        ORIGIN + number * FRAME, number, EmgOrigin.MEASURED, RATE, CHANNELS, SIDES, 'V',
        'RMS, 20 ms', 'test', np.asarray(samples, np.float32),
    )  # fmt: skip
    return dataclasses.replace(block, **changes)


class Graph:
    """A state that hears estimates of both hands and EMG; its clock is at the arrival of the newest."""

    def __init__(self):
        self.time, self.number = ORIGIN, 0
        self.state = ViewState(lambda: self.time)

    def run(self, count, emg=True, estimates=True, volts=1e-4, **changes):
        for number in range(self.number, self.number + count):
            at = (number * SIZE + np.arange(SIZE)) / RATE
            values = np.stack(
                [course(MUSCLES.index(c) if c in MUSCLES else 0, at) for c in CHANNELS], 1
            )
            if emg:
                self.hear('/emg', EMG, make_block(number, volts * values, **changes))
            for side in (Side.LEFT, Side.RIGHT) if estimates else ():
                known = np.stack([course(m, at) for m in range(6)], 1)
                known[:, 0] = course(4, at)  # nothing to do with what ADM does
                record = dataclasses.replace(make_activity(number, side), envelope=known)
                self.hear(f'/muscle_activity/{side.label}', ACTIVITY, record)
        self.number += count

    def hear(self, topic, datatype, record):
        self.time = record.stamp + DELAY
        self.state.hear(topic, datatype, serialize(record), self.time)


def look(feed):
    return json.loads(feed.next()[0], parse_constant=pytest.fail)


def test_values_are_sent_once_at_their_time_in_microvolts():
    graph, times, values = Graph(), [], []
    feed = Feed(graph.state)
    for count in (1, 9, 2, 30):
        graph.run(count)
        emg = look(feed)['emg']
        times += emg['hands']['right']['trace']['time']
        values += emg['hands']['right']['trace']['value']
        assert 'deviation' not in emg['hands']['right']['trace']
    assert look(feed)['emg']['hands']['right']['trace'] is None
    np.testing.assert_allclose(times, np.arange(len(times)) * 0.01, atol=1e-9)
    expected = np.stack([course(m, np.array(times)) for m in (0, 5)], 1)
    # sent with two digits
    np.testing.assert_allclose(values, 100 * expected, atol=6e-3)
    assert (emg['label'], emg['unit'], emg['silent']) == ('measured EMG', 'µV', False)
    assert emg['words'] == 'As the device makes it: RMS, 20 ms.'
    assert emg['hands']['right']['muscles'] == ['ADM', '4DI']
    assert emg['hands']['left']['muscles'] == ['1DI']
    assert 'left out: trigger (right);' in emg['note']


def test_without_emg_nothing_is_said_of_it():
    graph = Graph()
    graph.run(5, emg=False)
    assert look(Feed(graph.state))['emg'] is None


def test_electrodes_are_shown_before_any_hand_is_seen():
    graph = Graph()
    graph.run(30, estimates=False)
    update = look(Feed(graph.state))
    assert update['emg']['hands']['right']['trace']['time'][0] == 0.0
    assert update['activity']['right'] is None and update['emg']['hands']['right']['r'] == [
        None,
        None,
    ]


def test_a_raw_signal_is_filtered_and_drawn_where_it_belongs():
    graph = Graph()
    at = np.arange(4000) / RATE
    raw = EmgSynthesizer(RATE, 1, 3).push(course(5, at)[:, None]) * 1e-4
    for number in range(200):
        samples = np.repeat(raw[SIZE * number : SIZE * (number + 1)], 4, axis=1)
        graph.hear('/emg', EMG, make_block(number, samples, processing='raw'))
    emg = look(Feed(graph.state))['emg']
    assert 'low-pass 6 Hz; causal' in emg['words'] and 'comes out 38 ms late' in emg['words']
    trace = emg['hands']['right']['trace']
    # the newest value is the filters' delay older than the newest sample
    assert trace['time'][-1] == pytest.approx(4.0 - 0.038, abs=0.011)
    value = np.array(trace['value'], float)[:, 1]
    known = np.isfinite(value)
    assert not known[:9].any() and known[15:].all()
    truth = 100 * course(5, np.array(trace['time']))
    assert np.corrcoef(value[known], truth[known])[0, 1] > 0.8
    assert value[known].mean() == pytest.approx(truth[known].mean(), rel=0.05)


def test_the_scale_is_a_contraction_where_one_is_known_and_else_its_own():
    graph = Graph()
    graph.state.amplitudes[Side.RIGHT, 'ADM'] = 2e-4
    graph.run(100)
    hand = look(Feed(graph.state))['emg']['hands']['right']
    assert hand['mvc'] == [True, False] and hand['scale'][0] == pytest.approx(200.0)
    own = 100 * np.percentile(course(5, np.arange(200) * 0.01), 99.5)
    assert hand['scale'][1] == pytest.approx(own, rel=0.01)
    fractions = Graph()
    fractions.run(30, volts=1.0, unit='mvc')
    emg = look(Feed(fractions.state))['emg']
    assert emg['unit'] == 'of MVC' and emg['hands']['right']['mvc'] == [True, True]
    assert emg['hands']['right']['scale'] == [1.0, 1.0]
    first = emg['hands']['right']['trace']['value'][0]
    assert first == pytest.approx([course(0, 0.0), course(5, 0.0)], abs=1e-4)


def tell(graph, action, kind='', at=None, **details):
    """Let a guided session tell something, by default now."""
    stamp = graph.time if at is None else at
    event = SessionEvent(stamp, action, kind, details)
    graph.state.hear(EVENT_TOPIC.lstrip('/'), EVENT_TYPE, event.to_cdr(), graph.time)


def contract(graph, volts, muscle='ADM', side='right', seconds=2.0):
    """Contract a muscle as a guided session would have it."""
    tell(graph, 'begin', 'mvc', muscle=muscle, side=side)
    assert graph.state.contracting
    graph.run(round(seconds * RATE / SIZE), estimates=False, volts=volts)
    tell(graph, 'end', 'mvc')
    assert not graph.state.contracting


def test_contractions_of_a_guided_session_become_the_scale_while_one_looks():
    graph = Graph()
    graph.run(20, estimates=False)
    tell(graph, 'session', subject='p01')
    contract(graph, 1e-3)
    (amplitude,) = graph.state.amplitudes.values()
    assert graph.state.amplitudes.keys() == {(Side.RIGHT, 'ADM')}
    assert 1e-3 * 0.45 < amplitude <= 1e-3 * 0.5  # best half second of what goes up to half
    graph.run(100)
    hand = look(Feed(graph.state))['emg']['hands']['right']
    assert hand['mvc'] == [True, False] and hand['scale'][0] == pytest.approx(1e6 * amplitude)
    contract(graph, 2e-3)
    contract(graph, 1e-4)
    assert graph.state.amplitudes[Side.RIGHT, 'ADM'] > 1.7 * amplitude
    tell(graph, 'discard')
    tell(graph, 'discard')
    assert graph.state.amplitudes[Side.RIGHT, 'ADM'] == pytest.approx(amplitude)
    for muscle, side in (('ADM', 'left'), ('FDS', 'right'), (None, 'right')):
        contract(graph, 5e-3, muscle, side)
    contract(graph, 5e-3, seconds=0.3)  # too short to be one
    assert list(graph.state.amplitudes.values()) == [pytest.approx(amplitude)]
    tell(graph, 'session', subject='p02')
    assert not graph.state.amplitudes
    rejected = graph.state.rejected
    graph.state.hear(EVENT_TOPIC, EVENT_TYPE, serialize_text('{"schema": 1}'), graph.time)
    assert graph.state.rejected == rejected + 1


def serialize_text(text):
    store = load_store()
    return bytes(store.serialize_cdr(store.types[EVENT_TYPE](data=text), EVENT_TYPE))


def test_contractions_of_a_recording_are_its_scale_and_it_is_read_once(tmp_path, monkeypatch):
    plain = write_bag(tmp_path / 'plain', PLAYING)
    bag = add_emg(tmp_path / 'bag', plain)
    readings, find = [], reader.find_files
    monkeypatch.setattr(reader, 'find_files', lambda path: readings.append(path) or find(path))
    playback = BagPlayback(load_recording(bag), paused=True)
    assert readings == [bag]
    assert playback.state.amplitudes == {(Side.RIGHT, '1DI'): pytest.approx(VOLTS, rel=0.15)}
    without = add_emg(tmp_path / 'without', plain, contraction=False)
    assert load_recording(without).amplitudes == {}
    assert load_recording(plain).amplitudes == {}


def test_events_that_are_none_leave_the_emg_its_own_scale(tmp_path):
    plain = write_bag(tmp_path / 'plain', PLAYING)
    bag = add_emg(tmp_path / 'bag', plain)
    with BagWriter(tmp_path / 'odd') as odd:
        odd.write(EVENT_TOPIC, EVENT_TYPE, serialize_text('{"schema": 1}'), 0)
        odd.write(EVENT_TOPIC, EVENT_TYPE, b'', 0)
        for topic, datatype, data, time in read_raw(bag):
            odd.write(topic, datatype, data, time)
    assert load_recording(tmp_path / 'odd').amplitudes == {}


def test_correlation_is_told_once_both_have_run_for_long_enough():
    graph = Graph()
    feed = Feed(graph.state)
    frames = math.ceil(LEAST_COMMON * RATE / SIZE)
    graph.run(frames - 30)
    assert look(feed)['emg']['hands']['right']['r'] == [None, None]
    graph.run(60)
    hands = look(feed)['emg']['hands']
    assert hands['left']['r'] == [1.0] and hands['right']['r'][1] == 1.0
    other, own = (course(m, np.arange(1000) * 0.01) for m in (4, 0))
    assert hands['right']['r'][0] == pytest.approx(np.corrcoef(other, own)[0, 1], abs=0.15)
    assert hands['right']['r'][0] < 0.5
    # what is known of one alone does not count
    alone = Graph()
    alone.run(frames - 30)
    alone.run(60, estimates=False)
    assert look(Feed(alone.state))['emg']['hands']['right']['r'] == [None, None]


def test_a_stream_that_stops_ends_and_another_one_begins_anew():
    graph = Graph()
    feed = Feed(graph.state)
    graph.run(50)
    first = look(feed)['emg']['stream']
    graph.run(30, emg=False)
    emg = look(feed)['emg']
    assert emg['silent'] and emg['hands']['right']['trace'] is None
    graph.run(10, source='another', channel=('ADM', '1DI', '2DI', '3DI'))
    emg = look(feed)['emg']
    assert emg['stream'] != first and not emg['silent'] and emg['note'] == ''
    assert emg['hands']['right']['muscles'] == ['ADM', '1DI', '2DI']
    assert len(emg['hands']['right']['trace']['time']) == 20
    graph.number = 0
    graph.run(2, estimates=False)
    update = look(feed)
    assert update['begins'] and update['emg']['hands']['right']['trace']['time'] == [
        0.0,
        0.01,
        0.02,
        0.03,
    ]


@pytest.mark.parametrize('rate', [1e-3, 30.0, 9e5])
def test_a_stream_that_can_not_be_shown_says_why_or_shows_what_it_can(rate):
    graph = Graph()
    graph.run(20, sample_rate=rate, processing='raw')
    emg = look(Feed(graph.state))['emg']
    assert ('not shown: asked for a band' in emg['note']) == (rate < 50)
    assert bool(emg['hands']) == (rate > 50)
    graph.run(3, sample_rate=rate)
    look(Feed(graph.state))


def test_infinite_and_huge_samples_never_break_the_page():
    graph = Graph()
    graph.run(10)
    for worst in (np.inf, -np.inf, np.nan, 3e38, -3e38):
        for processing in ('raw', 'RMS'):
            block = make_block(graph.number, np.full((SIZE, 4), worst), processing=processing)
            graph.hear('/emg', EMG, block)
            graph.number += 1
            look(Feed(graph.state))


def test_a_recording_shows_them_too(tmp_path):
    graph = Graph()
    heard = []
    graph.hear = lambda topic, _, record: heard.append((topic, record))
    graph.run(100)
    with BagWriter(tmp_path / 'bag') as bag:
        for topic, record in heard:
            bag.write_record(topic, record, record.stamp + DELAY)
    playback = BagPlayback(load_recording(tmp_path / 'bag'), paused=True)
    playback.control({'seek': 1.5})
    playback._advance(0)
    emg = look(Feed(playback.state))['emg']
    times = emg['hands']['right']['trace']['time']
    np.testing.assert_allclose(times, np.arange(len(times)) * 0.01, atol=1e-9)
    assert times[-1] == pytest.approx(1.5, abs=0.021)
