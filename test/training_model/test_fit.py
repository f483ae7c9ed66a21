import numpy as np
import pytest
import torch
from pianokpm_training.model.calibration import calibrate
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.fit import crps, predict, validate
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork
from pianokpm_training.model.windows import WindowSampler, draw_silence, hide_keys
from scipy import integrate, stats

from pianokpm_ros.emg.metrics import NORMAL_REACH
from pianokpm_ros.muscle.features import FEATURE_COUNT, KEYS, KEYS_FLAG, Scaling

PLAIN = Scaling(np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT))


def example(rng, count=600, person='s01'):
    features = rng.normal(size=(count, FEATURE_COUNT)).astype(np.float32)
    target = rng.uniform(0, 0.3, (count, 3, 6)).astype(np.float32)
    return Example(person, features, target)


@pytest.mark.parametrize(
    ('mean', 'deviation', 'truth'), [(0.2, 0.05, 0.26), (0, 1, -2), (0.5, 0.01, 0.5)]
)
def test_crps_is_the_integral_that_defines_it(mean, deviation, truth):
    """The score is the squared distance of the forecast's distribution from the step at the truth."""
    x = np.linspace(min(mean, truth) - 9 * deviation, max(mean, truth) + 9 * deviation, 200_001)
    square = (stats.norm.cdf(x, mean, deviation) - (x >= truth)) ** 2
    found = float(crps(*(torch.tensor([float(v)]) for v in (mean, deviation, truth))))
    assert found == pytest.approx(integrate.trapezoid(square, x), rel=1e-3)


def test_unknown_targets_do_not_count():
    known = crps(torch.tensor([0.1]), torch.tensor([0.1]), torch.tensor([0.3]))
    target = torch.tensor([0.3, torch.nan])
    mean = torch.tensor([0.1, 5.0], requires_grad=True)
    both = crps(mean, torch.tensor([0.1, 0.1]), target)
    both.backward()
    assert float(both.detach()) == pytest.approx(float(known)) and mean.grad[1] == 0
    assert float(crps(mean.detach(), torch.ones(2), torch.full((2,), torch.nan))) == 0


def test_windows_come_from_everywhere_and_short_ones_are_padded():
    rng = np.random.default_rng(0)
    long, short = example(rng, 1000), example(rng, 40)
    long.features[:, 0], short.features[:, 0] = 1.0, 2.0
    sampler = WindowSampler([long, short], PLAIN, 100)
    features, targets, hands = sampler.draw(rng, 400)
    assert features.shape == (400, 100, FEATURE_COUNT) and targets.shape == (400, 100, 3, 6)
    from_short = features[:, 0, 0] == 2.0
    # 40 of 1040 ticks: 15 of 400 on average, Poisson.
    assert 3 < from_short.sum() < 35
    padded = targets[from_short][:, 40:]
    assert torch.isnan(hands).all()  # nothing is known of the exact hand
    assert torch.isnan(padded).all() and (features[from_short][:, 40:] == 0).all()


def test_windows_hold_what_the_network_sees_live():
    """Scaled, clipped and with unknown values as `Scaling` does it, keys hidden as `hide_keys` does it."""
    rng = np.random.default_rng(0)
    scaling = Scaling(rng.normal(size=FEATURE_COUNT), rng.uniform(0.1, 2, FEATURE_COUNT), 3.0)
    take = example(rng, 50)
    take.features[rng.random(take.features.shape) < 0.1] = np.nan
    for hidden in (0.0, 1.0):
        sampler = WindowSampler([take], scaling, 50, hidden)
        features, targets, _ = sampler.draw(rng, 2)
        wanted = scaling.apply(hide_keys(take.features, np.full(50, hidden == 1.0)))
        np.testing.assert_allclose(features[1], wanted, atol=1e-5)
        np.testing.assert_array_equal(targets[1], take.target)
    assert np.isnan(take.features[:, 0]).any()  # the example itself is left as it was


def test_examples_validated_together_score_as_one_by_one():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, 16, dropout=0.5)
    takes = [example(rng, count) for count in (300, 40, 170)]
    takes[1].target[5] = np.nan
    scores = []
    network.eval()
    for i, take in enumerate(takes):
        seen = hide_keys(take.features, np.full(len(take.features), i % 2 == 1))
        parts = (*predict(network, PLAIN, seen), take.target)
        scores.append(float(crps(*(torch.from_numpy(p) for p in parts))))
    network.train()
    assert validate(network, PLAIN, takes) == pytest.approx(np.mean(scores), rel=1e-5)
    assert network.training and np.isnan(validate(network, PLAIN, []))


def test_hidden_keys_are_unknown_and_the_rest_stays():
    features = np.ones((10, FEATURE_COUNT), np.float16)
    silent = np.arange(10) < 4
    hidden = hide_keys(features, silent)
    assert np.isnan(hidden[:4, KEYS]).all() and (hidden[:4, KEYS_FLAG] == 0).all()
    assert (hidden[4:] == 1).all() and (features == 1).all()
    hidden[:4, KEYS], hidden[:4, KEYS_FLAG] = 1, 1
    assert (hidden == 1).all()


def test_keys_are_hidden_as_often_as_asked():
    rng = np.random.default_rng(0)
    parts = [draw_silence(rng, 100, 0.3, 0.2).mean() for _ in range(2000)]
    # Binomial: 2000 draws have a standard error of 1 %.
    assert np.mean(np.equal(parts, 1.0)) == pytest.approx(0.3, abs=0.04)
    assert np.mean(np.equal(parts, 0.0)) == pytest.approx(0.5, abs=0.04)


def test_calibration_makes_promises_true():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, 16).eval()
    takes = [example(rng) for _ in range(4)]
    for factor in (0.5, 2.0):  # the network says half, or twice, what it should
        taught = []
        for i, take in enumerate(takes):
            seen = hide_keys(take.features, np.full(len(take.features), i % 2 == 1))
            mean, deviation = predict(network, PLAIN, seen)
            noise = rng.normal(size=mean.shape) * (deviation - DEVIATION_FLOOR) * factor
            taught.append(Example('s01', take.features, (mean + noise).astype(np.float32)))
        reach = calibrate(network, PLAIN, taught)
        # The floor's share of a deviation holds no noise here, so errors lie a little nearer than normal ones.
        np.testing.assert_allclose(reach, NORMAL_REACH, rtol=0.1)
        inside = []
        for i, take in enumerate(taught):
            seen = hide_keys(take.features, np.full(len(take.features), i % 2 == 1))
            mean, deviation = predict(network, PLAIN, seen)
            inside.append(np.abs(take.target - mean) <= deviation)
        # 2400 samples a muscle: 1 % standard error; the floor's share of an error is treated as certain.
        np.testing.assert_allclose(np.concatenate(inside).mean(axis=0), 0.683, atol=0.05)
        network.calibration.fill_(1.0)


@pytest.mark.parametrize('layers', [1, 2])
def test_state_carried_equals_one_pass(layers):
    torch.manual_seed(0)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, 16, layers).eval()
    features = torch.randn(2, 50, FEATURE_COUNT)
    with torch.no_grad():
        whole, _, last = network(features, network.start(2))
        state, parts = network.start(2), []
        for part in features.split(7, dim=1):
            mean, _, state = network(part, state)
            parts.append(mean)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    torch.testing.assert_close(state, last)
    assert whole.min() >= 0 and whole.max() <= 1
