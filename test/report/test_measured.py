"""Reports on recordings with EMG: where its envelopes stand, on what scale, how alike they run to the estimates."""

import dataclasses
import re

import numpy as np
import pytest

from pianokpm_ros import cli
from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.synthesis import EmgSynthesizer
from pianokpm_ros.recording.events import EVENT_TOPIC, EVENT_TYPE, SessionEvent
from pianokpm_ros.recording.reader import read_bag
from pianokpm_ros.recording.writer import BagWriter
from pianokpm_ros.records import EmgBlock, EmgOrigin
from pianokpm_ros.report.comparison import compare
from pianokpm_ros.report.measured import MeasuredHand, measure_likeness
from pianokpm_ros.report.page import write_page
from pianokpm_ros.report.recording import RATE, load_recording
from test.report.makers import ORIGIN, PIECE, Playing, envelope_at, write_bag

EMG_RATE = 1000.0
CHANNELS = ('1DI', 'ADM', 'FDS')
CONTRACTION = (24.2, 25.7)
VOLTS = 4e-4
PLAYING = Playing(onsets=[1 + 0.97 * i for i in range(len(PIECE))], duration=26.0)


def add_emg(path, bag, late=0.0, origin=EmgOrigin.MEASURED, contraction=True):
    """Write a bag with the raw EMG, from 0.5 s on, of the right hand, whose estimates are `late` [s]; 1DI contracts."""
    times = np.arange(round(PLAYING.duration * EMG_RATE)) / EMG_RATE
    values = envelope_at(PLAYING, times + late, Side.RIGHT)[:, [MUSCLES.index('1DI'), 0, 3]]
    hold = (times >= CONTRACTION[0]) & (times < CONTRACTION[1])
    values[hold, 0] = 1.0
    raw = EmgSynthesizer(EMG_RATE, 3, 1).push(values) * VOLTS
    raw[8000:8200, 1] = np.nan
    sides = np.full(3, Side.RIGHT, np.uint8)
    with BagWriter(path) as made:
        for topic, record, when in read_bag(bag):
            made.write_record(topic, record, when)
        for number, first in enumerate(range(500, len(raw), 20)):
            block = EmgBlock(
                ORIGIN + first * 1_000_000, number, origin, EMG_RATE, CHANNELS, sides, 'V', 'raw',
                'test', raw[first : first + 20].astype(np.float32),
            )  # fmt: skip
            made.write_record('/emg', block, block.stamp)
        for at, action in zip(CONTRACTION, ('begin', 'end'), strict=True):
            stamp = ORIGIN + round(at * 1e9)
            event = SessionEvent(stamp, action, 'mvc', {'muscle': '1DI', 'side': 'right'})
            if contraction:
                made.write(EVENT_TOPIC, EVENT_TYPE, event.to_cdr(), stamp)
    return path


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp('plain') / 'bag', PLAYING)


@pytest.fixture(scope='module')
def session(plain, tmp_path_factory):
    return load_recording(add_emg(tmp_path_factory.mktemp('emg') / 'bag', plain, late=0.04))


def test_envelopes_stand_at_their_time_on_the_scale_of_the_contraction(session):
    hand = session.measured.hands[Side.RIGHT]
    assert session.measured.hands.keys() == {Side.RIGHT} and hand.muscle == ('ADM', '1DI')
    assert hand.mvc.tolist() == [False, True]
    assert hand.scale[1] == pytest.approx(VOLTS, rel=0.15)
    times = np.arange(session.ticks) / RATE
    truth = envelope_at(PLAYING, times + 0.04, Side.RIGHT)[:, [0, 2]]
    inside = (times > 1) & (times < 23)
    for m, lost in ((0, True), (1, False)):
        known = np.isfinite(hand.value[:, m])
        assert known[800:820].any() == (not lost) and known[inside].mean() > 0.98
        assert np.corrcoef(hand.value[known & inside, m], truth[known & inside, m])[0, 1] > 0.85
    assert np.isnan(hand.value[:49]).all()  # the electrodes came on later
    # of MVC, with what a second EMG of the same would differ by
    assert np.nanmean(hand.value[inside, 1]) == pytest.approx(truth[inside, 1].mean(), rel=0.2)
    assert np.nanpercentile(hand.value[session.measured.counted, 0], 99.5) == pytest.approx(1.0)
    during = (times > CONTRACTION[0]) & (times < CONTRACTION[1])
    assert not session.measured.counted[during].any() and session.measured.counted[inside].all()


