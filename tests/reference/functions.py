"""Functions to differentiate, each written once over a namespace `m`: reelgrad's, JAX's or mpmath's.

`Mp` is the reference: numbers of 50 digits, whose numerical derivatives are exact to a float's last place. It defines
what it needs by elementary functions, and lives apart from everything that reelgrad computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import optree

DIGITS = 50


@dataclass(frozen=True, eq=False)
class Row:
    """A function of a namespace and arguments, and arguments to try it with."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    scalar: bool = True

    def __str__(self) -> str:
        return self.name


V = np.array


class Mp:
    """mpmath's functions, of numbers and elementwise of arrays."""

    def __getattr__(self, name: str) -> Any:
        return np.frompyfunc(getattr(mpmath, name), 1, 1)

    @staticmethod
    def _each(function: Callable[..., Any], count: int) -> Any:
        return np.frompyfunc(function, count, 1)

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return self._each(lambda c, x, y: x if c else y, 3)(condition, a, b)

    def maximum(self, a: Any, b: Any) -> Any:
        return self._each(max, 2)(a, b)

    def minimum(self, a: Any, b: Any) -> Any:
        return self._each(min, 2)(a, b)

    def clip(self, x: Any, lo: Any, hi: Any) -> Any:
        return self.minimum(self.maximum(x, lo), hi)

    def abs(self, x: Any) -> Any:
        return self._each(abs, 1)(x)

    def hypot(self, a: Any, b: Any) -> Any:
        return self.sqrt(a * a + b * b)

    def arctan2(self, a: Any, b: Any) -> Any:
        return self._each(mpmath.atan2, 2)(a, b)

    def logaddexp(self, a: Any, b: Any) -> Any:
        return self.log(self.exp(a) + self.exp(b))

    def log1p(self, x: Any) -> Any:
        return self.log(1 + x)

    def log2(self, x: Any) -> Any:
        return self.log(x) / mpmath.log(2)

    def exp2(self, x: Any) -> Any:
        return self.exp(x * mpmath.log(2))

    def expm1(self, x: Any) -> Any:
        return self.exp(x) - 1

    def square(self, x: Any) -> Any:
        return x * x

    def sigmoid(self, x: Any) -> Any:
        return 1 / (1 + self.exp(-x))

    def softplus(self, x: Any) -> Any:
        return self.log(1 + self.exp(x))

    def relu(self, x: Any) -> Any:
        return self.maximum(x, 0)

    def lgamma(self, x: Any) -> Any:
        return self._each(lambda a: mpmath.log(abs(mpmath.gamma(a))), 1)(x)

    def ndtr(self, x: Any) -> Any:
        return self._each(mpmath.ncdf, 1)(x)

    def xlogy(self, a: Any, b: Any) -> Any:
        return a * self.log(b)

    def sum(self, x: Any) -> Any:
        return sum(np.ravel(x))

    def mean(self, x: Any) -> Any:
        return self.sum(x) / np.size(x)

    def prod(self, x: Any) -> Any:
        return np.prod(np.ravel(x))

    def dot(self, a: Any, b: Any) -> Any:
        return sum(x * y for x, y in zip(a, b, strict=True))

    def norm(self, x: Any) -> Any:
        return self.sqrt(self.dot(x, x))

    def logsumexp(self, x: Any) -> Any:
        return self.log(self.sum(self.exp(x)))

    def softmax(self, x: Any) -> Any:
        e = self.exp(x)
        return e / self.sum(e)


# --- What needs more than a line


def newton(m: Any, a: Any) -> Any:
    x = a
    for _ in range(6):
        x = x - (x * x - a) / (2.0 * x)
    return x


def while_loop(m: Any, x: Any) -> Any:
    y = x
    while y < 10.0:
        y = y * y + 1.0
    return m.log(y)


def collatz(m: Any, x: Any) -> Any:
    for k in range(5):
        x = 0.5 * x if x > 1.0 + 0.1 * k else 3.0 * x + 0.25
    return m.sin(x)


def nested_branches(m: Any, x: Any, y: Any) -> Any:
    if x > 0.0:
        return m.exp(x) * y if y > 1.0 else x - y
    return x * y


def horner(m: Any, coefficients: Any, x: Any) -> Any:
    y = 0.0
    for c in coefficients:
        y = y * x + c
    return y


def mlp(m: Any, params: Any, x: Any) -> Any:
    hidden = [m.tanh(m.dot(w, x) + b) for w, b in zip(params["w"], params["b"], strict=True)]
    return sum(h * v for h, v in zip(hidden, params["out"], strict=True))


