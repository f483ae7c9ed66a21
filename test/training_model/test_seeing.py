from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.model.dataset import make_examples
from pianokpm_training.model.noise import RATES
from pianokpm_training.model.seeing import (
    Conditions,
    as_midi,
    draw_conditions,
    hear_keys,
    louder,
    see_poses,
)
from pianokpm_training.sessions.ticks import key_samples
from pianokpm_training.simulation.sight import load_sight

from pianokpm_ros.keyboard.key_samples import list_strokes
from pianokpm_ros.muscle.features import FEATURE_COUNT, KEYS, KEYS_FLAG, PLACE, PLACE_FLAG
from pianokpm_ros.muscle.timebase import TICK

from .makers import without

LOOKAHEADS = (0.0, 0.033, 0.067)
RNG = np.random.default_rng


def see(recording, seed=0, **conditions):
    return make_examples(recording, Conditions(**conditions), RNG(seed), LOOKAHEADS)


def test_as_recorded_is_as_recorded(recording):
    poses = see_poses(recording, Conditions(), RNG(0))
    known = np.isfinite(recording.pose.landmarks).all(axis=(1, 2))
    np.testing.assert_array_equal(poses.stamp, recording.pose.stamp[known])
    np.testing.assert_array_equal(poses.landmarks, recording.pose.landmarks[known])


@pytest.mark.parametrize('rate', [25.0, 120.0])
def test_an_exact_hand_is_seen_anew_at_any_rate(recording, rate):
    poses = see_poses(recording, Conditions(rate=rate), RNG(0))
    # A few per cent of the frames are lost, and a hand for up to 1.5 s a minute.
    assert 0.75 * rate < len(poses) / 12 < 1.03 * rate
    exact = recording.pose_truth
    nearest = np.searchsorted(exact.stamp, poses.stamp).clip(0, len(exact.stamp) - 1)
    error = np.abs(poses.landmarks - exact.landmarks[nearest])
    usual = load_sight().deviation.mean()
    assert 0.3 * usual < np.nanmedian(error) < 1.5 * usual


def test_recorded_poses_are_thinned_never_made_up(recording):
    real = without(recording, 'pose_truth')
    poses = see_poses(real, Conditions(rate=25.0), RNG(0))
    assert 20 < len(poses) / 12 < 27
    assert np.isin(poses.stamp, recording.pose.stamp).all()
    assert len(see_poses(real, Conditions(rate=120.0), RNG(0))) <= len(recording.pose.stamp)


def test_noise_is_scaled():
    np.testing.assert_allclose(louder(0.5).deviation, 0.5 * load_sight().deviation)


def test_for_a_while_one_view_may_be_all_there_is(recording):
    whole, parted = (
        see_poses(recording, Conditions(rate=60.0, one_left=often), RNG(0)) for often in (0.0, 0.5)
    )
    alone = np.nanmedian(parted.deviation, axis=1) > 0.015
    assert 0.1 < alone.mean() < 0.9 and not (np.nanmedian(whole.deviation, axis=1) > 0.015).any()
    exact = recording.pose_truth
    nearest = np.searchsorted(exact.stamp, parted.stamp).clip(0, len(exact.stamp) - 1)
    error = np.linalg.norm(np.nanmean(parted.landmarks - exact.landmarks[nearest], axis=1), axis=1)
    assert np.median(error[alone]) > 3 * np.median(error[~alone])


def test_one_view_is_worse_and_says_so(recording):
    several, one = (
        see_poses(recording, Conditions(rate=60.0, single=single), RNG(0))
        for single in (False, True)
    )
    assert np.nanmedian(one.deviation) > 1.5 * np.nanmedian(several.deviation)


