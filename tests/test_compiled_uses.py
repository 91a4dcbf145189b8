"""Compiled functions used in ways that one does not think of first: outputs over inputs, odd settings, odd numbers."""

from __future__ import annotations

import copy
import enum
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

RNG = np.random.default_rng(11)


def product(x: Any) -> Any:
    return rg.sin(x[0]) * x[1]


def two_paths(x: Any) -> Any:
    return rg.sin(x[0]) * x[1] if x[0] > 0.0 else x[1] ** 2


@pytest.mark.parametrize("lanes", [1, 33, 5000])
@pytest.mark.parametrize("function", [product, two_paths])
def test_out_may_be_the_batch_itself(function: Callable[..., Any], lanes: int) -> None:
    x = RNG.normal(size=(lanes, 2))
    value, slopes = rg.compile(function, in_axes=0).value_and_grad(x)
    compiled = rg.compile(function, in_axes=0)  # whose paths are traced while it writes
    over = x.copy()
    values, same = compiled.value_and_grad(over, out=over)
    assert same is over
    np.testing.assert_array_equal(values, value)
    np.testing.assert_array_equal(over, slopes)


@pytest.mark.parametrize("part", [slice(1, None), slice(None, None, -1)], ids=["shifted", "reversed"])
def test_out_may_overlap_the_batch(part: slice) -> None:
    cube = rg.compile(lambda x: x**3, in_axes=0)
    x = RNG.normal(size=10_000)
    read = x[: len(x[part])]
    expected = cube(read)
    np.testing.assert_array_equal(cube(read, out=x[part]), expected)


def test_one_array_cannot_take_two_gradients() -> None:
    f = rg.compile(lambda a, b: a * b, in_axes=0)
    buffer = np.zeros(3)
    with pytest.raises(rg.StructureError, match="same memory"):
        f.grad(np.ones(3), np.ones(3), argnums=(0, 1), out=(buffer, buffer))
    both = np.zeros((3, 2))
    f.grad(np.arange(3.0), np.full(3, 7.0), argnums=(0, 1), out=(both[:, 0], both[:, 1]))
    assert both.T.tolist() == [[7.0, 7.0, 7.0], [0.0, 1.0, 2.0]]


@pytest.mark.parametrize("value", [2, 2.0, 0.5, -0.0, np.float64(3.0), np.arange(3.0)], ids=repr)
def test_a_static_argument_may_be_a_float_or_an_array(value: Any) -> None:
    f = rg.compile(lambda x, k: x * np.sum(k), static_argnums=1)
    for _ in range(3):
        assert f(3.0, value) == 3.0 * np.sum(value)
        assert f.value_and_grad(3.0, value) == (3.0 * np.sum(value), np.sum(value))


def test_static_argnums_are_whole_numbers() -> None:
    assert rg.compile(lambda x, k: x * k, static_argnums=np.int64(1))(3.0, 2) == 6.0
    for wrong in (1.0, "1", None, (0.5,), (True,)):
        with pytest.raises(rg.SettingError, match="static_argnums"):
            rg.compile(lambda x, k: x * k, static_argnums=wrong)
        with pytest.raises(rg.SettingError, match="static_argnums"):
            rg.trace(lambda x, k: x * k, 1.0, 2.0, static_argnums=wrong)


def test_counts_may_be_numpys() -> None:
    f = rg.compile(lambda x: x if x > 0.0 else -x, max_paths=np.int64(2), threads=np.int32(1))
    assert (f(3.0), f(-3.0)) == (3.0, 3.0)
    assert f(3.0, threads=10**20) == 3.0


@pytest.mark.parametrize("method", ["__call__", "grad", "value_and_grad"])
def test_a_keyword_that_is_no_setting_is_named(method: str) -> None:
    f = rg.compile(lambda x, rate=2.0: x * rate)
    assert f(3.0) == 6.0
    with pytest.raises(rg.NodeTypeError, match=r"keyword 'rate': .* passed by position"):
        getattr(f, method)(3.0, rate=4.0)


class Priced:
    rate = 3.0

    @rg.compile(static_argnums=0)
    def value(self, x: Any) -> Any:
        return self.rate * x


@rg.compile(in_axes=0)
def squared(x: Any) -> Any:
    return x * x


def test_compiled_functions_are_pickled_and_copied_as_functions_are() -> None:
    for function in (squared, Priced.value):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function
    assert pickle.loads(pickle.dumps(Priced().value))(2.0) == 6.0
    again = pickle.loads(pickle.dumps(rg.compile(two_paths, in_axes=0, reduce="sum")))
    x = RNG.normal(size=(9, 2))
    assert again(x) == rg.compile(two_paths, in_axes=0, reduce="sum")(x)
    assert copy.deepcopy(rg.compile(lambda x: x + 1.0))(2.0) == 3.0


