"""The estimate on LSL, received by a real inlet: values, times, and that it says it is an estimate."""

import time
from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side
from pianokpm_ros.emg.stream import EMG_TYPE
from pianokpm_ros.records import Normalization
from test.senders import name_stream
from test.viewer.makers import FRAME, ORIGIN, make_activity, value_at

pylsl = pytest.importorskip('pylsl', reason='pip install -r requirements/lsl.txt')
COUNT = 25


def test_an_inlet_receives_labelled_samples_at_their_times():
    from pianokpm_ros.emg.estimate_outlet import KIND, EstimateOutlet

    name = name_stream('estimate')
    outlet = EstimateOutlet(make_activity(0, Side.RIGHT), name)
    found = pylsl.resolve_byprop('name', name, timeout=30)
    assert len(found) == 1 and found[0].type() == KIND != EMG_TYPE
    inlet = pylsl.StreamInlet(found[0])
    text = inlet.info(timeout=30).as_xml()
    assert 'estimated (model trained on simulated EMG)' in text and 'made@0' in text
    assert all(f'<label>{m}</label>' in text for m in MUSCLES)
    inlet.open_stream(timeout=30)
    samples, times, now = [], [], 0.0
    for number in range(COUNT):
        now = pylsl.local_clock()
        assert outlet.push(make_activity(number, Side.RIGHT), ORIGIN + number * FRAME) == 20
        end = time.monotonic() + 30
        while len(samples) < 20 * (number + 1) and time.monotonic() < end:
            chunk, stamps = inlet.pull_chunk(timeout=0.2)
            samples += chunk
            times += stamps
    expected = np.concatenate([value_at(n, Side.RIGHT) for n in range(COUNT)])
    np.testing.assert_allclose(np.array(samples)[:, :6], expected, atol=1e-6)
    np.testing.assert_allclose(np.array(samples)[:, 12], 0.9, atol=1e-6)
    # the samples of a block are a millisecond apart, the first one at the time that was given as now
    np.testing.assert_allclose(np.diff(times[-20:]), 0.001, atol=1e-6)
    assert times[-20] == pytest.approx(now, abs=0.5)


@pytest.mark.parametrize(
    'change',
    [
        {'muscle': ('A',) * 6},
        {'sample_rate': 500.0},
        {'model_id': 'other@1'},
        {'calibration_id': 'p07@2'},
        {'normalization': Normalization.MVC},
        {'simulated_training': False},
    ],
)
def test_what_the_stream_does_not_say_needs_another_stream(change):
    from pianokpm_ros.emg.estimate_outlet import EstimateOutlet

    outlet = EstimateOutlet(make_activity(0, Side.RIGHT), f'estimate_{time.monotonic_ns()}')
    assert outlet.fits(make_activity(1, Side.RIGHT))
    assert not outlet.fits(replace(make_activity(2, Side.RIGHT), **change))
