import numpy as np
import pytest

from pianokpm_ros.anatomy import FINGER_CHAINS, FINGERS, LANDMARKS, Side
from pianokpm_ros.keyboard.layout import FIRST_KEY, KEY_CENTRES
from pianokpm_ros.muscle.features import (
    FEATURE_COUNT,
    FEATURE_NAMES,
    KEYS,
    KEYS_FLAG,
    PLACE,
    PLACE_FLAG,
    SHAPE,
    Scaling,
    are_hands,
    bend_angles,
    hand_features,
    is_hand,
    shape_hand,
)
from pianokpm_ros.muscle.key_features import key_features
from pianokpm_ros.muscle.timebase import TICK, KeyTicks

ON, OFF = np.array([True]), np.array([False])
NO_KEYS = np.zeros((1, 88))
SURE = np.full((1, 21), 0.002)


def features_of(
    landmarks, side=Side.RIGHT, placed=ON, keys=NO_KEYS, known=OFF, deviation=SURE, struck=NO_KEYS
):
    shape = shape_hand(np.atleast_3d(landmarks).reshape(-1, 21, 3), side, placed)
    return hand_features(shape, None, deviation, KeyTicks(keys, struck, known), side)[0]


def value(features, name):
    return features[FEATURE_NAMES.index(name)]


def random_turn(rng):
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return turn * np.sign(np.linalg.det(turn))


def test_keys_lie_where_a_piano_has_them():
    assert KEY_CENTRES[60 - FIRST_KEY] == 0
    assert KEY_CENTRES[72 - FIRST_KEY] == pytest.approx(7 * 0.0235)
    assert KEY_CENTRES[61 - FIRST_KEY] == pytest.approx(0.5 * 0.0235)
    span = KEY_CENTRES[-1] - KEY_CENTRES[0]  # 52 white keys
    assert span == pytest.approx(51 * 0.0235) and (np.diff(KEY_CENTRES) > 0).all()


def test_shape_is_the_same_from_everywhere_and_at_every_size(hand):
    rng = np.random.default_rng(0)
    want = features_of(hand)[SHAPE]
    for scale in (0.8, 1.2):
        moved = (scale * hand) @ random_turn(rng).T + rng.normal(size=3)
        np.testing.assert_allclose(features_of(moved, placed=OFF)[SHAPE], want, atol=1e-9)


def test_hands_of_a_take_are_judged_like_a_single_one():
    hand = np.random.default_rng(0).normal(0, 0.03, (21, 3))
    hand[[0, 5, 9, 17]] = [[0, 0, 0], [-0.03, 0.09, 0], [0, 0.09, 0], [0.03, 0.08, 0]]
    hands = np.stack([hand] * 9)
    hands[1] *= 0.4  # no person's
    hands[2] *= 2.0
    hands[3, 9], hands[4, 8], hands[5, 8], hands[6, 8] = np.nan, np.nan, 11.0, np.inf
    hands[7, [5, 17]] = hands[7, 9]  # a line
    hands[8] = np.nan
    found = are_hands(hands)
    assert found.tolist() == [is_hand(h) for h in hands]
    assert found.tolist() == [True, False, False, False, True, False, False, False, False]


def test_the_palm_frame_is_right_handed_and_points_where_it_says(hand):
    shape = shape_hand(hand[None], Side.RIGHT, ON)
    assert np.linalg.det(shape.axes[0]) == pytest.approx(1.0)
    np.testing.assert_allclose(shape.local[0, 9], [0, 1, 0], atol=1e-12)  # middle knuckle
    assert shape.local[0, 5, 0] < 0 < shape.local[0, 17, 0]  # index and little finger
    assert shape.axes[0, 2, 2] > 0.8  # the back of a playing hand looks up


def test_a_mirrored_left_hand_has_the_features_of_a_right_one(hand):
    mirrored = hand * [-1, 1, 1]
    np.testing.assert_allclose(
        features_of(mirrored, Side.LEFT), features_of(hand), atol=1e-12, equal_nan=True
    )
    assert not np.allclose(features_of(mirrored, Side.RIGHT)[SHAPE], features_of(hand)[SHAPE])