def test_programs_and_traces_are_pickled_and_copied() -> None:
    trace = rg.trace(two_paths, np.array([0.1, 0.7]))
    at = (0.1 + 1e-16, 1.0 / 3.0)
    for twin in (pickle.loads(pickle.dumps(trace)), copy.deepcopy(trace), copy.copy(trace)):
        assert str(twin.program) == str(trace.program)
        assert (twin.arguments, twin.result, twin.guards) == (trace.arguments, trace.result, trace.guards)
        assert twin.program(*at) == trace.program(*at)
    slopes = trace.program.differentiate()
    assert pickle.loads(pickle.dumps(slopes))(*at) == slopes(*at)


class Column:
    """What a column of pandas or a tensor is to NumPy."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.numbers, dtype)


def test_columns_and_tensors_count_as_arrays() -> None:
    column = Column([1.0, 2.0, 3.0])
    assert squared.grad(column).tolist() == [2.0, 4.0, 6.0]
    assert rg.grad(lambda x: (x**2).sum())(column).tolist() == [2.0, 4.0, 6.0]
    assert rg.fit(lambda p, x: (p - x) ** 2, 0.0, column, optimizer=rg.optim.SGD(0.5), epochs=1).params == 2.0
    with pytest.raises(rg.StructureError, match=r"argument 0: element .* is 'a', which is no number"):
        squared(Column(["a", None]))


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (10**400, "an int of 1329 bits, which is too large for a float"),
        (10**5000, "an int of 16610 bits, which is too large for a float"),
        (np.timedelta64(3, "s"), "timedelta64"),
        (np.complex128(1.0), "complex128"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), "mask would be lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused_with_its_place(number: Any, says: str) -> None:
    for call in (squared, rg.grad(lambda x: x), lambda x: rg.trace(lambda x: x, x)):
        with pytest.raises(rg.StructureError, match=f"argument 0: got .*{says}"):
            call(number)


def test_a_mask_is_not_lost_on_the_way_into_an_array() -> None:
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    for make in (rg.array, rg.asarray):
        with pytest.raises(rg.NodeTypeError, match="masked array"):
            make(masked)
    assert rg.array(np.ma.array([1.0, 2.0])).value.tolist() == [1.0, 2.0]


class Side(enum.IntEnum):
    CALL = 1
    PUT = 2


class Style(enum.Enum):
    EUROPEAN = "e"
    ASIAN = "a"


def test_members_of_enums_are_static_whatever_they_are_made_of() -> None:
    @rg.compile
    def payoff(s: Any, side: Side, style: Style) -> Any:
        assert isinstance(side, Side)
        gain = s - 1.0 if side is Side.CALL else 1.0 - s
        return gain if style is Style.EUROPEAN else 0.5 * gain

    assert payoff(3.0, Side.CALL, Style.EUROPEAN) == 2.0
    assert payoff(3.0, Side.PUT, Style.EUROPEAN) == -2.0
    assert payoff.grad(3.0, Side.PUT, Style.ASIAN) == -0.5
    assert rg.grad(payoff.__wrapped__)(3.0, Side.PUT, Style.ASIAN) == -0.5
    with pytest.raises(rg.SettingError, match="argument 1 is static"):
        payoff.grad(3.0, Side.PUT, Style.ASIAN, argnums=1)


class Line(rg.nn.Module):
    def __init__(self) -> None:
        self.slope = rg.Node(2.0)

    @rg.compile(in_axes=(None, 0, None), reduce="sum")
    def moved(self, x: Any, by: Any) -> Any:
        return self.slope * x + by


def test_a_method_has_derivatives_by_the_arguments_after_its_object() -> None:
    priced = Priced()
    assert priced.value.grad(2.0) == 3.0
    assert priced.value.value_and_grad(2.0, argnums=(0,)) == (6.0, (3.0,))
    line, x = Line(), np.array([1.0, 2.0])
    assert line.moved(x, 1.0) == 8.0
    assert line.moved.grad(x, 1.0).tolist() == [2.0, 2.0]
    assert line.moved.grad(x, 1.0, argnums=-1) == line.moved.grad(x, 1.0, argnums=1) == 2.0
    by_x, by = line.moved.grad(x, 1.0, argnums=(0, 1), threads=1)
    assert (by_x.tolist(), by) == ([2.0, 2.0], 2.0)
    assert Line.moved.grad(line, x, 1.0).slope == 3.0
    assert rg.grad(line.moved)(x, 1.0).tolist() == [2.0, 2.0]
    assert len(line.moved.programs) == 1
    assert line.moved.__name__ == "moved"
    assert str(inspect.signature(line.moved)) == "(x: 'Any', by: 'Any') -> 'Any'"
    assert line.moved.__wrapped__(3.0, 1.0).value == 7.0
    assert line.moved == line.moved != Line().moved
    out = np.empty(2)
    assert line.moved.grad(x, 1.0, out=out) is out
