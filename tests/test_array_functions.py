"""The functions of reelgrad on arrays: of floats they give arrays of floats, of Nodes arrays of Nodes, broadcasting.

Also their arguments: keywords, defaults, wrong counts and wrong types.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from tape_state import unchanged

TABLE = {row["name"]: row for row in rg.operator_table()}
PRIMITIVES = [row for row in TABLE.values() if row["kind"] == "primitive"]
UNARY = [row["name"] for row in PRIMITIVES if len(row["operands"]) == 1]
BINARY = [row["name"] for row in PRIMITIVES if len(row["operands"]) == 2]
TERNARY = [row["name"] for row in PRIMITIVES if len(row["operands"]) == 3]
NAMES = [(name, count) for count, names in enumerate((UNARY, BINARY, TERNARY), 1) for name in names]

GRID = np.array([0.25, 0.5, 0.75])


def elementwise(name: str, *arguments: Any) -> list[float]:
    """What the function gives for each element of the broadcast arguments, as plain floats."""
    function = getattr(rg, name)
    return [function(*map(float, row)) for row in np.broadcast(*arguments)]


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.asarray(a, dtype=float), np.asarray(b, dtype=float), equal_nan=True))


@pytest.mark.parametrize(("name", "count"), NAMES)
def test_an_array_of_floats_gives_the_bits_of_its_elements(name: str, count: int) -> None:
    function = getattr(rg, name)
    arguments = (GRID, GRID[::-1], GRID * 2)[:count]
    result = function(*arguments)
    assert (type(result), result.dtype, result.shape) == (np.ndarray, np.dtype(float), (3,))
    assert same(result, elementwise(name, *arguments))


@pytest.mark.parametrize(("name", "count"), NAMES)
def test_an_array_of_nodes_gives_nodes_with_their_derivatives(name: str, count: int) -> None:
    function, constant_first = getattr(rg, name), TABLE[name]["constant_first"]
    arguments: list[Any] = [(GRID, GRID[::-1], GRID * 2)[k] for k in range(count)]
    nodes = [list(rg.variables(*a)) for a in arguments]
    arrays = [np.array(n) for n in nodes]
    if constant_first:
        arrays[0] = arguments[0]
    result = function(*arrays)
    assert (result.dtype, result.shape) == (np.dtype(object), (3,))
    for k in range(3):
        alone = rg.variables(*(float(a[k]) for a in arguments))
        operands = [float(arguments[0][k]), *alone[1:]] if constant_first else alone
        expected = function(*operands)
        expected.backward()
        result[k].backward()
        assert type(result[k]) is rg.Node
        assert same(result[k].value, expected.value)
        assert same([n[k].grad for n in nodes], [x.grad for x in alone])


@pytest.mark.parametrize(("name", "count"), [entry for entry in NAMES if entry[1] > 1])
def test_operands_broadcast(name: str, count: int) -> None:
    function = getattr(rg, name)
    column, row = GRID.reshape(3, 1), np.array([[0.5, 0.25]])
    arguments = (column, row, 0.5)[:count]
    result = function(*arguments)
    assert result.shape == (3, 2)
    assert same(result.ravel(), elementwise(name, *arguments))
    assert same(function(0.5, GRID, 1)[:3] if count == 3 else function(0.5, GRID), elementwise(name, 0.5, GRID, 1)[:3]
                if count == 3 else elementwise(name, 0.5, GRID))  # fmt: skip


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, 2, 3]),
        np.array([1, 2, 3], dtype=np.int8),
        np.array([1, 2], dtype=np.uint64),
        np.array([True, False]),
        np.array([0.5, 1.5], dtype=np.float32),
        np.array([0.5, 1.5], dtype=np.float16),
        np.array([0.5, 1.5], dtype=np.longdouble),
        np.array([0.5, 1.5], dtype=">f8"),
        np.array([]),
        np.zeros((0, 3)),
        np.zeros((2, 0)),
        np.arange(12.0)[::-3],
        np.arange(12.0).reshape(3, 4).T,
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(24.0).reshape(2, 3, 4)[:, ::2, 1],
        np.broadcast_to(np.array(2.0), (2, 2)),
    ],
    ids=lambda a: f"{a.dtype}{list(a.shape)}",
)
def test_real_arrays_of_every_kind_become_arrays_of_floats(array: np.ndarray) -> None:
    before = array.copy()
    for result, expected in [
        (rg.exp(array), [rg.exp(float(a)) for a in array.flat]),
        (rg.atan2(array, 0.5), [rg.atan2(float(a), 0.5) for a in array.flat]),
        (rg.clip(array, 0.25, array), [rg.clip(float(a), 0.25, float(a)) for a in array.flat]),
        (rg.silu(array), [rg.silu(float(a)) for a in array.flat]),
    ]:
        assert (result.dtype, result.shape) == (np.dtype(float), array.shape)
        assert same(result.ravel(), expected)
    assert same(array, before)


def test_numbers_of_every_kind_become_floats() -> None:
    for one in (1, True, 1.0, np.float32(1), np.int8(1), np.bool_(True), np.longdouble(1)):
        result = rg.exp(one)
        assert type(result) is float
        assert result == math.e
        assert type(rg.atan2(one, one)) is type(rg.clip(one, 0, 2)) is type(rg.silu(one)) is float


def test_arrays_of_no_dimension_give_a_number_or_an_array_of_none() -> None:
    assert np.shape(rg.exp(np.array(1.0))) == np.shape(rg.atan2(np.array(1), 2.0)) == ()
    assert rg.exp(np.array(1.0)) == math.e
    x = rg.Node(0.5)
    for y in (rg.mul(x, np.array(3.0)), rg.mul(np.array(3), x), rg.exp(np.array(x)), rg.fma(x, np.array(1.0), 2.0)):
        assert type(np.asarray(y).item()) is rg.Node


def test_domain_errors_in_arrays_of_nodes_are_nan_without_a_warning() -> None:
    """Warnings are errors in this run; sqrt's partial at 0 is inf although its value is fine."""
    x = np.array(rg.variables(-1.0, 0.0))
    assert [repr(y.value) for y in rg.log(x)] == ["nan", "-inf"]
    assert [repr(y.value) for y in rg.sqrt(x)] == ["nan", "0.0"]
    assert [repr(y.value) for y in rg.div(1.0, x)] == ["-1.0", "inf"]


