"""Against real LSL outlets of other processes, over the loopback interface only."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.amplifier import LslAmplifier, StreamQuery, StreamState
from pianokpm_ros.emg.stream import AmplifierError, StreamWishes
from pianokpm_ros.records import EmgOrigin

from .conftest import STREAM

SECOND = 1_000_000_000


def make(**query):
    return LslAmplifier(StreamQuery(name=STREAM, **query), time.time_ns, 'machine')


def rows_of(blocks):
    return np.concatenate([b.samples for b in blocks])


def times_of(blocks):
    return np.concatenate(
        [b.stamp + np.arange(len(b.samples)) * SECOND / b.sample_rate for b in blocks]
    )


def enough(seconds, rate=2000):
    return lambda blocks: sum(len(b.samples) for b in blocks) >= seconds * rate


def test_every_sample_arrives_with_its_time_and_description(send, poll, lateness):
    sender = send('--drift', 5e-5)
    amplifier = make()
    blocks = poll(amplifier, enough(4))
    amplifier.close()
    first = blocks[0]
    assert (first.channel, first.unit, first.origin) == (('ADM', 'APB'), 'V', EmgOrigin.SIMULATED)
    assert first.side.tolist() == [Side.LEFT] * 2 and first.source == f'lsl:{STREAM}:serial-1'
    rows = rows_of(blocks) * 1e6
    number = np.rint(rows[:, 0])
    # float32 holds whole numbers up to 2^24, so each sample's number is exact.
    assert (np.diff(number) == 1).all() and not np.isnan(rows).any()
    truth = sender.began + number * SECOND / (2000 * (1 + 5e-5))
    error = times_of(blocks) - truth
    # LSL promises 0.2 ms for its clock correction, where its messages need no longer than that.
    late = 1e9 * lateness.worst
    assert np.abs(np.median(error)) < 0.5e6 + late and np.abs(error).max() < 1.0e6 + late
    assert amplifier.counts.lost == 0 and amplifier.state is StreamState.STREAMING


def test_a_gap_of_the_device_is_marked(send, poll):
    send('--gap', 4000, 300)
    blocks = poll(make(), lambda b: len(b) and b[-1].samples[-1, 0] * 1e6 > 5500)
    rows = rows_of(blocks) * 1e6
    lost = np.isnan(rows[:, 0])
    assert lost.sum() == 300
    before = np.flatnonzero(lost)[0] - 1
    assert np.rint(rows[before, 0]) == 3999 and np.rint(rows[before + 301, 0]) == 4300


def test_a_device_that_vanishes_is_reported_and_taken_up_again(send, poll):
    sender, amplifier = send(), make()
    blocks = poll(amplifier, enough(1))
    sender.kill()
    blocks += poll(amplifier, lambda b: amplifier.state is StreamState.LOST)
    send()
    again = poll(amplifier, enough(1))
    assert amplifier.losses == 1 and amplifier.state is StreamState.STREAMING
    assert again[0].sequence == blocks[-1].sequence + 1
    gap = times_of(again)[0] - times_of(blocks)[-1]
    # Nothing is invented for the time without a device: a step, or rows of NaN.
    assert gap > 0.2 * SECOND or np.isnan(again[0].samples).any()
    assert amplifier.counts.lost > 200


def test_another_signal_under_the_same_name_is_refused(send, poll):
    sender, amplifier = send(), make()
    poll(amplifier, enough(0.2))
    sender.kill()
    poll(amplifier, lambda b: amplifier.state is StreamState.LOST)
    send('--rate', 1000)
    with pytest.raises(AmplifierError, match='came back with 1000 Hz'):
        poll(amplifier, lambda b: False)


def test_silence_is_reported(send, poll):
    sender, amplifier = send('--gap', 2000, 10**9), make()
    poll(amplifier, lambda b: amplifier.state is StreamState.SILENT)
    assert sender.poll() is None


def test_two_devices_are_not_mixed(send, poll):
    send(), send('--source-id', 'serial-2', '--labels', '1DI', '2DI', '3DI')
    with pytest.raises(AmplifierError, match="'serial-1'.*'serial-2'.*give a name or a source id"):
        amplifier = make()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if sum(map(amplifier.query.fits, amplifier._resolver.results())) == 2:
                amplifier.poll()
            time.sleep(0.05)
    blocks = poll(make(source_id='serial-2'), enough(0.2))
    assert blocks[0].channel == ('1DI', '2DI', '3DI')


def test_a_query_without_names_means_any_device():
    info = SimpleNamespace(name=lambda: 'amp', source_id=lambda: 'serial-1')
    assert StreamQuery().fits(info) and StreamQuery(name='amp', source_id='serial-1').fits(info)
    assert not StreamQuery(name='other').fits(info) and not StreamQuery(source_id='x').fits(info)


def test_wishes_choose_channels_and_units(send, poll):
    send('--unit', 'counts')
    with pytest.raises(AmplifierError, match="unit 'counts'"):
        poll(make(), lambda b: False)
    wishes = StreamWishes(('APB',), 'mV')
    blocks = poll(make(wishes=wishes), enough(0.2))
    number = blocks[0].samples[:, 0] * 1e3
    np.testing.assert_allclose(number - np.floor(number), 0.1, atol=1e-2)
    with pytest.raises(AmplifierError, match='no channel 4DI; it has ADM, APB, trigger'):
        poll(make(wishes=StreamWishes(('4DI',), 'mV')), lambda b: False)


def test_an_origin_or_a_rate_that_is_none_is_refused(send, poll):
    send('--origin', 'guessed')
    with pytest.raises(AmplifierError, match="origin 'guessed'"):
        poll(make(), lambda b: False)


def test_an_unknown_scope_is_refused():
    with pytest.raises(AmplifierError, match='machine, link, site'):
        LslAmplifier(StreamQuery(), time.time_ns, 'world')
