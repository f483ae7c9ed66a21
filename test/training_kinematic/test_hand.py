import numpy as np
import pytest
from pianokpm_training.kinematic.hand import (
    BEND_LIMITS,
    BENDS,
    SPREAD_LIMIT,
    bend_chain,
    limit_spread,
    make_hand,
    palm_axes,
    pose_hand,
    turn,
)

from pianokpm_ros.anatomy import BONES
from pianokpm_ros.muscle.features import bend_angles, is_hand, shape_hand


def random_wishes(rng, count, hand):
    """Wrists, palms and wanted tips, many of them out of reach."""
    turns = rng.normal(0, 0.5, (3, count))
    axes = palm_axes(*turns)
    wrist = rng.uniform(-0.2, 0.2, (count, 3))
    local = hand.bases + rng.normal(0, 0.06, (count, 5, 3)) + [0, 0.05, -0.03]
    return wrist, axes, wrist[:, None] + np.einsum('tij,tfj->tfi', axes, local)


def test_bones_never_stretch():
    rng = np.random.default_rng(0)
    hand = make_hand(0.19, rng)
    landmarks = pose_hand(hand, *random_wishes(rng, 500, hand))
    lengths = [np.linalg.norm(landmarks[:, a] - landmarks[:, b], axis=1) for a, b in BONES]
    assert max(np.ptp(length) for length in lengths) < 1e-12
    assert all(is_hand(frame) for frame in landmarks)


def test_joints_keep_their_limits_whatever_is_wanted():
    rng = np.random.default_rng(1)
    hand = make_hand()
    wrist, axes, tips = random_wishes(rng, 2000, hand)
    landmarks = pose_hand(hand, wrist, axes, tips)
    angles = bend_angles(shape_hand(landmarks, 2, np.ones(2000, bool)).local).reshape(-1, 5, 3)
    most = BEND_LIMITS[1] * BENDS
    assert (angles[..., 1:] <= most + 1e-6).all()
    assert (angles[..., 1:] >= BEND_LIMITS[0] * BENDS - 1e-6).all()
    knuckles, reached = landmarks[:, 5::4], landmarks[:, 8::4]
    away = np.einsum('tji,tfj->tfi', axes, reached - knuckles)
    sideways = np.arctan2(away[..., 0], away[..., 1])
    ease = np.arctan2(*(hand.rest[1:] - hand.bases[1:, :2]).T)
    assert np.abs(sideways - ease).max() < SPREAD_LIMIT + 1e-4


def test_tips_within_reach_are_reached():
    hand = make_hand()
    bend = 0.9
    turns = np.cumsum(np.column_stack([np.zeros(5), BENDS * bend]), axis=1)
    reach = np.abs(np.sum(hand.links * np.exp(1j * turns), axis=1))
    tips = hand.bases + reach[:, None] * [0.0, 0.9, -np.sqrt(1 - 0.81)]
    landmarks = pose_hand(hand, np.zeros((1, 3)), np.eye(3)[None], tips[None])
    # Bends are looked up in a table of 400: of a step of 5 mrad and some 60 mm, interpolation leaves micrometres.
    np.testing.assert_allclose(landmarks[0, 4::4], tips, atol=2e-5)


def test_a_finger_bends_towards_the_palm():
    hand, tip = make_hand(), np.array([[0.0, 0.14, -0.045]])
    base, hinge = hand.bases[2][None], np.array([[-1.0, 0.0, 0.0]])
    chain = bend_chain(base, tip, hinge, hand.links[2], BENDS[2])[0]
    line = np.linspace(chain[0], chain[3], 4)
    assert (chain[1:3, 2] > line[1:3, 2]).all()  # the joints arch over the line from base to tip


def test_what_is_out_of_reach_is_approached_without_a_kink():
    hand = make_hand()
    far = np.linspace(0.05, 0.30, 2001)
    tips = np.column_stack([np.zeros_like(far), far + hand.bases[2][1], np.zeros_like(far)])
    chain = bend_chain(
        np.tile(hand.bases[2], (2001, 1)),
        tips,
        np.tile([-1.0, 0, 0], (2001, 1)),
        hand.links[2],
        BENDS[2],
    )
    gain = np.diff(chain[:, 3, 1]) / np.diff(far)  # 1 within reach, 0 beyond, never jumping
    assert gain[0] == pytest.approx(1, abs=0.01) and gain[-1] == pytest.approx(0, abs=0.01)
    assert np.abs(np.diff(gain)).max() < 0.05


def test_spread_is_only_limited_beyond_its_limit():
    angles = np.deg2rad([-80, -20, 0, 20, 80])
    away = 0.07 * np.column_stack([np.sin(angles), np.cos(angles), -0.3 + 0 * angles])
    found = limit_spread(away, 0.0)
    kept = np.rad2deg(np.arctan2(found[:, 0], found[:, 1]))
    np.testing.assert_allclose(kept[1:4], [-20, 0, 20], atol=0.4)
    np.testing.assert_allclose(kept[[0, 4]], [-34, 34], atol=0.5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(away, axis=1))


def test_palm_axes_turn_as_they_say():
    level = np.zeros(1)
    left = palm_axes(level + 0.1, level, level)[0]
    up = palm_axes(level, level + 0.1, level)[0]
    thumb = palm_axes(level, level, level + 0.1)[0]
    assert left[0, 1] < 0  # the fingers point to the left
    assert up[2, 1] > 0  # the knuckles are lifted
    assert thumb[2, 0] < 0  # the little finger's side is down, so the thumb's is up


def test_turning_is_a_rotation():
    axis, vector = np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 2.0]])
    np.testing.assert_allclose(turn(vector, axis, np.array([np.pi / 2])), [[0, 1, 2]], atol=1e-12)


def test_people_differ_within_human_proportions():
    rng = np.random.default_rng(0)
    hands = [make_hand(0.185, rng) for _ in range(50)]
    links = np.stack([h.links for h in hands]) / make_hand().links
    assert 0.02 < links.std() < 0.05 and links.min() > 0.8 and links.max() < 1.2
