"""Parameters of modules that hold Arrays: where they are found, copies, states, steps of optimisers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import nn

X = np.random.default_rng(4).standard_normal((7, 3))


class Everything(nn.Module):
    """Arrays, Nodes and modules, in containers, shared, as intermediates and hidden."""

    def __init__(self):
        self.table = rg.array(np.arange(6.0).reshape(2, 3))
        self.scale = rg.Node(2.0)
        self.parts = {"a": [rg.array([1.0, 2.0])], "linear": nn.Linear(1, 1, seed=0)}
        self.shared = self.table
        self.result = self.table * 2.0
        self.data = np.ones(3)
        self._hidden = rg.array([1.0])


# Parameters


def test_an_array_of_variables_is_one_parameter_wherever_a_module_holds_it():
    module = Everything()
    named = dict(module.named_parameters())
    assert list(named) == ["table", "scale", "parts.a.0", "parts.linear.weight", "parts.linear.bias"]
    assert named["table"] is module.table
    assert [id(p) for p in module.parameters()] == [id(p) for p in named.values()]
    assert repr(module) == "Everything(11 parameters)"


def test_zero_grad_is_for_arrays_too():
    model = nn.DenseMLP(3, [4, 1], seed=0)
    model(X).sum().backward()
    assert all(np.any(p.grad != 0.0) for p in model.parameters())
    model.zero_grad()
    assert all(np.all(p.grad == 0.0) for p in model.parameters())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copy_has_parameters_of_its_own(copied):
    model = nn.DenseMLP(3, [4, 1], activation="tanh", seed=0)
    other = copied(model)
    np.testing.assert_array_equal(other(X).value, model(X).value)
    other.layers[0].weight.value = 0.0
    assert np.all(model.layers[0].weight.value != 0.0)


# State


def test_a_state_goes_through_a_file_into_another_module(tmp_path):
    model, other = (nn.DenseMLP(3, [4, 1], seed=seed) for seed in (0, 1))
    np.savez(tmp_path / "model.npz", **model.state_dict())
    with np.load(tmp_path / "model.npz") as state:
        other.load_state_dict(state)
    np.testing.assert_array_equal(other(X).value, model(X).value)


def test_a_state_is_a_copy_and_has_nodes_arrays_and_names():
    module = Everything()
    state = module.state_dict()
    assert {name: values.shape for name, values in state.items()} == {
        "table": (2, 3),
        "scale": (),
        "parts.a.0": (2,),
        "parts.linear.weight": (1, 1),
        "parts.linear.bias": (1,),
    }
    state["table"][:] = 7.0
    state["scale"] = 5
    assert module.table.value[0, 1] == 1.0
    module.load_state_dict(state)
    assert np.all(module.table.value == 7.0)
    assert module.scale.value == 5.0


def test_the_scalar_form_has_a_state_too():
    model, other = nn.MLP(2, [3, 1]), nn.MLP(2, [3, 1])
    other.load_state_dict(model.state_dict())
    assert [p.value for p in other.parameters()] == [p.value for p in model.parameters()]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weight": None}, "missing: weight. Nothing was changed"),
        ({"wieght": np.zeros((1, 2))}, "of no parameter: wieght"),
        ({"bias": np.zeros(2)}, r"bias has shape \(2,\) instead of \(1,\)"),
        ({"weight": np.zeros((2, 1))}, r"weight has shape \(2, 1\) instead of \(1, 2\)"),
        ({"bias": np.array(["a"])}, "bias has dtype <U1 instead of real numbers"),
        ({"bias": np.array([1j])}, "bias has dtype complex128 instead"),
        ({"weight": None, "more": 1.0, "bias": 0.0}, "missing: weight; of no parameter: more; bias has shape"),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing(change, told):
    layer = nn.Linear(2, 1, seed=0)
    before = layer.state_dict()
    state = {"bias": np.ones(1), "weight": np.ones((1, 2))} | change
    state = {name: values for name, values in state.items() if values is not None}
    with pytest.raises(nn.StateError, match=told):
        layer.load_state_dict(state)
    for name, values in layer.state_dict().items():
        np.testing.assert_array_equal(values, before[name])
