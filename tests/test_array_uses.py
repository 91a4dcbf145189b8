"""Arrays used in ways that one does not think of first: Python's protocols, weights of bins, fills, wrong places."""

from __future__ import annotations

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
