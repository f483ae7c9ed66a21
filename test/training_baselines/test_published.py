from dataclasses import replace

import numpy as np
import pytest
import torch
from pianokpm_training.baselines.published import Published, load_published
from pianokpm_training.baselines.published_inputs import (
    MIRROR,
    STEP,
    WINDOW,
    PoseScale,
    cut_windows,
    project_views,
)
from pianokpm_training.baselines.published_network import (
    OUTPUT_SCALE,
    PARAMETERS,
    PublishedNetwork,
)
from pianokpm_training.baselines.published_training import (
    PublishedSettings,
    read_published,
    train_published,
)
from pianokpm_training.baselines.sinkhorn import sinkhorn_divergence
from pianokpm_training.datasets.recording import DataError, ViewTrack
from pianokpm_training.evaluation.takes import Take
from pianokpm_training.model.settings import SettingsError

from pianokpm_ros.anatomy import Side
from pianokpm_ros.emg import transport

from ..training_model.makers import make_recording, without

SHORT = PublishedSettings(epochs=1, batch=2, rate=1e-3, decoder='parallel', points=64)


@pytest.fixture(scope='module')
def take():
    return Take(make_recording('s01', 'scales', Side.RIGHT, 3.0))


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return PublishedNetwork().eval()


def count(*modules):
    return sum(p.numel() for m in modules for p in m.parameters())


def test_it_is_the_network_of_the_description(network):
    assert count(network) == PARAMETERS == 3_706_502
    assert count(network.pose) == 565_760 and count(network.keys) == 577_024
    assert count(*network.stages[:3]) == 1_384_736
    assert count(*network.stages[3:], network.latent) == 874_848
    assert count(network.decoder) == 304_134


def test_the_encoder_sees_61_5_milliseconds_each_way(network):
    """+-31 samples of each 1024, as measured on the released network: 5+2+8+4+4+4+2+2."""
    pose, keys = torch.zeros(1, 201, 84), torch.zeros(1, 201, 88)
    with torch.no_grad():
        before = network.encode(pose, keys)
        pose[0, 100] = 1.0
        changed = (network.encode(pose, keys) - before).abs().amax(dim=-1)[0] > 0
    assert torch.nonzero(changed).flatten().tolist() == list(range(69, 132))


def test_decoding_all_at_once_tends_to_decoding_in_turn(network):
    latent = torch.randn(2, 50, 64)
    with torch.no_grad():
        loop, guess = network.decode(latent), torch.zeros(2, 50, 6)
        errors = []
        for _ in range(3):
            guess = network.decode_guided(latent, guess)
            errors.append(float((guess - loop).abs().max()))
    # Each pass hands on an error times the decoder's slope, of the order of its output scale.
    assert errors[2] < errors[1] < errors[0] < 10 * OUTPUT_SCALE and errors[2] < 1e-5
    torch.testing.assert_close(guess[:, 0], loop[:, 0])


def test_the_sinkhorn_term_is_the_one_that_is_scored():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(0, 0.3, (80, 6)), rng.uniform(0, 0.2, (80, 6))
    found = sinkhorn_divergence(
        torch.tensor(first)[None], torch.tensor(second)[None], iterations=40
    )
    wanted = transport.sinkhorn_divergence(first, second, iterations=60)
    assert float(found) == pytest.approx(wanted, rel=1e-3)
    same = torch.tensor(first)[None]
    assert float(sinkhorn_divergence(same, same)) == pytest.approx(0.0, abs=1e-6)


def test_its_gradient_is_the_slope():
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0, 0.3, (30, 6)), rng.uniform(0, 0.2, (30, 6))
    x = torch.tensor(first)[None].requires_grad_()
    sinkhorn_divergence(x, torch.tensor(second)[None], iterations=60).sum().backward()
    step = np.zeros_like(first)
    step[3, 2] = 1e-4
    high, low = (
        transport.sinkhorn_divergence(first + s, second, iterations=100) for s in (step, -step)
    )
    assert float(x.grad[0, 3, 2]) == pytest.approx((high - low) / 2e-4, rel=0.02)