def recurrence(m: Any, x: Any, n: int) -> Any:
    a, b = x, m.cos(x)
    for _ in range(n):
        a, b = b, m.sin(a) + 0.5 * b
    return a


def black_scholes(m: Any, spot: Any, strike: Any, vol: Any, rate: Any, time: Any) -> Any:
    root = vol * m.sqrt(time)
    d1 = (m.log(spot / strike) + (rate + 0.5 * vol * vol) * time) / root
    return spot * m.ndtr(d1) - strike * m.exp(-rate * time) * m.ndtr(d1 - root)


def polar(m: Any, x: Any, y: Any) -> Any:
    return {"r": m.hypot(x, y), "phi": m.arctan2(y, x)}


SCALAR = [
    Row("identity", lambda m, x: x, (0.3,)),
    Row("constant", lambda m, x: 2.5, (0.3,)),
    Row("independent", lambda m, x, y: y * y, (0.3, 2.0)),
    Row("polynomial", lambda m, x: 3.0 * x**4 - x**3 + 2.0 * x - 7.0, (1.3,)),
    Row("power of variables", lambda m, x, y: x**y, (1.7, 2.3)),
    Row("negative power", lambda m, x: x**-3, (-1.4,)),
    Row("number to a power", lambda m, x: 2.0**x, (0.7,)),
    Row("quotient", lambda m, x, y: (x + 2.0 * y) / (x - y), (1.5, 0.25)),
    Row("reciprocals", lambda m, x: 1.0 / (1.0 + 1.0 / x), (0.4,)),
    Row("exp of sin", lambda m, x: m.exp(m.sin(x)), (0.8,)),
    Row("log of cosh", lambda m, x: m.log(m.cosh(x)), (1.1,)),
    Row("tan", lambda m, x: m.tan(x) - x, (0.6,)),
    Row("sinh and tanh", lambda m, x: m.sinh(x) * m.tanh(x), (-0.9,)),
    Row("square roots", lambda m, x: m.sqrt(x + m.sqrt(x)), (2.2,)),
    Row("log1p and expm1", lambda m, x: m.log1p(x * x) + m.expm1(-x), (0.45,)),
    Row("bases of 2", lambda m, x: m.exp2(m.log2(x) ** 2), (1.9,)),
    Row("arctan2", lambda m, y, x: m.arctan2(y, x), (0.7, -1.2)),
    Row("hypot", lambda m, x, y: m.hypot(x, y), (3.0, -4.0)),
    Row("abs", lambda m, x: m.abs(x) * x, (-1.6,)),
    Row("maximum and minimum", lambda m, x, y: m.maximum(x * y, x + y) * m.minimum(x, y), (2.0, 3.5)),
    Row("clip", lambda m, x, y: m.clip(x, -1.0, 1.0) * y + m.clip(y, -1.0, 1.0), (0.5, 1.5)),
    Row("where", lambda m, x: m.where(x > 1.0, x**3, m.exp(x)), (1.2,)),
    Row("sigmoid", lambda m, x: m.sigmoid(3.0 * x), (0.2,)),
    Row("softplus", lambda m, x, y: m.softplus(x * y), (0.9, -1.1)),
    Row("relu", lambda m, x: m.relu(x) ** 2 + m.relu(-x), (0.75,)),
    Row("erf", lambda m, x: m.erf(x) * x, (0.35,)),
    Row("lgamma", lambda m, x: m.lgamma(x), (2.6,)),
    Row("ndtr", lambda m, x: m.ndtr(x), (-0.4,)),
    Row("xlogy", lambda m, x, y: m.xlogy(x, y), (0.6, 1.8)),
    Row("logaddexp", lambda m, x, y: m.logaddexp(x, 2.0 * y), (0.3, -0.2)),
    Row("rosenbrock", lambda m, v: (1.0 - v[0]) ** 2 + 100.0 * (v[1] - v[0] ** 2) ** 2, (V([0.7, 0.2]),)),
    Row("sum of squares", lambda m, v: m.sum(m.square(v)), (V([1.0, -2.0, 0.5]),)),
    Row("mean and product", lambda m, v: m.mean(v) * m.prod(v), (V([1.5, -0.5, 2.0]),)),
    Row("norm", lambda m, v: m.norm(v), (V([0.3, -0.4, 1.2]),)),
    Row("logsumexp", lambda m, v: m.logsumexp(v), (V([0.1, 2.0, -1.0]),)),
    Row("entropy of softmax", lambda m, v: -m.sum(m.softmax(v) * m.log(m.softmax(v))), (V([0.2, 1.0, -0.6]),)),
    Row("dot", lambda m, a, b: m.dot(a, b) ** 2, (V([1.0, 2.0]), V([0.5, -1.5]))),
    Row("matrix", lambda m, a: a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0], (V([[2.0, 1.0], [0.5, 3.0]]),)),
    Row("list", lambda m, p: p[0] * m.exp(p[1]), ([1.5, 0.4],)),
    Row("dict of tuples", lambda m, p: p["a"][0] * p["b"] - m.sin(p["a"][1]), ({"a": (1.0, 2.0), "b": 3.0},)),
    Row("polynomial's coefficients", horner, ([1.0, -2.0, 0.5, 3.0], 1.4)),
    Row("network", mlp, ({"w": V([[0.1, 0.2], [0.3, -0.4]]), "b": V([0.0, 0.5]), "out": [1.0, -2.0]}, V([1.0, 0.5]))),
    Row("newton's iteration", newton, (2.0,)),
    Row("while", while_loop, (1.1,)),
    Row("branches in a loop", collatz, (0.9,)),
    Row("nested branches", nested_branches, (0.5, 1.5)),
    Row("recurrence", lambda m, x: recurrence(m, x, 8), (0.3,)),
    Row("black-scholes", black_scholes, (100.0, 95.0, 0.2, 0.03, 1.5)),
]

