"""Key position sensors as real LSL streams on this machine."""

import time
from pathlib import Path

import numpy as np
import pytest

from pianokpm_ros.emg.stream import AmplifierError, StreamWishes
from pianokpm_ros.keyboard.lsl_keys import LslKeys, describe_keys

from ..senders import name_stream, start_lsl_senders
from . import key_sender

SENDER = Path(__file__).with_name('key_sender.py')
KEYS = [60, 64, 67]
STREAM = name_stream('keybed')


@pytest.fixture
def send():
    with start_lsl_senders(SENDER) as start:

        def begin(*arguments):
            process, said = start('--name', STREAM, *arguments)
            process.offset = float(said)
            return process

        yield begin


def collect(sensors, done, timeout=60.0):
    """Poll as the node does until a condition holds; returns the records."""
    records, end = [], time.monotonic() + timeout
    while not done(records):
        assert time.monotonic() < end, f'{len(records)} records, losses {sensors.losses}'
        sensors.check()
        records.append(sensors.keys.record(time.time_ns()))
        time.sleep(0.01)
    return records


def moving(records, count):
    return sum(len(r.key) > 0 for r in records) >= count


def test_positions_arrive_with_their_time_and_a_lost_stream_lifts_the_keys(send):
    sender = send()
    sensors = LslKeys(f'lsl:{STREAM}', time.time_ns, 'machine')
    records = collect(sensors, lambda r: moving(r, 60))
    assert sensors.connected and records[-1].source == f'sensor:{STREAM}'
    errors = []
    for record in records:
        for t, key, position in zip(record.time, record.key, record.position, strict=True):
            true = key_sender.course([int(key)], [record.stamp * 1e-9 + float(t) - sender.offset])[
                0, 0
            ]
            errors.append(abs(position - true))
    # Rest and standstill hide 0.02; a wrong key, unit or a stamp off by 20 ms would show 0.1.
    assert {int(k) for r in records for k in r.key} == set(KEYS)
    assert np.median(errors) < 0.01 and np.percentile(errors, 95) < 0.03
    sender.kill()
    collect(sensors, lambda r: sensors.losses == 1)
    assert not sensors.connected and not len(sensors.keys.record(time.time_ns()).key)
    sensors.close()


@pytest.mark.parametrize(
    ('keys', 'unit', 'travel', 'words'),
    [
        (['60'], 'volts', 9.5, 'known are normalized'),
        (['60'], 'mm', 0.0, 'dip of the key'),
        (['60', 'C4'], 'mm', 9.5, 'MIDI number'),
        (['60', '60'], 'mm', 9.5, 'MIDI number'),
        (['12'], 'mm', 9.5, '21 to 108'),
    ],
)
def test_a_stream_that_is_described_otherwise_is_refused(keys, unit, travel, words):
    pytest.importorskip('pylsl', reason='pip install -r requirements/lsl.txt')
    with pytest.raises(AmplifierError, match=words):
        describe_keys(key_sender.make_info(keys, unit, travel), StreamWishes())


def test_normalized_positions_need_no_travel():
    pytest.importorskip('pylsl', reason='pip install -r requirements/lsl.txt')
    found = describe_keys(key_sender.make_info(['60', '61'], 'normalized', 0.0), StreamWishes())
    assert found.channel == ('60', '61') and found.scale.tolist() == [1.0, 1.0]
