"""Nodes inside NumPy: object arrays of Nodes, NumPy's functions of them, scalars and arrays beside a Node.

An array of Nodes is an object array. Whatever NumPy does with it either computes with Nodes, or raises; a Node never
becomes a float in silence. The functions of reelgrad on arrays are in test_array_functions.py.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from tape_state import unchanged


def nodes(*values: float) -> np.ndarray:
    return np.array(rg.variables(*values))


def values(result: Any) -> Any:
    """The numbers in a Node or an object array of Nodes and numbers."""
    if isinstance(result, np.ndarray):
        return np.vectorize(lambda e: e.value if isinstance(e, rg.Node) else float(e), otypes=[float])(result)
    return result.value if isinstance(result, rg.Node) else result


def test_an_array_of_nodes_is_an_object_array_of_the_same_nodes() -> None:
    x, y = rg.variables(1.0, 2.0)
    a = np.array([[x, y], [y, x]])
    assert (a.dtype, a.shape) == (np.dtype(object), (2, 2))
    assert a[0, 0] is x
    assert a.tolist() == [[x, y], [y, x]]
    assert np.array(x).shape == np.asarray(x).shape == ()
    assert np.array(x).item() is x
    assert np.full(3, x)[1] is x
    assert (np.zeros(2) + a)[0, 0].value == 1.0


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.array([x, 1.0], dtype=float),
        lambda x: np.array([x, 1.0], dtype=np.float32),
        lambda x: np.array([x]).astype(float),
        lambda x: np.array([x]).astype(int),
        lambda x: np.array([x]).astype(complex),
        lambda x: np.full(2, x, dtype=float),
        lambda x: np.zeros(2).__setitem__(0, x),
        lambda x: np.zeros(2).fill(x),
        lambda x: np.float64(x),
        lambda x: np.float32(x),
        lambda x: np.int64(x),
        lambda x: np.zeros(2).__iadd__(np.array([x, x])),
        lambda x: np.add(np.array([x]), 1.0, dtype=float),
        lambda x: np.add(np.array([x]), 1.0, out=np.zeros(1)),
        lambda x: np.fromiter([x], dtype=float),
        lambda x: np.linspace(0.0, 1.0, x),
        lambda x: np.random.default_rng(0).normal(x, 1.0),
        lambda x: np.linalg.inv(np.array([[x]])),
        lambda x: np.linalg.solve(np.array([[x]]), [1.0]),
        lambda x: np.interp(0.5, [0.0, 1.0], [x, x]),
        lambda x: np.fft.fft(np.array([x])),
    ],
)
def test_turning_nodes_into_an_array_of_floats_is_refused(make: Callable[[rg.Node], Any]) -> None:
    x = rg.Node(1.0)
    with unchanged(x), pytest.raises(TypeError):
        make(x)


# --- All of NumPy's universal functions

# Reference points inside the domain of each; the default is 0.5 (and 0.25).
POINTS = {"arccosh": (1.5,)}
# The slope where a central difference would step over a jump: 0.5 is twice 0.25, and half way between integers.
AT_A_JUMP = {"floor_divide": (0.0, 0.0), "rint": (0.0,), "remainder": (1.0, -2.0), "fmod": (1.0, -2.0)}
# These have no method of objects to call, or are for bits and integers: they raise TypeError.
REFUSED = {
    "bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "copysign", "divmod", "float_power", "frexp", "gcd",
    "heaviside", "invert", "isfinite", "isinf", "isnan", "isnat", "lcm", "ldexp", "left_shift", "logaddexp",
    "logaddexp2", "logical_xor", "modf", "nextafter", "right_shift", "signbit", "spacing",
}  # fmt: skip
# These pick or tell, with plain bools where they tell; what they pick is one of the Nodes. np.sign tells -1, 0 or 1.
PICKING = {"maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "positive", "conjugate"}
TELLING = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_not", "sign"}
MATRICES = {"matmul", "vecdot", "matvec", "vecmat"}

UFUNCS = {f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc)}
RECORDED = sorted(set(UFUNCS) - REFUSED - PICKING - TELLING - MATRICES)


@pytest.mark.parametrize("name", RECORDED)
def test_a_ufunc_records_its_value_and_derivative(name: str) -> None:
    """The derivative against a central difference of NumPy's own function of floats."""
    ufunc = UFUNCS[name]
    at = POINTS.get(name, (0.5, 0.25))[: ufunc.nin]
    arrays = [nodes(value) for value in at]
    result = ufunc(*arrays)
    assert result.dtype == object
    y = result[0]
    assert type(y) is rg.Node
    assert math.isclose(y.value, ufunc(*at), rel_tol=1e-15)
    y.backward()
    step = 1e-6
    for k, array in enumerate(arrays):
        above, below = list(at), list(at)
        above[k] += step
        below[k] -= step
        slope = (ufunc(*above) - ufunc(*below)) / (2 * step)
        slope = AT_A_JUMP.get(name, (slope, slope))[k]
        assert math.isclose(array[0].grad, slope, rel_tol=1e-8, abs_tol=1e-9), (k, array[0].grad, slope)


