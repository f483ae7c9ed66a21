"""Torques, sharing and excitations follow mechanics."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures('extra')


def test_sharing_is_the_optimum(takes):
    from pianokpm_training.simulation.excitation import effort_weights
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.optimisation import TOLERANCE, UNSHARED
    from scipy.optimize import lsq_linear

    take = takes['chords']
    hand = next(iter(take.hands.values()))
    weight = effort_weights(build_hand(take.pianist.body), take.pianist.nerves)
    tolerance = np.array([UNSHARED.get(n, TOLERANCE) for n in hand.load.joints])
    for i in np.linspace(50, len(hand.load.time) - 50, 8).astype(int):
        pull = -(hand.load.arms[i] * hand.load.strength[i][:, None]).T / tolerance[:, None]
        rows = np.vstack([pull, np.diag(np.sqrt(weight))])
        wanted = np.concatenate([hand.load.torque[i] / tolerance, np.zeros(len(weight))])
        best = lsq_linear(rows, wanted, (0, 1), tol=1e-12)
        np.testing.assert_allclose(hand.sharing.activation[i], best.x, atol=2e-3)


def test_reserves_are_small(takes):
    """What the muscles can't give is small against what playing takes, at every joint but the forearm's turn."""
    for task, take in takes.items():
        for hand in take.hands.values():
            asked = np.sqrt((hand.load.torque**2).mean(axis=0))
            left = np.sqrt((hand.sharing.reserve**2).mean(axis=0))
            for name, a, b in zip(hand.load.joints, asked, left, strict=True):
                if name != 'pro_sup':
                    assert b < 0.012 + 0.25 * a, f'{task} {name}: {b:.4f} of {a:.4f} N m'


def test_a_force_on_a_pad_needs_its_lever(pianist):
    """A finger held still under 1 N more needs exactly the transposed Jacobian's torque more."""
    import mujoco
    from pianokpm_training.simulation.dynamics import compute_load
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.kinematics import Motion, place_sites, relaxed_posture

    hand = build_hand(pianist.body)
    angles = np.tile(relaxed_posture(hand, pianist.technique), (60, 1))
    landmarks, pads = place_sites(hand, angles)
    motion = Motion(np.arange(60) / 200, angles, landmarks, pads)
    force = np.zeros((60, 5))
    still = compute_load(hand, motion, force)
    force[:, 1] = 1.0
    pressed = compute_load(hand, motion, force)
    jacobian, data = np.zeros((3, hand.model.nv)), mujoco.MjData(hand.model)
    data.qpos[:] = angles[0]
    mujoco.mj_forward(hand.model, data)
    mujoco.mj_jacSite(hand.model, data, jacobian, None, hand.site_ids('pad')[1])
    more = (pressed.torque - still.torque)[15]
    np.testing.assert_allclose(more, -jacobian[2, 6:], atol=1e-9)
    # The knuckle's lever is the horizontal distance from knuckle to pad, about 40 mm.
    knuckle = more[hand.joints[6:].index('mcp2_flexion')]
    distance = np.linalg.norm((pads[0, 1] - landmarks[0, 5])[:2])
    assert knuckle == pytest.approx(distance, rel=0.15)


def test_excitation_gives_the_activation_back():
    from pianokpm_training.simulation.excitation import excite

    time = np.arange(0, 4, 0.01)
    wanted = 0.3 + 0.2 * np.sin(2 * np.pi * 2.0 * time)[:, None] * np.ones(6)
    excitation, reached = excite(wanted, 100.0)
    np.testing.assert_allclose(reached, wanted, atol=1e-9)
    lead = np.argmax(
        [np.corrcoef(excitation[50 - k : 350 - k, 0], wanted[50:350, 0])[0, 1] for k in range(12)]
    )
    assert 1 <= lead <= 8, 'excitation leads activation'


def test_muscles_cannot_be_let_go_at_once():
    from pianokpm_training.simulation.excitation import FALL, excite

    wanted = np.ones((100, 1))
    wanted[50:] = 0.0
    excitation, reached = excite(wanted, 100.0)
    assert excitation[50] == 0.0
    # From full activation the fall begins with FALL / 2 and slows to 2 FALL: a half after 10 to 60 ms.
    half = np.argmax(reached[50:, 0] < 0.5) / 100
    assert 0.25 * FALL <= half <= 1.5 * FALL + 0.01  # a sample is 10 ms


def test_delay_puts_excitation_ahead():
    from pianokpm_training.simulation.excitation import advance

    signal = np.zeros((100, 1))
    signal[50] = 1.0
    assert np.argmax(advance(signal, 100.0, 0.03)) == 47


def test_loud_playing_takes_more(extra, pianist):
    from dataclasses import replace

    from pianokpm_training.kinematic.notes import Note
    from pianokpm_training.simulation.take import simulate_take

    from pianokpm_ros.anatomy import Side

    notes = [Note(0.8 + 0.3 * i, 0.2, 67 + i % 2, Side.RIGHT, 4 + i % 2, 40) for i in range(6)]
    levels = []
    for velocity in (35, 70, 105):
        take = simulate_take(pianist, [replace(n, velocity=velocity) for n in notes], 3.0, [1])
        levels.append(take.hands[Side.RIGHT].activation.max(axis=0))
    little = np.array(levels)[:, [0, 5]]
    assert (np.diff(little.max(axis=1)) > 0.02).all(), little


def test_activations_are_used_and_not_stuck(takes):
    for take in takes.values():
        for hand in take.hands.values():
            assert (hand.activation > 0.99).mean(axis=0).max() < 0.02
            assert hand.excitation.min() >= 0 and hand.excitation.max() <= 1