SEVERAL = [
    Row("list of outputs", lambda m, x: [x, x**2, m.exp(x)], (0.6,), False),
    Row("polar coordinates", polar, (1.2, -0.5), False),
    Row("elementwise", lambda m, v: m.exp(v) * v, (V([0.1, -0.7, 1.3]),), False),
    Row("softmax", lambda m, v: m.softmax(v), (V([0.2, 1.0, -0.6]),), False),
    Row("matrix times vector", lambda m, a, v: a @ v, (V([[2.0, 1.0], [0.5, 3.0]]), V([1.0, -1.0])), False),
    Row("tree to tree", lambda m, p: {"a": [p["x"] * p["y"][0]], "b": p["y"]}, ({"x": 2.0, "y": [3.0, 4.0]},), False),
    Row("constant output", lambda m, x: (x * x, 1.0), (0.3,), False),
    Row("branch", lambda m, x, y: (x * y, x) if x < y else (x, y), (1.0, 2.0), False),
]

# --- Derivatives by mpmath


def numbers_in(tree: Any) -> list[Any]:
    """Return the numbers of a tree in a row."""
    return [number for leaf in optree.tree_leaves(tree) for number in np.ravel(np.asarray(leaf, object))]


def of_numbers(row: Row) -> tuple[Callable[..., list[Any]], list[float]]:
    """Return the row's function over mpmath as one from numbers to a list of numbers, and the numbers to try."""
    leaves, treedef = optree.tree_flatten(row.args)

    def function(*numbers: Any) -> list[Any]:
        rest = iter(numbers)
        trees = []
        for leaf in leaves:
            if isinstance(leaf, np.ndarray):
                array = np.empty(leaf.size, object)
                array[:] = [next(rest) for _ in range(leaf.size)]
                trees.append(array.reshape(leaf.shape))
            else:
                trees.append(next(rest))
        return [mpmath.mpf(y) for y in numbers_in(row.function(Mp(), *treedef.unflatten(trees)))]

    return function, [float(x) for x in numbers_in(row.args)]


def reference_jacobian(row: Row) -> np.ndarray[Any, Any]:
    """Return the derivatives of all outputs by all inputs."""
    function, x = of_numbers(row)
    with mpmath.workdps(DIGITS):
        point = [mpmath.mpf(v) for v in x]
        outputs = len(function(*point))
        matrix = np.empty((outputs, len(x)))
        for i in range(outputs):
            for j in range(len(x)):
                matrix[i, j] = mpmath.diff(lambda v, i=i, j=j: function(*point[:j], v, *point[j + 1 :])[i], point[j])
    return matrix


def reference_hessian(row: Row) -> np.ndarray[Any, Any]:
    """Return the second derivatives of the first output."""
    function, x = of_numbers(row)
    with mpmath.workdps(DIGITS):
        point = tuple(mpmath.mpf(v) for v in x)
        matrix = np.empty((len(x), len(x)))
        for i in range(len(x)):
            for j in range(i + 1):
                orders = [0] * len(x)
                orders[i] += 1
                orders[j] += 1
                matrix[i, j] = matrix[j, i] = mpmath.diff(lambda *v: function(*v)[0], point, tuple(orders))
    return matrix