@pytest.mark.parametrize("name", sorted(REFUSED & set(UFUNCS)))
def test_a_ufunc_without_a_method_is_refused(name: str) -> None:
    ufunc = UFUNCS[name]
    arrays = [nodes(0.5, 0.25) for _ in range(ufunc.nin)]
    with unchanged(*arrays[0]), pytest.raises((TypeError, AttributeError)):
        ufunc(*arrays)


@pytest.mark.parametrize("name", sorted(PICKING))
def test_a_ufunc_that_picks_returns_one_of_the_nodes(name: str) -> None:
    ufunc = UFUNCS[name]
    a, b = nodes(0.5, 0.25), nodes(0.25, 0.5)
    with unchanged(*a, *b):
        picked = ufunc(a, b) if ufunc.nin == 2 else ufunc(a)
        assert all(p is x or p is y for p, x, y in zip(picked, a, b, strict=True))
        floats = UFUNCS[name](values(a), values(b)) if ufunc.nin == 2 else values(a)
        if not name.startswith("logical"):
            assert values(picked).tolist() == floats.tolist()


@pytest.mark.parametrize("name", sorted(TELLING))
def test_a_ufunc_that_tells_returns_what_it_returns_of_floats(name: str) -> None:
    ufunc = UFUNCS[name]
    a, b = nodes(0.5, -0.25, 0.0), nodes(0.25, -0.25, 0.5)
    with unchanged(*a, *b):
        told = ufunc(a, b) if ufunc.nin == 2 else ufunc(a)
        expected = ufunc(values(a), values(b)) if ufunc.nin == 2 else ufunc(values(a))
        assert told.tolist() == expected.tolist()
        assert all(type(t) in (bool, int) for t in told.tolist())


def test_every_ufunc_is_in_one_of_the_groups() -> None:
    """A new NumPy may bring another: it is then tried as one that records."""
    assert not (REFUSED & PICKING) | (PICKING & TELLING) | (REFUSED & TELLING)
    assert {"exp", "arctan2", "hypot", "power", "deg2rad", "cbrt", "square"} <= set(RECORDED)


@pytest.mark.parametrize("scalar", [np.exp, np.tanh, np.sqrt, np.absolute, np.negative, np.square])
def test_a_ufunc_of_a_single_node_is_a_node(scalar: Any) -> None:
    x = rg.Node(0.5)
    y = scalar(x)
    assert type(y) is rg.Node
    assert math.isclose(y.value, scalar(0.5), rel_tol=1e-15)
    assert type(np.add(x, 1.0)) is type(np.power(x, 2)) is rg.Node


def test_an_infinite_partial_does_not_change_the_value() -> None:
    """NumPy reports the processor's flags, which a partial of inf raises too: its warning is not about the value."""
    zero = nodes(0.0)
    with np.errstate(all="ignore"):
        results = [np.sqrt(zero), np.cbrt(zero), np.hypot(zero, zero), np.abs(zero), zero**0.5, zero**2, np.log1p(zero)]
        assert [values(r)[0] for r in results] == [0.0] * 7


