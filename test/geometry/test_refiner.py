import numpy as np
import pytest

from pianokpm_ros.anatomy import Side, Status
from pianokpm_ros.geometry.bones import BoneKeeper, BoneSettings, hold_bones, measure_bones
from pianokpm_ros.geometry.smoothing import PointSmoother, SmoothingSettings
from pianokpm_ros.geometry.triangulator import HandTriangulator, TriangulatorSettings

from .test_triangulator import T0, set_of

STEP = 16_666_667
ISOTROPIC = np.tile([1.0, 0, 0, 1, 0, 1], (21, 1)) * 0.004**2


def test_bones_are_brought_to_their_lengths_and_the_hand_stays_in_place(hands):
    truth = hands[0]
    noisy = truth + np.random.default_rng(0).normal(0, 0.004, truth.shape)
    held = hold_bones(noisy, ISOTROPIC, measure_bones(truth), 0.01)
    wrong, left = (np.abs(measure_bones(p) - measure_bones(truth)) for p in (noisy, held))
    # 4 mm of noise at both ends against 1 % of 20-90 mm: what is left is a few per cent of it.
    assert left.mean() < 0.15 * wrong.mean()
    # 20 of 63 unknowns are fixed: the error falls by up to the square root of that share.
    assert (
        np.sqrt(((held - truth) ** 2).sum(1)).mean()
        < 0.95 * np.sqrt(((noisy - truth) ** 2).sum(1)).mean()
    )
    np.testing.assert_allclose(held.mean(0), noisy.mean(0), atol=2e-3)


def test_a_landmark_moves_where_it_is_unsure(hands):
    truth, covariance = hands[1], ISOTROPIC.copy()
    moved = truth.copy()
    moved[8] += (0, 0.03, 0)  # an index fingertip drawn out
    covariance[8] *= 100
    held = hold_bones(moved, covariance, measure_bones(truth), 0.02)
    # 20 mm of bone within 2 % along it; across it nothing tells.
    assert abs(np.linalg.norm(held[8] - held[7]) / np.linalg.norm(truth[8] - truth[7]) - 1) < 0.1
    assert np.linalg.norm(held[8] - truth[8]) < 0.2 * 0.03
    assert np.linalg.norm(held[7] - truth[7]) < 0.001


def test_lengths_are_learned_from_enough_poses_only(hands):
    keeper, rng = BoneKeeper(BoneSettings(poses=20)), np.random.default_rng(1)
    for i in range(200):
        assert (keeper.lengths is None) == (i < 20)
        keeper.learn(hands[0] + rng.normal(0, 0.002, (21, 3)))
    keeper.learn(np.full((21, 3), np.nan))
    # The median of 200 lengths with 3 mm of noise: 0.3 mm; noise makes short bones longer by
    # sigma^2 / length = 0.5 mm at 20 mm.
    np.testing.assert_allclose(keeper.lengths, measure_bones(hands[0]), atol=1.2e-3)
    unknown = np.full((21, 3), np.nan)
    assert np.isnan(keeper.hold(unknown, ISOTROPIC)).all()


def lag(settings, speed, step=STEP):
    """How late a point comes that has moved at a steady speed [m/s] for a while [s]."""
    smoother = PointSmoother(settings)
    for i in range(2_000_000_000 // step):
        place = np.array([[0.4 + speed * i * step * 1e-9, 0.0, 0.1]])
        late = place - smoother.push(T0 + i * step, place)
    assert late[0, 1:] == pytest.approx([0, 0], abs=1e-12)
    return late[0, 0] / speed


@pytest.mark.parametrize('step', [STEP, 40_000_000])
def test_slow_motion_is_late_by_the_corners_delay_at_any_rate(step):
    still = SmoothingSettings(rise=0.0)
    assert lag(still, 0.3, step) == pytest.approx(1 / (2 * np.pi * 4.0), rel=1e-6)
    assert lag(still, -0.3, step) == pytest.approx(1 / (2 * np.pi * 4.0), rel=1e-6)
    assert lag(SmoothingSettings(), 1e-4, step) == pytest.approx(0.040, abs=1e-3)


def test_a_resting_hand_is_still_and_a_moving_one_prompt(hands):
    settings, rng = SmoothingSettings(), np.random.default_rng(2)
    smoother, out = PointSmoother(settings), []
    for i in range(240):
        out.append(smoother.push(T0 + i * STEP, hands[0] + rng.normal(0, 0.001, (21, 3))))
    assert np.std(out[60:], axis=0).mean() < 0.5e-3
    # With a lag L the speed seen is v (1 + L / step), and L = 1 / (2 pi (corner + rise of it)).
    late = lag(settings, 0.3)
    seen = 0.3 * (1 + late / (STEP * 1e-9))
    assert late == pytest.approx(1 / (2 * np.pi * (4.0 + 60.0 * seen)), rel=1e-6)
    assert late < 0.006


def test_how_soon_a_hand_that_starts_is_prompt_depends_on_the_corner_of_the_speed():
    def late_at_once(corner):
        smoother, place = PointSmoother(SmoothingSettings(speed_corner=corner)), np.zeros((1, 3))
        smoother.push(T0, place)
        out = smoother.push(T0 + STEP, place + [0.01, 0, 0])
        return 0.01 - out[0, 0]

    time = STEP * 1e-9
    for corner in (3.0, 30.0):
        speed = 0.01 / time * _gain(corner, time)
        assert late_at_once(corner) == pytest.approx(
            0.01 * (1 - _gain(4.0 + 60.0 * speed, time)), rel=1e-9
        )


def _gain(corner, time):
    """What a first-order low pass takes of a step (backward Euler)."""
    tau = 1 / (2 * np.pi * corner)
    return time / (time + tau)


def test_gaps_and_unknown_points_start_anew(hands):
    smoother = PointSmoother()
    smoother.push(T0, hands[0])
    hole = hands[0].copy()
    hole[4] = np.nan
    assert np.isnan(smoother.push(T0 + STEP, hole)[4]).all()
    np.testing.assert_array_equal(smoother.push(T0 + 2 * STEP, hands[0])[4], hands[0][4])
    far, last = hands[0] + 0.2, T0 + 2 * STEP
    near = smoother.push(last + 150_000_000, far)  # the longest gap that is bridged
    assert (near < far).all()
    np.testing.assert_array_equal(smoother.push(last + 300_000_001, hands[0]), hands[0])
    for stamp in (last + 300_000_001, T0):  # a stamp again, a clock set back
        np.testing.assert_array_equal(smoother.push(stamp, far), far)


def test_poses_are_refined_where_asked_for(rig, hands):
    settings = TriangulatorSettings(bones=BoneSettings(poses=20), smoothing=SmoothingSettings())
    refined, plain = HandTriangulator(rig, settings), HandTriangulator(rig)
    error = {'refined': [], 'plain': []}
    for i in range(80):
        frames = set_of(rig, hands, stamp=T0 + i * STEP)
        rng = np.random.default_rng(i)
        for view in frames.views.values():
            view.pixels[:] += rng.normal(0, 3, view.pixels.shape)
        for name, triangulator in (('refined', refined), ('plain', plain)):
            pose = triangulator.process(frames)[Side.RIGHT]
            assert pose.status == Status.OK
            error[name].append(np.linalg.norm(pose.landmarks - hands[1], axis=1).mean())
    # A corner of 4 Hz at 60 Hz passes a fifth of white noise's power at rest.
    assert np.mean(error['refined'][40:]) < 0.7 * np.mean(error['plain'][40:])
