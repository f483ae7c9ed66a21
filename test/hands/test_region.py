import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianokpm_ros.hands.region import Region, region_of_landmarks, region_of_palm


def hand_pixels():
    """An upright open hand, (21, 2) [px]: wrist at (100, 200), fingers up."""
    pixels = np.zeros((21, 2))
    pixels[0] = 100, 200
    for finger in range(5):
        for joint in range(4):
            pixels[1 + 4 * finger + joint] = 70 + 15 * finger, 140 - 20 * joint
    return pixels


def test_an_upright_hand_gives_an_upright_region():
    region = region_of_landmarks(hand_pixels())
    # The outline reaches from the wrist at 200 up to the thumb's third joint at 100, 60 px across.
    assert region.size == pytest.approx(2.0 * 100)
    assert (region.x, region.angle) == (pytest.approx(100), pytest.approx(0.0, abs=0.02))
    assert region.y == pytest.approx(150 - 0.1 * 100, abs=0.1)


@given(st.floats(-3.1, 3.1), st.floats(0.3, 5.0), st.floats(-500, 500))
def test_the_region_turns_grows_and_moves_with_the_hand(angle, scale, shift):
    c, s = np.cos(angle), np.sin(angle)
    turn = scale * np.array([[c, -s], [s, c]])
    plain = region_of_landmarks(hand_pixels())
    moved = region_of_landmarks(hand_pixels() @ turn.T + shift)
    assert moved.size == pytest.approx(plain.size * scale)
    np.testing.assert_allclose((moved.x, moved.y), turn @ (plain.x, plain.y) + shift, atol=1e-6)
    assert np.cos(moved.angle - plain.angle) == pytest.approx(np.cos(angle))


def test_the_crop_shows_the_hand_upright_and_the_matrix_brings_points_back():
    image = np.zeros((300, 400, 3), np.uint8)
    region = Region(200, 150, 112, np.pi / 2)  # a hand that points to the right
    image[148:152, 238:242] = 255  # 40 px to the right of the centre: up in the crop
    crop = region.cut(image, 224)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    place = np.array([columns.mean(), rows.mean()])
    # Two crop pixels show one image pixel; half a pixel of the image is one of the crop.
    np.testing.assert_allclose(place, (112, 112 - 80), atol=1.5)
    matrix = region.crop_matrix(224)
    np.testing.assert_allclose(matrix[:, :2] @ place + matrix[:, 2], (239.5, 149.5), atol=1.0)


def test_the_mirror_image_shows_the_same_the_other_way_round():
    image = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    region = Region(200, 150, 112, 0.7)
    flipped = region.flip()
    np.testing.assert_array_equal(flipped.cut(image, 224), region.cut(image, 224)[:, ::-1])
    points = np.array([[0.0, 0.0], [224.0, 10.0], [100.0, 224.0]])
    plain, other = region.crop_matrix(224), flipped.crop_matrix(224)
    mirrored = np.column_stack([224 - points[:, 0], points[:, 1]])
    np.testing.assert_allclose(
        mirrored @ other[:, :2].T + other[:, 2], points @ plain[:, :2].T + plain[:, 2]
    )
    assert flipped.flip() == region


def test_unknown_landmarks_give_no_region():
    pixels = hand_pixels()
    pixels[9] = np.nan
    assert region_of_landmarks(pixels) is None


def test_a_palm_is_shifted_towards_the_fingers():
    palm = region_of_palm(np.array([100, 150, 60, 60]), np.array([100, 180]), np.array([100, 120]))
    assert (palm.x, palm.y, palm.size) == pytest.approx((100, 120, 156))


def test_overlap_is_intersection_over_union():
    a, b = Region(0, 0, 10, 0.3), Region(5, 0, 10, 0)
    assert a.overlap(a) == pytest.approx(1) and a.overlap(b) == pytest.approx(1 / 3)
    assert a.overlap(Region(20, 0, 10, 0)) == 0