# --- Functions of arrays

X, W = (0.5, -1.5, 2.0), (1.0, 0.25, -3.0)
ARRAY_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "dot": np.dot,
    "vdot": np.vdot,
    "inner": np.inner,
    "outer": lambda a, b: np.outer(a, b).sum(),
    "matmul": np.matmul,
    "@": operator.matmul,
    "matrix @": lambda a, b: (np.outer(a, b) @ a).sum(),
    "einsum": lambda a, b: np.einsum("i,i", a, b),
    "einsum outer": lambda a, b: np.einsum("i,j->ij", a, b)[0, 2],
    "tensordot": lambda a, b: np.tensordot(a, b, axes=1)[()],
    "kron": lambda a, b: np.kron(a, b).sum(),
    "cross": lambda a, b: np.cross(a, b).sum(),
    "convolve": lambda a, b: np.convolve(a, b)[2],
    "trace": lambda a, b: np.trace(np.outer(a, b)),
    "sum": lambda a, b: np.sum(a * b),
    "sum over an axis": lambda a, b: np.array([a, b]).sum(axis=0).prod(),
    "mean": lambda a, b: np.mean(a * b),
    "average": lambda a, b: np.average(a, weights=[1.0, 2.0, 3.0]),
    "var": lambda a, b: np.var(a + b),
    "std": lambda a, b: np.std(a + b, ddof=1),
    "cumsum": lambda a, b: np.cumsum(a * b)[-1],
    "cumprod": lambda a, b: np.cumprod(a * b)[-1],
    "prod": lambda a, b: np.prod(a * b),
    "diff": lambda a, b: np.diff(a * b).prod(),
    "max": lambda a, b: np.max(a * b),
    "min": lambda a, b: (a * b).min(),
    "ptp": lambda a, b: np.ptp(a * b),
    "sort": lambda a, b: np.sort(a * b)[1],
    "median": lambda a, b: np.median(np.array([*a, 0.75])),
    "linalg.norm": lambda a, b: np.linalg.norm(a * b),
    "where": lambda a, b: np.where(np.array([True, False, True]), a * b, a).sum(),
    "where of a comparison": lambda a, b: np.where(a > b, a * 2.0, b * 3.0).sum(),
    "clip": lambda a, b: np.clip(a, -1.0, 1.0).sum(),
    "polyval": lambda a, b: np.polyval(a, 2.0) + b[0],
    "trapezoid": lambda a, b: getattr(np, "trapezoid", getattr(np, "trapz", None))(a * b),
    "reduce": lambda a, b: np.multiply.reduce(a) + np.add.reduce(b),
    "accumulate": lambda a, b: np.multiply.accumulate(a)[-1],
    "take and reshape": lambda a, b: (a[[0, 2]] * b.reshape(3, 1)[1]).sum(),
    "concatenate": lambda a, b: np.concatenate([a, b]).prod(),
    "vectorize": lambda a, b: np.vectorize(lambda u, v: u * v + 1.0)(a, b).prod(),
}


@pytest.mark.parametrize("name", ARRAY_FUNCTIONS)
def test_a_function_of_arrays_is_differentiated(name: str) -> None:
    function = ARRAY_FUNCTIONS[name]
    a, b = nodes(*X), nodes(*W)
    y = function(a, b)
    assert type(y) is rg.Node
    x, w = np.array(X), np.array(W)
    assert math.isclose(y.value, function(x, w), rel_tol=1e-14)
    y.backward()
    step = 1e-6
    for array, k in [(array, k) for array in (0, 1) for k in range(3)]:
        shift = np.zeros((2, 3))
        shift[array, k] = step
        slope = (function(x + shift[0], w + shift[1]) - function(x - shift[0], w - shift[1])) / (2 * step)
        grad = (a, b)[array][k].grad
        assert math.isclose(grad, slope, rel_tol=1e-7, abs_tol=1e-8), (array, k, grad, slope)