def test_every_feature_of_the_hand_is_what_its_name_says(hand):
    """The weights of a model know features by their places: none may change its meaning."""
    rng = np.random.default_rng(3)
    before = hand + rng.normal(0, 0.003, hand.shape)
    now = hand + rng.normal(0, 0.003, hand.shape) + [0.01, -0.02, 0.005]

    def palm_frame(points):
        wrist, index, middle, little = points[[0, 5, 9, 17]]
        y = (middle - wrist) / np.linalg.norm(middle - wrist)
        out = np.cross(little - wrist, index - wrist)
        z = out - (out @ y) * y
        z /= np.linalg.norm(z)
        axes = np.stack([np.cross(y, z), y, z])
        return axes, (points - wrist) @ axes.T / np.linalg.norm(middle - wrist)

    (_, local_before), (axes, local) = palm_frame(before), palm_frame(now)
    wanted = {'back_up': axes[2, 2], 'fingers_up': axes[1, 2], 'thumb_up': axes[0, 2]}
    wanted['palm_height'] = 10 * now[9, 2]
    for i, name in enumerate(LANDMARKS[1:], 1):
        wanted |= {f'{name}_{a}': local[i, k] for k, a in enumerate('xyz')}
    speed = (now - before) / 0.01
    wanted |= {f'palm_velocity_{a}': speed[9, k] for k, a in enumerate('xyz')}
    for finger, chain in zip(FINGERS, FINGER_CHAINS, strict=True):
        tip, bones = chain[-1], np.diff(now[list(chain)], axis=0)
        wanted[f'{finger}_height'] = 10 * now[tip, 2]
        wanted[f'{finger}_depth'] = 10 * now[tip, 1]
        wanted[f'{finger}_knuckle_height'] = 10 * now[chain[1], 2]
        wanted[f'{finger}_height_velocity'] = speed[tip, 2]
        moved = (local[tip] - local_before[tip]) / 0.01
        wanted |= {f'{finger}_velocity_{a}': moved[k] for k, a in enumerate('xyz')}
        bones /= np.linalg.norm(bones, axis=1, keepdims=True)
        bends = np.arccos((bones[:-1] * bones[1:]).sum(axis=1))
        wanted |= {f'{finger}_bend_{j}': bend for j, bend in enumerate(bends, 1)}
    assert set(wanted) == set(FEATURE_NAMES[: PLACE.stop])
    shape = shape_hand(np.stack([before, before, now]), Side.RIGHT, np.ones(3, bool))
    found = hand_features(shape, None, np.tile(SURE, (3, 1)), KeyTicks.unknown(3), Side.RIGHT)
    for name, number in wanted.items():
        assert value(found[2], name) == pytest.approx(number, abs=1e-9), name
    np.testing.assert_array_equal(shape.tail().local, shape.local[2:])
    assert SHAPE == slice(0, 75)


def test_straight_fingers_of_any_direction_have_no_bend():
    # Rounding puts the cosine above 1, of which there is no angle.
    along = np.random.default_rng(0).normal(size=(200, 1, 3))
    straight = np.arange(21.0)[:, None] * along
    assert np.abs(bend_angles(straight)).max() < 1e-6


def test_bend_is_the_angle_between_bones():
    straight = np.zeros((1, 21, 3))
    for finger in range(5):
        for joint in range(4):
            straight[0, 1 + 4 * finger + joint] = [0, joint + 1, 0]
    assert np.abs(bend_angles(straight)).max() < 1e-6
    bent = straight.copy()
    bent[0, 8] = [0, 3, -1]  # the index finger's last bone at a right angle
    angles = bend_angles(bent)[0].reshape(5, 3)
    assert angles[1, 2] == pytest.approx(np.pi / 2) and np.count_nonzero(angles > 1e-6) == 1


def test_place_speaks_only_of_the_keyboard(hand):
    features = features_of(hand)
    assert value(features, 'index_height') == pytest.approx(10 * hand[8, 2])
    assert value(features, 'little_depth') == pytest.approx(10 * hand[20, 1])
    assert features[PLACE_FLAG] == 1
    for elsewhere in (hand + [0, 0, 1.0], hand + [2.0, 0, 0], hand - [0, 0.6, 0]):
        away = features_of(elsewhere)
        assert np.isnan(away[PLACE]).all() and away[PLACE_FLAG] == 0
    assert np.isnan(features_of(hand, placed=OFF)[PLACE]).all()


def test_velocity_is_per_second(hand):
    moved = np.stack([hand, hand + [0.0, 0.0, -0.002]])
    shape = shape_hand(moved, Side.RIGHT, np.array([True, True]))
    features = hand_features(shape, None, np.tile(SURE, (2, 1)), KeyTicks.unknown(2), Side.RIGHT)
    assert value(features[1], 'palm_velocity_z') == pytest.approx(-0.002 / (TICK * 1e-9))
    assert value(features[0], 'palm_velocity_z') == 0
    assert value(features[1], 'index_velocity_z') == pytest.approx(0, abs=1e-9)  # in the palm
    after = hand_features(shape.tail(), shape.tail(), SURE, KeyTicks.unknown(1), Side.RIGHT)
    assert after.shape == (1, FEATURE_COUNT) and value(after[0], 'palm_velocity_z') == 0


