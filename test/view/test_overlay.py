"""What is drawn lies where it should, and nothing that is unknown is drawn."""

import dataclasses

import numpy as np
import pytest

from pianokpm_ros.anatomy import LANDMARK_COUNT, Side, Status
from pianokpm_ros.view.bars import BarGeometry, choose_full_scale, draw_bars
from pianokpm_ros.view.lettering import rasterise
from pianokpm_ros.view.overlay import OverlayContent, draw_overlay
from pianokpm_ros.view.palette import SIDE_COLOURS, SIMULATED_LABEL, label_estimate
from pianokpm_ros.view.skeleton import draw_hands

GREY = 128


def blank(width: int = 640, height: int = 480) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def changed(image: np.ndarray) -> np.ndarray:
    return (image != GREY).any(axis=2)


def test_every_landmark_colours_its_own_pixel(make_hands):
    image, hands = blank(), make_hands()
    draw_hands(image, hands)
    columns, rows = np.rint(hands.pixels[0]).astype(int).T
    assert changed(image)[rows, columns].all()


@pytest.mark.parametrize('shift', [(0.0, 0.0), (37.25, -11.5)])
def test_the_drawing_follows_the_landmarks(make_hands, shift):
    # the joints are discs, so the centroid of what changed moves as the landmarks do, to the
    # sub-pixel;
    # letters snap to whole pixels and may differ by half a pixel: their share of the area is below
    # a fifth
    pictures = []
    for move in ((0.0, 0.0), shift):
        image = blank()
        draw_hands(image, make_hands(corner=(250.0 + move[0], 120.0 + move[1])))
        pictures.append(np.argwhere(changed(image)).mean(axis=0)[::-1])
    np.testing.assert_allclose(pictures[1] - pictures[0], shift, atol=0.5)


def test_landmarks_scale_with_the_picture(make_hands):
    image, hands = blank(1280, 960), make_hands()
    draw_hands(image, hands)
    columns, rows = np.rint((hands.pixels[0] + 0.5) * 2 - 0.5).astype(int).T
    assert changed(image)[rows, columns].all()


def test_sides_and_fingers_have_colours_of_their_own(make_hands):
    colours = set()
    for side in (Side.LEFT, Side.RIGHT):
        image, hands = blank(), make_hands(side)
        draw_hands(image, hands)
        for tip in (4, 8, 12, 16, 20):
            x, y = hands.pixels[0, tip].astype(int)
            colours.add(tuple(image[y, x].tolist()))
    assert len(colours) == 10


def test_unknown_landmarks_are_not_drawn(make_hands):
    hands = make_hands()
    nothing = dataclasses.replace(hands, pixels=np.full_like(hands.pixels, np.nan))
    image = blank()
    draw_hands(image, nothing)
    assert not changed(image).any()


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e30, -1e12])
def test_one_bad_landmark_leaves_the_others(make_hands, value):
    hands = make_hands()
    pixels = hands.pixels.copy()
    pixels[0, 8] = value
    image = blank()
    draw_hands(image, dataclasses.replace(hands, pixels=pixels))
    others = np.delete(np.arange(LANDMARK_COUNT), 8)
    columns, rows = np.rint(hands.pixels[0, others]).astype(int).T
    assert changed(image)[rows, columns].all()


def bar_heights(activity, full_scale: float = 1.0) -> np.ndarray:
    """Measure the coloured part at each bar's left edge [px], where no whisker is drawn."""
    image = blank(300, 150)
    draw_bars(image, activity, (0, 0), full_scale=full_scale)
    geometry = BarGeometry(len(activity.muscle), 1.0)
    colour = np.array(SIDE_COLOURS[activity.side][::-1])
    close = (np.abs(image.astype(int) - colour) < 30).all(axis=2)
    return np.array(
        [
            close[24:87, round(geometry.bar_span(i)[0]) + 1].sum()
            for i in range(len(activity.muscle))
        ]
    )


@pytest.mark.parametrize(
    ('activation', 'full_scale'), [(0.25, 1.0), (0.5, 1.0), (0.1, 0.2), (3.0, 1.0)]
)
def test_bars_are_as_high_as_the_activation(make_activity, activation, full_scale):
    top, bottom = BarGeometry(6, 1.0).bar_area
    expected = min(1.0, activation / full_scale) * (bottom - top)
    # one pixel: the edge row is blended and may fall to either side of the colour threshold
    assert (
        np.abs(bar_heights(make_activity(activation=activation), full_scale) - expected).max() <= 1
    )


@pytest.mark.parametrize('status', [Status.INVALID, Status.STALE])
def test_what_cannot_be_trusted_has_no_coloured_bar(make_activity, status):
    assert not bar_heights(make_activity(activation=0.9, status=status)).any()


def test_an_unknown_activation_is_a_dash_and_not_an_empty_bar(make_activity):
    unknown, zero = blank(300, 150), blank(300, 150)
    draw_bars(unknown, make_activity(activation=np.nan), (0, 0))
    draw_bars(zero, make_activity(activation=0.0), (0, 0))
    assert not bar_heights(make_activity(activation=np.nan)).any()
    assert (unknown != zero).any()


def test_whiskers_show_the_deviation(make_activity):
    narrow, wide = blank(300, 150), blank(300, 150)
    draw_bars(narrow, make_activity(deviation=0.02), (0, 0))
    draw_bars(wide, make_activity(deviation=0.3), (0, 0))
    geometry = BarGeometry(6, 1.0)
    middle = round(sum(geometry.bar_span(0)) / 2)
    # 0.3 of a 62 px scale is 18.6 px each way, against 1.2 px: rows between differ in the
    # whisker's column
    assert (narrow[:, middle] != wide[:, middle]).any(axis=1).sum() > 20


@pytest.mark.parametrize('size', [(640, 480), (1280, 720), (720, 720), (320, 240)])
def test_the_label_is_always_there_and_complete(make_activity, size):
    plain = draw_overlay(
        blank(*size), OverlayContent('top', 1.0, None, {Side.LEFT: make_activity()}, note='')
    )
    other = draw_overlay(
        blank(*size),
        OverlayContent('top', 1.0, None, {Side.LEFT: make_activity(simulated=False)}, note=''),
    )
    # words end at the right margin, and those of simulated training differ from those without
    assert (plain[:40] != other[:40]).any()
    bright = np.argwhere(plain[:40].min(axis=2) > 150)[:, 1]
    assert size[0] - 20 <= bright.max() < size[0]
    assert label_estimate(True) == SIMULATED_LABEL
    assert bright.min() < size[0] - rasterise(SIMULATED_LABEL, 9).shape[1] + 8


def test_the_input_frame_is_not_touched(make_hands, make_activity):
    image = blank()
    drawn = draw_overlay(
        image, OverlayContent('top', 1.0, make_hands(), {Side.LEFT: make_activity()})
    )
    assert not changed(image).any()
    assert changed(drawn).any()


def test_hands_get_panels_in_their_own_corners(make_activity):
    for side, columns in ((Side.LEFT, slice(0, 320)), (Side.RIGHT, slice(320, 640))):
        drawn = draw_overlay(
            blank(), OverlayContent('top', 1.0, None, {side: make_activity(side)})
        )
        below = changed(drawn)[300:]
        assert below[:, columns].any()
        assert below.sum() == below[:, columns].sum()


def test_full_scale_holds_what_is_shown():
    assert choose_full_scale(np.array([0.01, 0.15, np.nan])) == 0.2
    assert choose_full_scale(np.array([5.0, 9.0])) == 2.0
    assert choose_full_scale(np.full(3, np.nan)) == 1.0
