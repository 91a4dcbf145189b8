"""Initialisers: seeds, the spreads of the papers, and what layers take them for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reelgrad import nn


@pytest.mark.parametrize("name", nn.init.__all__)
def test_a_seed_gives_the_same_numbers_and_another_one_others(name):
    initialiser = getattr(nn.init, name)
    first, again, other = (initialiser((4, 3), seed=seed) for seed in (1, 1, 2))
    assert first.shape == (4, 3)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other) or name == "zeros"


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("glorot_uniform", math.sqrt(2 / 500)),
        ("glorot_normal", math.sqrt(2 / 500)),
        ("he_uniform", math.sqrt(2 / 200)),
        ("he_normal", math.sqrt(2 / 200)),
        ("uniform", 1 / math.sqrt(3)),
        ("normal", 1.0),
        ("orthogonal", 1 / math.sqrt(300)),
    ],
)
def test_the_standard_deviation_is_the_papers(name, std):
    weights = getattr(nn.init, name)((300, 200), seed=0)  # 200 inputs, 300 outputs
    assert weights.std() == pytest.approx(std, rel=0.02)  # 60,000 numbers: the error is some 0.3 %
    assert abs(weights.mean()) < 0.02 * std
    if name.endswith("uniform"):
        assert 0.99 * math.sqrt(3) * std < abs(weights).max() <= math.sqrt(3) * std


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 3, 4)], ids=str)
def test_orthogonal_matrices_are(shape):
    matrix = nn.init.orthogonal(shape, gain=2.0, seed=0).reshape(shape[0], -1)
    smaller = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(smaller, 4.0 * np.eye(len(smaller)), atol=1e-13)


def test_a_generator_serves_several_layers_in_turn_and_a_module_of_them_is_that_of_its_seed():
    rng = np.random.default_rng(7)
    first, second = nn.Linear(3, 3, seed=rng), nn.Linear(3, 3, seed=rng)
    assert np.all(first.weight.value != second.weight.value)
    model = nn.DenseMLP(3, [3, 3], activation="tanh", seed=7)
    np.testing.assert_array_equal(model.layers[0].weight.value, first.weight.value)
    np.testing.assert_array_equal(model.layers[1].weight.value, second.weight.value)
    np.testing.assert_array_equal(first.bias.value, np.zeros(3))


def test_weights_suit_the_activation_unless_it_is_said_how_they_are_drawn():
    for activation, bound in [("relu", math.sqrt(6 / 40)), ("tanh", math.sqrt(6 / 80))]:
        weights = nn.DenseMLP(40, [40, 1], activation=activation, seed=0).layers[0].weight.value
        assert 0.99 * bound < abs(weights).max() <= bound
    model = nn.DenseMLP(2, [2, 2], init=lambda shape, seed: np.ones(shape))
    assert all(np.all(layer.weight.value == 1.0) for layer in model.layers)