def test_likeness_and_lag_are_those_of_the_signals(session):
    signal = session.signals[Side.RIGHT]
    hand, counted = session.measured.hands[Side.RIGHT], session.measured.counted
    found = measure_likeness(hand, counted, signal.muscle, signal.value, RATE)
    assert [a.muscle for a in found] == ['ADM', '1DI']
    for a in found:
        assert a.lag == pytest.approx(0.04, abs=0.011) and 0.8 < a.r < a.r_max <= 1
        # the lost stretch, and from half a second before the contraction on, do not count
        assert a.seconds == pytest.approx(23.2 - 0.2 * (a.muscle == 'ADM'), abs=0.1)
    rng = np.random.default_rng(0)
    noise = dataclasses.replace(hand, value=rng.normal(size=hand.value.shape))
    strange = measure_likeness(noise, counted, signal.muscle, signal.value, RATE)
    assert all(abs(a.r) < 0.1 for a in strange)
    brief = np.arange(len(counted)) < 9 * RATE
    for a in measure_likeness(hand, brief, signal.muscle, signal.value, RATE):
        assert np.isnan([a.r, a.r_max, a.lag]).all() and 0 < a.seconds < 10
    foreign = measure_likeness(hand, counted, ('FDS',), signal.value[:, :1], RATE)
    assert [a.seconds for a in foreign] == [0, 0]
    slope = np.linspace(0, 1, 2000)[:, None]
    steep = MeasuredHand(('ADM',), slope**9, np.ones(1), np.ones(1, bool))
    assert np.isnan(measure_likeness(steep, np.ones(2000, bool), ('ADM',), slope, RATE)[0].lag)


def test_the_page_tells_measured_from_estimated(session):
    page = write_page(session)
    assert len(re.findall('<path class="measured"', page)) == 2 * page.count('class="system"')
    assert '.measured {' in page and 'measured EMG; R ADM on its own scale' in page
    assert 'the others of MVC, on one axis with the estimates (model scale, not MVC)' in page
    table = page[page.index('Measured beside estimated') : page.index('<h2>Load')]
    assert 'zero phase' in table and 'left out: FDS (right)' in table and 'no score' in table
    assert re.search(
        r'<td>1DI</td><td>MVC</td><td>0.\d\d</td><td>0.\d\d</td><td>\+[345]0</td>', table
    )
    # a contraction on purpose does not make all else small
    assert float(re.search(r'<span class="scale">(0\.\d+)</span></?[sd]', page)[1]) < 0.5
    both = write_page(session, session, compare(session, session))
    assert '<path class="measured"' not in both and both.count('<h2>Measured beside') == 2


def test_without_emg_the_page_is_as_ever(plain, tmp_path):
    recording = load_recording(plain)
    assert recording.measured is None
    page = write_page(recording)
    assert 'easured' not in page.replace('not a measurement', '').replace('a measured EMG', '')


def test_emg_that_says_what_it_is_and_emg_that_can_not_be_shown(plain, tmp_path, capsys):
    own = add_emg(tmp_path / 'own', plain, origin=EmgOrigin.SIMULATED, contraction=False)
    page = write_page(load_recording(own))
    assert 'simulated EMG, of no person; each on its own scale' in page and '>MVC<' not in page
    with BagWriter(tmp_path / 'changed') as bag:
        for number, (topic, record, when) in enumerate(read_bag(own)):
            if isinstance(record, EmgBlock) and number % 2:
                record = dataclasses.replace(record, unit='mvc')
            bag.write_record(topic, record, when)
    assert cli.main(['report', str(tmp_path / 'changed'), '-o', str(tmp_path / 'r.html')]) == 0
    said = (tmp_path / 'r.html').read_text()
    assert 'EMG is not shown: the EMG changes its channels, sides, rate, unit or origin' in said
    assert '<path class="measured"' not in said
