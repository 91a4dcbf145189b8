"""The numbers that four tutorials on back-propagation print, reproduced through the public API.

A printed number stands for all that round to it. Where all digits of a float64 are printed, a few ulp are allowed,
because the last bits of exp belong to the C library. What was printed from a float32 run is compared in float32.
"""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

import reelgrad as rg


def assert_printed(value: float, printed: str) -> None:
    unit = Decimal((0, (1,), Decimal(printed).as_tuple().exponent))
    if len(Decimal(printed).as_tuple().digits) >= 15:
        assert value == pytest.approx(float(printed), rel=4 * 2.0**-52, abs=0)
    else:
        assert abs(Decimal(value) - Decimal(printed)) <= unit / 2, f"{value!r} does not round to {printed}"


def assert_all_printed(values, printed: str) -> None:
    for value, number in zip(values, printed.split(), strict=True):
        assert_printed(value, number)


# 1. A sigmoid neuron with a linear output


@pytest.fixture
def sigmoid_neuron():
    """All nodes of the network by name, after backward()."""
    x, t = 1.0, 0.0
    W1, b1, W2, b2 = rg.variables(0.5, 0.0, -1.0, 0.0)
    z = W1 * x + b1
    a = z.sigmoid()
    y = W2 * a + b2
    L = 0.5 * (y - t) ** 2
    L.backward()
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "z": z, "a": a, "y": y, "L": L}


@pytest.mark.parametrize(
    ("node", "printed"),
    [("z", "0.5"), ("a", "0.62245933"), ("y", "-0.62245933"), ("L", "0.19372781"), ("L", "0.19372780950013005")],
)
def test_sigmoid_neuron_values(sigmoid_neuron, node, printed):
    assert_printed(sigmoid_neuron[node].value, printed)


@pytest.mark.parametrize(
    ("node", "printed"),
    [
        ("y", "-0.62245933"),
        ("W2", "-0.38745562"),
        ("b2", "-0.62245933"),
        ("a", "0.62245933"),
        ("W1", "0.14628025"),
        ("b1", "0.14628025"),
        ("W2", "-0.3874556190002601"),
        ("b2", "-0.6224593312018546"),
        ("W1", "0.14628025352695762"),
        ("b1", "0.14628025352695762"),
    ],
)
def test_sigmoid_neuron_gradients_those_of_intermediates_included(sigmoid_neuron, node, printed):
    assert_printed(sigmoid_neuron[node].grad, printed)


@pytest.mark.parametrize(
    ("node", "printed"), [("W2", "-0.99612544"), ("b2", "0.00622459"), ("W1", "0.4985372"), ("b1", "-0.0014628")]
)
def test_sigmoid_neuron_after_one_step(sigmoid_neuron, node, printed):
    parameters = [sigmoid_neuron[name] for name in ("W1", "b1", "W2", "b2")]
    rg.optim.SGD(parameters, lr=0.01).step()
    assert_printed(sigmoid_neuron[node].value, printed)


def test_the_loss_of_the_float32_run_is_the_engines_rounded_on_the_way(sigmoid_neuron):
    one_unit_of_float32 = 2.0**-26  # for numbers from 1/8 to 1/4
    assert abs(sigmoid_neuron["L"].value - 0.19372782111167908) <= one_unit_of_float32
    a = np.float32(1) / (np.float32(1) + np.float32(np.exp(-0.5)))
    assert float(np.float32(0.5) * a * a) == 0.19372782111167908


# 2. ReLU networks with mean squared error


def relu_network(layers, x=0.5, t=0.95):
    """Return the parameters as [(W, b), ...], the outputs of all layers, and the loss."""
    parameters = [([[rg.variable(w) for w in row] for row in W], [rg.variable(v) for v in b]) for W, b in layers]
    outputs, loss = forward(parameters, x, t)
    loss.backward()
    return parameters, outputs, loss


def forward(parameters, x, t):
    signal, outputs = [x], []
    for W, b in parameters:
        signal = [
            sum(s * w for s, w in zip(signal, c, strict=True)) + v for c, v in zip(zip(*W, strict=True), b, strict=True)
        ]
        signal = [node.relu() for node in signal]
        outputs.append(signal)
    return outputs, rg.mse(signal, [t])


NETWORKS = {
    "1-1": [([[0.3]], [0.4])],
    "1-1-1": [([[0.3]], [0.4]), ([[0.2]], [0.1])],
    "1-2-1": [([[0.3, 0.2]], [0.4, 0.1]), ([[0.1], [0.7]], [0.3])],
    "1-2-2-1": [([[0.3, 0.2]], [0.4, 0.1]), ([[0.1, 0.8], [0.6, 0.7]], [0.3, 0.2]), ([[0.4], [0.6]], [0.3])],
}


@pytest.mark.parametrize(
    ("network", "prediction", "loss"),
    [
        ("1-1", "0.5500", "0.1600"),
        ("1-1-1", "0.2100", "0.5476"),
        ("1-2-1", "0.4950", "0.2070"),
        ("1-2-1", "0.4950", "0.207025"),
        ("1-2-2-1", "0.9580", "6.4e-05"),
    ],
)
def test_relu_network_prediction_and_loss(network, prediction, loss):
    _, outputs, computed = relu_network(NETWORKS[network])
    assert_printed(outputs[-1][0].value, prediction)
    assert_printed(computed.value, loss)


