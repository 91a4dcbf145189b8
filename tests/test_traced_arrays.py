"""NumPy's functions on the arrays that a traced function gets: those that choose do not branch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from traced import computed

CHOICES: dict[str, Callable[[Any], Any]] = {
    "np.maximum": lambda a: np.maximum(a, 0.25),
    "np.minimum": lambda a: np.minimum(0.25, a),
    "np.max": np.max,
    "a.min(axis)": lambda a: a.min(axis=1),
    "np.clip": lambda a: np.clip(a, -0.5, 0.5),
    "a.clip": lambda a: a.clip(-0.5, 0.5),
    "np.clip from below": lambda a: np.clip(a, 0.0, None),
    "np.where": lambda a: np.where(a > 0.0, a, -a),
    "np.where of conditions": lambda a: np.where((a > 0.0) & (a < 0.5) | ~(a > -1.0), a, 0.0),
    "np.sign": np.sign,
    "np.abs": np.abs,
    "np.isnan": lambda a: np.where(np.isnan(a), 0.0, a),
    "in place": lambda a: np.add(a, 1.0, out=a.copy()),
    "+=": lambda a: functools.reduce(lambda b, x: b.__iadd__(x), a, np.zeros(a.shape[1], object)),
    "np.sum": lambda a: np.sum(a, axis=0),
    "np.mean": lambda a: np.mean(a),
    "np.exp": np.exp,
    "a @ a.T": lambda a: a @ a.T,
    "np.dot": lambda a: np.dot(a, a.T),
    "np.einsum": lambda a: np.einsum("ij,ij->i", a, a),
    "np.concatenate": lambda a: np.maximum(np.concatenate([a, a * 2.0]), 0.0),
    "np.stack": lambda a: np.maximum(np.stack([a, a * 2.0]), 0.0),
    "slices": lambda a: np.maximum(a[:, 0], a[:, 1]),
    "an element": lambda a: rg.maximum(a[0, 0], a[1, 1]),
    "np.linalg.norm": lambda a: rg.norm(a.ravel()),
    "np.outer": lambda a: np.maximum.outer(a[0], a[1]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_numpy_chooses_without_guards(name: str) -> None:
    function = CHOICES[name]
    a = np.array([[0.5, -1.5], [0.25, 0.0]])
    traced = rg.trace(function, a)
    assert traced.guards == ()
    for other in (a, -a, a.T + 0.3):
        want = function(other)
        got = computed(traced, other)
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, np.asarray(want, float), rtol=1e-15, atol=1e-15)  # libm's exp, BLAS's sums


def test_comparisons_of_arrays_asked_for_their_truth_are_guards() -> None:
    traced = rg.trace(lambda a: 1.0 if (a > 0.0).all() else 2.0, np.array([1.0, 2.0]))
    assert len(traced.guards) == 2
    assert computed(traced, np.array([3.0, 4.0])) == 1.0


def test_a_long_trace_is_one_program() -> None:
    def function(x: Any) -> Any:
        for _ in range(100_000):
            x = x * 0.5 + 1.0
        return x

    traced = rg.trace(function, 1.0)
    assert len(traced.program) == 200_003
    assert computed(traced, 1.0) == function(1.0)


def test_hundreds_of_outputs_and_inputs_keep_their_order() -> None:
    n = 300
    traced = rg.trace(lambda a: a[::-1], np.arange(float(n)))
    assert computed(traced, np.arange(float(n))).tolist() == list(map(float, range(n)))[::-1]
    assert len(traced.program) == n
    assert _core._testing.evaluate(traced.program, [[float(k)] for k in range(n)])[0] == [n - 1.0]
