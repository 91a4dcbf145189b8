"""Wrong use of nodes and tapes in one process: stale nodes, two tapes, wrong arguments.

Each raises an error that says what was wrong and what to do, and leaves the tape as it was. Processes that run out of
memory, are interrupted, fork or end are in test_processes.py, full tapes in test_full_tapes.py, threads in
test_threads.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from node_uses import COPIES, JOINT, READS, RECORDING, SETS, SWEEPS
from tape_state import raised_by, unchanged

# --- Stale nodes


def by_rewind(tape: rg.Tape, x: rg.Node) -> rg.Node:
    mark = tape.mark()
    removed = x * 2.0
    tape.rewind(mark)
    return removed


def by_rewind_of_a_variable(tape: rg.Tape, x: rg.Node) -> rg.Node:
    mark = tape.mark()
    removed = tape.variable(2.0)
    tape.rewind(mark)
    return removed


def by_scope(tape: rg.Tape, x: rg.Node) -> rg.Node:
    with tape.scope():
        return x * 2.0


def by_scope_left_with_an_error(tape: rg.Tape, x: rg.Node) -> rg.Node:
    with contextlib.suppress(KeyError), tape.scope():
        removed = rg.sum([x, x, x])
        raise KeyError
    return removed


def by_reset(tape: rg.Tape, x: rg.Node) -> rg.Node:
    removed = x * 2.0
    tape.reset()
    return removed


REMOVALS = [by_rewind, by_rewind_of_a_variable, by_scope, by_scope_left_with_an_error, by_reset]


@pytest.mark.parametrize("remove", REMOVALS)
def test_every_use_of_a_removed_node_raises_and_changes_nothing(remove: Any) -> None:
    tape = rg.Tape()
    x = tape.variable(0.5)
    stale = remove(tape, x)
    # Other nodes now stand at its index, and at those around it.
    others = [tape.variable(7.0), *(x * k for k in map(float, range(5)))]
    for name, use in (READS | SETS | SWEEPS | COPIES | RECORDING).items():
        with unchanged(x, *others):
            error = raised_by(use, stale)
        assert isinstance(error, rg.StaleNodeError), name
        assert "rewind() or reset()" in str(error), name
    for name, joint in JOINT.items():
        for pair in ((stale, x), (x, stale)):
            with unchanged(x, *others):
                error = raised_by(joint, *pair)
            assert isinstance(error, rg.StaleNodeError), f"{name} beside a node"


def test_a_removed_node_still_prints_hashes_and_tells_its_tape() -> None:
    tape = rg.Tape()
    stale = by_scope(tape, tape.variable(0.5))
    assert repr(stale) == str(stale) == f"{stale}" == "Node(stale)"
    assert hash(stale) == hash(stale)
    assert stale.tape is tape
    assert stale is stale.real
    assert {stale: 1}[stale] == 1


def test_a_removed_node_stays_removed_however_much_is_recorded_and_rewound() -> None:
    tape = rg.Tape()
    x = tape.variable(0.5)
    stale = [by_scope(tape, x), by_rewind_of_a_variable(tape, x)]
    for _ in range(10_000):
        with tape.scope():
            x * tape.variable(2.0)
    tape.collect()
    for _ in range(70_000):
        x * 2.0
    for node in stale:
        with pytest.raises(rg.StaleNodeError):
            node.value  # noqa: B018


def test_backward_on_a_reset_tape_is_refused_and_variables_go_on() -> None:
    tape = rg.Tape()
    x = tape.variable(3.0, name="x")
    y = x * x
    y.backward()
    tape.reset()
    with unchanged(x), pytest.raises(rg.StaleNodeError, match="compute it again"):
        y.backward()
    assert (x.value, x.grad, x.name, len(tape)) == (3.0, 6.0, "x", 0)
    (x * x).backward()
    assert x.grad == 12.0


def test_a_mark_that_was_removed_is_refused() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    early = tape.mark()
    x * 2.0
    late = tape.mark()
    tape.rewind(early)
    with unchanged(x), pytest.raises(rg.StaleNodeError, match="mark"):
        tape.rewind(late)
    assert "no longer" in repr(late)
    tape.rewind(early)
    x * 2.0
    reset = tape.mark()
    tape.reset()
    with unchanged(x), pytest.raises(rg.StaleNodeError, match=r"mark\(\)"):
        tape.rewind(reset)


@pytest.mark.parametrize("wrong", [None, 0, "mark", object], ids=repr)
def test_what_is_no_mark_is_refused(wrong: Any) -> None:
    x = rg.Tape().variable(1.0)
    with unchanged(x), pytest.raises(TypeError, match="Mark"):
        x.tape.rewind(wrong)


def test_a_mark_of_another_tape_is_refused() -> None:
    x = rg.Tape().variable(1.0)
    with unchanged(x), pytest.raises(rg.TapeMismatchError, match="another tape"):
        x.tape.rewind(rg.Tape().mark())


def test_leaving_a_scope_that_was_not_entered_is_an_error() -> None:
    x = rg.Tape().variable(1.0)
    with unchanged(x), pytest.raises(rg.ReelgradError):
        x.tape.scope().__exit__(None, None, None)


def test_an_error_inside_a_scope_comes_through_whatever_else_happened_there() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    x * 2.0

    def reset_and_fail() -> None:
        with tape.scope():
            tape.reset()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        reset_and_fail()


# --- Two tapes


@pytest.mark.parametrize("name", JOINT)
def test_nodes_of_two_tapes_are_refused_together(name: str) -> None:
    x, other = rg.Node(0.5), rg.Tape().variable(0.25)
    for pair in ((x, other), (other, x)):
        with unchanged(x), unchanged(other), pytest.raises(rg.TapeMismatchError, match=r"(two|several) tapes.*value"):
            JOINT[name](*pair)


def test_the_cures_for_two_tapes_work() -> None:
    x, tape = rg.Node(0.5), rg.Tape()
    assert (x * tape.variable(0.25).value).value == 0.125
    assert (x.tape.variable(0.25) * x).value == 0.125


SWEEPS_OF_TWO: dict[str, Callable[[rg.Node, rg.Node], Any]] = {
    "backward of a foreign node": lambda x, o: x.tape.backward(o),
    "backward of both": lambda x, o: x.tape.backward([x, o]),
    "gradient of a foreign node": lambda x, o: x.tape.gradient(o, x),
    "gradient with respect to a foreign node": lambda x, o: x.tape.gradient(x, o),
    "gradient with respect to both": lambda x, o: x.tape.gradient(x, [x, o]),
}


@pytest.mark.parametrize("name", SWEEPS_OF_TWO)
def test_a_sweep_of_a_foreign_node_is_refused(name: str) -> None:
    x, other = rg.Node(0.5), rg.Tape().variable(0.25)
    with unchanged(x), unchanged(other), pytest.raises(rg.TapeMismatchError, match=r"another tape.*node\.tape"):
        SWEEPS_OF_TWO[name](x, other)


# --- Wrong arguments of sweeps and tapes

ERRORS: dict[str, tuple[type[Exception], str, Callable[[rg.Node], Any]]] = {
    "seed is text": (rg.NodeTypeError, r"backward\(seed\): got str '1'", lambda x: x.backward("1")),
    "seed is None": (rg.NodeTypeError, r"backward\(seed\): got NoneType None", lambda x: x.backward(None)),
    "seed is a node": (rg.NodeTypeError, r"backward\(seed\): got.*Node\(1.0\)", lambda x: x.backward(x)),
    "two seeds": (TypeError, "backward.*1", lambda x: x.backward(1.0, 2.0)),
    "unknown keyword": (TypeError, "retain_graph", lambda x: x.backward(retain_graph=True)),
    "output is a number": (rg.NodeTypeError, "got float", lambda x: x.tape.backward(1.0)),
    "output is None": (rg.NodeTypeError, "got NoneType", lambda x: x.tape.backward(None)),
    "outputs hold a number": (rg.NodeTypeError, "got float 1.0", lambda x: x.tape.backward([x, 1.0])),
    "outputs are text": (rg.NodeTypeError, "got str", lambda x: x.tape.backward("xy")),
    "too many seeds": (rg.LengthError, "1 outputs.*not 2", lambda x: x.tape.backward([x], [1.0, 2.0])),
    "too few seeds": (rg.LengthError, "2 outputs.*not 1", lambda x: x.tape.backward([x, x], [1.0])),
    "one seed for two": (rg.LengthError, "2 outputs.*not 1", lambda x: x.tape.backward([x, x], 1.0)),
    "no seeds": (rg.LengthError, "1 outputs.*not 0", lambda x: x.tape.backward([x], [])),
    "seeds hold text": (rg.NodeTypeError, "seeds.*got str", lambda x: x.tape.backward([x], ["1"])),
    "seeds hold a node": (rg.NodeTypeError, "seeds.*Node", lambda x: x.tape.backward([x], [x])),
    "seeds are complex": (rg.NodeTypeError, "seeds.*complex", lambda x: x.tape.backward([x], 1j)),
    "seeds are a node": (rg.NodeTypeError, "seeds.*Node", lambda x: x.tape.backward([x], x)),
    "gradient of a number": (rg.NodeTypeError, "got float", lambda x: x.tape.gradient(1.0, x)),
    "gradient to a number": (rg.NodeTypeError, "got float", lambda x: x.tape.gradient(x, 1.0)),
    "gradient to numbers": (rg.NodeTypeError, "got float", lambda x: x.tape.gradient(x, [x, 1.0])),
    "gradient's seeds": (rg.LengthError, "1 outputs.*not 2", lambda x: x.tape.gradient(x, x, [1.0, 2.0])),
    "generator that raises": (ZeroDivisionError, "division", lambda x: x.tape.backward(1 / 0 for _ in "ab")),
    "limit 0": (ValueError, "got 0", lambda x: rg.Tape(limit=0)),
    "limit -5": (ValueError, "got -5", lambda x: rg.Tape(limit=-5)),
    "limit 1.5": (TypeError, "limit", lambda x: rg.Tape(limit=1.5)),
    "limit is text": (TypeError, "limit", lambda x: rg.Tape(limit="10")),
    "limit by position": (TypeError, "Tape", lambda x: rg.Tape(10)),
    "a list for a variable": (rg.NodeTypeError, r"list \[1\.0\]", lambda x: x.tape.variable([1.0])),
    "condition is a node": (rg.NodeTypeError, "'condition'", lambda x: rg.where(x, 1.0, 2.0)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_wrong_argument_is_refused_and_changes_nothing(name: str) -> None:
    error, message, call = ERRORS[name]
    x = rg.Node(1.0)
    y = x * 3.0
    y.backward()
    x.grad = 0.0
    with unchanged(x, y), pytest.raises(error, match=message):
        call(x)


def test_nothing_is_a_fine_list_of_outputs() -> None:
    x = rg.Node(1.0)
    x.tape.backward([])
    assert x.tape.gradient([], [x]) == [0.0]
    assert x.tape.gradient(x, []) == []
    assert x.grad == 0.0


LENGTHS = ["mse", "half_mse", "mae", "huber", "hinge", "bce", "bce_with_logits", "cross_entropy", "dot"]


@pytest.mark.parametrize("name", LENGTHS)
def test_lists_of_two_lengths_are_refused_and_both_lengths_said(name: str) -> None:
    x = rg.Node(0.5)
    function = getattr(rg, name)
    for a, b, lengths in [
        ([x], [1.0, 0.0], "1 .*2"),
        ([x, x, x], [1.0], "3 .*1"),
        ([], [1.0], "0 .*1"),
        (x, [], "1 .*0"),
    ]:
        with unchanged(x), pytest.raises(rg.LengthError, match=f"{name}.*{lengths}"):
            function(a, b)


@pytest.mark.parametrize("name", [*LENGTHS, "mean", "softmax"])
def test_a_list_of_nothing_has_no_loss_and_no_mean(name: str) -> None:
    if name == "dot":
        assert rg.dot([], []) == 0.0
        return
    arguments = ([],) if name in {"mean", "softmax"} else ([], [])
    with pytest.raises(rg.LengthError, match=f"{name} of no elements.*at least one"):
        getattr(rg, name)(*arguments)


def test_reductions_of_nothing_are_their_neutral_elements() -> None:
    assert (rg.sum([]), rg.prod([]), rg.norm([]), rg.logsumexp([])) == (0.0, 1.0, 0.0, -np.inf)


@pytest.mark.parametrize("target", [2, -1, 10**30])
def test_a_class_that_does_not_exist_is_refused(target: int) -> None:
    x = rg.Node(0.5)
    with unchanged(x), pytest.raises((rg.LengthError, OverflowError)):
        rg.cross_entropy([x, x], target)


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan"), "1", None])
def test_a_huber_loss_needs_a_positive_delta(delta: Any) -> None:
    x = rg.Node(0.5)
    with unchanged(x), pytest.raises((rg.ReelgradError, ValueError), match="delta"):
        rg.huber([x], [1.0], delta=delta)


def test_every_error_is_a_reelgrad_error_and_of_the_built_in_that_fits() -> None:
    built_in = {
        rg.StaleNodeError: RuntimeError,
        rg.TapeMismatchError: ValueError,
        rg.TapeThreadError: RuntimeError,
        rg.TapeBusyError: RuntimeError,
        rg.TapeMemoryError: MemoryError,
        rg.VariableError: AttributeError,
        rg.LengthError: ValueError,
        rg.SettingError: ValueError,
        rg.NodeTypeError: TypeError,
        rg.TraceError: TypeError,
        rg.BranchError: ValueError,
        rg.PathsError: RuntimeError,
        rg.ProgramError: ValueError,
        rg.StructureError: TypeError,
        rg.AnomalyError: FloatingPointError,
        rg.DrawingError: RuntimeError,
        rg.HeadersNotFoundError: FileNotFoundError,
    }
    for error, base in built_in.items():
        assert issubclass(error, rg.ReelgradError)
        assert issubclass(error, base)
        assert error.__module__ == "reelgrad"
        assert error.__doc__
    for warning in (rg.AnomalyWarning, rg.NotFiniteWarning):
        assert issubclass(warning, RuntimeWarning)
    errors = {value for value in vars(rg).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert errors == {*built_in, rg.ReelgradError, rg.AnomalyWarning, rg.NotFiniteWarning}
