"""Every primitive of the operator table, against mpmath and by each way of calling it.

The grid of arguments, the edge cases and the tolerances stand in reference/primitives.py. A test that takes ``name``
runs for every primitive of the table.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reference.case import GRID, INF, NAN, Expected, error_in_ulps
from reference.primitives import CASES
from reference.reverse import bits
from reference.sequences import COMPOSITES, REDUCTIONS

TABLE = {row["name"]: row for row in rg.operator_table()}
PRIMITIVES = [name for name, row in TABLE.items() if row["kind"] == "primitive"]
every_primitive = pytest.mark.parametrize("name", PRIMITIVES)

SYMBOLS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


@functools.cache
def rows(name: str) -> list[tuple[tuple[float, ...], Expected]]:
    """Arguments from the grid and, where any number will do, at random, with what they must yield."""
    case = CASES[name]
    return [(x, case.expected(x)) for x in case.points(name, 20)]


def node_subsets(name: str) -> Iterator[tuple[int, ...]]:
    """Which operands are Nodes: at least one, but never one that is not differentiated."""
    places = range(1 if TABLE[name]["constant_first"] else 0, CASES[name].arity)
    for size in range(1, len(places) + 1):
        yield from itertools.combinations(places, size)


def record(function: Callable[..., Any], x: Sequence[float], nodes: Sequence[int]) -> tuple[rg.Node, list[rg.Node]]:
    tape = rg.current_tape()
    operands: list[Any] = list(x)
    for k in nodes:
        operands[k] = tape.variable(x[k])
    return function(*operands), [operands[k] for k in nodes]


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


def test_every_operator_has_its_row_in_the_reference() -> None:
    of_kind = {kind: {n for n, row in TABLE.items() if row["kind"] == kind} for kind in ("reduction", "composite")}
    assert set(PRIMITIVES) == set(CASES)
    assert of_kind["reduction"] == set(REDUCTIONS)
    assert of_kind["composite"] == set(COMPOSITES)


@every_primitive
def test_value_and_partials_agree_with_mpmath(name: str) -> None:
    case, function = CASES[name], getattr(rg, name)
    *_, most_nodes = node_subsets(name)
    wrong = []
    for x, (value, *partials) in rows(name):
        y, nodes = record(function, x, most_nodes)
        slopes = y.tape.gradient(y, nodes)
        value_floor, *floors = case.floors(*x)
        checks = [("value", y.value, value, case.value_ulps, value_floor)]
        for k, slope in zip(most_nodes, slopes, strict=True):
            checks.append((f"partial {k}", slope, partials[k], case.partial_ulps, floors[k]))
        for what, got, want, ulps, floor in checks:
            if want is None:
                continue
            error = error_in_ulps(got, want, floor)
            if error > ulps:
                wrong.append(f"{what} of {name}{x}: {got}, not {float(want)}, {error:.1f} ulp off")
        if isinstance(value, float) and value == 0.0 and math.copysign(1.0, value) != math.copysign(1.0, y.value):
            wrong.append(f"{name}{x} is {y.value}: the sign of 0 is wrong")
    assert wrong == []


@every_primitive
def test_node_or_float_on_either_side_gives_the_same_bits(name: str) -> None:
    function = getattr(rg, name)
    *subsets, most_nodes = node_subsets(name)
    for x, _ in rows(name):
        y, nodes = record(function, x, most_nodes)
        slopes = dict(zip(most_nodes, y.tape.gradient(y, nodes), strict=True))
        for subset in subsets:
            other, other_nodes = record(function, x, subset)
            assert bits(other.value) == bits(y.value), (x, subset)
            other_slopes = other.tape.gradient(other, other_nodes)
            assert list(map(bits, other_slopes)) == [bits(slopes[k]) for k in subset], (x, subset)


@every_primitive
def test_floats_and_arrays_give_the_bits_of_nodes(name: str) -> None:
    function = getattr(rg, name)
    *_, most_nodes = node_subsets(name)
    of_nodes = [bits(record(function, x, most_nodes)[0].value) for x, _ in rows(name)]
    of_floats = [function(*x) for x, _ in rows(name)]
    assert {type(y) for y in of_floats} == {float}
    assert list(map(bits, of_floats)) == of_nodes
    of_arrays = function(*np.array([x for x, _ in rows(name)]).T)
    assert of_arrays.dtype == np.float64
    assert list(map(bits, of_arrays.tolist())) == of_nodes


@every_primitive
def test_every_alias_is_the_same_function(name: str) -> None:
    x = CASES[name].grid()[0]
    want = bits(getattr(rg, name)(*x))
    for alias in [name, *TABLE[name]["aliases"]]:
        assert bits(getattr(rg, alias)(*x)) == want
        assert record(getattr(rg, alias), x, next(node_subsets(name)))[0].operator == name


@every_primitive
def test_methods_do_what_functions_do(name: str) -> None:
    x = (0.75, 0.5, 1.25)[: CASES[name].arity]
    for method in [name, *TABLE[name]["aliases"]]:
        if TABLE[name]["constant_first"]:
            assert not hasattr(rg.Node, method)
            continue
        node = rg.Node(x[0])
        assert bits(getattr(node, method)(*x[1:]).value) == bits(getattr(rg, name)(*x))
        others = [rg.Node(v) for v in x[1:]]
        result = getattr(node, method)(*others)
        assert result.operator == name
        *_, most_nodes = node_subsets(name)
        expected, nodes = record(getattr(rg, name), x, most_nodes)
        slopes = result.tape.gradient(result, [node, *others])
        assert list(map(bits, slopes)) == list(map(bits, expected.tape.gradient(expected, nodes)))


@every_primitive
def test_operands_can_be_given_by_name(name: str) -> None:
    operands = TABLE[name]["operands"]
    if len(operands) == 1:
        with pytest.raises(TypeError):
            getattr(rg, name)(x=0.5)  # as NumPy's, functions of one number take it by position
        return
    x = (2.0, 0.5, 1.25)[: len(operands)]
    keywords = dict(zip(operands, x, strict=True))
    assert getattr(rg, name)(**keywords) == getattr(rg, name)(*x)
    with pytest.raises(TypeError, match="missing"):
        getattr(rg, name)(x[0]) if TABLE[name]["default"] is None else getattr(rg, name)()


@pytest.mark.parametrize(
    "name", [name for name in PRIMITIVES if TABLE[name]["symbol"] in SYMBOLS and CASES[name].arity == 2]
)
def test_symbols_do_what_functions_do(name: str) -> None:
    apply = SYMBOLS[TABLE[name]["symbol"]]
    for x in [(0.75, -0.5), (-2.0, 3.0), (7.5, 2.0), (0.0, 1.0)]:
        want = bits(getattr(rg, name)(*x))
        for nodes in node_subsets(name):
            y, variables = record(apply, x, nodes)
            other, others = record(getattr(rg, name), x, nodes)
            assert (bits(y.value), y.operator) == (want, name)
            slopes, other_slopes = y.tape.gradient(y, variables), other.tape.gradient(other, others)
            assert list(map(bits, slopes)) == list(map(bits, other_slopes))


def test_all_symbols_of_python_s_arithmetic_are_in_the_table() -> None:
    assert {TABLE[name]["symbol"] for name in PRIMITIVES} - {""} == {*SYMBOLS}
    x = rg.Node(-1.5)
    assert [(-x).value, (+x).value, abs(x).value] == [1.5, -1.5, 1.5]
    assert [(-x).operator, abs(x).operator] == ["neg", "abs"]
    assert [part.value for part in divmod(x, 1.0)] == list(divmod(-1.5, 1.0))
    assert [math.floor(x).value, math.ceil(x).value, math.trunc(x).value, round(x).value] == [-2.0, -1.0, -1.0, -2.0]


def test_operands_with_a_default_may_be_left_out() -> None:
    assert {n: TABLE[n]["default"] for n in PRIMITIVES if TABLE[n]["default"] is not None} == {
        "leaky_relu": 0.01,
        "elu": 1.0,
    }
    x = rg.Node(-2.0)
    assert (x.leaky_relu().value, rg.leaky_relu(x).value, rg.leaky_relu(-2.0)) == (-0.02, -0.02, -0.02)
    assert (x.elu().value, rg.elu(x).value) == (math.expm1(-2.0), math.expm1(-2.0))


# --- Conventions


SELECTING = {"abs", "floor", "ceil", "round", "trunc", "sign", "relu", "leaky_relu", "elu", "floordiv", "copysign"}
SELECTING |= {"maximum", "minimum", "clip", "where", "stop_gradient"}


@every_primitive
def test_a_partial_of_0_is_no_edge_for_selecting_operators_only(name: str) -> None:
    """Told by an infinite adjoint: over an edge it makes nan."""
    assert TABLE[name]["selecting"] == (name in SELECTING)
    *_, most_nodes = node_subsets(name)
    for x, _ in rows(name):
        y, nodes = record(getattr(rg, name), x, most_nodes)
        slopes = y.tape.gradient(y, nodes)
        infinite = y.tape.gradient(y, nodes, seeds=INF)
        for slope, under_infinity in zip(slopes, infinite, strict=True):
            if slope == 0.0:
                assert bits(under_infinity) == bits(0.0 if name in SELECTING else NAN), x


def slopes(function: Callable[..., Any], *x: float) -> list[float]:
    nodes = [rg.Node(v) for v in x]
    return rg.current_tape().gradient(function(*nodes), nodes)


def test_kinks_have_the_stated_derivatives() -> None:
    for zero in (0.0, -0.0):
        assert slopes(rg.relu, zero) == [0.0]
        assert slopes(abs, zero) == [0.0]
    for x in GRID:
        assert slopes(rg.sign, x) == [0.0]
    assert [slopes(rg.clip, x, -1.0, 1.0) for x in (-1.5, -1.0, 0.0, 1.0, 1.5)] == [
        [0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0],
    ]


@pytest.mark.parametrize("function", [rg.maximum, rg.minimum])
def test_ties_are_shared_and_nan_propagates(function: Callable[..., Any]) -> None:
    assert slopes(function, 2.0, 2.0) == [0.5, 0.5]
    assert slopes(function, 0.0, -0.0) == [0.5, 0.5]
    x = rg.Node(3.0)
    assert x.tape.gradient(function(x, x), x) == 1.0
    assert math.isnan(function(NAN, 1.0))
    assert math.isnan(function(1.0, NAN))
    assert (slopes(function, NAN, 1.0), slopes(function, 1.0, NAN)) == ([1.0, 0.0], [0.0, 1.0])


@pytest.mark.parametrize("n", [-3, -2, -1, 0, 1, 2, 3, 4, 5, 10])
@pytest.mark.parametrize("x", [-2.0, -1.0, -0.5, 0.0, 0.5, 3.0])
def test_whole_powers_are_exact_also_for_bases_up_to_0(x: float, n: int) -> None:
    if x == 0.0 and n < 0:
        assert abs(rg.pow(x, n)) == INF
        return
    node = rg.Node(x)
    y = node**n
    assert y.value == x**n
    assert y.tape.gradient(y, node) == (n * x ** (n - 1) if n else 0.0)


def test_remainders_have_the_sign_of_python_and_of_c() -> None:
    for a, b in itertools.product([-7.5, -6.0, 0.0, 5.0, 7.5], [-2.5, -2.0, 2.0, 3.0]):
        assert bits((rg.Node(a) % b).value) == bits(a % b)
        assert (rg.Node(a) // b).value == a // b
        assert bits(rg.fmod(rg.Node(a), b).value) == bits(math.fmod(a, b))
        assert slopes(rg.mod, a, b) == [1.0, -(a // b)]


def test_nothing_overflows_that_need_not() -> None:
    assert [rg.sigmoid(-1e300), rg.sigmoid(1e300)] == [0.0, 1.0]
    assert [rg.softplus(-1e300), rg.softplus(1e300)] == [0.0, 1e300]
    assert rg.log_sigmoid(-1e300) == -1e300
    assert rg.logaddexp(1e300, 1e300) == 1e300
    assert rg.hypot(3e300, 4e300) == pytest.approx(5e300, rel=1e-15)
    assert rg.hypot(3e-300, 4e-300) == pytest.approx(5e-300, rel=1e-15)
    for function in (rg.sigmoid, rg.softplus, rg.log_sigmoid, rg.tanh):
        assert all(map(math.isfinite, slopes(function, -1e300) + slopes(function, 1e300)))
