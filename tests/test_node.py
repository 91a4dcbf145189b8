"""Node as a Python object: making one, its attributes, comparison, hashing, text, truth and rounding.

Arithmetic is in test_node_arithmetic.py, memory and reference counts in test_node_memory.py.
"""

from __future__ import annotations

import math
import operator
import sys
import weakref
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from tape_state import unchanged

INF, NAN = math.inf, math.nan
NUMBERS = [0.5, -0.0, INF, -INF, 5e-324, 1.7976931348623157e308, 3, -(2**70), True, np.float32(0.1), np.int8(-3)]
NOT_NUMBERS = [Fraction(1, 3), Decimal("0.1"), 1j, "0.5", b"0.5", None, [0.5], (0.5,), {}, object(), np.complex64(1)]


# --- Making one


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
@pytest.mark.parametrize("make", [rg.Node, rg.variable, rg.current_tape().variable], ids=["Node", "variable", "Tape"])
def test_a_variable_has_the_value_it_was_given_as_a_float(make: Any, value: Any) -> None:
    x = make(value)
    assert type(x) is rg.Node
    assert type(x.value) is float
    assert (x.value, math.copysign(1.0, x.value)) == (float(value), math.copysign(1.0, float(value)))
    assert (x.grad, x.name, x.is_variable, x.operator) == (0.0, None, True, None)
    assert x.tape is rg.current_tape()


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("make", [rg.Node, rg.variable, rg.variables], ids=["Node", "variable", "variables"])
def test_a_variable_of_what_is_no_number_is_refused_by_name(make: Any, value: Any) -> None:
    x = rg.Node(1.0)
    with unchanged(x), pytest.raises(rg.NodeTypeError, match=type(value).__name__):
        make(value)


def test_a_variable_of_a_node_is_refused_with_the_cure() -> None:
    x = rg.Node(1.0)
    with unchanged(x):
        for make in (rg.Node, rg.variable, rg.variables):
            with pytest.raises(rg.NodeTypeError, match="Node"):
                make(x)
        with pytest.raises(rg.NodeTypeError, match=r"\.value"):
            rg.Node(x)


def test_an_int_too_large_for_a_float_is_refused() -> None:
    x = rg.Node(1.0)
    for use in (rg.Node, rg.variable, x.__add__, x.__rpow__, x.backward, rg.exp):
        with unchanged(x), pytest.raises(OverflowError, match="too large"):
            use(10**400)
    assert (x + 10**300).value == 1e300


def test_variables_makes_one_of_each_value() -> None:
    w, b = rg.variables(1.0, 2)
    assert [w.value, b.value, w.is_variable, b.is_variable] == [1.0, 2.0, True, True]
    assert rg.variables() == ()


@pytest.mark.parametrize("arguments", [(), (1.0, "w", 3), (1.0, "w", "w")])
def test_node_takes_a_value_and_a_name(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="Node"):
        rg.Node(*arguments)
    with pytest.raises(TypeError, match="nosuch"):
        rg.Node(1.0, nosuch=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["w", "", 'it\'s "w"', "naïve Σ 🎉", "a\nb", "a\0b", "x" * 10_000])
def test_a_name_reads_back(name: str) -> None:
    assert rg.Node(1.0, name).name == rg.variable(1.0, name=name).name == rg.current_tape().variable(1, name=name).name
    assert rg.Node(1.0, name).name == name


@pytest.mark.parametrize("name", [5, b"w", 1.0, ["w"]], ids=repr)
def test_a_name_that_is_no_str_is_refused(name: Any) -> None:
    x = rg.Node(1.0)
    with unchanged(x), pytest.raises(rg.NodeTypeError, match=f"name.*{type(name).__name__}"):
        rg.Node(1.0, name=name)


def test_a_name_that_has_no_utf8_is_refused() -> None:
    x = rg.Node(1.0)
    with unchanged(x), pytest.raises(UnicodeEncodeError):
        rg.Node(1.0, name="\ud800")


# --- Attributes


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_value_and_gradient_of_a_variable_can_be_set(number: Any) -> None:
    x = rg.Node(1.0)
    for attribute in ("value", "data", "grad"):
        setattr(x, attribute, 7.0)
        setattr(x, attribute, number)
        assert getattr(x, attribute) == float(number)
    assert x.data == x.value == x.item() == float(number)


def test_setting_a_value_changes_nothing_that_was_recorded() -> None:
    x = rg.Node(3.0)
    y = x * x
    x.value = 100.0
    y.backward()
    assert (y.value, x.grad, (x * x).value) == (9.0, 6.0, 1e4)


