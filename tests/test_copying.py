"""Copies of what a function that is differentiated or traced works with: they stay a part of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

COPIES = [copy.copy, copy.deepcopy]


class State:
    def __init__(self, x: Any, v: Any) -> None:
        self.x, self.v = x, v

    def stepped(self) -> State:
        after = copy.deepcopy(self)
        after.v = after.v - 0.1 * after.x
        after.x = after.x + 0.1 * after.v
        return after


def simulated(x: Any, v: Any) -> Any:
    states = [State(x, v)]
    for _ in range(5):
        states.append(states[-1].stepped())
    return states[-1].x * states[0].x


def by_hand(x: Any, v: Any) -> Any:
    first = x
    for _ in range(5):
        v = v - 0.1 * x
        x = x + 0.1 * v
    return x * first


@pytest.mark.parametrize("derivative", [rg.grad, rg.hessian, rg.jacobian, lambda f: rg.grad(rg.compile(f))])
def test_a_simulator_that_copies_its_state_keeps_its_derivatives(derivative: Any) -> None:
    assert derivative(simulated)(1.0, 2.0) == derivative(by_hand)(1.0, 2.0) != 0.0


@pytest.mark.parametrize("copied", COPIES)
def test_arrays_are_kept_as_well(copied: Any) -> None:
    def f(a: Any) -> Any:
        b = copied(rg.asarray(a))
        return (copied(b * b) * copied([b])[0]).sum()

    x = np.array([1.0, 2.0])
    for g in (rg.grad(f)(x), rg.compile(f).grad(x), rg.grad(f)(rg.array(x))):
        np.testing.assert_allclose(g, 3.0 * x**2)
    objects = lambda a: (copied({"a": a})["a"] ** 3).sum()  # noqa: E731
    np.testing.assert_allclose(rg.grad(objects)(x), 3.0 * x**2)


@pytest.mark.parametrize("copied", COPIES)
def test_variables_that_are_no_arguments_are_copied_as_everywhere(copied: Any) -> None:
    w, a = rg.Node(2.0, "w"), rg.array([1.0, 2.0])

    def f(x: Any) -> Any:
        own = rg.Node(5.0)
        for one, other in ((w, copied(w)), (own, copied(own))):
            assert other is not one
            other.value = 9.0
        twin = copied(a)
        twin.value = 0.0
        assert (w.value, own.value, a.value.tolist()) == (2.0, 5.0, [1.0, 2.0])
        return x * x

    assert rg.grad(f)(3.0) == 6.0
    twin = copied(w)
    assert (twin.value, twin.name, twin is w) == (2.0, "w", False)


def test_outside_of_functions_an_intermediate_is_refused_as_before() -> None:
    y = rg.Node(2.0) * 3.0
    rg.grad(lambda x: copy.copy(x) ** 2)(1.0)
    for call in (*COPIES, pickle.dumps):
        with pytest.raises(rg.NodeTypeError, match="intermediate Node cannot be copied"):
            call(y)


def test_a_traced_node_is_still_not_pickled() -> None:
    with pytest.raises(rg.TraceError, match="copy or pickle"):
        rg.trace(lambda x: pickle.dumps(x), 1.0)