def test_windows_are_seconds_in_two_views(take):
    windows = cut_windows(take)
    assert windows.pose.shape == (3, WINDOW, 84) and windows.keys.shape == (3, WINDOW, 88)
    assert np.ptp(windows.stamp, axis=1) == pytest.approx(1023 / 1024 * 1e9, abs=2)
    assert np.abs(windows.pose).max() < 0.6  # within the picture: half a width, three eighths high
    assert windows.keys.min() == -1 and windows.keys.max() <= 1
    blind = cut_windows(Take(take.recording, 'none'))
    assert (blind.keys == -1).all()


def test_a_landmark_beside_the_pictures_is_not_seen(take):
    pose = take.recording.pose
    landmarks = pose.landmarks.copy()
    landmarks[20:22, 8] = 0.9, 0.4, 0.5  # in the right camera's plane
    lost = replace(take.recording, pose=replace(pose, landmarks=landmarks))
    have, want = cut_windows(Take(lost)), cut_windows(take)
    assert np.isfinite(have.pose).all() and np.abs(have.pose).max() < 1
    np.testing.assert_allclose(
        have.pose, want.pose, atol=0.05
    )  # what lies between the frames before and after


def test_a_left_hand_is_seen_as_a_right_one(take):
    recording = take.recording
    landmarks = recording.pose.landmarks * np.float32([-1, 1, 1])
    landmarks[..., 0] += np.float32(2 * MIRROR)
    pose, keys = recording.pose, recording.keys
    left = type(recording)(
        type(recording.info)(**vars(recording.info) | {'side': Side.LEFT}),
        pose=type(pose)(pose.stamp, landmarks, pose.deviation),
        keys=type(keys)(
            keys.stamp, (124 - keys.key.astype(int)).astype(np.uint8), keys.position, keys.velocity
        ),
        envelope=recording.envelope,
    )
    have, want = cut_windows(Take(left)), cut_windows(take)
    # Half precision keeps 2**-11 of half a width.
    np.testing.assert_allclose(have.pose, want.pose, atol=3e-4)
    np.testing.assert_array_equal(have.keys, want.keys)


def test_a_recorded_view_is_used_and_that_of_a_left_hand_mirrored(take):
    pose = take.recording.pose
    pixels = np.random.default_rng(0).uniform(50, 250, (len(pose.stamp), 21, 2)).astype(np.float32)
    seen = ViewTrack(pose.stamp, pixels, (400, 300), 'a test')
    turned = np.float32([400, 0]) + pixels * np.float32([-1, 1])
    mirrored = ViewTrack(pose.stamp, turned, (400, 300), 'a test')
    info = replace(take.recording.info, side=Side.LEFT)
    right = project_views(Take(replace(take.recording, views={'top': seen})), pose.stamp[10:12])
    left = project_views(
        Take(replace(take.recording, info=info, views={'top': mirrored})), pose.stamp[10:12]
    )
    wanted = (pixels[10:12] - [200, 150]) / 400
    np.testing.assert_allclose(right[:, :42], wanted.reshape(2, 42), atol=1e-6)
    np.testing.assert_allclose(left[:, :42], right[:, :42], atol=1e-6)


def test_a_view_of_unknown_size_is_no_view(take):
    """Where its middle is can't be told: the pose is projected instead, as where there is no view."""
    pose = take.recording.pose
    pixels = np.full((len(pose.stamp), 21, 2), 200.0, np.float32)
    unknown = {'top': ViewTrack(pose.stamp, pixels, (0, 0), 'a test')}
    found = project_views(Take(replace(take.recording, views=unknown)), pose.stamp[10:12])
    np.testing.assert_array_equal(found, project_views(take, pose.stamp[10:12]))
    assert np.ptp(found) > 0.1


