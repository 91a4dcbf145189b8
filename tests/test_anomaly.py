"""detect_anomaly(): the operator, and the Python line, that first made a value or an adjoint that is not finite.

Outside it nothing is checked and nothing is paid; what it raised leaves tape and gradients as they were.
"""

from __future__ import annotations

import inspect
import math
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from tape_state import unchanged


def line_here(offset: int = 0) -> int:
    """The number of the caller's line."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno + offset


def detects() -> bool:
    """Whether this thread is inside detect_anomaly()."""
    try:
        rg.Tape().variable(-1.0).log()
    except rg.AnomalyError:
        return True
    return False


# --- Values

VALUES: dict[str, tuple[str, str, Callable[[rg.Node], Any]]] = {
    "a method": ("log", "nan", lambda x: (x - 2.0).log()),
    "a function": ("log", "-inf", lambda x: rg.log(x - 1.0)),
    "an operator of two nodes": ("div", "inf", lambda x: x / (x - 1.0)),
    "an operator with a number": ("div", "inf", lambda x: 1.0 / (x - 1.0)),
    "a number too large": ("mul", "inf", lambda x: x * 1e300 * 1e300),
    "a power": ("pow", "inf", lambda x: (x + 9.0) ** 400),
    "no real power": ("pow", "nan", lambda x: (x - 2.0) ** 0.5),
    "a wide sum": ("sum", "inf", lambda x: rg.sum([x * 1e308, x * 1e308, 1.0])),
    "a wide product": ("prod", "inf", lambda x: rg.prod([x * 1e300, 1e300, x])),
    "a dot product": ("dot", "inf", lambda x: rg.dot([x * 1e300, x], [1e300, 1.0])),
    "a ternary operator": ("fma", "inf", lambda x: rg.fma(x * 1e300, 1e300, 0.0)),
    "inside a composite": ("square", "inf", lambda x: rg.mse([x * 1e200], [0.0])),
    "an array of nodes": ("exp", "inf", lambda x: np.exp(np.array([x, x * 1000.0]))),
    "a function of an array": ("exp", "inf", lambda x: rg.exp(np.array([x, x * 1000.0]))),
}


@pytest.mark.parametrize("name", VALUES)
def test_an_operator_that_makes_a_value_that_is_not_finite_is_named_with_its_line(name: str) -> None:
    operator, value, compute = VALUES[name]
    x = rg.Node(1.0)
    with rg.detect_anomaly(), pytest.raises(rg.AnomalyError) as raised:
        compute(x)
    line = inspect.getsourcelines(compute)[1]
    message = str(raised.value)
    assert f"operator '{operator}'" in message
    assert f"value {value}" in message
    assert f'test_anomaly.py", line {line}, in <lambda>' in message
    assert "from operands that are" in message


TAKEN_BACK: dict[str, Callable[[rg.Node, rg.Node], Any]] = {
    "one parent": lambda x, big: x.log(),
    "a parent and a number": lambda x, big: x / 0.0,
    "two parents": lambda x, big: big * big,
    "three parents": lambda x, big: rg.fma(big, big, x),
    "many parents": lambda x, big: rg.prod([x, big, big]),
    "composite, at its first operator": lambda x, big: rg.mse([big, x], [0.0, x]),
    "composite, half-way": lambda x, big: rg.half_mse([x, big], [1.0, 0.0]),
    "composite with a setting": lambda x, big: rg.huber([x, big], [0.0, 1.0], delta=1e200),
}


@pytest.mark.parametrize("name", TAKEN_BACK)
def test_the_operator_that_raised_is_taken_back(name: str) -> None:
    x, big = rg.variables(-1.0, 1e200)
    kept = x * 2.0
    with rg.detect_anomaly(), unchanged(x, big, kept), pytest.raises(rg.AnomalyError):
        TAKEN_BACK[name](x, big)
    kept.backward()
    assert x.grad == 2.0


def test_what_comes_in_not_finite_goes_on_without_an_error() -> None:
    """Only the operator that makes inf or nan of finite operands is at fault."""
    with rg.detect_anomaly():
        x = rg.Node(math.inf)
        values = [x + 1.0, x - x, x * 0.0, rg.sum([x, 1.0]), rg.Node(1.0) * math.nan, rg.sum([rg.Node(1.0), math.inf])]
        values.append(rg.fma(rg.Node(1.0), math.inf, 0.0))
    assert not any(math.isfinite(v.value) for v in values)
    assert math.isnan(rg.log(-1.0))


def test_the_line_is_that_of_the_innermost_python_function() -> None:
    def model(x: rg.Node) -> rg.Node:
        return (
            x
            - 2.0
        ).log()  # fmt: skip

    with rg.detect_anomaly(), pytest.raises(rg.AnomalyError, match=r"in model\b"):
        model(rg.Node(1.0))


# --- Adjoints


def test_an_adjoint_that_is_not_finite_is_traced_to_the_line_that_recorded_it() -> None:
    x = rg.Node(0.0)
    with rg.detect_anomaly():
        root, line = rg.sqrt(x), line_here()
        y = root * 3.0
        with unchanged(x), pytest.raises(rg.AnomalyError) as raised:
            y.backward()
    message = str(raised.value)
    assert "reverse sweep: operator 'sqrt' (value 0.0, recorded at" in message
    assert f'test_anomaly.py", line {line}, in test_an_adjoint' in message
    assert "its own adjoint is 3.0, the partial inf" in message
    assert "gradients are as they were" in message


SWEEPS: dict[str, Callable[[rg.Node, rg.Node], Any]] = {
    "backward": lambda y, x: y.backward(),
    "tape.backward": lambda y, x: y.tape.backward([y, x], [1.0, 2.0]),
    "gradient": lambda y, x: y.tape.gradient(y, x),
    "gradient of several": lambda y, x: y.tape.gradient([y, y], [x, y], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize(
    "function", [lambda x: rg.sqrt(x), lambda x: rg.logsumexp([rg.sqrt(x), 1.0]), lambda x: rg.sum([x**0.5, 1.0, x])]
)
def test_every_sweep_checks_and_leaves_the_gradients_of_variables(name: str, function: Any) -> None:
    x, w = rg.variables(0.0, 2.0)
    x.grad, w.grad = 0.25, 0.5
    y = function(x) + w * 1.5
    with rg.detect_anomaly(), unchanged(x, w), pytest.raises(rg.AnomalyError, match="reverse sweep"):
        SWEEPS[name](y, x)
    y.backward()
    assert w.grad == 2.0


def test_a_wide_operator_whose_contributions_add_up_to_inf_is_named() -> None:
    x = rg.Node(1.0)
    with rg.detect_anomaly():
        y, line = rg.sum([x, x, 1.0]), line_here()
        y.backward(1e300)
        with (
            unchanged(x),
            pytest.raises(rg.AnomalyError, match=rf"'sum' \(value 3.0, recorded at.*line {line}\b.*1e\+308"),
        ):
            y.backward(1e308)
    assert x.grad == 2e300


def test_a_node_recorded_outside_has_no_line_and_says_so() -> None:
    x = rg.Node(0.0)
    y = rg.sqrt(x) * 3.0
    with (
        rg.detect_anomaly(),
        pytest.raises(rg.AnomalyError, match=r"'sqrt'.*outside detect_anomaly\(\); record inside"),
    ):
        y.backward()


def test_an_infinite_seed_is_not_the_operators_fault() -> None:
    x = rg.Node(1.0)
    y = x * 2.0
    with rg.detect_anomaly():
        y.backward(math.inf)
    assert x.grad == math.inf


# --- The absolute zero


def untaken_branch(x: rg.Node, w: rg.Node) -> rg.Node:
    """At x = 0 the square root has an infinite partial, and the product passes it an adjoint of 0."""
    return rg.sqrt(x) * 0.0 + w * 2.0


def test_where_zero_times_inf_was_taken_as_zero_it_warns() -> None:
    x, w = rg.variables(0.0, 1.0)
    with rg.detect_anomaly():
        y = untaken_branch(x, w)
        with pytest.warns(
            rg.AnomalyWarning, match=r"'sqrt'.*in untaken_branch.*adjoint of 0\.0.*partial of inf.*as 0"
        ) as warned:
            y.backward()
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert (x.grad, w.grad) == (0.0, 2.0)


def test_outside_nothing_warns() -> None:
    x, w = rg.variables(0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        untaken_branch(x, w).backward()
    assert (x.grad, w.grad) == (0.0, 2.0)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_warning_made_an_error_leaves_the_gradients(name: str) -> None:
    x, w = rg.variables(0.0, 1.0)
    with rg.detect_anomaly(), warnings.catch_warnings():
        y = untaken_branch(x, w)
        warnings.simplefilter("error")
        for _ in range(2):
            with unchanged(x, w), pytest.raises(rg.AnomalyWarning):
                SWEEPS[name](y, x)
        warnings.simplefilter("ignore")
        y.backward()
    assert (x.grad, w.grad) == (0.0, 2.0)


def test_a_warning_filter_may_not_sweep_the_same_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = rg.variables(0.0, 1.0)
    caught: list[Exception] = []

    def showwarning(*_: Any, **__: Any) -> None:
        try:
            (w * 1.0).backward()
        except rg.TapeBusyError as error:
            caught.append(error)

    with rg.detect_anomaly(), warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", showwarning)
        untaken_branch(x, w).backward()
    assert len(caught) == 1
    assert (x.grad, w.grad) == (0.0, 2.0)


# --- Entering and leaving


def test_it_ends_with_the_block() -> None:
    assert not detects()
    with rg.detect_anomaly():
        assert detects()
    assert not detects()


def test_it_nests_and_one_object_may_be_entered_again() -> None:
    watch = rg.detect_anomaly()
    with watch, rg.detect_anomaly(), watch:
        assert detects()
    assert not detects()
    with rg.detect_anomaly():
        with rg.detect_anomaly():
            assert detects()
        assert detects()
    assert not detects()


def test_it_ends_when_the_block_raises() -> None:
    for error in (KeyError, rg.AnomalyError, KeyboardInterrupt):
        with pytest.raises(error), rg.detect_anomaly(), rg.detect_anomaly():
            raise error
        assert not detects()
    with pytest.raises(rg.AnomalyError), rg.detect_anomaly():
        rg.log(rg.Node(-1.0))
    assert not detects()


def test_it_watches_tapes_made_before_inside_and_by_others() -> None:
    before = rg.Tape().variable(-1.0)
    with rg.detect_anomaly():
        inside = rg.Tape().variable(-1.0)
        with rg.Tape():
            current = rg.Node(-1.0)
        for x in (before, inside, current, rg.Node(-1.0)):
            with pytest.raises(rg.AnomalyError):
                rg.log(x)
    for x in (before, inside, current):
        assert math.isnan(rg.log(x).value)


def test_it_is_the_threads_own() -> None:
    answers: dict[str, bool] = {}

    def work(name: str, watch: bool) -> None:
        if watch:
            with rg.detect_anomaly():
                answers[name] = detects()
        else:
            answers[name] = detects()

    def on_threads() -> None:
        for name, watch in (("watching", True), ("plain", False)):
            thread = threading.Thread(target=work, args=(name, watch))
            thread.start()
            thread.join()

    on_threads()
    assert answers == {"watching": True, "plain": False}
    assert not detects()
    with rg.detect_anomaly():
        on_threads()
        assert answers == {"watching": True, "plain": False}
        assert detects()
    assert not detects()


def test_it_cannot_be_left_on_another_thread_or_without_entering() -> None:
    watch = rg.detect_anomaly()
    with pytest.raises(rg.ReelgradError, match="entered"):
        watch.__exit__(None, None, None)
    caught: list[BaseException] = []

    def leave() -> None:
        try:
            watch.__exit__(None, None, None)
        except rg.TapeThreadError as error:
            caught.append(error)

    with watch:
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        assert len(caught) == 1
        assert detects()
    assert not detects()


def test_values_and_gradients_are_the_same_bits_inside_and_outside() -> None:
    def run() -> list[str]:
        w = list(rg.variables(0.3, -0.7, 1.1))
        loss = (
            rg.mse([rg.tanh(a * b + 0.1) for a in w for b in w], [0.5] * 9)
            + rg.logsumexp(w)
            + rg.where(w[0] > 0, w[1], w[2])
        )
        loss.backward()
        return [repr(v) for v in (loss.value, *(x.grad for x in w))]

    outside = run()
    with rg.detect_anomaly():
        assert run() == outside
    assert run() == outside


def test_nothing_is_left_behind() -> None:
    """Recording goes on at once, and lines that were kept go with their operators."""
    tape = rg.Tape(limit=1000)
    x = tape.variable(0.5)
    for _ in range(3):
        with rg.detect_anomaly():
            for _ in range(5000):
                y = x * 2.0
        for _ in range(5000):
            y = x * 3.0
        with rg.detect_anomaly(), tape.scope():
            rg.sum([x, y, 1.0])
    del y
    tape.collect()
    assert (len(tape), tape.stats()["nodes"], tape.stats()["wide"]) == (0, 1, 0)


def test_lines_stay_right_after_collection_and_rewind() -> None:
    tape = rg.Tape(limit=500)
    x = tape.variable(0.0)
    with rg.detect_anomaly():
        y, line = rg.sqrt(x), line_here()
        for _ in range(2000):
            x + 1.0
            with tape.scope():
                x + 2.0
        tape.collect()
        with pytest.raises(rg.AnomalyError) as raised:
            y.backward()
    found = re.search(r"'sqrt'.*line (\d+)", str(raised.value))
    assert found is not None
    assert int(found[1]) == line
