import numpy as np
import pytest

from pianokpm_ros.anatomy import PALM, Side
from pianokpm_ros.geometry.association import associate, distinct_hands

from .test_triangulator import view_of

PALMS = list(PALM)


def views_of(rig, hands, labels):
    return [view_of(c, hands, s, noise=1.0) for c, s in zip(rig.cameras, labels, strict=True)]


def palms(hands):
    return {s: h[PALMS].mean(axis=0) for s, h in zip(Side, (None, *hands), strict=True) if s}


def test_right_labels_are_kept(rig, hands):
    assert associate(rig.cameras, views_of(rig, hands, [(1, 2)] * 4), {}) == [(0, 1)] * 4


@pytest.mark.parametrize(
    'wrong', [[(2, 1), (1, 2), (1, 2), (1, 2)], [(1, 1), (2, 2), (1, 2), (1, 2)]]
)
def test_a_minority_of_wrong_labels_is_outvoted(rig, hands, wrong):
    assert associate(rig.cameras, views_of(rig, hands, wrong), {}) == [(0, 1)] * 4


def test_where_the_hands_were_settles_a_tie(rig, hands):
    tie = [(2, 1), (2, 1), (1, 2), (1, 2)]
    assert associate(rig.cameras, views_of(rig, hands, tie), palms(hands)) == [(0, 1)] * 4
    swapped = palms(hands[::-1])
    assert associate(rig.cameras, views_of(rig, hands, tie), swapped) == [(1, 0)] * 4


def test_second_detections_of_a_hand_are_dropped(rig, hands):
    doubled = np.stack([hands[0], hands[1], hands[1] + 0.003])
    view = view_of(rig.cameras[0], doubled, (1, 2, 2))
    assert distinct_hands(view) == [0, 1]
    view.pixels[0] = np.nan
    assert distinct_hands(view) == [1]
