"""Code of others in the middle of a call: generators, conversions, finalizers, which may record, collect, rewind.

Whatever it does, the call gives right numbers or raises; it never reads an entry that has moved.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

pytestmark = pytest.mark.usefixtures("few_objects")


def test_outputs_from_a_generator_that_records_are_kept_until_the_sweep() -> None:
    """Each output would die, and a full tape collect it, before the next is computed."""
    tape = rg.Tape(limit=4000)
    w = tape.variable(2.0)

    def outputs() -> Iterator[rg.Node]:
        for k in range(300):
            for _ in range(30):
                w * 2.0
            yield w * float(k)

    tape.backward(outputs())
    assert w.grad == sum(range(300))
    assert tape.gradient(outputs(), w) == sum(range(300))
    assert tape.gradient(w * 3.0, (w for _ in outputs())) == [3.0] * 300
    assert tape.stats()["collections"] > 0


def test_seeds_from_a_generator_that_collects() -> None:
    tape = rg.Tape()
    w = tape.variable(2.0)

    def seeds() -> Iterator[float]:
        for k in range(3):
            tape.collect()
            yield float(k)

    for _ in range(10):
        w * 0.5
    outputs = [w * 3.0, w * 5.0, w * 7.0]
    tape.backward(outputs, seeds())
    assert w.grad == 5.0 + 2 * 7.0
    assert tape.gradient(outputs, w, seeds()) == 19.0


def test_a_generator_that_rewinds_is_noticed() -> None:
    tape = rg.Tape()
    w = tape.variable(2.0)
    mark = tape.mark()

    def outputs() -> Iterator[rg.Node]:
        yield w * 2.0
        tape.rewind(mark)
        yield w * 3.0

    with pytest.raises(rg.StaleNodeError):
        tape.backward(outputs())
    with pytest.raises(rg.StaleNodeError):
        rg.sum(outputs())
    assert w.grad == 0.0


class Collecting(np.float32):
    """A number whose conversion to a float collects the tape that it knows."""

    tape: rg.Tape

    def __float__(self) -> float:
        self.tape.collect()
        return 1.0


CONVERSIONS: dict[str, tuple[float, Callable[[rg.Node, Any], Any]]] = {
    "operator": (6.0, lambda b, one: b + one),
    "operator on the right": (4.0, lambda b, one: b - one),
    "fma": (26.0, lambda b, one: rg.fma(b, b, one)),
    "fma, first": (10.0, lambda b, one: rg.fma(one, b, b)),
    "sum": (6.0, lambda b, one: rg.sum([b, one])),
    "dot": (10.0, lambda b, one: rg.dot([b, one], [1.0, b])),
    "mse": (13.0, lambda b, one: rg.mse([b, one], [0.0, 0.0])),
    "gradient": (5.0, lambda b, one: b.tape.gradient([b * 1.0], b, [one]) * 5.0),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_number_whose_conversion_collects_gives_the_right_result_or_an_error(name: str) -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    expected, compute = CONVERSIONS[name]
    for _ in range(10):
        x * 2.0
    b = x * 5.0
    one = Collecting(1.0)
    one.tape = tape
    try:
        result = compute(b, one)
    except rg.StaleNodeError:
        result = expected
    _later = [x * 7.0 for _ in range(20)]
    assert getattr(result, "value", result) == expected
    assert b.value == 5.0


class Finalizer:
    """In a cycle: its `__del__` runs when the garbage collector does, at some allocation in the middle of a call."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.cycle = self
        self.action = action

    def __del__(self) -> None:
        with contextlib.suppress(rg.TapeBusyError):  # a fair answer
            self.action()


FINALIZED: dict[str, Callable[[list[rg.Node]], Any]] = {
    "softmax": lambda xs: rg.softmax(xs),
    "divmod": lambda xs: divmod(xs[2], xs[1]),
    "sum": lambda xs: [rg.sum(xs)],
    "operator": lambda xs: [xs[0] * xs[1]],
    "cross_entropy": lambda xs: [rg.cross_entropy(xs, 1)],
    "array": lambda xs: list(rg.exp(np.array(xs))),
}


@pytest.mark.parametrize("watched", [False, True], ids=["", "in detect_anomaly"])
@pytest.mark.parametrize("action", ["collect", "rewind", "record"])
@pytest.mark.parametrize("name", FINALIZED)
def test_a_finalizer_in_the_middle_of_a_call_does_no_harm(name: str, action: str, watched: bool) -> None:
    tape = rg.Tape()
    xs = list(tape.variables(1.0, 2.0, 3.0))
    mark = tape.mark()
    compute = FINALIZED[name]
    expected = [y.value for y in compute(xs)]
    actions: dict[str, Callable[[], Any]] = {
        "collect": tape.collect,
        "rewind": lambda: tape.rewind(mark),
        "record": lambda: [xs[0] * 2.0 for _ in range(100)],
    }
    kept: list[Any] = []
    thresholds = gc.get_threshold()
    gc.collect()
    gc.disable()
    try:
        with rg.detect_anomaly() if watched else tape:
            for _ in range(5):
                _garbage = [xs[0] * 1.0 for _ in range(20)]
                Finalizer(actions[action])
                kept.append([[] for _ in range(200)])  # no spare list is left: the next is allocated
                gc.set_threshold(1, 1000, 1000)
                try:
                    gc.enable()  # the next allocation of an object that the collector tracks runs the finalizer
                    results = compute(xs)
                except rg.StaleNodeError:
                    if action != "rewind":
                        raise
                    results = []
                finally:
                    gc.disable()
                    gc.set_threshold(*thresholds)
                gc.collect()
                if action == "rewind" and (not results or "Node(stale)" in map(repr, results)):
                    continue  # it took what was being computed, which is noticed
                _later = [xs[0] * 7.0 for _ in range(40)]
                assert [y.value for y in results] == expected
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
