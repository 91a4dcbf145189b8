"""What a trace refuses of its Nodes, and of Nodes from outside."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from traced import holds


@pytest.fixture
def recording() -> Iterator[Any]:
    with _core._Recording() as recording:
        yield recording


REFUSED_OF_NODES: dict[str, Callable[[Any], Any]] = {
    "value": lambda x: x.value,
    "data": lambda x: x.data,
    "grad": lambda x: x.grad,
    "item()": lambda x: x.item(),
    "float()": float,
    "int()": int,
    "math.sin": math.sin,
    "math.isnan": math.isnan,
    "complex()": complex,
    "np.float64": np.float64,
    "format": lambda x: f"{x:.3f}",
    "round(x, 2)": lambda x: round(x, 2),
    "as_integer_ratio": lambda x: x.as_integer_ratio(),
    "pickle": pickle.dumps,
    "set value": lambda x: setattr(x, "value", 1.0),
    "set data": lambda x: setattr(x, "data", 1.0),
    "set grad": lambda x: setattr(x, "grad", 0.0),
    "zero_grad": lambda x: x.zero_grad(),
    "backward": lambda x: x.backward(),
    "backward of a result": lambda x: (x * x).backward(),
    "tape.backward": lambda x: x.tape.backward([x * 2.0]),
    "tape.gradient": lambda x: x.tape.gradient(x * 2.0, x),
    "tape.reset": lambda x: x.tape.reset(),
    "tape.rewind": lambda x: x.tape.rewind(x.tape.mark()),
    "an array of floats": lambda x: np.array([x], dtype=float),
}


@pytest.mark.parametrize("use", REFUSED_OF_NODES)
def test_what_would_freeze_a_number_raises(recording: Any, use: str) -> None:
    (x,) = recording.inputs([0.5])
    with pytest.raises((rg.TraceError, ValueError)) as raised:
        REFUSED_OF_NODES[use](x)
    error: BaseException | None = raised.value
    while not isinstance(error, rg.TraceError):  # NumPy tells the cause of its own
        assert error is not None
        error = error.__cause__
    assert isinstance(error, TypeError)
    assert isinstance(error, rg.ReelgradError)


def test_a_traced_node_shows_that_it_is_one(recording: Any) -> None:
    x, _ = recording.inputs([0.5, 1.0])
    assert repr(x) == str(x) == f"{x}" == "Node(0.5, traced)"
    assert repr(rg.Node(2.0, name="w")) == "Node(2.0, name='w', traced)"


def test_an_index_raises_python_s_own_error(recording: Any) -> None:
    (x,) = recording.inputs([1.0])
    with pytest.raises(TypeError):
        [1, 2][x]  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        range(x)  # type: ignore[call-overload]


# --- Nodes from outside

MIXED: dict[str, Callable[[Any, Any], Any]] = {
    "x + outside": lambda x, outside: x + outside,
    "outside * x": lambda x, outside: outside * x,
    "rg.maximum": rg.maximum,
    "rg.fma": lambda x, outside: rg.fma(x, outside, 1.0),
    "rg.sum": lambda x, outside: rg.sum([x, outside]),
    "rg.dot": lambda x, outside: rg.dot([x], [outside]),
    "rg.mse": lambda x, outside: rg.mse([x], [outside]),
    "rg.softmax": lambda x, outside: rg.softmax([outside, x]),
    "rg.where": lambda x, outside: rg.where(x > 0.0, outside, 1.0),
    "x < outside": lambda x, outside: x < outside,
    "outside == x": lambda x, outside: outside == x,
}


@pytest.mark.parametrize("use", MIXED)
def test_a_node_from_outside_raises_and_the_error_says_what_to_do(use: str) -> None:
    outside = rg.Node(2.0)
    with _core._Recording() as recording:
        (x,) = recording.inputs([0.5])
        with pytest.raises(rg.TapeMismatchError, match="as an argument, or"):
            MIXED[use](x, outside)
        assert type(x + outside.value) is rg.Node


@pytest.mark.parametrize("ask", [lambda x: x > 0.0, bool, lambda x: x == x, lambda x: max(x, 0.0)])
def test_a_branch_on_a_node_from_outside_would_be_frozen(ask: Callable[[Any], Any]) -> None:
    outside = rg.Node(2.0)
    with _core._Recording(), pytest.raises(rg.TapeMismatchError, match="freeze the branch"):
        ask(outside)
    ask(outside)


def test_the_outer_trace_is_outside_of_the_inner_one() -> None:
    with _core._Recording() as outer:
        (x,) = outer.inputs([0.5])
        with _core._Recording() as inner:
            (y,) = inner.inputs([1.5])
            assert holds(y > 1.0)
            with pytest.raises(rg.TapeMismatchError, match="as an argument"):
                x + y
            with pytest.raises(rg.TapeMismatchError, match="freeze the branch"):
                bool(x > 0.0)
            with pytest.raises(rg.TraceError):
                x.value  # noqa: B018
        assert holds(x > 0.0)
        with pytest.raises(rg.StaleNodeError, match="trace that is over"):
            y + 1.0
        assert rg.Node(1.0).tape is x.tape


def test_nodes_that_leak_out_of_a_trace_are_stale() -> None:
    with _core._Recording() as recording:
        (x,) = recording.inputs([0.5])
        leaked = [x, x * 2.0]
    for node in leaked:
        for use in (lambda n: n + 1.0, lambda n: n.value, lambda n: n > 0.0, bool, lambda n: rg.sum([n, 1.0])):
            with pytest.raises(rg.StaleNodeError, match="trace that is over"):
                use(node)
        assert repr(node) == "Node(stale)"


def test_an_error_inside_leaves_everything_as_it_was() -> None:
    tape, outside = rg.current_tape(), rg.Node(1.0)

    def failing() -> None:
        with _core._Recording() as recording:
            bool(recording.inputs([1.0])[0] > 0.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert rg.current_tape() is tape
    assert (outside > 0.0) is True