def test_functions_that_find_places_return_places() -> None:
    a = nodes(0.5, -1.5, 2.0)
    with unchanged(*a):
        assert np.argmax(a) == 2
        assert np.argmin(a) == 1
        assert np.argsort(a).tolist() == [1, 0, 2]
        assert np.nonzero(a)[0].tolist() == [0, 1, 2]
        assert a.astype(bool).all()
        assert (a > 0).tolist() == [True, False, True]
        assert (a > 0).dtype == bool
        assert np.sort(a)[0] is a[1]


@pytest.mark.parametrize("digits", [0, 1])
def test_rounding_an_array_rounds_its_nodes(digits: int) -> None:
    a = nodes(2.34, -0.56)
    assert values(np.round(a, digits)).tolist() == np.round([2.34, -0.56], digits).tolist()
    assert all(type(x) is rg.Node for x in a.round(digits))


# --- Scalars and arrays beside a Node


@pytest.mark.parametrize("scalar", [np.float64, np.float32, np.int64, np.bool_, np.longdouble])
@pytest.mark.parametrize("apply", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_a_numpy_scalar_beside_a_node_gives_a_node(scalar: Any, apply: Any) -> None:
    x = rg.Node(0.5)
    for y in (apply(scalar(1), x), apply(x, scalar(1))):
        assert type(y) is rg.Node


def test_a_numpy_scalar_on_the_left_takes_the_short_way() -> None:
    """NumPy asks for __array_priority__ alone: it makes no array of the Node."""
    assert rg.Node.__array_priority__ == -1.0
    assert not hasattr(rg.Node, "__array_ufunc__")
    assert not hasattr(rg.Node, "__array__")


ARRAYS = {
    "floats": np.array([0.5, 1.5]),
    "matrix": np.arange(1.0, 7.0).reshape(2, 3),
    "ints": np.array([1, 2]),
    "bools": np.array([True, True]),
    "float32": np.array([0.5, 1.5], dtype=np.float32),
    "one element": np.array([0.5]),
    "empty": np.array([]),
    "strided": np.arange(1.0, 9.0)[::3],
    "column": np.array([[1.0], [2.0]]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("apply", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_an_array_beside_a_node_is_an_object_array_always(name: str, apply: Any) -> None:
    x, array = rg.Node(2.0), ARRAYS[name]
    for result, expected in [
        (apply(array, x), apply(array.astype(float), 2.0)),
        (apply(x, array), apply(2.0, array.astype(float))),
    ]:
        assert (type(result), result.dtype, result.shape) == (np.ndarray, np.dtype(object), array.shape)
        assert all(type(e) is rg.Node for e in result.flat)
        np.testing.assert_allclose(values(result) if result.size else np.zeros(array.shape), expected, rtol=1e-15)
    total = x + (array * x).sum()
    total.backward()
    assert x.grad == 1.0 + array.sum()


def test_an_array_of_no_dimension_beside_a_node_gives_a_node() -> None:
    x = rg.Node(2.0)
    for y in (np.array(3.0) * x, x * np.array(3.0), np.array(x) * 3.0, np.array(3) * x, np.array(x) * x):
        assert type(y) is rg.Node
        assert y.value in (6.0, 4.0)


@pytest.mark.parametrize("wrong", [np.array([1j]), np.array(["a"]), np.array([None]), np.array(["2020"], "M8[D]")])
def test_an_array_of_what_is_no_real_number_is_refused(wrong: np.ndarray) -> None:
    x = rg.Node(2.0)
    for apply in (operator.add, operator.mul):
        for operands in ((x, wrong), (wrong, x)):
            with unchanged(x), pytest.raises(TypeError):
                apply(*operands)


def test_a_small_network_in_arrays_of_nodes() -> None:
    weights, x = np.array(rg.variables(*np.linspace(-1, 1, 6))).reshape(2, 3), np.array([0.5, -1.0, 2.0])
    loss = (np.tanh(weights @ x) ** 2).sum()
    loss.backward()
    h = np.tanh(values(weights) @ x)
    expected = np.outer(2 * h * (1 - h**2), x)
    np.testing.assert_allclose([[w.grad for w in row] for row in weights], expected, rtol=1e-13)
