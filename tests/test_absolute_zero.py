"""Absolute zero: a branch that was not taken never poisons a gradient, and nothing else changes.

A contribution g * p that comes out nan counts as 0 if g is 0, or if p is 0 and the operator selects among its operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg
from reference.reverse import bits

INF, NAN = math.inf, math.nan
Function = Callable[[rg.Node], rg.Node]

# Functions with a value or derivative that is not finite, at a point where they have it.
SINGULAR: dict[str, tuple[float, Function]] = {
    "log(0)": (0.0, rg.log),
    "log(-1)": (-1.0, rg.log),
    "sqrt(0)": (0.0, rg.sqrt),
    "sqrt(-1)": (-1.0, rg.sqrt),
    "1/0": (0.0, lambda x: 1.0 / x),
    "0/0": (0.0, lambda x: x / x),
    "0**-1": (0.0, lambda x: x**-1),
    "0**0.5": (0.0, lambda x: x**0.5),
    "cbrt(0)": (0.0, rg.cbrt),
    "asin(1)": (1.0, rg.asin),
    "acosh(0)": (0.0, rg.acosh),
    "atanh(1)": (1.0, rg.atanh),
    "exp(1e4)": (1e4, rg.exp),
    "lgamma(0)": (0.0, rg.lgamma),
    "erfinv(1)": (1.0, rg.erfinv),
    "sqrt(0) ** 2": (0.0, lambda x: rg.sqrt(x) ** 2),
    "x log(x)": (0.0, lambda x: x * rg.log(x)),
    "norm of inf": (0.0, lambda x: rg.norm([1.0 / x, x])),
    "dot with inf": (0.0, lambda x: rg.dot([1.0 / x, x], [x, 2.0])),
    "prod with inf": (0.0, lambda x: rg.prod([rg.log(x), 3.0, x])),
    "logsumexp of nan": (-1.0, lambda x: rg.logsumexp([rg.log(x), x])),
    "nan": (1.0, lambda x: x * NAN),
}

# Ways not to take a branch: each yields 2 x or something that does not depend on x; how, is the second number.
NOT_TAKEN: dict[str, tuple[Callable[[rg.Node, rg.Node], rg.Node], float]] = {
    "where, first": (lambda bad, x: rg.where(False, bad, 2.0 * x), 2.0),
    "where, second": (lambda bad, x: rg.where(True, 2.0 * x, bad), 2.0),
    "where, both arms from x, nested": (lambda bad, x: rg.where(True, rg.where(False, bad, x), bad) * 2.0, 2.0),
    "where, alone": (lambda bad, x: rg.where(False, bad, 3.0) + 2.0 * x, 2.0),
    "where, in a sum": (lambda bad, x: rg.sum([x, rg.where(False, bad, 0.0), x]), 2.0),
    "where, in a dot": (lambda bad, x: rg.dot([rg.where(False, bad, 5.0), x], [0.0, 2.0]), 2.0),
    "where, after a chain": (lambda bad, x: rg.where(False, chain(bad, 500), 2.0 * x), 2.0),
    "where, before a chain": (lambda bad, x: chain(rg.where(False, bad, 2.0 * x), 500), 2.0),
    "where, through wide nodes": (
        lambda bad, x: rg.where(False, rg.sum([bad, x, rg.fma(bad, x, bad)]), rg.sum([x, x])),
        2.0,
    ),
}


def chain(x: rg.Node, length: int) -> rg.Node:
    for k in range(length):
        x = x * 1.0 if k % 7 else rg.sum([x, 0.0])
    return x


@pytest.mark.parametrize("singular", SINGULAR)
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_branch_that_was_not_taken_does_not_poison_a_gradient(singular: str, how: str) -> None:
    point, function = SINGULAR[singular]
    select, slope = NOT_TAKEN[how]
    tape = rg.Tape()
    x = tape.variable(point)
    y = select(function(x), x)
    y.backward()
    assert x.grad == slope
    assert tape.gradient(y, x) == slope
    y.backward()
    assert x.grad == 2.0 * slope


# Expressions of x in which something not taken, or a plain 0, meets inf or nan, and the derivative that counts.
ZEROS: dict[str, tuple[float, Function, float]] = {
    "relu drops sqrt'(0)": (0.0, lambda x: rg.relu(-rg.sqrt(x)) + x, 1.0),
    "relu drops log(0)": (0.0, lambda x: rg.relu(rg.log(x)) + x, 1.0),
    "maximum drops log(0)": (0.0, lambda x: rg.maximum(rg.log(x), x), 1.0),
    "maximum drops log(0) on the right": (0.0, lambda x: rg.maximum(x, rg.log(x)), 1.0),
    "minimum drops 1/0": (0.0, lambda x: rg.minimum(1.0 / x, x), 1.0),
    "clip drops log(0)": (0.0, lambda x: rg.clip(rg.log(x), -1.0, 1.0) + x, 1.0),
    "clip drops its bounds": (0.0, lambda x: rg.clip(x, rg.log(x), 1.0 / x), 1.0),
    "leaky_relu without slope": (0.0, lambda x: rg.leaky_relu(rg.log(x), 0.0) + x, 1.0),
    "floor has no edge": (0.0, lambda x: rg.floor(rg.sqrt(x)) + x, 1.0),
    "sign has no edge": (0.0, lambda x: rg.sign(rg.log(x)) + x, 1.0),
    "abs at its kink": (0.0, lambda x: abs(rg.sqrt(x)) + x, 1.0),
    "0 * sqrt": (0.0, lambda x: 0.0 * rg.sqrt(x) + x, 1.0),
    "sqrt * 0": (0.0, lambda x: rg.sqrt(x) * 0.0 + x, 1.0),
    "sqrt * relu(0)": (0.0, lambda x: rg.sqrt(x) * rg.relu(-x) + x, 1.0),
    "0 in a dot": (0.0, lambda x: rg.dot([rg.sqrt(x), x], [0.0, 1.0]), 1.0),
    "0 in a product": (0.0, lambda x: rg.prod([rg.sqrt(x), 0.0, 5.0]) + x, 1.0),
    "0 in fma": (0.0, lambda x: rg.fma(rg.sqrt(x), 0.0, x), 1.0),
    "norm at the origin": (0.0, lambda x: rg.norm([rg.sqrt(x), 0.0]) + x, 1.0),
    "inf / inf, then not used": (INF, lambda x: rg.where(x.value < 1.0, x / x, x), 1.0),
    "relu'(-1) * inf": (-1.0, lambda x: rg.where(True, x, rg.relu(x) * INF), 1.0),
    "relu'(-1) below an infinite adjoint": (-1.0, lambda x: rg.relu(x) * INF, 0.0),
    "where below an infinite adjoint": (2.0, lambda x: rg.where(False, x, x * 0.0 + 1.0) * 3.0, 0.0),
    "x ** 0.5 * 0": (0.0, lambda x: x**0.5 * 0.0 + x, 1.0),
    "square of sqrt": (0.0, lambda x: rg.where(x.value > 0, rg.square(rg.sqrt(x)), x), 1.0),
    "xlogy(0, 0)": (0.0, lambda x: rg.xlogy(0.0, x) + x, 1.0),
    "softplus far below": (-1e4, lambda x: rg.softplus(x) * rg.exp(-x) * 0.0 + x, 1.0),
}


@pytest.mark.parametrize("name", ZEROS)
def test_what_does_not_count_adds_0_also_where_it_is_infinite(name: str) -> None:
    point, function, slope = ZEROS[name]
    tape = rg.Tape()
    x = tape.variable(point)
    assert tape.gradient(function(x), x) == slope


# What is really infinite or undefined must not be hidden.
REAL: dict[str, tuple[float, Function, float]] = {
    "sqrt(0)": (0.0, rg.sqrt, INF),
    "log(0)": (0.0, rg.log, INF),
    "log(-1)": (-1.0, rg.log, NAN),
    "1/0": (0.0, lambda x: 1.0 / x, -INF),
    "0/0": (0.0, lambda x: x / x, NAN),
    "taken by where": (0.0, lambda x: rg.where(True, rg.sqrt(x), x), INF),
    "taken by maximum": (0.0, lambda x: rg.maximum(rg.sqrt(x), -1.0), INF),
    "half a tie": (0.0, lambda x: rg.maximum(rg.sqrt(x), 0.0), INF),
    "nan is taken by maximum": (-1.0, lambda x: rg.maximum(rg.log(x), 0.0), NAN),
    "an infinite adjoint meets a partial of 0": (0.0, lambda x: rg.sqrt(x * x), NAN),
    "inf - inf": (0.0, lambda x: rg.log(x) - rg.log(x), NAN),
    "overflow": (800.0, rg.exp, INF),
    "nan as a factor": (1.0, lambda x: x * NAN, NAN),
    "nan as a variable": (NAN, lambda x: x * x, NAN),
    "nan passes relu": (NAN, rg.relu, 1.0),
    "nan in a dot": (1.0, lambda x: rg.dot([x, x], [1.0, NAN]), NAN),
    "0 * inf the other way round: the adjoint is inf": (1.0, lambda x: x * 0.0 * INF, NAN),
    "a real nan beside a branch not taken": (-1.0, lambda x: rg.log(x) + rg.where(False, rg.sqrt(x), x), NAN),
    "a real inf beside a branch not taken": (0.0, lambda x: rg.sqrt(x) + rg.where(False, rg.log(x), x), INF),
}


@pytest.mark.parametrize("name", REAL)
def test_what_is_really_infinite_or_undefined_stays(name: str) -> None:
    point, function, slope = REAL[name]
    tape = rg.Tape()
    x = tape.variable(point)
    assert bits(tape.gradient(function(x), x)) == bits(slope)


@settings(deadline=None)
@given(
    st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=20),
    st.lists(st.sampled_from(["mul", "add", "div", "tanh", "exp", "sum", "maximum"]), max_size=40),
)
def test_finite_gradients_keep_their_bits_beside_a_poisoned_one(values: list[float], names: list[str]) -> None:
    """The same graph swept alone, and with a branch not taken, for which the tape sweeps again with a check."""
    tape = rg.Tape()
    xs = list(tape.variables(*values))
    z = tape.variable(0.0)
    untaken = rg.where(False, rg.log(z), 1.0)
    nodes = list(xs)
    for k, name in enumerate(names):
        a, b = nodes[-1 - k % len(nodes)], nodes[k * 7 % len(nodes)]
        function = getattr(rg, name)
        nodes.append(
            function([a, b, b]) if name == "sum" else function(a) if name in ("tanh", "exp") else function(a, b)
        )
    alone = tape.gradient(nodes[-1], [*xs, z])
    together = tape.gradient([nodes[-1], untaken], [*xs, z])
    assert list(map(bits, together)) == list(map(bits, alone))


def test_intermediates_of_a_branch_not_taken_have_gradient_0() -> None:
    tape = rg.Tape()
    x = tape.variable(0.0)
    root = rg.sqrt(x)
    scaled = root * 3.0
    y = rg.where(False, scaled, x)
    y.backward()
    assert (scaled.grad, root.grad, x.grad, y.grad) == (0.0, 0.0, 1.0, 1.0)


def test_a_poisoned_sweep_leaves_nothing_behind() -> None:
    tape = rg.Tape()
    x, w = tape.variables(0.0, 2.0)
    poisoned = rg.where(False, rg.log(x), 0.0) * w
    clean = w * w + x
    for _ in range(3):
        tape.zero_grad()
        poisoned.backward()
        assert (x.grad, w.grad) == (0.0, 0.0)
        clean.backward()
        assert (x.grad, w.grad) == (1.0, 4.0)


def test_one_poisoned_variable_among_thousands_is_found() -> None:
    tape = rg.Tape()
    xs = tape.variables(*[1.0] * 5000, 0.0)
    y = rg.where(False, rg.log(xs[-1]), xs[17] * 2.0)
    y.backward()
    assert (xs[-1].grad, xs[17].grad) == (0.0, 2.0)


def test_a_masked_log_of_a_probability_that_came_out_0_trains() -> None:
    """The usual way people meet it: log of a probability that came out 0, masked."""
    tape = rg.Tape()
    logits = tape.variables(-800.0, 0.5)
    terms = [
        rg.where(t, rg.log(rg.sigmoid(z)), rg.log(1.0 - rg.sigmoid(z)))
        for z, t in zip(logits, [False, True], strict=True)
    ]
    rg.sum(terms).backward()
    assert logits[0].grad == 0.0
    assert logits[1].grad == pytest.approx(1.0 - rg.sigmoid(0.5), rel=1e-15)
