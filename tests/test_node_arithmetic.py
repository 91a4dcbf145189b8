"""Python's operators on Nodes: which operands they take, on either side, and which they refuse.

That values and partials are right on edge arguments is the operator table's test; here a plain number beside a Node
must give what the same number as a float gives, whatever type it comes as, and what is no real number must be named.
"""

# ruff: noqa: UP031, F507  (the % operator of texts is what is tested)
from __future__ import annotations

import enum
import math
import numbers
import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from tape_state import unchanged


class Level(enum.IntEnum):
    TWO = 2


class Celsius(float):
    pass


class Meters:
    """A real number of somebody else's."""


numbers.Real.register(Meters)

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
PARTIALS = {
    "+": lambda x, y: (1.0, 1.0),
    "-": lambda x, y: (1.0, -1.0),
    "*": lambda x, y: (y, x),
    "/": lambda x, y: (1.0 / y, -(x / y) / y),
    "//": lambda x, y: (0.0, 0.0),
    "%": lambda x, y: (1.0, -(x // y)),
    "**": lambda x, y: (y * x ** (y - 1.0), x**y * math.log(x)),
}
IN_PLACE = {
    "+": operator.iadd,
    "-": operator.isub,
    "*": operator.imul,
    "/": operator.itruediv,
    "//": operator.ifloordiv,
    "%": operator.imod,
    "**": operator.ipow,
}
FLOAT_TYPES = [float, np.float64, np.float32, np.float16, np.longdouble, Celsius]
INT_TYPES = [int, Level, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
TWOS = [make(2) for make in [*FLOAT_TYPES, *INT_TYPES]]
PLAIN = [
    *TWOS,
    *(np.array(two) for two in TWOS if isinstance(two, np.generic)),
    np.array(2.0)[()],
    np.array([[2.0]])[0, 0],
    np.array(2, dtype=object),
]
BOOLS = [True, np.bool_(True), np.array(True)]


def described(value: Any) -> str:
    return f"{type(value).__name__}:{value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=4e-16)


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("other", PLAIN, ids=described)
def test_a_plain_number_on_either_side_counts_as_its_float(symbol: str, other: Any) -> None:
    apply, partials = OPERATORS[symbol], PARTIALS[symbol]
    x = rg.Node(3.5)
    right = apply(x, other)
    assert type(right) is rg.Node
    assert close(right.value, apply(3.5, 2.0))
    right.backward()
    assert close(x.grad, partials(3.5, 2.0)[0])

    x.zero_grad()
    left = apply(other, x)
    assert type(left) is rg.Node
    assert close(left.value, apply(2.0, 3.5))
    left.backward()
    assert close(x.grad, partials(2.0, 3.5)[1])


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("one", BOOLS, ids=described)
def test_a_bool_counts_as_zero_or_one(symbol: str, one: Any) -> None:
    x = rg.Node(3.5)
    assert close(OPERATORS[symbol](x, one).value, OPERATORS[symbol](3.5, 1.0))
    assert close(OPERATORS[symbol](one, x).value, OPERATORS[symbol](1.0, 3.5))
    assert (x * False).value == 0.0


@pytest.mark.parametrize("symbol", OPERATORS)
def test_two_nodes_of_which_one_may_be_both(symbol: str) -> None:
    apply, partials = OPERATORS[symbol], PARTIALS[symbol]
    x, y = rg.variables(3.5, 2.0)
    z = apply(x, y)
    z.backward()
    assert close(z.value, apply(3.5, 2.0))
    assert close(x.grad, partials(3.5, 2.0)[0])
    assert close(y.grad, partials(3.5, 2.0)[1])

    x.zero_grad()
    apply(x, x).backward()
    assert math.isclose(x.grad, sum(partials(3.5, 3.5)), rel_tol=1e-15, abs_tol=1e-15)


@pytest.mark.parametrize("symbol", OPERATORS)
def test_assignment_with_an_operator_makes_a_new_node(symbol: str) -> None:
    x = old = rg.Node(3.5, "w")
    x = IN_PLACE[symbol](x, 2.0)
    assert x is not old
    assert (old.value, old.name, x.name, x.is_variable) == (3.5, "w", None, False)
    assert close(x.value, OPERATORS[symbol](3.5, 2.0))
    number = IN_PLACE[symbol](2.0, old)
    assert type(number) is rg.Node


REFUSED = [
    Fraction(1, 3),
    Decimal("0.5"),
    1 + 2j,
    np.complex64(1j),
    np.complex128(1j),
    np.array(1j),
    np.datetime64("2020-01-01"),
    np.timedelta64(1, "s"),
    Meters(),
    np.str_("0.5"),
    "0.5",
    b"0.5",
    None,
    [0.5],
    (0.5,),
    {0.5},
    {"a": 0.5},
    bytearray(b"0.5"),
    object(),
    len,
    float,
]


def handles_itself(symbol: str, left: Any) -> bool:
    """Whether the left operand answers before a Node is asked: '%' of texts formats, Fraction ** x is float ** x."""
    return (symbol == "%" and isinstance(left, (str, bytes, bytearray))) or (
        symbol == "**" and isinstance(left, Fraction)
    )


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("other", REFUSED, ids=described)
def test_what_is_no_real_number_is_refused_on_either_side(symbol: str, other: Any) -> None:
    x = rg.Node(2.0)
    # Sequences complain by themselves: "can't multiply sequence by non-int of type 'reelgrad.Node'"; a 0-d array may
    # have become its element.
    named = rf"{type(other).__name__}|sequence.*reelgrad\.Node" + ("|complex" if isinstance(other, np.ndarray) else "")
    with unchanged(x), pytest.raises(TypeError, match=named):
        OPERATORS[symbol](x, other)
    if handles_itself(symbol, other):
        return
    with unchanged(x), pytest.raises(TypeError, match=named):
        OPERATORS[symbol](other, x)


@pytest.mark.parametrize(
    "other", [Fraction(1, 3), Decimal("0.5"), 1j, "0.5", b"0.5", np.timedelta64(1, "s")], ids=described
)
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//"])
def test_a_refusal_names_the_operator_the_value_and_the_cure(symbol: str, other: Any) -> None:
    x = rg.Node(2.0)
    for operands in ((x, other), (other, x)):
        with pytest.raises(rg.NodeTypeError) as raised:
            OPERATORS[symbol](*operands)
        assert f"operator {symbol}: " in str(raised.value)
        assert repr(other) in str(raised.value)
        assert "convert" in str(raised.value)


def test_texts_format_a_node_instead_of_multiplying() -> None:
    x = rg.Node(2.0)
    assert "%s" % x == "Node(2.0)"
    for template in ("%f", "%d", b"%f"):
        with pytest.raises(TypeError, match="Node"):
            template % x  # type: ignore[operator]
    with pytest.raises(TypeError, match="not all arguments"):
        "0.5" % x


@pytest.mark.parametrize("other", [Fraction(1, 3), Decimal(1), 1j, "a", None, [1.0]], ids=described)
def test_divmod_and_pow_refuse_the_same(other: Any) -> None:
    x = rg.Node(2.0)
    for call in (lambda: divmod(x, other), lambda: divmod(other, x), lambda: pow(x, other)):
        with unchanged(x), pytest.raises(TypeError, match=type(other).__name__):
            call()


def test_divmod_is_the_quotient_and_the_rest_with_pythons_sign() -> None:
    for a in (7.5, -7.5, 0.0):
        for b in (2.0, -2.0, 0.5):
            x, y = rg.variables(a, b)
            for pair in (divmod(x, y), divmod(x, b), divmod(a, y), (x // y, x % y)):
                assert [type(n) for n in pair] == [rg.Node, rg.Node]
                assert tuple(n.value for n in pair) == divmod(a, b)


def test_pow_takes_no_modulus() -> None:
    x = rg.Node(2.0)
    assert pow(x, 3, None).value == 8.0  # type: ignore[call-overload]
    for arguments in ((x, 3, 5), (2, x, 5), (2, 3, x), (x, x, x)):
        with unchanged(x), pytest.raises(rg.NodeTypeError, match=r"\(a \*\* b\) % modulus"):
            pow(*arguments)


def test_signs_and_absolute_value() -> None:
    x = rg.Node(-2.0)
    assert [(-x).value, abs(x).value, (+x).value] == [2.0, 2.0, -2.0]
    (-x * abs(x)).backward()
    assert x.grad == -4.0  # below zero this is x ** 2


def test_operators_that_floats_do_not_have_are_refused() -> None:
    x = rg.Node(2.0)
    for apply in (operator.matmul, operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift):
        for operands in ((x, 2), (2, x), (x, x)):
            with unchanged(x), pytest.raises(TypeError, match="Node"):
                apply(*operands)
    with pytest.raises(TypeError, match="Node"):
        operator.invert(x)


# --- IEEE 754: where Python's floats raise, a Node is inf or nan, as in NumPy

IEEE = [
    (lambda x: x(1.0) / 0, math.inf),
    (lambda x: x(-1.0) / x(0.0), -math.inf),
    (lambda x: x(1.0) / x(-0.0), -math.inf),
    (lambda x: x(0.0) / 0.0, math.nan),
    (lambda x: 1.0 / x(0.0), math.inf),
    (lambda x: x(1.0) // 0.0, math.inf),
    (lambda x: x(1.0) % 0.0, math.nan),
    (lambda x: x(0.0) ** -1, math.inf),
    (lambda x: x(-8.0) ** (1 / 3), math.nan),
    (lambda x: x(1e200) * 1e200, math.inf),
    (lambda x: x(10.0) ** 400, math.inf),
    (lambda x: x(1e308) + x(1e308), math.inf),
    (lambda x: x(math.inf) - x(math.inf), math.nan),
    (lambda x: x(0.0) * math.inf, math.nan),
    (lambda x: x(-1.0).log(), math.nan),
    (lambda x: x(0.0).log(), -math.inf),
    (lambda x: x(-1.0).sqrt(), math.nan),
    (lambda x: x(1000.0).exp(), math.inf),
    (lambda x: x(2.0).asin(), math.nan),
    (lambda x: rg.log(x(-1.0)), math.nan),
]


@pytest.mark.parametrize("case", range(len(IEEE)))
def test_what_has_no_finite_value_is_inf_or_nan_without_error_or_warning(case: int) -> None:
    """Warnings are errors in this run."""
    compute, expected = IEEE[case]
    y = compute(rg.Node)
    assert type(y) is rg.Node
    assert math.isnan(y.value) if math.isnan(expected) else y.value == expected
    y.backward()


def test_functions_of_plain_numbers_follow_the_same_rule() -> None:
    assert math.isnan(rg.log(-1.0))
    assert rg.log(0.0) == -math.inf
    assert rg.exp(1000) == rg.div(1, 0) == rg.reciprocal(0) == math.inf
    assert math.isnan(rg.log(np.array([-1.0]))[0])
    assert rg.div(np.array([1.0]), 0.0)[0] == math.inf
