import numpy as np
import pytest
import torch
from pianokpm_training.model.dataset import Example
from pianokpm_training.model.evaluate import LaggedRidge, score
from pianokpm_training.model.fit import WindowSampler, calibrate, crps, predict
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork, count_parameters
from scipy import integrate, stats

from pianokpm_ros.muscle.features import FEATURE_COUNT, Scaling

PLAIN = Scaling(np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT))


def example(rng, count=600, person=0):
    features = rng.normal(size=(count, FEATURE_COUNT)).astype(np.float32)
    target = rng.uniform(0, 0.3, (count, 3, 6)).astype(np.float32)
    return Example(person, features, target, True)


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
    features, targets = sampler.draw(rng, 400)
    assert features.shape == (400, 100, FEATURE_COUNT) and targets.shape == (400, 100, 3, 6)
    from_short = features[:, 0, 0] == 2.0
    # 40 of 1040 ticks: 15 of 400 on average, Poisson.
    assert 3 < from_short.sum() < 35
    padded = targets[from_short][:, 40:]
    assert torch.isnan(padded).all() and (features[from_short][:, 40:] == 0).all()


def test_calibration_makes_promises_true():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, 16).eval()
    takes = [example(rng) for _ in range(4)]
    for factor in (0.5, 2.0):  # the network says half, or twice, what it should
        taught = []
        for take in takes:
            mean, deviation = predict(network, PLAIN, take)
            noise = rng.normal(size=mean.shape) * (deviation - DEVIATION_FLOOR) * factor
            taught.append(Example(0, take.features, (mean + noise).astype(np.float32), True))
        calibrate(network, PLAIN, taught)
        inside = []
        for take in taught:
            mean, deviation = predict(network, PLAIN, take)
            inside.append(np.abs(take.target - mean) <= deviation)
        # 2400 samples a muscle: 1 % standard error; the floor's share of an error is treated as certain.
        np.testing.assert_allclose(np.concatenate(inside).mean(axis=0), 0.683, atol=0.04)
        network.calibration.fill_(1.0)


def test_state_carried_equals_one_pass():
    torch.manual_seed(0)
    network = MuscleNetwork(FEATURE_COUNT, 3, 6, 16).eval()
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


def test_the_network_stays_small():
    assert count_parameters(MuscleNetwork(FEATURE_COUNT, 3, 6, 128)) == 125_284


def test_a_linear_truth_is_found_by_the_linear_model():
    rng = np.random.default_rng(0)
    takes = [example(rng, 1500) for _ in range(3)]
    for take in takes:
        course = 0.5 + 0.05 * np.roll(take.features[:, :6], 5, axis=0)
        take.target[:] = course[:, None]
        take.target[:6] = np.nan
    ridge = LaggedRidge(takes[:2], PLAIN, 1)
    found = score(takes[2:], ridge, 1)
    assert (found.r > 0.99).all() and (found.rmse < 0.01).all()
    assert np.isnan(found.coverage).all() and found.count == 1


def test_scores_of_nothing_are_unknown():
    found = score([], lambda e: (e.target[:, 0], None), 0)
    assert found.count == 0 and np.isnan(found.r).all()
    assert found.describe()['r']['ADM'] is None