@pytest.mark.parametrize(('keys', 'part'), [('none', 0.0), ('midi', 1.0), ('recorded', 1.0)])
def test_what_is_known_of_the_keys_shows(recording, keys, part):
    features = np.concatenate([e.features for e in see(recording, keys=keys)])
    assert features.shape[1] == FEATURE_COUNT
    assert features[:, KEYS_FLAG].mean() == pytest.approx(part, abs=0.02)
    if part:
        values = features[:, KEYS][features[:, KEYS_FLAG] > 0]
        assert np.nanmax(values[:, :5]) > 0.8 and np.nanmax(values[:, 26:]) > 0.1


def test_midi_knows_up_and_down_and_how_hard(recording):
    ticks = np.arange(0, 12 * 10**9, TICK)
    midi, full = (hear_keys(recording, kind)(ticks) for kind in ('midi', 'recorded'))
    assert set(np.unique(midi.position)) == {0.0, 1.0}
    assert ((full.position > 0.05) & (full.position < 0.95)).any()
    both = (midi.position == 1) & (full.position > 0.9)
    ratio = midi.struck[both] / full.struck[both]
    # MIDI velocity is the speed at the escapement in 25 steps an octave; the greatest speed is no smaller.
    assert 0.5 < np.median(ratio) < 1.05


def test_notes_tell_how_hard_where_keys_have_no_speed(recording):
    midi = as_midi(key_samples(recording))
    keys = recording.keys
    silent = type(keys)(
        midi.stamp,
        midi.key,
        midi.position,
        np.full(len(midi.key), np.nan, np.float32),
        'midi',
    )
    found = key_samples(type(recording)(recording.info, keys=silent, notes=recording.notes))
    downs = [s for s in list_strokes(key_samples(recording)) if s[2]]
    assert sorted(found.midi_velocity[found.position > 0]) == sorted(s[3] for s in downs)


def test_keys_of_which_some_speeds_are_unknown_are_heard_all_the_same(recording):
    keys, ticks = recording.keys, np.arange(0, 12 * 10**9, TICK)
    velocity = keys.velocity.copy()
    velocity[::7] = np.nan
    gaps = replace(recording, keys=replace(keys, velocity=velocity))
    whole, found = (hear_keys(r, 'midi')(ticks).struck for r in (recording, gaps))
    np.testing.assert_array_equal(whole > 0, found > 0)
    assert np.abs(np.log2(found[found > 0] / whole[whole > 0])).max() < 0.4
    # One sample that says that a key lies still does not silence the notes.
    silent = np.full(len(velocity), np.nan, np.float32)
    silent[0] = 0.0
    notes = key_samples(replace(recording, keys=replace(keys, velocity=silent)))
    assert set(notes.midi_velocity[notes.midi_velocity > 0]) == set(recording.notes.velocity)


def test_a_frame_that_is_not_the_keyboards_hides_places_and_keys(recording):
    for example in see(recording, rate=60.0, placed=False):
        features = example.features
        assert np.isnan(features[:, PLACE]).all() and not features[:, PLACE_FLAG].any()
        assert np.isnan(features[:, KEYS]).all() and not features[:, KEYS_FLAG].any()


def test_without_poses_or_envelopes_there_is_nothing_to_learn(recording):
    for part in ('pose', 'envelope'):
        assert see(without(recording, part)) == []


def test_targets_are_the_muscles_at_the_time_of_each_knot(recording):
    (first, *_) = see(recording)
    known = np.isfinite(first.target).all(axis=(1, 2))
    start = int(recording.pose.stamp[0]) // TICK * TICK
    for i, lookahead in enumerate((0, 33, 67)):
        index = (start + TICK) // 10**6 + 10 * np.flatnonzero(known) - lookahead
        np.testing.assert_array_equal(first.target[known, i], recording.envelope.samples[index])


def test_conditions_cover_all_there_is():
    drawn = [draw_conditions(RNG(seed)) for seed in range(400)]
    assert {c.rate for c in drawn} == set(RATES)
    assert {c.keys for c in drawn} == {'midi', 'recorded'}
    assert {(c.single, c.placed) for c in drawn} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
