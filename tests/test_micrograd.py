"""micrograd's programs run on reelgrad after changing their imports.

What micrograd's engine tests check is stated again here: the same expressions, with the expected numbers from formulas
and from forward differentiation in exact fractions. The demo's losses are those that micrograd 0.1.0 prints.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest

from reelgrad import Node as Value
from reelgrad.nn import MLP


def test_sanity_check_gives_the_numbers_of_the_formula():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    # z = 3x + 2 is negative: y = z² + zx + zx² with z' = 3.
    assert y.data == (-10) ** 2 + 40 + 40 * -4
    assert x.grad == 2 * -10 * 3 + (3 * -4 + -10) + (3 * 16 + 2 * -10 * -4)


class Exact:
    """A number with its derivatives by a and b, in fractions: forward differentiation without rounding."""

    def __init__(self, value, da=0, db=0):
        self.value, self.da, self.db = Fraction(value), Fraction(da), Fraction(db)

    def _map(self, value, slope):
        return Exact(value, slope * self.da, slope * self.db)

    def __add__(self, other):
        other = other if isinstance(other, Exact) else Exact(other)
        return Exact(self.value + other.value, self.da + other.da, self.db + other.db)

    def __mul__(self, other):
        other = other if isinstance(other, Exact) else Exact(other)
        return Exact(
            self.value * other.value,
            self.da * other.value + self.value * other.da,
            self.db * other.value + self.value * other.db,
        )

    def __pow__(self, n):
        return self._map(self.value**n, n * self.value ** (n - 1))

    def relu(self):
        return self * (1 if self.value > 0 else 0)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Exact) else Fraction(1) / Fraction(other))

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__


def more_operators(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def test_more_operators_agree_with_exact_fractions():
    a, b = Value(-4.0), Value(2.0)
    g = more_operators(a, b)
    g.backward()
    exact = more_operators(Exact(-4, da=1), Exact(2, db=1))
    few_roundings = 1e-15
    assert math.isclose(g.data, exact.value, rel_tol=few_roundings)
    assert math.isclose(a.grad, exact.da, rel_tol=few_roundings)
    assert math.isclose(b.grad, exact.db, rel_tol=few_roundings)


def test_the_numbers_of_micrograds_readme():
    a, b = Value(-4.0), Value(2.0)
    g = more_operators(a, b)
    g.backward()
    assert (f"{g.data:.4f}", f"{a.grad:.4f}", f"{b.grad:.4f}") == ("24.7041", "138.8338", "645.5773")


@pytest.mark.parametrize("x", [-1.0, 0.123, 2.0])
@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [(Value.tanh, math.tanh, lambda x: 1 / math.cosh(x) ** 2), (Value.exp, math.exp, math.exp)],
    ids=["tanh", "exp"],
)
def test_unary_functions_agree_with_their_formulas(function, value, slope, x):
    node = Value(x)
    y = function(node)
    y.backward()
    assert math.isclose(y.data, value(x), rel_tol=1e-15)
    assert math.isclose(node.grad, slope(x), rel_tol=1e-15)


def test_int_data_is_a_number_too():
    bias = Value(0)
    (sum([Value(2) * Value(3), Value(4)], bias) + 1).backward()
    assert (bias.data, bias.grad) == (0, 1)


def moons(n):
    rng = np.random.default_rng(1337)
    angle = np.linspace(0, np.pi, n // 2)
    upper = np.c_[np.cos(angle), np.sin(angle)]
    lower = np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
    X = np.vstack([upper, lower]) + 0.1 * rng.standard_normal((n, 2))
    return X, np.r_[-np.ones(n // 2, int), np.ones(n // 2, int)]


def test_the_demo_trains_with_micrograds_losses():
    """The demo as micrograd has it (inputs become Values, NumPy integers times Values, `sum` of generators)."""
    X, y = moons(100)
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    losses = []
    for k in range(3):
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        margins = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(margins) * (1.0 / len(margins))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        losses.append((total_loss.data, sum(accuracy) / len(accuracy)))
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    # Sums of adjoints are taken in another order than micrograd's, which moves the last bits.
    printed_by_micrograd = [(0.8895876111099145, 0.5), (1.647489795335063, 0.8), (0.5773641994333383, 0.79)]
    np.testing.assert_allclose(losses, printed_by_micrograd, rtol=1e-13)