def test_a_subclass_of_array_is_taken_as_an_array() -> None:
    masked = np.ma.array([0.5, 1.5], mask=[False, True])
    assert same(np.asarray(rg.exp(np.asarray(masked))), np.exp([0.5, 1.5]))


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    x = rg.Node(1.0)
    for arguments in ((GRID, np.ones(2)), (np.array([x, x]), GRID)):
        with unchanged(x), pytest.raises(ValueError, match="broadcast"):
            rg.atan2(*arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        1j, Fraction(1, 3), "a", b"a", None, [0.5], (0.5,), {}, object(), np.array([1j]), np.array(["a"]),
        np.array(["2020"], dtype="M8[D]"), np.array([1], dtype="m8[s]"), np.complex64(1),
        np.array([(1.0,)], dtype=[("a", float)]),
    ],
    ids=lambda w: f"{type(w).__name__}-{getattr(w, 'dtype', '')}",
)  # fmt: skip
@pytest.mark.parametrize("call", [rg.exp, rg.silu, lambda w: rg.atan2(w, 1.0), lambda w: rg.fma(GRID, w, 1.0)])
def test_what_is_not_real_is_refused_by_name(call: Any, wrong: Any) -> None:
    with pytest.raises(rg.NodeTypeError, match=type(wrong).__name__):
        call(wrong)


def test_an_object_array_may_mix_nodes_and_numbers_but_nothing_else() -> None:
    x = rg.Node(0.5)
    mixed = np.array([x, 1.5, 2, np.float32(0.5)], dtype=object)
    result = rg.tanh(mixed)
    assert [type(r) for r in result] == [rg.Node, float, float, float]
    assert [type(r) for r in rg.mul(mixed, x)] == [rg.Node] * 4
    for wrong in ("a", None, 1j, Fraction(1, 2), [1.0]):
        bad = np.empty(2, dtype=object)
        bad[:] = [1.0, wrong]
        with pytest.raises(rg.NodeTypeError, match=type(wrong).__name__):
            rg.tanh(bad)


def test_a_node_beside_an_array_of_floats() -> None:
    x = rg.Node(0.5)
    for result, expected in [
        (rg.mul(x, GRID), [0.5 * g for g in GRID]),
        (rg.mul(GRID, x), [0.5 * g for g in GRID]),
        (rg.maximum(GRID, x), [max(g, 0.5) for g in GRID]),
        (rg.where(GRID > 0.4, x, 0.0), [0.0, 0.5, 0.5]),
        (rg.where(GRID > 0.4, GRID, x), [0.5, 0.5, 0.75]),
        (rg.clip(GRID, 0.3, x), [0.3, 0.5, 0.5]),
        (x.mul(GRID), [0.5 * g for g in GRID]),
        (x.clip(GRID, 1.0), [0.5, 0.5, 0.75]),
    ]:
        assert (result.dtype, result.shape) == (np.dtype(object), (3,))
        assert [float(getattr(r, "value", r)) for r in result] == expected
    total = rg.sum(rg.mul(x, GRID))
    total.backward()
    assert x.grad == 1.5


# --- Arguments


