from dataclasses import replace

import numpy as np
import pytest
from pianokpm_training.baselines import simple
from pianokpm_training.baselines.simple import (
    LaggedRidge,
    Mean,
    Neighbours,
    StrokeAverage,
    learn_baselines,
)
from pianokpm_training.datasets.recording import DataError
from pianokpm_training.evaluation.takes import Take

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg.metrics import pearson

from ..training_model.makers import make_recording


@pytest.fixture(scope='module')
def takes():
    return [Take(make_recording(f's0{i}', 'scales', Side.RIGHT, 10.0)) for i in range(1, 4)]


def learn(kind, takes, lookahead):
    (made,) = learn_baselines(takes, lookahead, [kind])
    return made


def exact(take):
    """The take seen without errors."""
    recording = take.recording
    sure = np.full_like(recording.pose.deviation, 0.001)
    pose = replace(recording.pose_truth, deviation=sure)
    return Take(replace(recording, pose=pose), take.keys)


def say(take, samples):
    """The take with other envelopes."""
    recording = take.recording
    envelope = replace(recording.envelope, samples=samples.astype(np.float32))
    return Take(replace(recording, envelope=envelope), take.keys)


def test_the_mean_is_the_mean(takes):
    found = learn(Mean, takes, 0.0).estimate(takes[0]).mean
    want = np.concatenate([t.truth for t in takes]).mean(axis=0)
    np.testing.assert_allclose(found[[0, -1]], [want, want])


def test_a_course_around_keystrokes_is_found(takes):
    taught = []
    for take in takes:
        seconds, notes = take.stamp * 1e-9, take.recording.notes
        course = sum(
            v / 127 * np.exp(-0.5 * ((seconds - t * 1e-9 - 0.1) / 0.05) ** 2)
            for t, v in zip(notes.stamp, notes.velocity, strict=True)
        )
        taught.append(say(take, np.tile(0.02 + 0.1 * course[:, None], 6)))
    found = learn(StrokeAverage, taught[:2], 0.0).estimate(taught[2]).mean
    assert (pearson(taught[2].truth, found) > 0.98).all()


@pytest.mark.parametrize('kind', [Mean, StrokeAverage, LaggedRidge, Neighbours])
def test_a_muscle_that_was_not_recorded_costs_the_others_nothing(takes, kind):
    def cover(take, column):
        samples = take.recording.envelope.samples.copy()
        samples[:, column] = np.nan
        samples[100:300] = np.nan  # and a cable was loose
        return say(take, samples)

    lacking = [cover(t, 5) for t in takes]
    found = learn(kind, lacking[:2], 0.067).estimate(lacking[2]).mean
    assert np.isnan(found[:, 5]).all() and np.isfinite(found[:, :5]).all(axis=1).mean() > 0.9
    apart = [cover(takes[0], [0, 1, 2]), cover(takes[1], [3, 4, 5])]
    with pytest.raises(DataError, match='EMG of all muscles is never there at one time'):
        learn(kind, apart, 0.067)


