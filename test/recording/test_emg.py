from dataclasses import replace

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.recording.emg import join_emg
from pianokpm_ros.recording.writer import RecordingError
from pianokpm_ros.records import EmgBlock, EmgOrigin

RATE, SIZE = 2000.0, 40
PERIOD = SIZE * 500_000
"""Of a block [ns]."""


def make_blocks(count=5):
    rows = np.arange(count * SIZE * 2, dtype=np.float32).reshape(count, SIZE, 2)
    sides = np.full(2, Side.LEFT, np.uint8)
    about = (EmgOrigin.MEASURED, RATE, ('ADM', 'APB'), sides, 'V', 'raw', 'lsl:amp')
    return [EmgBlock(i * PERIOD, i, *about, rows[i]) for i in range(count)]


def test_blocks_in_any_order_become_one_signal():
    blocks = make_blocks()
    made = join_emg(blocks[::-1])
    np.testing.assert_array_equal(made.samples, np.concatenate([b.samples for b in blocks]))
    assert (made.rate, made.gaps, made.lost) == (RATE, 0, 0.0)
    assert made.stamp[[0, -1]].tolist() == [0, 5 * PERIOD - 500_000]


@pytest.mark.parametrize(
    'change',
    [
        {'side': np.full(2, Side.RIGHT, np.uint8)},
        {'origin': EmgOrigin.SYNTHETIC},
        {'channel': ('ADM', '1DI')},
        {'sample_rate': 1000.0},
        {'unit': 'mvc'},
    ],
)
def test_two_streams_are_not_mixed(change):
    """Such as one amplifier on each hand, with the same labels."""
    blocks = make_blocks()
    with pytest.raises(RecordingError, match='record one stream alone'):
        join_emg([*blocks, *(replace(b, **change) for b in blocks)])