@pytest.mark.parametrize("row", [row for row in PRIMITIVES if len(row["operands"]) > 1], ids=lambda row: row["name"])
def test_operands_can_be_given_by_name_in_any_order(row: dict[str, Any]) -> None:
    function, names = getattr(rg, row["name"]), row["operands"]
    arguments = [0.75, 0.5, 0.25][: len(names)]
    expected = function(*arguments)
    by_name = dict(zip(names, arguments, strict=True))
    assert same(function(**by_name), expected)
    assert same(function(**dict(reversed(by_name.items()))), expected)
    assert same(function(arguments[0], **dict(list(by_name.items())[1:])), expected)
    if not row["constant_first"]:
        method = getattr(rg.Node(arguments[0]), row["name"])
        assert same(method(**dict(list(by_name.items())[1:])).value, expected)


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row["name"])
def test_a_wrong_number_of_operands_is_a_type_error_that_names_the_function(row: dict[str, Any]) -> None:
    name, count = row["name"], len(row["operands"])
    function = getattr(rg, name)
    x = rg.Node(0.5)
    needed = count - (row["default"] is not None)
    for given in {0, needed - 1, count + 1}:
        with unchanged(x), pytest.raises(TypeError, match=name):
            function(*[x] * given)
    if not row["constant_first"]:
        for given in {needed - 2, count} - {-1}:
            with unchanged(x), pytest.raises(TypeError, match=name):
                getattr(x, name)(*[0.5] * given)
    with unchanged(x), pytest.raises(TypeError, match=name):
        function(x, **{"nosuch": 1.0})
    if count > 1:
        with unchanged(x), pytest.raises(TypeError, match=f"{name}.*{row['operands'][0]}"):
            function(x, 0.5, **{row["operands"][0]: 1.0})


@pytest.mark.parametrize("row", [row for row in PRIMITIVES if row["default"] is not None], ids=lambda row: row["name"])
def test_a_default_is_used_when_the_last_operand_is_left_out(row: dict[str, Any]) -> None:
    function = getattr(rg, row["name"])
    x = rg.Node(-0.5)
    for result in (function(x), getattr(x, row["name"])()):
        assert result.value == function(-0.5, row["default"]) == function(-0.5)


@pytest.mark.parametrize("row", [row for row in PRIMITIVES if row["constant_first"]], ids=lambda row: row["name"])
def test_an_operand_that_is_never_differentiated_cannot_be_a_node(row: dict[str, Any]) -> None:
    x = rg.Node(1.0)
    name = row["operands"][0]
    with unchanged(x), pytest.raises(rg.NodeTypeError, match=rf"'{name}'.*\.value"):
        getattr(rg, row["name"])(x, *[x] * (len(row["operands"]) - 1))


def test_every_alias_is_the_operator_it_stands_for() -> None:
    for row in TABLE.values():
        for alias in row["aliases"]:
            assert getattr(rg, alias).__doc__ == getattr(rg, row["name"]).__doc__


NDARRAYS = [np.arange(6.0).reshape(2, 3), np.array([0.5, -1.0, 2.0]), np.ones((2, 1, 3), "f4"), np.array([[1, 2]])]


@pytest.mark.parametrize("x", NDARRAYS, ids=lambda x: str(x.shape))
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sum", np.sum),
        ("prod", np.prod),
        ("mean", np.mean),
        ("norm", lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))),
        ("logsumexp", lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))),
    ],
)
def test_reductions_of_ndarrays_along_axes(name: str, reference: Any, x: Any) -> None:
    function = getattr(rg, name)
    for axis in (None, 0, -1):
        for keepdims in (False, True):
            want = reference(x.astype(float), axis=axis, keepdims=keepdims)
            np.testing.assert_allclose(function(x, axis=axis, keepdims=keepdims), want, rtol=1e-15)
            made = function(np.vectorize(rg.Node, otypes=[object])(x), axis=axis, keepdims=keepdims)
            np.testing.assert_allclose(made.value, want, rtol=1e-15)
    np.testing.assert_allclose(function(x), reference(x.astype(float), axis=None, keepdims=False), rtol=1e-15)


def test_softmax_of_an_ndarray_along_an_axis_in_plain_derivatives_and_compiled_functions() -> None:
    x = np.arange(6.0).reshape(2, 3)
    rows = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rg.softmax(x, axis=1), rows, rtol=1e-15)
    slope = rows * (x - (rows * x).sum(axis=1, keepdims=True)) + rows

    def loss(x: Any) -> Any:
        return rg.sum(rg.softmax(x, axis=1) * x)

    np.testing.assert_allclose(rg.grad(loss)(x), slope, rtol=1e-13)
    np.testing.assert_allclose(rg.compile(loss).value_and_grad(x)[1], slope, rtol=1e-13)


def test_a_wrong_axis_of_an_ndarray_is_numpys_error() -> None:
    with pytest.raises(np.exceptions.AxisError):
        rg.sum(np.ones((2, 3)), axis=2)
