"""The table's reductions and composites of Arrays: the numbers and slopes of the forms that take sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

RNG = np.random.default_rng(8)
A = RNG.standard_normal((4, 3))
SIGNS = np.sign(RNG.standard_normal((4, 3)))
SHARES = RNG.dirichlet([1.0, 1.0, 1.0], 4)
CLASSES = np.array([0, 2, 1, 1])

# The loss, its first operand, the second.
LOSSES: dict[str, tuple[Any, Any]] = {
    "mse": (A, SIGNS),
    "half_mse": (A, SIGNS),
    "mae": (A, SIGNS),
    "huber": (3.0 * A, SIGNS),
    "hinge": (A, SIGNS),
    "bce": (SHARES, (SIGNS + 1.0) / 2.0),
    "bce_with_logits": (A, (SIGNS + 1.0) / 2.0),
}


def slopes_of(function: Callable[[Any], Any], values: Any) -> tuple[float, Any]:
    """Return value and gradient by the elements, each a Node in a list of them."""
    with rg.Tape():
        nodes = list(rg.variables(*np.ravel(values).tolist()))
        result = function(nodes)
        result.backward()
        return result.value, np.reshape([node.grad for node in nodes], np.shape(values))


def test_every_loss_is_in_the_table_of_cases() -> None:
    losses = {row["name"] for row in rg.operator_table() if row["kind"] == "composite" and "target" in row["operands"]}
    assert losses == {*LOSSES, "cross_entropy"}


@pytest.mark.parametrize("shape", [(4, 3), (12,), (2, 2, 3), (12, 1)], ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_an_array_is_that_of_its_elements(name: str, shape: tuple[int, ...]) -> None:
    loss = getattr(rg, name)
    a, t = (x.reshape(shape) for x in LOSSES[name])
    value, slopes = slopes_of(lambda nodes: loss(nodes, t.ravel()), a)
    array = rg.array(a)
    found = loss(array, t)
    found.backward()
    assert found.value == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(array.grad, slopes, rtol=1e-12, atol=1e-16)
    assert loss(a, t) == pytest.approx(value, rel=1e-14)
    assert isinstance(loss(a, t), float)


@pytest.mark.parametrize("name", LOSSES)
def test_targets_may_have_derivatives_too(name: str) -> None:
    loss = getattr(rg, name)
    a, t = LOSSES[name]
    t = 0.25 + 0.5 * np.abs(t)  # away from kinks
    _, slopes = slopes_of(lambda nodes: loss(a.ravel(), nodes), t)
    target = rg.array(t)
    loss(a, target).backward()
    np.testing.assert_allclose(target.grad, slopes, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", [*LOSSES, "cross_entropy"])
def test_a_traced_loss_of_arrays_is_the_eager_one(name: str) -> None:
    loss = getattr(rg, name)
    a, t = LOSSES.get(name, (A, SHARES))
    eager = rg.array(a)
    expected = loss(eager, t)
    expected.backward()
    for x in (a, rg.array(a)):  # an array of traced Nodes, and an Array
        value, slopes = rg.compile(lambda x: loss(x, t)).value_and_grad(x)
        assert value == pytest.approx(expected.value, rel=1e-13)
        np.testing.assert_allclose(slopes, eager.grad, rtol=1e-11, atol=1e-15)


def test_delta_of_huber_goes_by_place_and_name() -> None:
    a, t = LOSSES["huber"]
    expected = rg.huber(a.ravel(), t.ravel(), 0.5)
    assert rg.huber(rg.array(a), t, 0.5).value == pytest.approx(expected, rel=1e-14)
    assert rg.huber(rg.array(a), t, delta=0.5).value == pytest.approx(expected, rel=1e-14)
    assert rg.huber(prediction=rg.array(a), target=t, delta=0.5).value == pytest.approx(expected, rel=1e-14)


TARGETS: dict[str, Any] = {"classes": CLASSES, "a list of classes": CLASSES.tolist(), "probabilities": SHARES}


@pytest.mark.parametrize("kind", TARGETS)
def test_cross_entropy_is_the_mean_over_the_rows(kind: str) -> None:
    target = TARGETS[kind]

    def mean_of_rows(nodes: list[rg.Node]) -> Any:
        return rg.mean([rg.cross_entropy(nodes[3 * k : 3 * k + 3], target[k]) for k in range(4)])

    value, slopes = slopes_of(mean_of_rows, A)
    logits = rg.array(A)
    found = rg.cross_entropy(logits, target)
    found.backward()
    assert found.value == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(logits.grad, slopes, rtol=1e-12, atol=1e-16)
    assert rg.cross_entropy(A, target) == pytest.approx(value, rel=1e-14)
    samples = np.reshape(target, (2, 2, *np.shape(target)[1:]))
    assert rg.cross_entropy(rg.array(A.reshape(2, 2, 3)), samples).value == pytest.approx(value, rel=1e-14)


def test_cross_entropy_of_one_sample_takes_one_class() -> None:
    assert rg.cross_entropy(rg.array(A[0]), 2).value == pytest.approx(rg.cross_entropy(A[0], 2), rel=1e-14)
    assert rg.cross_entropy(rg.array(A[:1]), [2]).value == pytest.approx(rg.cross_entropy(A[0], 2), rel=1e-14)


def test_cross_entropy_of_large_logits_is_that_of_their_differences() -> None:
    assert rg.cross_entropy(rg.array([[1e300, 1e300]]), [0]).value == np.log(2.0)
    assert rg.cross_entropy(rg.array([[800.0, 0.0, -np.inf]]), [[1.0, 0.0, 0.0]]).value == 0.0


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "logsumexp", "norm"])
def test_a_reduction_is_that_of_all_elements(name: str) -> None:
    function = getattr(rg, name)
    value, slopes = slopes_of(function, A)
    array = rg.array(A)
    found = function(array)
    found.backward()
    assert found.value == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(array.grad, slopes, rtol=1e-12)


def test_softmax_goes_along_the_last_axis() -> None:
    expected = np.exp(A) / np.exp(A).sum(-1, keepdims=True)
    np.testing.assert_allclose(rg.softmax(rg.array(A)).value, expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["silu", "gelu"])
def test_activations_that_are_composites_go_element_by_element(name: str) -> None:
    function = getattr(rg, name)
    value, slopes = slopes_of(lambda nodes: rg.sum([function(node) for node in nodes]), A)
    array = rg.array(A)
    function(array).sum().backward()
    np.testing.assert_allclose(array.grad, slopes, rtol=1e-12)
    assert function(array).sum().value == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda a: rg.mse(a, np.ones(3)), rg.LengthError, r"'prediction' has shape \(4, 3\) and 'target' .* \(3,\)"),
        (lambda a: rg.bce(a[:, :1], np.ones(4)), rg.LengthError, r"'probability' has shape \(4, 1\).* a\[:, 0\]"),
        (lambda a: rg.mse(a[:0], np.ones((0, 3))), rg.LengthError, "mse of no elements"),
        (lambda a: rg.cross_entropy(a, [0, 1, 2, 3]), rg.LengthError, "target 3 is no class of 3 logits"),
        (
            lambda a: rg.cross_entropy(a, [0, 1]),
            rg.LengthError,
            r"targets of shape \(2,\) for logits of shape \(4, 3\)",
        ),
        (lambda a: rg.huber(a, SIGNS, 0.0), rg.SettingError, "delta must be positive"),
        (lambda a: rg.huber(a, SIGNS, rg.Node(1.0)), rg.NodeTypeError, "delta"),
        (lambda a: rg.mse(a, "text"), rg.NodeTypeError, "dtype <U4"),
    ],
)
def test_wrong_use_is_told(wrong: Callable[[Any], Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        wrong(rg.array(A))
