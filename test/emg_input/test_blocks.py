import numpy as np

from pianokpm_ros.emg.blocks import BlockMaker
from pianokpm_ros.emg.stream import StreamDescription
from pianokpm_ros.records import EmgOrigin

SECOND = 1_000_000_000


def describe(rate=1000.0):
    return StreamDescription(
        'amp',
        'serial',
        rate,
        ('ADM', '1DI'),
        np.array([1, 2], np.uint8),
        np.array([2, 0]),
        np.array([1e-6, 1e-3]),
        'V',
        EmgOrigin.SIMULATED,
    )


def make_chunk(first, count, rate=1000):
    times = 100 * SECOND + (first + np.arange(count)) * (SECOND // rate)
    return times, np.stack([np.arange(first, first + count)] * 3, axis=1)


def test_channels_are_chosen_and_scaled():
    maker = BlockMaker(describe())
    (block,) = maker.push(*make_chunk(5, 10))
    assert (block.stamp, block.sequence) == (100 * SECOND + 5_000_000, 0)
    assert block.channel == ('ADM', '1DI') and block.side.tolist() == [1, 2]
    assert (block.unit, block.origin) == ('V', EmgOrigin.SIMULATED)
    assert block.source == 'lsl:amp:serial'
    np.testing.assert_allclose(block.samples[:, 0], np.arange(5, 15) * 1e-6, rtol=1e-6)
    np.testing.assert_allclose(block.samples[:, 1], np.arange(5, 15) * 1e-3, rtol=1e-6)


def stream(maker, *spans):
    blocks = []
    for first, last in spans:
        for start in range(first, last, 20):
            blocks += maker.push(*make_chunk(start, min(20, last - start)))
    return blocks + maker.flush()


def test_a_short_gap_becomes_nan_rows_in_their_place():
    maker = BlockMaker(describe())
    blocks = stream(maker, (0, 1000), (1100, 2000))
    rows = np.concatenate([b.samples for b in blocks])
    assert len(rows) == 2000 and np.isnan(rows[1000:1100]).all()
    assert np.isfinite(np.delete(rows, slice(1000, 1100), axis=0)).all()
    assert rows[1100, 1] == np.float32(1.1)
    marked = next(b for b in blocks if np.isnan(b.samples).any())
    assert abs(marked.stamp - (101 * SECOND)) < 1000
    assert (maker.counts.samples, maker.counts.lost, maker.counts.gaps) == (1900, 100, 1)


def test_a_long_gap_is_a_step_in_time():
    maker = BlockMaker(describe())
    blocks = stream(maker, (0, 1000), (61_000, 62_000))
    assert not any(np.isnan(b.samples).any() for b in blocks)
    ends = [b.stamp + round(len(b.samples) * SECOND / 1000) for b in blocks]
    steps = [b.stamp - e for b, e in zip(blocks[1:], ends, strict=False)]
    assert max(steps) == 60 * SECOND and sum(s > 1000 for s in steps) == 1
    assert [b.sequence for b in blocks] == list(range(len(blocks)))
    assert maker.counts.lost == 60_000
