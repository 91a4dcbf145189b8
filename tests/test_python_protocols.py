"""Nodes in the rest of Python: built-in functions, copy, pickle, math, statistics, json.

Each has a documented meaning or an error with the cure; none turns a Node into a float in silence.
"""

# ruff: noqa: UP031, UP032, C417  (the old ways to format and to map are what is tested)
from __future__ import annotations

import cmath
import copy
import fractions
import functools
import itertools
import json
import math
import operator
import pickle
import random
import statistics
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

import reelgrad as rg
from tape_state import unchanged


@pytest.fixture
def xs() -> list[rg.Node]:
    return list(rg.variables(3.0, -1.0, 2.0))


def gradients(xs: list[rg.Node]) -> list[float]:
    return [x.grad for x in xs]


# --- Built-in functions


def test_sum_is_differentiated(xs: list[rg.Node]) -> None:
    sum(xs).backward()  # type: ignore[union-attr]
    sum((2 * x for x in xs), rg.Node(0.0)).backward()
    sum(xs, 1.5).backward()
    assert gradients(xs) == [4.0, 4.0, 4.0]
    assert sum(xs, 1.5).value == 5.5


def test_math_prod_is_differentiated(xs: list[rg.Node]) -> None:
    y = math.prod(xs)
    y.backward()  # type: ignore[attr-defined]
    assert (y.value, gradients(xs)) == (-6.0, [-2.0, 6.0, -3.0])  # type: ignore[attr-defined]


def test_min_max_and_sorted_pick_the_nodes_themselves(xs: list[rg.Node]) -> None:
    with unchanged(*xs):
        a, b, c = xs
        assert max(xs) is a
        assert min(xs) is b
        assert max(c, 1.0) is c
        assert min(c, 1.0) == 1.0
        assert [id(x) for x in sorted(xs)] == [id(b), id(c), id(a)]
        assert [id(x) for x in sorted(xs, reverse=True)] == [id(a), id(c), id(b)]
        assert xs.index(c) == 2
        assert 2.0 in xs
        assert xs.count(2.0) == 1  # type: ignore[arg-type]
        assert (any(xs), all(xs)) == (True, True)
        del a, b, c
    max(xs).backward()
    assert gradients(xs) == [1.0, 0.0, 0.0]


def test_abs_pow_divmod_and_round_stay_on_the_tape(xs: list[rg.Node]) -> None:
    x = xs[0]
    for y in (abs(x), pow(x, 2), *divmod(x, 2), round(x), math.floor(x), math.ceil(x), math.trunc(x)):
        assert type(y) is rg.Node
        assert not y.is_variable or y is x


def test_map_zip_reduce_and_accumulate(xs: list[rg.Node]) -> None:
    doubled = list(map(lambda x: 2 * x, xs))
    product = functools.reduce(operator.mul, (a * b for a, b in zip(xs, doubled, strict=True)))
    last = list(itertools.accumulate(xs))[-1]
    (product + last).backward()
    assert product.value == 8 * 36.0
    assert gradients(xs) == [2 * 288 / 3 + 1, 2 * 288 / -1 + 1, 2 * 288 / 2 + 1]


def test_nodes_are_keys_by_identity(xs: list[rg.Node]) -> None:
    count = Counter([xs[0], xs[1], xs[0], rg.Node(3.0)])
    assert sorted(count.values()) == [1, 1, 2]


def test_text_shows_value_or_representation(xs: list[rg.Node]) -> None:
    x = xs[0]
    assert f"{x:.2f} {x.value} {x!r}" == "3.00 3.0 Node(3.0)"
    assert "{:8.3f}".format(x) == "   3.000"
    assert f"{xs}" == "[Node(3.0), Node(-1.0), Node(2.0)]"
    assert "%s %r" % (x, x) == "Node(3.0) Node(3.0)"


# --- The standard library's functions of numbers: an error that says what to use

FLOAT_FUNCTIONS: dict[str, Any] = {
    name: getattr(math, name)
    for name in dir(math)
    if callable(getattr(math, name)) and not name.startswith("_") and name not in {"prod", "floor", "ceil", "trunc"}
}
TWO_ARGUMENTS = {"atan2", "copysign", "fmod", "remainder", "isclose", "nextafter", "pow", "comb"}
LISTS = {"fsum": 1, "dist": 2, "sumprod": 2}
INTEGERS = {"comb", "factorial", "gcd", "isqrt", "lcm", "perm"}


@pytest.mark.parametrize("name", FLOAT_FUNCTIONS)
def test_functions_of_math_refuse_a_node_with_the_cure(name: str) -> None:
    x = rg.Node(2.0)
    function = FLOAT_FUNCTIONS[name]
    if name in LISTS:
        arguments: tuple[Any, ...] = ([x],) * LISTS[name]
    elif name == "ldexp":
        arguments = (x, 2)
    elif name == "fma":
        arguments = (x, 1.0, 1.0)
    else:
        arguments = (x, 2.0) if name in TWO_ARGUMENTS else (x,)
    cure = "integer" if name in INTEGERS else r"reelgrad\.|node\.value|ratio"
    if name == "sumprod":
        # math.sumprod works on any numbers; a sum of products of Nodes is a Node.
        assert type(function(*arguments)) is rg.Node
        return
    with unchanged(x), pytest.raises(TypeError, match=cure):
        function(*arguments)
    if name == "pow":
        with pytest.raises(rg.NodeTypeError, match=r"node\.value"):
            math.pow(2.0, x)  # type: ignore[arg-type]