@pytest.mark.parametrize("attribute", ["value", "data", "grad"])
def test_an_attribute_set_to_what_is_no_number_is_refused_and_stays(attribute: str) -> None:
    x = rg.Node(1.5)
    x.grad = 2.5
    for wrong in [*NOT_NUMBERS, x, rg.Node(1.0)]:
        with unchanged(x), pytest.raises(rg.NodeTypeError, match=type(wrong).__name__):
            setattr(x, attribute, wrong)
    with unchanged(x), pytest.raises(AttributeError, match="deleted"):
        delattr(x, attribute)


@pytest.mark.parametrize("attribute", ["value", "data", "grad"])
def test_an_intermediate_cannot_be_set_and_says_which_operator_made_it(attribute: str) -> None:
    x = rg.Node(1.5)
    y = x.tanh()
    y.backward()
    with unchanged(x, y), pytest.raises(rg.VariableError, match=r"'tanh'.*variable"):
        setattr(y, attribute, 1.0)
    with unchanged(x, y), pytest.raises(rg.VariableError, match="'tanh'"):
        y.zero_grad()


@pytest.mark.parametrize("attribute", ["name", "tape", "operator", "is_variable", "real", "imag"])
def test_other_attributes_are_read_only(attribute: str) -> None:
    x = rg.Node(1.0, "w")
    with unchanged(x), pytest.raises(AttributeError, match=attribute):
        setattr(x, attribute, None)
    assert x.name == "w"


def test_an_attribute_that_does_not_exist_is_not_created() -> None:
    x = rg.Node(1.0)
    with pytest.raises(AttributeError, match="momentum"):
        x.momentum = 0.9  # type: ignore[attr-defined]
    assert not hasattr(x, "__dict__")
    with pytest.raises(TypeError, match="weak reference"):
        weakref.ref(x)


def test_an_intermediate_names_its_operator() -> None:
    x = rg.Node(0.5)
    made = {"add": x + 1, "tanh": x.tanh(), "pow": x**2, "sum": rg.sum([x, x]), "fma": rg.fma(x, x, x), "neg": -x}
    assert {name: y.operator for name, y in made.items()} == {name: name for name in made}
    assert not any(y.is_variable or y.name for y in made.values())


def test_the_real_part_is_the_node_and_the_imaginary_part_zero() -> None:
    x = rg.Node(0.5)
    assert x.real is x
    assert x.conjugate() is x
    assert +x is x
    assert x.imag == 0.0


def test_node_is_final_and_cannot_be_made_around_its_constructor() -> None:
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (rg.Node,), {})
    with pytest.raises(TypeError):
        object.__new__(rg.Node)


# --- Comparison, hashing, truth

COMPARISONS = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]
COMPARED = [-1.0, 0.0, -0.0, 1.0, 2, True, INF, -INF, NAN, 10**400, -(10**400), 2**53 + 1]


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("other", COMPARED, ids=lambda v: repr(v)[:8])
def test_comparisons_are_those_of_floats(compare: Any, other: Any) -> None:
    for value in (-1.0, 0.0, 1.0, 2.0, INF, NAN, 2.0**53):
        x = rg.Node(value)
        for expected, got in [
            (compare(value, other), compare(x, other)),
            (compare(other, value), compare(other, x)),
        ]:
            assert type(got) is bool
            assert got is expected
        if abs(other) < 2**1000:
            assert compare(x, rg.Node(other)) is compare(value, float(other))


@pytest.mark.parametrize("scalar", [np.float64, np.float32, np.float16, np.longdouble, np.int8, np.uint64, np.bool_])
def test_comparisons_with_numpy_scalars_are_plain_bools(scalar: Any) -> None:
    x, one = rg.Node(1.0), scalar(1)
    for got, expected in [(x == one, True), (one == x, True), (x < one, False), (one <= x, True), (x != one, False)]:
        assert type(got) is bool
        assert got is expected
    assert x == np.array(one)


@pytest.mark.parametrize("other", [Fraction(1), Decimal(1), 1j, "1", b"1", None, [1.0], object], ids=repr)
def test_an_order_with_what_is_no_number_is_refused_and_equality_is_false(other: Any) -> None:
    x = rg.Node(1.0)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        for operands in ((x, other), (other, x)):
            with unchanged(x), pytest.raises(TypeError, match=type(other).__name__):
                compare(*operands)
    assert (x == other, other == x, x != other) == (False, False, True)


def test_comparing_records_nothing_and_chains() -> None:
    x = rg.Node(0.5)
    with unchanged(x):
        assert 0 < x <= 0.5 < x.tape.stats()["limit"]


def test_nodes_of_two_tapes_can_be_compared() -> None:
    assert rg.Node(1.0) < rg.Tape().variable(2.0)


