"""Modules find their parameters; Neuron, Layer and MLP compute what micrograd's do, to the bit."""

from __future__ import annotations

import random

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import nn


def set_values(parameters, values):
    for parameter, value in zip(parameters, values, strict=True):
        parameter.value = value


# Neuron, Layer, MLP


def test_a_seed_gives_micrograds_initial_weights():
    random.seed(1337)
    model = nn.MLP(3, [4, 2])
    random.seed(1337)
    drawn = []
    for inputs, neurons in [(3, 4), (4, 2)]:
        for _ in range(neurons):
            drawn += [*(random.uniform(-1, 1) for _ in range(inputs)), 0.0]
    assert [p.value for p in model.parameters()] == drawn


def test_repr_is_micrograds():
    assert repr(nn.MLP(2, [2, 1])) == ("MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]")


def test_a_neuron_adds_in_the_order_of_its_weights_starting_from_the_bias():
    random.seed(3)
    neuron = nn.Neuron(20, nonlin=False)
    neuron.b.value = 0.7
    x = [random.uniform(-1, 1) for _ in range(20)]
    expected = neuron.b.value
    for w, xi in zip(neuron.w, x, strict=True):
        expected += w.value * xi
    assert neuron(x).value == expected
    assert neuron([rg.Node(xi) for xi in x]).value == expected
    assert neuron(np.array(x)).value == expected


def test_a_layer_of_one_neuron_returns_a_node_and_a_wider_one_a_list():
    assert isinstance(nn.Layer(2, 1)([1.0, 2.0]), rg.Node)
    outputs = nn.Layer(2, 3)([1.0, 2.0])
    assert isinstance(outputs, list)
    assert [type(output) for output in outputs] == [rg.Node] * 3


def test_a_layer_of_one_neuron_may_stand_inside_an_mlp():
    model = nn.MLP(1, [1, 2], activation="linear")
    set_values(model.parameters(), [2.0, 1.0, 3.0, 0.0, -1.0, 0.5])
    assert [output.value for output in model([5.0])] == [33.0, -10.5]


@pytest.mark.parametrize(
    ("activation", "function", "kind"),
    [
        ("relu", rg.relu, "ReLU"),
        ("tanh", rg.tanh, "Tanh"),
        ("sigmoid", rg.sigmoid, "Sigmoid"),
        ("leaky_relu", rg.leaky_relu, "LeakyRelu"),
        ("silu", rg.silu, "Silu"),
        ("swish", rg.silu, "Swish"),
        ("linear", lambda x: x, "Linear"),
        (rg.gelu, rg.gelu, "Gelu"),
    ],
)
def test_the_activation_is_the_operator_of_that_name(activation, function, kind):
    neuron = nn.Neuron(2, activation=activation)
    weighted_sum = neuron.b.value + neuron.w[0].value * -0.3 + neuron.w[1].value * 0.8
    assert neuron([-0.3, 0.8]).value == function(weighted_sum)
    assert repr(neuron) == f"{kind}Neuron(2)"
    assert neuron.nonlin is (kind != "Linear")


def test_every_operator_of_one_operand_is_an_activation():
    for row in rg.operator_table():
        if row["kind"] == "primitive" and row["operands"] == ["x"]:
            assert isinstance(nn.Neuron(1, activation=row["name"])([0.5]), rg.Node)


