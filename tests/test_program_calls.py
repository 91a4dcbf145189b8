"""A bare Program called: it computes its one path, and raises where a lane takes another."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import reelgrad as rg


def function(w: Any, x: Any) -> Any:
    if x > 0.0:
        return w * x, w + 1.0
    return -x, w


def traced(x: float = 1.0) -> rg.Program:
    return rg.trace(function, 2.0, np.array([x]), in_axes=(None, 0)).program


def test_outputs_are_floats_or_arrays_by_their_rate() -> None:
    product, total = traced()(3.0, np.array([1.0, 2.0, 0.5]))
    assert isinstance(product, np.ndarray)
    assert product.tolist() == [3.0, 6.0, 1.5]
    assert total == 4.0
    assert rg.trace(lambda x: x * 2.0, 1.0).program(4.0) == (8.0,)
    assert rg.trace(lambda x: 3.0, 1.0).program(4.0) == (3.0,)
    assert rg.trace(lambda: 3.0).program() == (3.0,)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, np.int64, np.bool_])
def test_lanes_of_every_type_of_real_numbers(dtype: Any) -> None:
    product, _ = traced()(3.0, np.ones(5, dtype))
    assert product.tolist() == [3.0] * 5  # type: ignore[union-attr]


def test_lists_strided_arrays_and_no_lanes_are_taken() -> None:
    assert traced()(3.0, [1.0, 2.0])[0].tolist() == [3.0, 6.0]  # type: ignore[union-attr]
    assert traced()(3.0, np.arange(1.0, 7.0)[::-2])[0].tolist() == [18.0, 12.0, 6.0]  # type: ignore[union-attr]
    assert traced()(3.0, np.empty(0))[0].tolist() == []  # type: ignore[union-attr]


@pytest.mark.parametrize("lanes", [1, 7, 64, 5000])
def test_a_lane_that_branches_otherwise_raises_with_its_line_number_and_values(lanes: int) -> None:
    line = function.__code__.co_firstlineno + 1
    for lane in {0, lanes // 2, lanes - 1}:
        x = np.ones(lanes)
        x[lane:] = -0.25
        with pytest.raises(rg.BranchError) as raised:
            traced()(2.5, x)
        assert isinstance(raised.value, ValueError)
        says = rf"lane {lane} takes the other branch at .*test_program_calls\.py:{line}, whose condition was true"
        assert re.search(says + r".*, with w = 2\.5, x = -0\.25\. ", str(raised.value))
        assert "reelgrad.compile" in str(raised.value)


def test_nan_takes_the_branch_that_python_takes() -> None:
    with pytest.raises(rg.BranchError, match="x = nan"):
        traced()(2.0, np.array([math.nan]))
    assert math.isnan(traced(-1.0)(2.0, np.array([math.nan]))[0][0])  # type: ignore[index]


def test_arguments_that_are_all_uniform_are_no_lane() -> None:
    program = rg.trace(lambda x: x if x > 0.0 else -x, 1.0).program
    assert program(2.0) == (2.0,)
    with pytest.raises(rg.BranchError, match=r"the arguments take the other branch .* with x = -2\.0\."):
        program(-2.0)


def test_the_first_guard_that_disagrees_is_the_one_that_is_told() -> None:
    def branching(a: Any) -> Any:
        total = 0.0
        for k in range(12):
            if a[k] > 0.5:
                total = total + a[k]
        return total

    program = rg.trace(branching, np.ones(12)).program
    with pytest.raises(rg.BranchError, match=r"a\[0\] = 1\.0.*a\[7\] = 1\.0 and so on\."):
        program(*[1.0] * 10, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((1.0,), ValueError, "has 2 inputs, but it was called with 1"),
        ((1.0, [1.0], 2.0), ValueError, "has 2 inputs, but it was called with 3"),
        ((1.0, 2.0), ValueError, "one dimension"),
        ((1.0, np.ones((2, 2))), ValueError, "one dimension"),
        (([1.0], [1.0]), TypeError, "w: got list"),
        (("1", [1.0]), TypeError, "w: got str"),
        ((1.0, ["a"]), TypeError, "real numbers"),
        ((1.0, [1j]), TypeError, "real numbers"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        traced()(*arguments)
    assert isinstance(raised.value, rg.ReelgradError)


def test_lanes_must_be_as_many_in_all_arrays() -> None:
    program = rg.trace(lambda x, y: x + y, np.ones(2), np.ones(2), in_axes=0).program
    with pytest.raises(rg.LengthError, match="3 lanes where others have 2"):
        program(np.ones(2), np.ones(3))


def test_derivatives_of_a_program_are_called_alike() -> None:
    program = rg.trace(lambda w, x: rg.square(w * x), 1.0, np.zeros(1), in_axes=(None, 0)).program
    y, slope = program.differentiate(inputs=[0])(3.0, np.array([1.0, 2.0]))
    assert y.tolist() == [9.0, 36.0]  # type: ignore[union-attr]
    assert slope == 2 * 3.0 * 1.0 + 2 * 3.0 * 4.0