def test_hash_is_identity_and_does_not_follow_the_value() -> None:
    a, b = rg.Node(1.0), rg.Node(1.0)
    before = hash(a)
    a.value = 2.0
    (a * a).backward()
    a.tape.collect()
    assert hash(a) == before != hash(b)
    a.value = 1.0
    assert a == b
    assert {a: "a", b: "b"}[a] == "a"
    assert len({a, b, a}) == 2
    assert 1.0 not in {a, b}


@pytest.mark.parametrize(("value", "truth"), [(0.0, False), (-0.0, False), (1e-300, True), (-1.0, True), (NAN, True)])
def test_truth_is_that_of_the_value(value: float, truth: bool) -> None:
    assert bool(rg.Node(value)) is truth


# --- Text


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e22, 5e-324, 1.7976931348623157e308, -0.0, 123456789.0, 2.0**53 + 2])
def test_repr_has_digits_that_give_the_same_value(value: float) -> None:
    x = rg.Node(value)
    again = eval(repr(x), {"Node": rg.Node})
    assert repr(x) == f"Node({value!r})"
    assert (again.value, math.copysign(1.0, again.value)) == (value, math.copysign(1.0, value))
    assert str(x) == repr(x) == f"{x}"


def test_repr_shows_name_and_gradient_when_there_is_one() -> None:
    w = rg.Node(0.5, "w")
    loss = w * 0.1
    assert (repr(w), repr(loss)) == ("Node(0.5, name='w')", "Node(0.05)")
    loss.backward()
    assert (repr(w), repr(loss)) == ("Node(0.5, name='w', grad=0.1)", "Node(0.05, grad=1.0)")
    w.zero_grad()
    assert repr(w) == "Node(0.5, name='w')"
    w.grad = NAN
    assert repr(w) == "Node(0.5, name='w', grad=nan)"
    assert [repr(rg.Node(v)) for v in (INF, -INF, NAN)] == ["Node(inf)", "Node(-inf)", "Node(nan)"]


@pytest.mark.parametrize("name", ["it's", 'say "w"', 'it\'s "w"', "naïve Σ", "a\nb", "a\\b", "{x}", "%s"])
def test_repr_quotes_a_name_as_python_does(name: str) -> None:
    x = rg.Node(1.0, name)
    assert repr(x) == f"Node(1.0, name={name!r})"
    assert eval(repr(x), {"Node": rg.Node}).name == name


SPECS = [".4f", "8.2f", "+.1e", "g", ".3g", "%", "010.3f", ",.2f", "*^12.1f", "n", "<9", "z.1f", "E"]


@pytest.mark.parametrize("spec", SPECS)
def test_format_specs_are_those_of_floats(spec: str) -> None:
    for value in (0.0, -1234.5678, 1e-9, INF, NAN):
        assert format(rg.Node(value), spec) == format(value, spec)
    assert f"{rg.Node(0.12345):.{2}f}" == "0.12"


@pytest.mark.parametrize("spec", ["d", "q", ".2x", "s"])
def test_a_wrong_format_spec_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="format"):
        format(rg.Node(1.0), spec)


def test_a_format_spec_that_is_no_str_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="int"):
        rg.Node(1.0).__format__(3)  # type: ignore[arg-type]


# --- Rounding

ROUNDED = [-2.5, -1.5, -0.5, -0.2, 0.0, 0.5, 1.5, 2.5, 2.7]


@pytest.mark.parametrize("rounding", [round, math.floor, math.ceil, math.trunc], ids=lambda f: f.__name__)
def test_rounding_to_an_integer_stays_on_the_tape(rounding: Any) -> None:
    for value in ROUNDED:
        x = rg.Node(value)
        y = rounding(x)
        y.backward()
        assert type(y) is rg.Node
        assert (y.value, x.grad) == (float(rounding(value)), 0.0)


def test_rounding_to_digits_is_refused_with_the_cure() -> None:
    x = rg.Node(2.345)
    assert round(x, None).value == 2.0
    for digits in (0, 2, -1, 1.5):
        with unchanged(x), pytest.raises(rg.NodeTypeError, match=r"round\(node\.value, digits\)"):
            round(x, digits)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "convert",
    [float, int, complex, operator.index, range, [0].__getitem__, iter, len, list, sys.stdout.write, operator.inv],
)
def test_conversions_that_would_lose_the_derivative_are_refused(convert: Any) -> None:
    x = rg.Node(1.0)
    with unchanged(x), pytest.raises(TypeError, match="Node"):
        convert(x)


def test_float_and_int_of_a_node_say_the_cure() -> None:
    with pytest.raises(rg.NodeTypeError, match=r"node\.value"):
        float(rg.Node(1.0))  # type: ignore[arg-type]
    with pytest.raises(rg.NodeTypeError, match=r"int\(node\.value\)"):
        int(rg.Node(1.0))  # type: ignore[call-overload]