@pytest.mark.parametrize(
    ("network", "layer", "printed"),
    [("1-2-1", 0, "0.55 0.20"), ("1-2-2-1", 0, "0.55 0.20"), ("1-2-2-1", 1, "0.475 0.78")],
)
def test_relu_network_hidden_values(network, layer, printed):
    _, outputs, _ = relu_network(NETWORKS[network])
    assert_all_printed([node.value for node in outputs[layer]], printed)


@pytest.mark.parametrize(
    ("network", "layer", "weights", "biases"),
    [
        ("1-1", 0, "-0.4000", "-0.8000"),
        ("1-1-1", 1, "-0.8140", "-1.4800"),
        ("1-1-1", 0, "-0.1480", "-0.2960"),
        ("1-2-1", 1, "-0.5005 -0.1820", "-0.9100"),
        ("1-2-1", 0, "-0.0455 -0.3185", "-0.0910 -0.6370"),
        ("1-2-2-1", 2, "0.0076 0.0125", "0.0160"),
        ("1-2-2-1", 1, "0.0035 0.0053 0.0013 0.0019", "0.0064 0.0096"),
        ("1-2-2-1", 0, "0.0042 0.0053", "0.0083 0.0106"),
    ],
)
def test_relu_network_gradients(network, layer, weights, biases):
    parameters, _, _ = relu_network(NETWORKS[network])
    W, b = parameters[layer]
    assert_all_printed([node.grad for row in W for node in row], weights)
    assert_all_printed([node.grad for node in b], biases)


def test_relu_network_after_one_step():
    parameters, _, _ = relu_network(NETWORKS["1-1"])
    [([[W]], [b])] = parameters
    rg.optim.SGD([W, b], lr=0.5).step()
    assert_printed(W.value, "0.5")
    assert_printed(b.value, "0.8")
    outputs, loss = forward(parameters, 0.5, 0.95)
    assert_printed(outputs[0][0].value, "1.0500")
    assert_printed(loss.value, "0.0100")


def test_the_loss_printed_as_6_4001e_05_is_that_of_float32():
    signal = np.array([0.5], np.float32)
    for W, b in NETWORKS["1-2-2-1"]:
        products = signal[:, None] * np.array(W, np.float32)
        signal = np.maximum(products.sum(axis=0) + np.array(b, np.float32), np.float32(0))
    assert_printed(float((signal[0] - np.float32(0.95)) ** 2), "6.4001e-05")
    _, _, loss = relu_network(NETWORKS["1-2-2-1"])
    assert loss.value == pytest.approx(6.4e-05, rel=1e-13)  # p - t = 0.008 keeps 14 of p's 16 digits


# 3. XOR with a single sigmoid layer


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_xor_falls_to_a_loss_of_a_quarter_and_predictions_of_a_half_from_any_start(seed):
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    random.seed(seed)
    neuron = rg.nn.Neuron(2, activation="sigmoid")
    optimizer = rg.optim.SGD(neuron.parameters(), lr=0.1)
    losses = []
    for _ in range(10_000):
        loss = rg.mse([neuron(x) for x in X], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.value)
    assert all(np.diff(losses) <= 1e-15)  # falls, up to rounding once it is there
    assert_printed(losses[-1], "0.25000000")
    assert_all_printed([neuron(x).value for x in X], "0.5000 0.5000 0.5000 0.5000")


# 4. Two hidden sigmoid neurons and a sigmoid output, with the slip

START = [0.5, -0.5, 0.3, -0.3]


def two_sigmoid_layers(w):
    """Return a1, y and L for x = 1 and t = 0."""
    x, t = 1.0, 0.0
    a1 = [rg.sigmoid(x * w[0]), rg.sigmoid(x * w[1])]
    y = rg.sigmoid(a1[0] * w[2] + a1[1] * w[3])
    return a1, y, 0.5 * (y - t) ** 2


@pytest.fixture
def weights():
    w = rg.variables(*START)
    two_sigmoid_layers(w)[2].backward()
    return w


def test_two_sigmoid_layers_loss_and_output_gradients(weights):
    assert_printed(two_sigmoid_layers(weights)[2].value, "0.13434887664395717")
    assert_all_printed([w.grad for w in weights[2:]], "0.08055583 0.04885958")


def test_two_sigmoid_layers_true_hidden_gradients(weights):
    assert_all_printed([w.grad for w in weights[:2]], "0.009123930803275759 -0.009123930803275759")


def test_two_sigmoid_layers_gradients_agree_with_finite_differences(weights):
    h = 1e-5
    for k, w in enumerate(weights):
        above, below = ([v + change * (i == k) for i, v in enumerate(START)] for change in (h, -h))
        difference = (two_sigmoid_layers(above)[2] - two_sigmoid_layers(below)[2]) / (2 * h)
        # h**2/6 times a third derivative below 0.1, and the rounding of L (3e-17) over h
        assert abs(difference - w.grad) < 1e-11


def test_the_printed_hidden_gradient_is_what_dropping_the_derivative_of_the_output_sigmoid_gives(weights):
    a1, y, _ = two_sigmoid_layers(START)
    without = [(y - 0.0) * START[2 + k] * a1[k] * (1 - a1[k]) for k in range(2)]
    assert_all_printed(without, "0.036545 -0.036545")
    assert [g * y * (1 - y) for g in without] == pytest.approx([w.grad for w in weights[:2]], rel=1e-14)
    with pytest.raises(AssertionError, match="does not round to"):
        assert_printed(weights[0].grad, "0.036545")
