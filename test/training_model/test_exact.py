"""The exact hand beside what was seen of it: the same features, a moment ago, and a network can learn to tell it."""

from dataclasses import replace

import numpy as np
import torch
from pianokpm_training.model.dataset import make_examples
from pianokpm_training.model.devices import Place
from pianokpm_training.model.exact import (
    COLUMNS,
    DELAY,
    EXACT_COUNT,
    ExactHand,
    Learner,
    hand_error,
)
from pianokpm_training.model.examples import fit_exact_scaling, fit_scaling
from pianokpm_training.model.fit import Run, build_network
from pianokpm_training.model.seeing import Conditions
from pianokpm_training.model.settings import TrainSettings
from pianokpm_training.model.windows import WindowSampler

from .makers import without

LOOKAHEADS = (0.0, 0.033, 0.067)


def see(recording):
    rng, hand = np.random.default_rng(0), ExactHand(recording)
    return make_examples(recording, Conditions(), rng, LOOKAHEADS, hand)


def test_it_is_the_same_hand_a_moment_ago(recording):
    """Where the front end makes no mistakes, it is what was seen `DELAY` ticks before."""
    (example,) = see(replace(recording, pose=recording.pose_truth))
    assert example.exact.shape == (len(example.features), EXACT_COUNT)
    assert np.isnan(example.exact[:DELAY]).all()
    np.testing.assert_array_equal(example.exact[DELAY:], example.features[:-DELAY][:, COLUMNS])


def test_of_real_hands_nothing_is_known(recording):
    for example in see(without(recording, 'pose_truth')):
        assert np.isnan(example.exact).all()
    unasked = make_examples(recording, Conditions(), np.random.default_rng(0), LOOKAHEADS)
    assert all(e.exact is None for e in unasked) and fit_exact_scaling(unasked) is None


def test_the_unknown_hand_costs_nothing():
    said = torch.zeros(2, 3, EXACT_COUNT, requires_grad=True)
    exact = torch.full((2, 3, EXACT_COUNT), torch.nan)
    lost = hand_error(said, exact)
    lost.backward()
    assert float(lost.detach()) == 0 and (said.grad == 0).all()
    exact[0, 0, 0] = 0.5  # Huber: half of the square below 1
    assert float(hand_error(said.detach(), exact)) == 0.125


def test_a_network_learns_to_tell_it(recording, tmp_path):
    """Better than to say its mean all the time; and with weight 0 it does not learn it."""
    examples = see(recording)
    scaling, left = fit_scaling(e.features for e in examples), {}
    for weight in (0.0, 1.0):
        settings = TrainSettings(
            width=32, layers=1, steps=60, batch=8, window=128, validate=60, rate=1e-2,
            exact_hand=weight,
        )  # fmt: skip
        (tmp_path / str(weight)).mkdir()
        run = Run(
            settings, scaling, examples, [], tmp_path / str(weight), Place(torch.device('cpu'))
        )
        run.train(lambda *_: None)
        sampler = WindowSampler(examples, scaling, 128, exact_scaling=fit_exact_scaling(examples))
        features, _, hands = sampler.draw(np.random.default_rng(1), 16)
        with torch.no_grad():
            _, _, said = run.learner(features)
            left[weight] = float(hand_error(said, hands))
            nothing = float(hand_error(torch.zeros_like(said), hands))
    assert left[1.0] < 0.6 * nothing < 0.9 * left[0.0]


def test_the_bundle_has_no_part_of_it():
    learner = Learner(build_network(TrainSettings(width=16, layers=1)))
    assert not any('hand' in name for name in learner.network.state_dict())
