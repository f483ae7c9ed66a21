"""The band below the views: keys, curves, bars."""

import numpy as np
import pytest

from pianokpm_ros.anatomy import MUSCLES, Side, Status
from pianokpm_ros.keyboard.layout import is_black
from pianokpm_ros.view.dashboard import Dashboard, DashboardContent
from pianokpm_ros.view.keyboard_strip import BLACK, PRESSED, WHITE, draw_keyboard, round_range
from pianokpm_ros.view.palette import INK, PANEL, SIDE_COLOURS
from pianokpm_ros.view.traces import Traces, draw_traces

BOX = (0, 0, 700, 100)
"""Seven white keys of 100 px."""


def keyboard(position):
    image = np.zeros((100, 700, 3), np.uint8)
    draw_keyboard(image, BOX, (60, 71), position)
    return image


def colour_at(image, x, y):
    return tuple(int(v) for v in image[y, x, ::-1])


def test_keys_lie_as_on_a_piano():
    assert [k for k in range(60, 72) if not is_black(k)] == [60, 62, 64, 65, 67, 69, 71]
    image = keyboard({})
    # Along the front all keys are white; further back C# lies between C and D, none between E and F.
    assert [colour_at(image, 100 * i + 50, 70) for i in range(7)] == [WHITE] * 7
    blacks = [colour_at(image, 100 * i + 100, 30) == BLACK for i in range(6)]
    assert blacks == [True, True, False, True, True, True]


def test_a_key_takes_on_colour_as_it_goes_down():
    assert colour_at(keyboard({64: 1.0}), 250, 70) == PRESSED
    assert colour_at(keyboard({61: 1.0}), 100, 30) == PRESSED
    half = colour_at(keyboard({64: 0.5}), 250, 70)
    np.testing.assert_allclose(half, (np.array(WHITE) + PRESSED) / 2, atol=1)
    others = keyboard({64: 1.0})
    assert colour_at(others, 150, 70) == WHITE and colour_at(others, 350, 70) == WHITE


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [(60, 71, (60, 71)), (59, 72, (48, 83)), (21, 25, (21, 35)), (100, 108, (96, 108))],
)
def test_ranges_are_whole_octaves_of_the_88_keys(low, high, expected):
    assert round_range(low, high) == expected


def make_traces(value=0.5, side=Side.RIGHT, simulated=None):
    seconds = np.arange(-4.0, 0.001, 0.01)
    envelope = np.full((len(seconds), 6), value)
    known = simulated is not None
    return Traces(
        side,
        MUSCLES,
        seconds,
        envelope,
        np.full_like(envelope, 0.1),
        seconds if known else np.zeros(0),
        np.full_like(envelope, simulated) if known else np.zeros((0, 6)),
    )


def draw(traces):
    image = np.empty((240, 400, 3), np.uint8)
    image[:] = PANEL[::-1]
    draw_traces(image, (0, 0, 400, 240), traces, 4.0, 1.0, 12)
    return image


def rows_of(image, colour, x):
    """Return the rows of a column whose colour is near an RGB one."""
    distance = np.abs(image[:, x].astype(int) - np.array(colour[::-1])).sum(axis=1)
    return np.flatnonzero(distance < 40)


def test_a_curve_lies_at_its_value_with_its_deviation_around_it():
    for value in (0.2, 0.5, 0.8):
        rows = rows_of(draw(make_traces(value)), SIDE_COLOURS[Side.RIGHT], 200)
        # Each muscle's row is 40 px high, 35.2 of them for the scale, ending 2 px above its base.
        expected = 38 - 35.2 * value + 40 * np.arange(6)
        assert all(np.abs(rows - e).min() <= 2 for e in expected)
        assert all(np.abs(expected - r).min() <= 2 for r in rows)


def test_unknown_stretches_stay_empty():
    traces = make_traces()
    traces.envelope[100:300] = np.nan
    image = draw(traces)
    # Letters take 36 px; the gap from -3 to -1 s lies in the middle half of the rest.
    assert not len(rows_of(image, SIDE_COLOURS[Side.RIGHT], 36 + 364 // 2))
    assert len(rows_of(image, SIDE_COLOURS[Side.RIGHT], 36 + 364 // 8))
    traces.envelope[:] = np.nan
    assert not (
        np.abs(draw(traces).astype(int) - SIDE_COLOURS[Side.RIGHT][::-1]).sum(2) < 40
    ).any()


def test_the_simulations_curve_is_dashed_and_may_be_unknown():
    image = draw(make_traces(0.2, simulated=0.8))
    row = round(38 - 35.2 * 0.8)
    band = image[row - 1 : row + 2, 40:398].astype(int)
    lit = (np.abs(band - np.array(INK[::-1])).sum(axis=2) < 300).any(axis=0).mean()
    # Three of six steps are drawn; letters of the labels are left of the band.
    assert 0.35 < lit < 0.75
    draw(make_traces(0.2, simulated=np.nan))


def make_dashboard(sides=(Side.LEFT, Side.RIGHT), keys=(48, 71)):
    return Dashboard(1280, sides, 6, 1.0, keys, 'etude')


def test_hands_lie_on_their_sides_bars_outside(make_activity):
    board = make_dashboard()
    content = DashboardContent(
        1.5,
        {s: make_activity(s, 0.9) for s in (Side.LEFT, Side.RIGHT)},
        {s: make_traces(0.5, s) for s in (Side.LEFT, Side.RIGHT)},
        {60: 1.0},
    )
    image = board.draw(content)
    assert image.shape[:2] == board.size[::-1] and image.shape[0] % 2 == 0
    for side, half in ((Side.LEFT, image[:, :640]), (Side.RIGHT, image[:, 640:])):
        near = np.abs(half.astype(int) - np.array(SIDE_COLOURS[side][::-1])).sum(axis=2) < 60
        other = Side.RIGHT if side == Side.LEFT else Side.LEFT
        far = np.abs(half.astype(int) - np.array(SIDE_COLOURS[other][::-1])).sum(axis=2) < 60
        assert near.mean() > 0.02 and far.mean() < 0.001
        outside = near[:, :280] if side == Side.LEFT else near[:, -280:]
        assert outside.sum() > 0.5 * near.sum()


def test_an_unknown_hand_or_no_keys_are_left_out(make_activity):
    small = make_dashboard(keys=None)
    assert small.size[1] < make_dashboard().size[1]
    unknown = make_activity(Side.LEFT, np.nan, Status.INVALID)
    empty = small.draw(DashboardContent(0.0, {}, {}))
    drawn = small.draw(DashboardContent(0.0, {Side.LEFT: unknown}, {}))
    assert (drawn != empty).any()
    bare = make_dashboard(sides=(), keys=None)
    assert bare.draw(DashboardContent(0.0, {}, {})).shape[0] < 60


@pytest.mark.parametrize('width', [640, 1280, 1920])
def test_what_it_is_stands_on_it_whatever_the_width(make_activity, width):
    board = Dashboard(width, (Side.LEFT,), 6, 1.0, None, 'a take with quite a long name')
    right = []
    for simulated in (True, False):
        activity = {Side.LEFT: make_activity(Side.LEFT, 0.5, simulated=simulated)}
        image = board.draw(DashboardContent(1.0, activity, {}))
        right.append(image[: round(26 * width / 1280), width // 2 :])
    # The label of a model that learned from simulated EMG is another one.
    assert (right[0] != right[1]).any(axis=2).mean() > 0.02
