"""Arrays used in ways that one does not think of first: Python's protocols, weights of bins, fills, wrong places."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_weights_of_bins_keep_their_derivatives() -> None:
    w = rg.array([1.0, 2.0, 4.0, 8.0])
    bins = np.array([2, 0, 2, 4])
    sums = np.bincount(bins, weights=w, minlength=7)
    np.testing.assert_array_equal(sums.value, np.bincount(bins, w.value, 7))
    (sums * np.arange(7.0)).sum().backward()
    assert w.grad.tolist() == [2.0, 0.0, 2.0, 4.0]
    assert np.bincount([], weights=rg.array([])).shape == (0,)
    assert rg.compile(lambda v: np.bincount(bins, rg.asarray(v))[2])(w.value) == 5.0
    for wrong in (([0, 1], w), ([-1, 0, 0, 0], w), ([[0, 1, 2, 3]], w)):
        with pytest.raises((ValueError, TypeError)):
            np.bincount(*wrong)


def test_a_histogram_with_weights_would_lose_derivatives_and_is_refused() -> None:
    with pytest.raises(rg.NodeTypeError, match=r"numpy\.bincount\(numpy\.digitize"):
        np.histogram(X[0], weights=rg.array(X[0]))
    counts, edges = np.histogram(rg.array(X[0]), 2, weights=X[1])
    expected = np.histogram(X[0], 2, weights=X[1])
    np.testing.assert_array_equal(counts, expected[0])
    np.testing.assert_array_equal(edges, expected[1])


def test_full_like_takes_numbers_nodes_and_arrays() -> None:
    a, n = rg.array(X), rg.Node(2.0)
    filled = np.full_like(a, n)
    assert filled.shape == (2, 3)
    (filled * X).sum().backward()
    assert n.grad == X.sum()
    assert np.full_like(a, a[0], shape=(4, 3)).value.tolist() == [[1.0, 2.0, 3.0]] * 4
    assert np.full_like(a, 7).tolist() == [[7.0] * 3] * 2
    assert np.full_like(a, 7, dtype=int).dtype == int


@pytest.mark.parametrize("value", [1.0, 7.0, 3, np.float64(6.0), rg.Node(2.0)], ids=repr)
def test_in_asks_for_an_equal_element(value: Any) -> None:
    number = value.value if isinstance(value, rg.Node) else value
    assert (value in rg.array(X)) == (number in X)


def test_round_and_divmod_are_numpys() -> None:
    a = rg.array(X / 8.0)
    np.testing.assert_array_equal(round(a).value, np.round(a.value))
    np.testing.assert_array_equal(round(a, 1).value, np.round(a.value, 1))
    for got, expected in ((divmod(a, 0.3), divmod(X / 8.0, 0.3)), (divmod(X, a), divmod(X, X / 8.0))):
        for part, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(part.value, right, rtol=1e-13)


def test_flat_is_a_view_that_is_indexed_and_walked() -> None:
    a = rg.array(X)
    assert a.flat[4].value == 5.0
    assert a.flat[1:3].value.tolist() == [2.0, 3.0]
    assert [node.value for node in a.flat] == X.ravel().tolist()


def test_an_array_of_numbers_that_is_to_take_derivatives_in_place_says_what_to_write() -> None:
    numbers, a = X.copy(), rg.array(X)
    with pytest.raises(rg.NodeTypeError, match=r"not x \+= a"):
        numbers += a
    with pytest.raises(rg.NodeTypeError, match=r"not x \+= a"):
        np.exp(a, out=numbers)
    np.testing.assert_array_equal(numbers, X)


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda a: np.piecewise(a, [a > 2.0], [1.0]), "select"),
        (lambda a: np.ldexp(a, 2), "exp2"),
        (lambda a: np.polyfit(np.arange(3.0), a[0], 1), "linalg.lstsq"),
        (lambda a: np.nanmedian(a), "median"),
        (lambda a: np.emath.sqrt(a), "sqrt"),
    ],
)
def test_what_is_named_as_nearest_is_near_in_meaning(call: Any, near: str) -> None:
    with pytest.raises(rg.NodeTypeError, match=rf"The nearest that is: numpy\.{near};"):
        call(rg.array(X))


class Tied(rg.nn.Module):
    """A weight beside a view of it."""

    def __init__(self) -> None:
        self.weight = rg.array(X)
        self.back = self.weight.T

    def __call__(self, x: Any) -> Any:
        return self.back @ (self.weight @ x)


def test_deep_copies_of_views_share_the_copied_variables() -> None:
    model = copy.deepcopy(Tied())
    model.weight.value = X + 1.0
    np.testing.assert_array_equal(model.back.value, X.T + 1.0)
    part, whole = copy.deepcopy([model.weight[:, 1], model.weight])
    whole.value = X
    assert part.value.tolist() == [2.0, 5.0]
    assert model.weight.value[0, 0] == 2.0
    apart = [copy.deepcopy(model.weight) for _ in range(2)]
    apart[0].value = 0.0
    np.testing.assert_array_equal(apart[1].value, X + 1.0)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copies_of_a_broadcast_array_have_as_many_variables(copied: Any) -> None:
    twice = copied(np.broadcast_to(rg.array([1.0, 2.0]), (3, 2)))
    (twice * X.reshape(3, 2)).sum().backward()
    np.testing.assert_array_equal(twice.grad, np.broadcast_to(X.reshape(3, 2).sum(axis=0), (3, 2)))


def test_an_intermediate_array_is_still_not_copied() -> None:
    for call in (copy.deepcopy, copy.copy, pickle.dumps):
        with pytest.raises(rg.NodeTypeError, match="intermediates cannot be pickled or copied"):
            call(rg.array(X) * 2.0)


def test_fit_refuses_parameters_that_are_the_same_variables() -> None:
    def loss(p: Any, x: Any) -> Any:
        return x * 0.0

    w, n = rg.array(X), rg.Node(1.0)
    cases: list[tuple[Any, str]] = [
        (Tied(), r"params\.weight and params\.back are the same variables"),
        ([w, 1.0, w[0, 1]], r"params\[0\] and params\[2\] are the same"),
        ({"a": n, "b": np.ones(2), "c": n}, r"params\['a'\] and params\['c'\] are the same"),
        (np.broadcast_to(w, (2, 2, 3)), r"params has one variable in several places"),
    ]
    for params, says in cases:
        with pytest.raises(rg.StructureError, match=says):
            rg.fit(loss, params, X[0], optimizer=rg.optim.SGD(0.1), epochs=1)
    rg.fit(loss, [w[0], w[1], n, rg.Node(1.0)], X[0], optimizer=rg.optim.SGD(0.1), epochs=1)