def test_keys_belong_to_the_finger_over_them(hand):
    keys = np.zeros((1, 88))
    under = int(np.argmin(np.abs(KEY_CENTRES - hand[8, 0])))
    keys[0, under] = 0.7
    features = features_of(hand, keys=keys, known=ON)
    distance = (hand[8, 0] - KEY_CENTRES[under]) / 0.012
    assert value(features, 'index_key') == pytest.approx(0.7 * np.exp(-0.5 * distance**2))
    assert value(features, 'little_key') < 0.05 and features[KEYS_FLAG] == 1
    assert np.isnan(features_of(hand, keys=keys, known=OFF)[KEYS]).all()
    assert np.isnan(features_of(hand, placed=OFF, keys=keys, known=ON)[KEYS]).all()
    shape = shape_hand(np.stack([hand] * 3), Side.RIGHT, np.ones(3, bool))
    some = KeyTicks(keys * [[1], [0], [1]], np.zeros((3, 88)), np.array([True, True, False]))
    found = hand_features(shape, None, np.tile(SURE, (3, 1)), some, Side.RIGHT)
    np.testing.assert_array_equal(found[0, KEYS], features[KEYS])
    assert (found[1, KEYS] == 0).all() and np.isnan(found[2, KEYS]).all()
    assert found[:, KEYS_FLAG].tolist() == [1, 1, 0]


def test_the_row_of_keys_moves_with_the_hand(hand):
    keys, struck = np.zeros((1, 88)), np.zeros((1, 88))
    under = int(np.argmin(np.abs(KEY_CENTRES - hand[9, 0])))
    on_key = hand - [hand[9, 0] - KEY_CENTRES[under], 0, 0]
    keys[0, under], struck[0, under] = 0.8, 25.0
    features = features_of(on_key, keys=keys, known=ON, struck=struck)
    row = features[KEYS][5:26]
    assert row[10] == pytest.approx(0.8) and np.count_nonzero(row > 0.2) == 1
    assert value(features, 'hand_10_struck') == pytest.approx(0.5)  # half as quick as forte
    beside = features_of(on_key - [0.0235, 0, 0], keys=keys, known=ON)
    assert int(np.argmax(beside[KEYS][5:26])) == 12  # two half keys to the little finger's side


def test_keys_mirror_with_the_hand():
    tips, keys = np.zeros((1, 5, 3)), KeyTicks.unknown(1)
    tips[0, :, 0] = -KEY_CENTRES[48 - FIRST_KEY]  # a left hand over a low C, mirrored
    keys.position[0, 48 - FIRST_KEY] = 1
    assert key_features(tips, tips[:, 0], keys, Side.LEFT)[0, :5].min() == 1
    assert key_features(tips, tips[:, 0], keys, Side.RIGHT)[0, :5].max() < 1e-6


def test_noise_flag_is_the_typical_deviation_of_what_is_known(hand):
    assert value(features_of(hand), 'pose_noise') == pytest.approx(np.log10(2.0))
    some = np.where(np.arange(21) < 10, np.nan, 0.02)[None]
    assert value(features_of(hand, deviation=some), 'pose_noise') == pytest.approx(np.log10(20.0))
    assert np.isnan(value(features_of(hand, deviation=np.full((1, 21), np.nan)), 'pose_noise'))
    rising = np.random.default_rng(0).permutation(np.arange(1, 22) * 1e-3)[None]
    assert value(features_of(hand, deviation=rising), 'pose_noise') == pytest.approx(np.log10(11))
    rising[rising == 21e-3] = np.nan  # of an even number the lower one of the middle
    assert value(features_of(hand, deviation=rising), 'pose_noise') == pytest.approx(np.log10(10))


def test_what_is_no_hand_is_known(hand):
    assert is_hand(hand)
    for index, number in ((0, np.nan), (9, np.nan), (8, np.inf), (8, -np.inf), (8, 11.0)):
        spoiled = hand.copy()
        spoiled[index, 1] = number
        assert not is_hand(spoiled)
    missing = hand.copy()
    missing[8] = np.nan  # a fingertip may be unknown
    assert is_hand(missing)
    assert not is_hand(10 * hand) and not is_hand(0.1 * hand) and not is_hand(hand[:20])
    assert not is_hand(np.zeros((21, 3))) and not is_hand(np.full((21, 3), np.nan))


def test_a_hand_that_turns_over_between_frames_gives_nan_and_no_warning(hand, recwarn):
    flat = hand.copy()
    flat[9] = flat[0]  # a palm of no length
    features = features_of(flat)
    assert np.isnan(features[SHAPE]).any() and not len(recwarn)


def test_scaling_makes_the_unknown_the_mean():
    scaling = Scaling(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 1.0]), 6.0)
    found = scaling.apply(np.array([[3.0, np.nan, 1e9], [-np.inf, 2.0, 3.0]]))
    np.testing.assert_array_equal(found, [[1, 0, 6], [0, 0, 0]])
    assert found.dtype == np.float32
