"""The hand model has the anatomy it is said to have."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures('extra')

ARMS = {
    'RI2': (5.8, 4.1),
    'RI3': (7.7, 6.2),
    'UI_UB3': (4.0, 4.2),
    'UI_UB4': (1.7, 4.3),
}
"""Flexion and abduction arms at the knuckle measured on myo-sim 0.2.4 in a playing posture [mm]."""


@pytest.fixture(scope='module')
def hand():
    """Return an average hand."""
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.people import Body

    return build_hand(Body())


def pose(hand, **angles):
    """Return MuJoCo's data in the relaxed posture, some joints changed."""
    import mujoco
    from pianokpm_training.simulation.kinematics import relaxed_posture
    from pianokpm_training.simulation.people import Technique

    data = mujoco.MjData(hand.model)
    data.qpos[:] = relaxed_posture(hand, Technique())
    for name, angle in angles.items():
        data.qpos[hand.joint(name)] = angle
    mujoco.mj_forward(hand.model, data)
    return data


def arms(hand, data, muscle: str) -> dict[str, float]:
    """Moment arms of a muscle by joint [mm]."""
    import mujoco

    dense = np.zeros((hand.model.nu, hand.model.nv))
    mujoco.mju_sparse2dense(
        dense,
        data.actuator_moment.ravel(),
        data.moment_rownnz,
        data.moment_rowadr,
        data.moment_colind,
    )
    return dict(zip(hand.joints, 1e3 * dense[hand.muscles.index(muscle)], strict=True))


def test_interossei_keep_the_arms_of_the_source(hand):
    data = pose(hand, **{f'mcp{i}_flexion': 0.6 for i in '2345'})
    for muscle, wanted in ARMS.items():
        finger = muscle[-1]
        found = arms(hand, data, muscle)
        pair = abs(found[f'mcp{finger}_flexion']), abs(found[f'mcp{finger}_abduction'])
        # Rounded to 0.1 mm there, and taken in a slightly other posture: 0.3 mm.
        np.testing.assert_allclose(pair, wanted, atol=0.3)


def test_added_muscles_pull_where_they_should(hand):
    data = pose(hand)
    little, thumb = arms(hand, data, 'ADM'), arms(hand, data, 'APB')
    ulnar = arms(hand, data, 'UI_UB5')['mcp5_abduction']
    assert little['mcp5_abduction'] * ulnar > 0, 'ADM must abduct to the ulnar side'
    assert 4 < abs(little['mcp5_abduction']) < 9
    assert little['mcp5_flexion'] < 0, 'and flex a little (shorten with flexion)'
    assert abs(little['mcp5_flexion']) < 4
    assert 6 < abs(thumb['cmc_abduction']) < 12
    assert 2 < abs(thumb['mp_flexion']) < 7


def test_every_measured_muscle_can_work_while_playing(hand):
    from pianokpm_training.simulation.excitation import measured
    from pianokpm_training.simulation.lengths import force_length, normal_lengths

    data = pose(hand)
    able = force_length(normal_lengths(hand.model, data.actuator_length))
    # In the source 4DI (UI_UB4) sits at 0.68 of its length, where it has a fifth of its force.
    assert able[measured(hand)].min() > 0.7
    assert able.min() > 0.4


def test_muscle_curves_are_mujocos(hand):
    import mujoco
    from pianokpm_training.simulation.lengths import force_length, force_velocity

    parameters = np.array([0.75, 1.05, 1.0, 1.0, 0.5, 1.6, 1.5, 1.3, 1.2])
    ends = np.array([0.75, 1.05])  # so that lengths are normal lengths, and velocities too
    for length in np.linspace(0.4, 1.7, 27):
        own = force_length(np.array(length)) * force_velocity(np.array(0.0))
        assert own == pytest.approx(
            -mujoco.mju_muscleGain(length, 0.0, ends, 1.0, parameters), abs=1e-9
        )
    for speed in np.linspace(-1.3, 0.6, 20):
        theirs = -mujoco.mju_muscleGain(1.0, speed * 1.5, ends, 1.0, parameters)
        assert float(force_velocity(np.array(speed))) == pytest.approx(theirs, abs=1e-9)


def test_size_scales_lengths(hand):
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.kinematics import place_sites
    from pianokpm_training.simulation.people import Body

    straight = np.zeros((1, len(hand.joints)))
    small, _ = place_sites(hand, straight)
    large, _ = place_sites(build_hand(Body(size=1.1)), straight)
    bones = [np.linalg.norm(x[0, 9] - x[0, 0]) for x in (small, large)]
    assert 0.07 < bones[0] < 0.10
    assert bones[1] == pytest.approx(1.1 * bones[0], rel=1e-6)


def test_left_out_numbers_are_tissue_not_numerics(hand):
    model = hand.model
    for finger in '2345':
        body = model.body(f'midph{finger}')
        assert body.inertia.max() < 2e-6, 'the source has 1e-4 kg m^2'
    assert model.dof_damping[6:].max() == pytest.approx(0.003)


def test_no_log_file_is_left(hand, root):
    assert not (root / 'MUJOCO_LOG.TXT').exists()
