"""The arrays of Nodes that functions get for arrays: what NumPy knows of numbers only, eager and compiled alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad.traced_arrays import NodeArray

RNG = np.random.default_rng(3)
SQUARE = RNG.normal(size=(4, 4))
POSITIVE = SQUARE @ SQUARE.T + 4.0 * np.eye(4)
V = RNG.normal(size=4)
MASK = SQUARE > 0.0

ANYWHERE: dict[str, Callable[[Any], Any]] = {
    "inv": lambda a: np.linalg.inv(a)[0, 1],
    "solve": lambda a: np.linalg.solve(a, V) @ V,
    "solve for it": lambda a: np.linalg.solve(POSITIVE, a[0]) @ a[1],
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "cholesky": lambda a: np.linalg.cholesky(a).sum(),
    "norm": np.linalg.norm,
    "norms of rows": lambda a: np.linalg.norm(a, axis=1) @ V,
    "norm, a count": lambda a: np.linalg.norm(a[0], 0) + a[0, 0],
    "matrix_power": lambda a: np.linalg.matrix_power(a, -2).sum(),
    "tensorinv": lambda a: np.linalg.tensorinv(a.reshape(4, 2, 2), ind=1).sum(),
    "cov": lambda a: np.cov(a)[0, 1],
    "corrcoef": lambda a: np.corrcoef(a)[0, 1],
    "interp": lambda a: np.interp(0.5, np.arange(4.0), a[0]),
    "gradient": lambda a: (np.gradient(a[0]) ** 2).sum(),
    "nan_to_num": lambda a: np.nan_to_num(a * np.where(MASK, np.nan, 1.0), nan=2.0).sum(),
    "bincount": lambda a: np.bincount([0, 2, 0, 1], weights=a[0]) @ np.arange(3.0),
    "sinc": lambda a: np.sinc(a).sum(),
    "average": lambda a: np.average(a, axis=1, weights=np.arange(1.0, 5.0))[2],
    "sum where": lambda a: np.sum(a * a, where=MASK),
    "mean where": lambda a: np.mean(a * a, where=MASK),
    "max initial": lambda a: np.max(a, initial=0.25),
    "a chain of them": lambda a: np.linalg.norm(np.linalg.inv(np.cov(a) + np.eye(4)) @ a[0]),
}
OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "eigvalsh": lambda a: np.linalg.eigvalsh(a)[0],
    "eigh": lambda a: np.linalg.eigh(a)[1][0, 0] ** 2,
    "svd": lambda a: np.linalg.svd(a)[1][1],
    "pinv": lambda a: np.linalg.pinv(a[:, :2]).sum(),
    "qr": lambda a: np.linalg.qr(a)[1][0, 1],
    "lstsq": lambda a: np.linalg.lstsq(a[:, :2], V, rcond=None)[0][0],
    "cond": np.linalg.cond,
    "nuclear": lambda a: np.linalg.norm(a, "nuc"),
}
ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "logaddexp": lambda a: np.logaddexp(a, 1.0).sum(),
    "logaddexp2": lambda a: np.logaddexp2(a, 1.0).sum(),
    "copysign": lambda a: np.copysign(a, -1.0).sum(),
    "float_power": lambda a: np.float_power(a, 2).sum(),
    "heaviside": lambda a: (np.heaviside(a, 0.5) * a).sum(),
    "divmod": lambda a: np.divmod(a, 0.3)[1].sum(),
    "arctan2 of numbers": lambda a: np.arctan2(SQUARE, a).sum(),
    "hypot of numbers": lambda a: np.hypot(1.5, a).sum(),
    "isfinite": lambda a: np.where(np.isfinite(a), a * a, 0.0).sum(),
    "isinf": lambda a: np.where(np.isinf(a), 0.0, a * a).sum(),
    "signbit": lambda a: np.where(np.signbit(a), -a, 2.0 * a).sum(),
    "logical_and": lambda a: np.where(np.logical_and(a > 0.0, a < 1.0), a * a, a).sum(),
    "logical_or of not": lambda a: np.where(np.logical_or(np.logical_not(a > 0.0), a > 1.0), a * a, a).sum(),
}


def by_array(function: Callable[[Any], Any], x: Any) -> tuple[float, Any]:
    """The value and the gradient that an Array gives."""
    a = rg.array(x)
    y = function(a)
    y.backward()
    return y.value, a.grad


@pytest.mark.parametrize("name", [*ANYWHERE, *OF_NUMBERS])
def test_a_plain_function_of_an_array_may_use_what_numpy_knows_of_numbers_only(name: str) -> None:
    function = (ANYWHERE | OF_NUMBERS)[name]
    value, slopes = by_array(function, POSITIVE)
    assert value == pytest.approx(function(POSITIVE), rel=1e-12)
    got = rg.value_and_grad(function)(POSITIVE)
    assert got[0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(got[1], slopes, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", [*ANYWHERE, *ELEMENTWISE])
def test_so_may_a_compiled_one(name: str) -> None:
    function = (ANYWHERE | ELEMENTWISE)[name]
    x = POSITIVE if name in ANYWHERE else SQUARE
    compiled = rg.compile(function)
    value, slopes = compiled.value_and_grad(x)
    assert value == pytest.approx(function(x), rel=1e-12)
    h = 1e-6
    differences = np.empty_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        differences[place] = (function(x + step) - function(x - step)) / (2.0 * h)
    np.testing.assert_allclose(slopes, differences, rtol=2e-6, atol=2e-7)
    assert "max" in name or compiled.program.guards == []


@pytest.mark.parametrize("name", ["inv", "cholesky", "norm", "cov", "interp"])
def test_second_derivatives_are_those_of_the_compiled_one(name: str) -> None:
    function = ANYWHERE[name]
    hessian = rg.hessian(function)(POSITIVE)
    np.testing.assert_allclose(hessian, rg.hessian(rg.compile(function))(POSITIVE), rtol=1e-9, atol=1e-10)


def test_an_implicit_function_goes_through_a_solve_with_a_hessian() -> None:
    def newton_step(x: Any) -> Any:
        energy = lambda v: (v**4).sum() + v[0] * v[1]  # noqa: E731
        return np.linalg.solve(rg.hessian(energy)(x), rg.grad(energy)(x))

    at = np.array([1.0, 2.0])
    step = np.linalg.solve([[12.0, 1.0], [1.0, 48.0]], [6.0, 33.0])
    np.testing.assert_allclose(newton_step(at), step, rtol=1e-14)
    h = 1e-6
    differences = np.array([(newton_step(at + h * e) - newton_step(at - h * e)) / (2 * h) for e in np.eye(2)]).T
    np.testing.assert_allclose(rg.jacobian(newton_step)(at), differences, rtol=1e-7)


def test_what_numpy_makes_of_them_is_of_their_kind_and_a_number_is_a_node() -> None:
    kinds: list[type] = []

    def seen(a: Any) -> Any:
        rows = [a * 2.0, np.exp(a), np.where(a > 0.0, a, 0.0), np.concatenate([a, a]), a.T, a[0], a @ a, np.outer(a, a)]
        kinds.extend(map(type, [*rows, *np.split(a, 2), *np.broadcast_arrays(a, 1.0)[:1]]))
        numbers = [a.sum(), np.sum(a), a.mean(), np.max(a), a[0] @ a[1], np.dot(a[0], a[1]), a.prod(), np.trace(a)]
        assert {type(number) for number in numbers} == {rg.Node}
        assert (a > 0.0).dtype == bool
        assert type((a > 0.0).all()) is np.bool_
        return a.sum()

    rg.grad(seen)(SQUARE)
    assert set(kinds) == {NodeArray}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_so_may_a_plain_one_element_by_element(name: str) -> None:
    function = ELEMENTWISE[name]
    value, slopes = rg.value_and_grad(function)(SQUARE)
    assert value == pytest.approx(function(SQUARE), rel=1e-12)
    np.testing.assert_allclose(slopes, rg.compile(function).grad(SQUARE), rtol=1e-12, atol=1e-13)


def test_values_of_a_plain_function_are_asked_as_numbers_are() -> None:
    def asked(a: Any) -> Any:
        for mask in (np.isnan(a), np.isfinite(a), np.signbit(a), np.logical_or(a, a > 3.0)):
            assert mask.dtype == bool
        return a[np.logical_and(np.isfinite(a), a > 0.0)].sum() + np.sin(np.sign(a)).sum()

    np.testing.assert_array_equal(rg.grad(asked)(SQUARE), SQUARE > 0.0)


def test_ties_are_halves_eager_and_compiled_and_a_maximum_of_nothing_is_refused() -> None:
    for function in (lambda a: np.maximum(a, 1.0).sum(), lambda a: a.max(), lambda a: np.clip(a, 1.0, None).sum()):
        slopes = rg.compile(function).grad(np.ones(2))
        np.testing.assert_array_equal(rg.grad(function)(np.ones(2)), slopes)
    for derivative in (rg.grad, rg.compile):
        with pytest.raises(ValueError, match="zero-size array"):
            derivative(np.max)(np.ones(0))


@pytest.mark.parametrize("call", [lambda f: rg.grad(f), lambda f: rg.compile(f)], ids=["plain", "compiled"])
def test_an_array_of_nodes_made_by_hand_says_how_to_make_it(call: Any) -> None:
    with pytest.raises(TypeError) as error:
        call(lambda v: np.linalg.det(np.array([[v[0], 1.0], [2.0, v[1]]])))(V)
    assert "reelgrad.asarray([[a, b], [c, d]])" in "".join(error.value.__notes__)
    call(lambda v: np.linalg.det(rg.asarray([[v[0], 1.0], [2.0, v[1]]])))(V)


def test_a_mask_of_traced_numbers_says_what_to_take_instead() -> None:
    with pytest.raises(IndexError) as error:
        rg.compile(lambda a: a[a > 0.0].sum())(V)
    assert "reelgrad.where(condition, a, b)" in "".join(error.value.__notes__)


@pytest.mark.parametrize("settings", [{}, {"axis": 0}, {"axis": 1, "ddof": 1}, {"axis": 1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("method", [False, True])
def test_the_standard_deviation_of_equal_numbers_has_derivative_0(method: bool, settings: dict[str, Any]) -> None:
    def spread(a: Any) -> Any:
        return np.sum(a.std(**settings) if method else np.std(a, **settings))

    x = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0], [2.5, 2.5, 2.5]])
    value, slopes = by_array(spread, x)
    assert value == pytest.approx(np.sum(np.std(x, **settings)), rel=1e-13)
    h = 1e-6
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        across = (spread(x + step) - spread(x - step)) / (2.0 * h)  # by symmetry 0 at the kink, too
        assert slopes[place] == pytest.approx(across, rel=1e-6, abs=1e-8)
    np.testing.assert_allclose(rg.grad(spread)(x), slopes, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(rg.compile(spread).grad(x), slopes, rtol=1e-13, atol=1e-15)