def test_mlp_gradients_agree_with_back_propagation_in_numpy():
    random.seed(7)
    model = nn.MLP(3, [4, 2], activation="tanh", output="sigmoid")
    x, target = np.array([0.3, -1.2, 0.7]), np.array([0.2, 0.9])
    rg.nn.mse(model(x), target).backward()

    (W1, b1), (W2, b2) = [
        (
            np.array([[w.value for w in neuron.w] for neuron in layer.neurons]),
            [neuron.b.value for neuron in layer.neurons],
        )
        for layer in model.layers
    ]
    h = np.tanh(W1 @ x + b1)
    p = 1 / (1 + np.exp(-(W2 @ h + b2)))
    d2 = 2 * (p - target) / 2 * p * (1 - p)
    d1 = (W2.T @ d2) * (1 - h * h)
    gradients = [*np.c_[np.outer(d1, x), d1].ravel(), *np.c_[np.outer(d2, h), d2].ravel()]
    np.testing.assert_allclose([q.grad for q in model.parameters()], gradients, rtol=1e-13)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda: nn.Neuron(2)([1.0]), rg.LengthError, r"ReLUNeuron\(2\) got 1 inputs: it needs 2"),
        (lambda: nn.MLP(2, [3, 1])([1.0, 2.0, 3.0]), rg.LengthError, "got 3 inputs: it needs 2"),
        (lambda: nn.MLP(2, []), rg.LengthError, "nouts is empty"),
        (lambda: nn.MLP(2, 1), rg.NodeTypeError, r"nouts: got 1, .*\[16, 16, 1\]"),
        (lambda: nn.MLP(2, [1.5]), rg.NodeTypeError, "nout: got 1.5"),
        (lambda: nn.Neuron(0), rg.ReelgradError, "nin is 0"),
        (lambda: nn.Layer(2, -1), ValueError, "nout is -1"),
        (lambda: nn.Neuron(2, activation="reul"), ValueError, "'reul' is not an operator of one operand; give 'relu'"),
        (lambda: nn.Neuron(2, activation="add"), ValueError, "'add' is not an operator of one operand"),
        (lambda: nn.Neuron(2, activation="softmax"), ValueError, "'softmax' is not an operator of one operand"),
        (lambda: nn.Neuron(2, activation=3), rg.NodeTypeError, "activation: got 3"),
        (lambda: nn.Neuron(1)(["a"]), TypeError, "str"),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(wrong, error, told):
    with pytest.raises(error, match=told):
        wrong()


# Module


class Everything(nn.Module):
    """Variables in every place in which a module looks, and in those in which it does not."""

    def __init__(self):
        self.scale = rg.Node(1.0)
        self.neuron = nn.Neuron(1)
        self.table = {"a": rg.Node(2.0), "b": [rg.Node(3.0), "text", 4.0]}
        self.pair = (rg.Node(5.0), None)
        self.matrix = np.array([[rg.Node(6.0), rg.Node(7.0)]])
        self.data = np.array([1.0, 2.0])
        self.shared = self.scale
        self.result = self.scale * 2.0
        self._hidden = rg.Node(8.0)
        self.itself = self


def test_parameters_are_found_once_each_wherever_a_module_holds_them():
    assert [name for name, _ in Everything().named_parameters()] == [
        "scale",
        "neuron.w.0",
        "neuron.b",
        "table.a",
        "table.b.0",
        "pair.0",
        "matrix.0.0",
        "matrix.0.1",
    ]


def test_parameters_are_those_of_named_parameters():
    module = Everything()
    assert [id(p) for p in module.parameters()] == [id(p) for _, p in module.named_parameters()]


def test_equal_parameters_are_not_taken_for_the_same():
    module = nn.Module()
    module.pair = [rg.Node(1.0), rg.Node(1.0)]
    assert len(module.parameters()) == 2


def test_names_lead_to_the_parameters():
    model = nn.MLP(2, [3, 1])
    named = dict(model.named_parameters())
    assert named["layers.0.neurons.2.w.1"] is model.layers[0].neurons[2].w[1]
    assert named["layers.1.neurons.0.b"] is model.layers[1].neurons[0].b


def test_zero_grad_sets_all_gradients_to_zero():
    model = nn.MLP(2, [2, 1], activation="tanh")
    model([1.0, 2.0]).backward()
    assert all(p.grad != 0.0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_a_module_of_ones_own_shows_its_class_and_size():
    assert repr(Everything()) == "Everything(8 parameters)"
    assert nn.Module().parameters() == []


# Losses


def test_every_loss_of_the_operator_table_is_in_nn():
    losses = {row["name"] for row in rg.operator_table() if row["kind"] == "composite" and "target" in row["operands"]}
    assert losses == {name for name in nn.__all__ if name[0].islower()} - {"init"}
    assert all(getattr(nn, name) is getattr(rg, name) for name in losses)