def test_baselines_learn_the_same_in_small_parts(takes, monkeypatch):
    whole = learn(LaggedRidge, takes[:2], 0.067).estimate(takes[2]).mean
    monkeypatch.setattr(simple, 'PART', 97)
    found = learn(LaggedRidge, takes[:2], 0.067).estimate(takes[2]).mean
    np.testing.assert_allclose(found, whole, atol=1e-9)
    # Neighbours remember every so manieth moment of all takes, as if these were one.
    monkeypatch.setattr(simple, 'KEPT', 10**6)
    everything = learn(Neighbours, takes, 0.067)._targets
    monkeypatch.setattr(simple, 'KEPT', len(everything) // 7)
    np.testing.assert_array_equal(learn(Neighbours, takes, 0.067)._targets, everything[::7])


@pytest.mark.parametrize('kind', [LaggedRidge, Neighbours])
def test_what_hangs_on_the_features_is_found(takes, kind):
    taught = []
    for take in map(exact, takes):
        height = np.interp(
            take.stamp,
            take.recording.pose_truth.stamp,
            take.recording.pose_truth.landmarks[:, 8, 2],
        )
        taught.append(say(take, np.tile(0.1 + 2.0 * height[:, None], 6)))
    # A line goes on to a third person; neighbours know only what they have seen.
    asked = taught[2] if kind is LaggedRidge else taught[1]
    good = learn(kind, taught[:2], 0.067).estimate(asked).mean
    assert np.isfinite(good).all(axis=1).mean() > 0.95
    assert (pearson(asked.truth, good) > 0.9).all()


def test_a_look_ahead_is_what_is_left_unsaid_at_the_end(takes):
    ridge = learn(LaggedRidge, takes[:2], 0.067)
    said = np.flatnonzero(np.isfinite(ridge.estimate(takes[2]).mean).all(axis=1))
    last_pose = takes[2].poses.stamp[-1]
    assert 0 <= last_pose - 67_000_000 + 10_000_000 - takes[2].stamp[said[-1]] <= 10_000_000


@pytest.mark.parametrize('kind', [LaggedRidge, Neighbours])
def test_nothing_is_known_of_the_future(takes, kind):
    asked, lookahead = takes[2], 0.067
    pose = asked.recording.pose
    half = pose.stamp[len(pose.stamp) // 2]
    later = pose.landmarks + np.float32(0.02) * (pose.stamp > half)[:, None, None]
    later[pose.stamp > half, 8, 2] += np.float32(0.03)
    changed = Take(replace(asked.recording, pose=replace(pose, landmarks=later)), asked.keys)
    model = learn(kind, takes[:2], lookahead)
    one, other = (model.estimate(t).mean for t in (asked, changed))
    before = asked.stamp <= half - 67_000_000
    np.testing.assert_array_equal(one[before], other[before])
    soon = (asked.stamp > half) & (asked.stamp < half + 100_000_000)
    assert np.nanmax(np.abs(one[soon] - other[soon])) > 1e-3


def test_strokes_long_before_and_after_a_take_do_not_count(takes):
    model, asked = learn(StrokeAverage, takes[:2], 0.0), takes[2]
    inside = (asked.stamp >= 3e9) & (asked.stamp < 6e9)
    envelope = asked.recording.envelope
    part = replace(envelope, stamp=envelope.stamp[inside], samples=envelope.samples[inside].copy())
    cut = Take(replace(asked.recording, envelope=part))
    whole, found = model.estimate(asked).mean[inside], model.estimate(cut).mean
    # After the last tick the estimate is held.
    np.testing.assert_allclose(found[:-10], whole[:-10], atol=1e-9)


def test_strokes_of_the_other_hand_do_not_count(takes):
    model, asked = learn(StrokeAverage, takes[:2], 0.0), takes[2]
    notes = asked.recording.notes
    every_other = np.arange(len(notes.stamp)) % 2 == 0
    side = np.where(every_other, notes.side, np.uint8(Side.LEFT))
    shared = Take(replace(asked.recording, notes=replace(notes, side=side)))
    names = ('stamp', 'release', 'key', 'velocity', 'side', 'finger')
    own = replace(notes, **{n: getattr(notes, n)[every_other] for n in names})
    alone = Take(replace(asked.recording, notes=own))
    np.testing.assert_array_equal(model.estimate(shared).mean, model.estimate(alone).mean)
    assert np.abs(model.estimate(shared).mean - model.estimate(asked).mean).max() > 1e-3


def test_hands_and_emg_that_never_meet_are_refused(takes):
    recording = takes[0].recording
    late = replace(recording.envelope, stamp=recording.envelope.stamp + 10**12)
    with pytest.raises(DataError, match='hands and EMG are never there at one time'):
        learn(LaggedRidge, [Take(replace(recording, envelope=late))], 0.0)


def test_few_moments_are_all_neighbours(takes):
    recording = takes[0].recording
    envelope = recording.envelope
    part = replace(envelope, stamp=envelope.stamp[:150], samples=envelope.samples[:150])
    found = learn(Neighbours, [Take(replace(recording, envelope=part))], 0.0).estimate(takes[1])
    assert np.nanmax(np.abs(found.mean - part.samples[10::10].mean(axis=0))) < 0.1
