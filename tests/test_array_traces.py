"""Arrays in traced functions: the same Programs as scalar code makes."""

from typing import Any

import numpy as np
import pytest

import reelgrad as rg

RNG = np.random.default_rng(3)
W = RNG.normal(size=(4, 3))
B = RNG.normal(size=4)
X = RNG.normal(size=(25, 3))


def scores(w: Any, b: Any, x: Any) -> Any:
    """Return the sum of a layer's outputs, written with Arrays."""
    return rg.sum(rg.tanh(rg.asarray(w) @ rg.asarray(x) + b) ** 2)


def by_scalars(w: Any, b: Any, x: Any) -> Any:
    """Return the same, written with Nodes."""
    outputs = [rg.tanh(rg.dot(list(row), list(x)) + bias) for row, bias in zip(w, b, strict=True)]
    return rg.sum([y**2 for y in outputs])


def test_a_compiled_function_of_arrays_has_the_results_of_eager_and_of_scalar_code() -> None:
    compiled = rg.compile(scores, in_axes=(None, None, 0), reduce="sum")
    scalar = rg.compile(by_scalars, in_axes=(None, None, 0), reduce="sum")
    value, gradient = compiled.value_and_grad(W, B, X, argnums=(0, 1))
    expected, slopes = scalar.value_and_grad(W, B, X, argnums=(0, 1))
    assert value == pytest.approx(expected, rel=1e-13)
    w, b = rg.array(W), rg.array(B)
    total = sum(scores(w, b, x) for x in X)
    total.backward()
    assert value == pytest.approx(total.value, rel=1e-13)
    for found, its, eager in zip(gradient, slopes, (w.grad, b.grad), strict=True):
        np.testing.assert_allclose(found, its, rtol=1e-12)
        np.testing.assert_allclose(found, eager, rtol=1e-12)


def test_traced_array_code_has_the_instructions_of_scalar_code() -> None:
    arrays = rg.trace(scores, W, B, X[0]).program
    scalars = rg.trace(by_scalars, W, B, X[0]).program
    assert arrays.optimised().stats() == scalars.optimised().stats()
    assert "dot" in str(arrays)


@pytest.mark.parametrize(
    "choose",
    [
        lambda a: np.where(a > 0.25, a, 0.5 * a),
        lambda a: rg.where(np.less(0.25, a), a, 0.5 * a),
        lambda a: rg.where((a > 0.25) & (a <= 9.0), a * 1.0, a / 2.0),
        lambda a: rg.where(~(a <= 0.25), a, 0.5 * a),
    ],
)
def test_choices_of_traced_arrays_take_no_branch(choose: Any) -> None:
    def f(x: Any) -> Any:
        return (choose(rg.asarray(x)) * np.arange(1.0, 4.0)).sum()

    x = np.array([-1.0, 0.5, 3.0])
    assert len(rg.trace(f, x).guards) == 0
    value, gradient = rg.compile(f).value_and_grad(x)
    assert value == pytest.approx(-0.5 + 1.0 + 9.0)
    np.testing.assert_allclose(gradient, [0.5, 2.0, 3.0])


def test_a_traced_function_may_return_an_array() -> None:
    def f(x: Any) -> Any:
        return rg.asarray(x)[::-1] * 2.0

    np.testing.assert_array_equal(rg.compile(f)(np.array([1.0, 2.0, 3.0])), [6.0, 4.0, 2.0])
    np.testing.assert_array_equal(rg.compile(f, in_axes=0)(X), 2.0 * X[:, ::-1])


def test_the_value_of_a_traced_array_is_refused_and_afterwards_the_array_is_stale() -> None:
    kept: list[Any] = []

    def leaks(x: Any) -> Any:
        kept.append(rg.asarray(x) * 2.0)
        return kept[0].sum()

    assert rg.compile(leaks)(np.array([1.0, 2.0])) == 6.0
    with pytest.raises(rg.StaleNodeError, match="trace that is over"):
        kept[0].value  # noqa: B018
    with pytest.raises(rg.TraceError, match="traced Array"):
        rg.trace(lambda x: rg.asarray(x).value.sum(), np.ones(2))


def test_a_branch_on_an_element_is_a_guard() -> None:
    def f(x: Any) -> Any:
        a = rg.asarray(x)
        return (a * 2.0).sum() if a[0] > 0.0 else (a * a).sum()

    compiled = rg.compile(f, in_axes=0)
    np.testing.assert_array_equal(compiled(np.array([[1.0, 2.0], [-1.0, 2.0]])), [6.0, 5.0])


def test_a_block_with_a_rule_of_its_own_cannot_be_traced() -> None:
    def f(x: Any) -> Any:
        return rg._core._array_rule("inv", [rg.asarray(x)], np.ones(2), lambda g: (g,)).sum()

    with pytest.raises(rg.TraceError, match="'inv' of an Array has no form as a Program"):
        rg.trace(f, np.ones(2))


def test_compiled_functions_take_arrays_of_variables_as_numbers() -> None:
    value, gradient = rg.compile(scores).value_and_grad(rg.array(W), rg.array(B), X[0])
    assert value == pytest.approx(float(np.sum(np.tanh(W @ X[0] + B) ** 2)), rel=1e-13)
    assert gradient.shape == W.shape
