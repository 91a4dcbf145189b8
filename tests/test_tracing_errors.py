"""Traces of functions that fail, and the state after them."""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from traced import computed, outputs


def test_an_error_of_the_function_is_its_own_with_its_own_traceback() -> None:
    def function(x: Any) -> Any:
        y = x * 2.0
        raise ZeroDivisionError(f"at {y!r}")

    tape = rg.current_tape()
    with pytest.raises(ZeroDivisionError, match=r"at Node\(1.0, traced\)") as raised:
        rg.trace(function, 0.5)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.name, last.lineno) == ("function", function.__code__.co_firstlineno + 2)
    assert rg.current_tape() is tape
    assert rg.trace(lambda x: x, 0.5).guards == ()


@pytest.mark.parametrize(
    "use",
    [
        lambda x: [1.0, 2.0][x],
        lambda x: range(x),
        lambda x: [0.0] * x,
        lambda x: np.arange(3.0)[x],
        lambda x: {1.0: 2.0}[x],
        lambda x: "abc"[x:],
        lambda x: np.zeros((x, 2)),
        lambda x: np.zeros(x),
    ],
)
def test_a_number_used_as_an_index_is_explained(use: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, IndexError, KeyError)) as raised:
        rg.trace(use, 1)
    notes = getattr(raised.value, "__notes__", [])
    assert len(notes) == 1
    assert "reelgrad.where" in notes[0]


def test_other_type_errors_get_no_note() -> None:
    with pytest.raises(TypeError) as raised:
        rg.trace(lambda x: x + None, 1.0)
    assert not hasattr(raised.value, "__notes__")


def test_numbers_that_would_be_frozen_raise() -> None:
    for use in (
        float,
        int,
        lambda x: x.value,
        math.sin,
        lambda x: f"{x:.2f}",
        lambda x: x.backward(),
        lambda x: (x > 0) * x,
    ):
        with pytest.raises(rg.TraceError, match="reelgrad"):
            rg.trace(use, 0.5)


def test_stop_gradient_is_for_those_who_mean_it() -> None:
    traced = rg.trace(lambda x: x * rg.stop_gradient(x), 3.0)
    assert computed(traced, 4.0) == 16.0
    assert outputs(traced.program.differentiate(), [4.0]) == [16.0, 4.0]


def test_a_node_from_outside_is_refused_in_results_too() -> None:
    outside = rg.Node(1.0)
    with pytest.raises(rg.TapeMismatchError, match=re.escape("result[1]")):
        rg.trace(lambda x: [x, outside], 1.0)
    assert computed(rg.trace(lambda x: [x, outside.value], 2.0), 3.0) == [3.0, 1.0]


def test_nodes_made_inside_are_constants() -> None:
    def function(x: Any) -> Any:
        total = rg.Node(1.0)
        for _ in range(3):
            total = total * x
        return total + rg.variable(0.5)

    assert computed(rg.trace(function, 2.0), 3.0) == 27.5
    assert computed(rg.trace(lambda x: rg.Node(4.0), 2.0), 3.0) == 4.0


def test_a_trace_inside_a_trace_is_apart() -> None:
    inner: list[rg.Trace] = []

    def function(x: Any) -> Any:
        inner.append(rg.trace(lambda y: y * y + 1.0, 2.0))
        return x + outputs(inner[0].program, [3.0])[0]

    assert computed(rg.trace(function, 1.0), 5.0) == 15.0
    assert computed(inner[0], 4.0) == 17.0
    with pytest.raises(rg.TapeMismatchError):
        rg.trace(lambda x: rg.trace(lambda y: x * y, 2.0), 1.0)
    with pytest.raises(rg.TraceError):
        rg.trace(lambda x: rg.trace(lambda y: y, x), 1.0)


def test_nodes_that_leak_out_are_stale() -> None:
    leaked: list[Any] = []

    def function(x: Any) -> Any:
        leaked.extend([x, x * x, x > 0.0])
        return x

    rg.trace(function, 1.0)
    for thing in leaked:
        with pytest.raises(rg.StaleNodeError, match="trace that is over"):
            bool(thing)
    with pytest.raises(rg.StaleNodeError):
        rg.trace(lambda x: x + leaked[0], 1.0)


def test_many_traces_leave_no_tapes() -> None:
    for _ in range(200):
        rg.trace(lambda x: x * 2.0, 1.0)
    x = rg.Node(1.0)
    assert (x < 2.0) is True


def test_eager_work_inside_a_trace_is_free() -> None:
    def function(x: Any) -> Any:
        with rg.Tape():
            w = rg.variable(3.0)
            (w * w).backward()
            assert w > 0.0
            slope = w.grad
        return x * slope

    traced = rg.trace(function, 1.0)
    assert traced.guards == ()
    assert computed(traced, 2.0) == 12.0