REFUSING: dict[str, Any] = {
    "math.isclose": lambda x: math.isclose(x, 1.0),
    "math.isclose of two": lambda x: math.isclose(x, x),
    "cmath.exp": lambda x: cmath.exp(x),
    "statistics.mean": lambda x: statistics.mean([x, x]),
    "statistics.fmean": lambda x: statistics.fmean([x, x]),
    "statistics.variance": lambda x: statistics.variance([x, 1.0]),
    "statistics.pstdev": lambda x: statistics.pstdev([1.0, x]),
    "statistics.correlation": lambda x: statistics.correlation([x, 1.0, 2.0], [1.0, 2.0, 3.0]),
    "decimal.Decimal": lambda x: Decimal(x),
    "float": float,
    "int": int,
    "complex": complex,
    "complex of two": lambda x: complex(1.0, x),
    "random.randrange": random.randrange,
    "range": range,
    "bytes": lambda x: bytes([x]),
    "list index": lambda x: [1.0][x],
    "repeat": lambda x: [1.0] * x,
    "%f": lambda x: "%f" % x,
    "json.dumps": lambda x: json.dumps({"w": x}),
    "hex": hex,
    "chr": chr,
}


@pytest.mark.parametrize("name", REFUSING)
def test_what_would_make_a_plain_number_of_a_node_refuses(name: str) -> None:
    x = rg.Node(2.0)
    with unchanged(x), pytest.raises(TypeError, match="Node"):
        REFUSING[name](x)


@pytest.mark.parametrize("name", ["math.isclose", "statistics.mean", "statistics.fmean", "%f"])
def test_the_usual_ones_say_the_cure(name: str) -> None:
    with pytest.raises(TypeError, match=r"node\.value"):
        REFUSING[name](rg.Node(2.0))


def test_a_fraction_of_a_node_is_refused() -> None:
    """With a message of fractions' own, until 3.14 asks as_integer_ratio()."""
    x = rg.Node(2.0)
    with unchanged(x), pytest.raises(TypeError, match=r"Rational|ratio"):
        fractions.Fraction(x)  # type: ignore[call-overload]


def test_the_cures_work() -> None:
    xs = list(rg.variables(1.0, 3.0))
    assert math.isclose(rg.mean(xs).value, statistics.mean(x.value for x in xs))
    assert json.dumps({"w": xs[0].value}) == '{"w": 1.0}'
    assert rg.sin(xs[0]).value == math.sin(1.0)


def test_the_median_is_one_of_the_nodes_or_their_mean(xs: list[rg.Node]) -> None:
    """statistics.median only sorts, and adds the middle two."""
    assert statistics.median(xs) is xs[2]
    assert statistics.median([*xs, rg.Node(5.0)]).value == 2.5


# --- Copies: a variable is copied as its value and name; what is computed cannot be


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_variable_is_a_new_variable_with_value_and_name(copied: Any) -> None:
    x = rg.Node(1 / 3, "w")
    (x * x).backward()
    with rg.Tape() as tape:
        y = copied(x)
        assert y is not x
        assert (y.value, y.name, y.grad, y.is_variable) == (1 / 3, "w", 0.0, True)
        assert y.tape is tape is not x.tape
        y.value = 5.0
    assert x.value == 1 / 3


@pytest.mark.parametrize("value", [0.1, -0.0, math.inf, math.nan, 5e-324])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_the_bits(value: float, protocol: int) -> None:
    y = pickle.loads(pickle.dumps(rg.Node(value, "naïve Σ\0"), protocol))
    assert (repr(y.value), y.name) == (repr(value), "naïve Σ\0")
    assert pickle.loads(pickle.dumps(rg.Node(value), protocol)).name is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps, lambda y: copy.deepcopy({"loss": [y]})])
def test_an_intermediate_cannot_be_copied_and_says_why(copied: Any) -> None:
    x = rg.Node(2.0)
    y = x * x
    with unchanged(x, y), pytest.raises(rg.NodeTypeError, match="variables"):
        copied(y)


class Neuron:
    def __init__(self) -> None:
        self.weights = list(rg.variables(0.5, -0.25))
        self.bias = rg.Node(0.1, "b")
        self.tied = self.bias

    def __call__(self, xs: list[float]) -> rg.Node:
        return (rg.dot(self.weights, xs) + self.bias * self.tied).tanh()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))], ids=["deepcopy", "pickle"])
def test_a_copied_model_computes_the_same_and_shares_what_was_shared(copied: Any) -> None:
    neuron = Neuron()
    twin = copied(neuron)
    assert twin.tied is twin.bias is not neuron.bias
    assert twin.bias.name == "b"
    y, z = neuron([1.0, 2.0]), twin([1.0, 2.0])
    y.backward()
    assert [w.grad for w in twin.weights] == [0.0, 0.0]
    z.backward()
    assert y.value == z.value
    assert [w.grad for w in [*twin.weights, twin.bias]] == [w.grad for w in [*neuron.weights, neuron.bias]]


def test_a_shallow_copy_of_a_list_shares_the_nodes(xs: list[rg.Node]) -> None:
    assert all(a is b for a, b in zip(copy.copy(xs), xs, strict=True))


def test_the_loop_of_micrograd_runs(xs: list[rg.Node]) -> None:
    parameters = xs
    losses = []
    for _ in range(50):
        loss = sum((p - k) ** 2 for k, p in enumerate(parameters))
        for p in parameters:
            p.grad = 0
        loss.backward()  # type: ignore[union-attr]
        for p in parameters:
            p.data -= 0.3 * p.grad
        losses.append(loss)
    assert losses[0] > losses[-1]  # type: ignore[operator]
    assert all(abs(p.data - k) < 1e-9 for k, p in enumerate(parameters))
