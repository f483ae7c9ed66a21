"""The player strikes the keys it should, and moves as a hand can."""

import numpy as np
import pytest

from pianokpm_ros.anatomy import Side
from pianokpm_ros.keyboard.layout import is_black

NEAR = 0.004
"""'Within a few mm of its key' [m]; a white key is 23.5 mm wide."""

PULP = 0.0015
"""How far a pad may sink below the key bed: the pulp of a finger is squeezed, which the bones don't show [m]."""

TASKS = ('scales', 'chords', 'trills')


def hands(takes, task):
    """List the hands of a take."""
    return takes[task].hands.values()


@pytest.mark.parametrize('task', TASKS)
def test_fingertips_are_on_their_keys_at_key_down(takes, task):
    from pianokpm_training.simulation.plan import RATE, WHITE_PLACE
    from pianokpm_training.simulation.score import key_x

    for hand in hands(takes, task):
        assert len(hand.plan.notes) >= 6
        for note in hand.plan.notes:
            pad = hand.motion.pads[round(note.onset * RATE), note.finger - 1]
            half = 0.0048 if is_black(note.key) else 0.009
            assert abs(pad[0] - key_x(note.key)) < half + NEAR
            low = 0.050 if is_black(note.key) else WHITE_PLACE[0] - 0.004
            assert low - NEAR < pad[1] < 0.15


@pytest.mark.parametrize('task', TASKS)
def test_planned_and_reached_fingertips_agree(takes, task):
    from pianokpm_training.simulation.plan import RATE

    for hand in hands(takes, task):
        for note in hand.plan.notes:
            i = round(note.onset * RATE)
            error = hand.motion.pads[i, note.finger - 1] - hand.plan.tips[i, note.finger - 1]
            assert np.linalg.norm(error) < NEAR


@pytest.mark.parametrize('task', TASKS)
def test_nothing_goes_through_the_key_bed(takes, task):
    from pianokpm_training.simulation.plan import surface

    from pianokpm_ros.keyboard.key_samples import DIP

    for hand in hands(takes, task):
        assert hand.motion.pads[..., 2].min() > -DIP - PULP
        # Nor does a finger without a note sound a key: it grazes one by less than half of its travel, and rarely.
        resting = hand.plan.busy < 0.02
        above = (hand.motion.pads[..., 2] - surface(hand.motion.pads[..., :2]))[resting]
        assert above.min() > -DIP / 2
        assert (above < -0.001).mean() < 0.002


@pytest.mark.parametrize('task', TASKS)
def test_joints_keep_their_limits_and_do_not_jump(takes, task):
    from pianokpm_training.simulation.hand import build_hand
    from pianokpm_training.simulation.plan import RATE

    limits = build_hand(takes[task].pianist.body).limits
    for hand in hands(takes, task):
        angles = hand.motion.angles
        assert (angles >= limits[:, 0] - 1e-9).all() and (angles <= limits[:, 1] + 1e-9).all()
        speed = np.abs(np.diff(angles[:, 6:], axis=0)) * RATE
        # Pianists' fingers reach some 20 rad/s; a jump of a solution would show as hundreds.
        assert speed.max() < 45
        steps = np.linalg.norm(np.diff(hand.landmarks, axis=0), axis=2)
        assert steps.max() * RATE < 4.0, 'no landmark faster than 4 m/s'


@pytest.mark.parametrize('task', TASKS)
def test_a_piano_would_sound_what_was_to_be_played(takes, task):
    from pianokpm_ros.keyboard.key_samples import KeySamples, list_strokes

    take = takes[task]
    k = take.keys
    none = np.zeros(len(k['key']), np.uint8)
    samples = KeySamples(k['stamp'], k['key'], k['position'], k['velocity'], none, 'test')
    sounded = [(s * 1e-9, key, v) for s, key, down, v in list_strokes(samples) if down]
    matched = []
    for note in take.notes:
        near = [s for s in sounded if s[1] == note.key and abs(s[0] - note.onset) < 0.03]
        matched.append(near[0] if near else None)
    missed = sum(m is None for m in matched)
    assert missed <= 0.03 * len(matched), f'{missed} of {len(matched)} notes never sound'
    assert len(sounded) <= 1.05 * len(take.notes), 'and none sounds twice'
    pairs = [(n, m) for n, m in zip(take.notes, matched, strict=True) if m]
    timing = np.array([m[0] - n.onset for n, m in pairs])
    assert np.median(np.abs(timing)) < 0.004
    wanted, found = np.array([(n.velocity, m[2]) for n, m in pairs]).T
    assert np.corrcoef(wanted, found)[0, 1] > 0.9, 'loudness must follow MIDI velocity'


def test_left_is_right_in_a_mirror(takes, pianist):
    from pianokpm_training.simulation.score import mirror_note
    from pianokpm_training.simulation.take import MIRROR_X, simulate_take

    take = takes['chords']
    mirrored = simulate_take(pianist, [mirror_note(n) for n in take.notes], take.duration, [1])
    for side, other in ((Side.LEFT, Side.RIGHT), (Side.RIGHT, Side.LEFT)):
        seen = take.hands[side].landmarks.copy()
        seen[..., 0] = 2 * MIRROR_X - seen[..., 0]
        np.testing.assert_allclose(mirrored.hands[other].landmarks, seen, atol=1e-9)


def test_thumbs_point_to_the_middle(takes):
    for side, sign in ((Side.LEFT, 1), (Side.RIGHT, -1)):
        landmarks = takes['trills'].hands[side].landmarks
        across = landmarks[:, 2, 0] - landmarks[:, 17, 0]
        assert (sign * across > 0).all()
        # Hands are in front of the keys, fingers pointing away from the player, backs up.
        assert (landmarks[:, 0, 1] < landmarks[:, 9, 1]).all()
        assert (landmarks[:, 9, 2] > 0).all()


def test_keys_are_sampled_while_they_move(takes):
    keys = takes['trills'].keys
    assert (np.diff(keys['stamp']) >= 0).all()
    assert keys['position'].min() >= 0 and keys['position'].max() <= 1
    for key in np.unique(keys['key']):
        own = keys['key'] == key
        assert keys['position'][own].max() > 0.85
        # A key that ends up is said to be up.
        assert keys['position'][own][-1] < 0.05 or keys['stamp'][own][-1] > 5.9e9