def test_training_lowers_the_error_and_is_kept(take, tmp_path):
    from dataclasses import replace

    made = train_published([take], replace(SHORT, epochs=8))
    errors = [row[2] for row in made.notes['curve']]
    assert len(errors) == 8 and np.mean(errors[-3:]) < 0.95 * np.mean(errors[:3])
    made.save(tmp_path / 'net')
    again = load_published(tmp_path / 'net')
    found, same = made.estimate(take).mean, again.estimate(take).mean
    np.testing.assert_array_equal(found, same)
    whole = np.isfinite(found).all(axis=1).sum()
    assert whole >= 2990 and again.notes['steps'] == 8
    assert (found[np.isfinite(found)] < 1).all()
    (tmp_path / 'net' / 'training.json').unlink()
    with pytest.raises(DataError, match='remove the folder to train it anew'):
        load_published(tmp_path / 'net')


def test_the_best_epoch_on_what_is_validated_on_is_kept(take):
    """The same hand with muscles that rest whenever its own are active: the more is learned, the worse on these."""
    envelope = take.recording.envelope
    contrary = replace(envelope, samples=envelope.samples.max(axis=0) - envelope.samples)
    asked = Take(replace(take.recording, envelope=contrary))
    settings = replace(SHORT, epochs=8)
    made = train_published([take], settings, validation=[asked])
    errors = [error for _, error in made.notes['validation']]
    assert len(errors) == 8 and min(errors) < errors[-1]
    last = train_published([take], settings)  # the same steps, nothing to stop by
    kept, end = (np.nanmean((p.estimate(asked).mean - asked.truth) ** 2) for p in (made, last))
    assert kept < end


def test_lost_samples_do_not_spoil_the_weights(take):
    samples = take.recording.envelope.samples.copy()
    samples[:300] = np.nan
    lost = Take(
        replace(take.recording, envelope=replace(take.recording.envelope, samples=samples))
    )
    made = train_published([lost], SHORT, validation=[lost])
    assert all(torch.isfinite(p).all() for p in made.network.parameters())
    assert np.isfinite(made.notes['curve']).all() and np.isfinite(made.notes['validation']).all()
    samples[:, 2] = np.nan
    with pytest.raises(DataError, match='without a second in which all six'):
        train_published([replace(lost)], SHORT)


def test_settings_are_read_in_their_types(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('rate: 1e-4\nepochs: 3\n')  # YAML takes 1e-4 for a word
    assert read_published(path) == PublishedSettings(rate=1e-4, epochs=3)
    for text, words in (
        ('epoch: 3', 'unknown epoch'),
        ('batch: 2.5', 'no whole number'),
        ('decoder: paralel', 'decoder = paralel.*there are loop, parallel'),
        ('device: abacus', 'device = abacus'),
        ('points: 2000', 'at most 1024 points'),
        ('points: 0', 'must be positive'),
    ):
        path.write_text(text)
        with pytest.raises(SettingsError, match=words):
            read_published(path)


def test_it_begins_at_the_mean(take):
    """From nothing, at a hundredth of what the last layer gives, the first thousand steps would only go there."""
    made = train_published([take], replace(SHORT, epochs=1, rate=0.0))
    wanted = np.minimum(cut_windows(take, STEP).target, made.scale).mean(axis=(0, 1))
    found = np.nanmean(made.estimate(take).mean, axis=0)
    np.testing.assert_allclose(found, wanted, atol=0.004)


def test_a_take_shorter_than_a_window_says_nothing(network, take):
    envelope = take.recording.envelope
    few = type(envelope)(
        envelope.stamp[:500], envelope.samples[:500], envelope.channel, 'mvc', 'short'
    )
    short = type(take.recording)(
        take.recording.info, pose=take.recording.pose, keys=take.recording.keys, envelope=few
    )
    assert np.isnan(
        Published(
            network, np.ones(6), PoseScale(np.zeros(84, np.float32), np.ones(84, np.float32))
        )
        .estimate(Take(short))
        .mean
    ).all()
    assert without(short, 'keys').keys is None
