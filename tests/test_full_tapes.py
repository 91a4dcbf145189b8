"""Tapes that run full: a lowered limit, and memory that the system refuses (injected here, for once each).

Whatever failed, the tape is as it was, what it holds is still right, and it is usable when there is room again. A
process that truly runs out of memory is in test_processes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import reelgrad as rg
from node_uses import RECORDING, SWEEPS
from reelgrad._core import _testing  # type: ignore[attr-defined]
from tape_state import state, unchanged

FIRST_CAPACITY = 1 << 16  # operators a new tape has room for
FIRST_VARIABLES = 1 << 10
SLAB = 1 << 10  # Nodes


@pytest.fixture(autouse=True)
def no_failure_left_over() -> Iterator[None]:
    yield
    _testing.fail_commit(0, times=0)
    rg.Tape().variable(0.0)  # uses up a slab's failure


# --- A lowered limit


def full_tape(limit: int = 100) -> tuple[rg.Node, rg.Node, list[rg.Node]]:
    """A variable of 1.0, the end of a chain of additions that fills its tape, and variables that fill it too."""
    tape = rg.Tape(limit=limit)
    x = tape.variable(1.0)
    y = x
    for _ in range(limit):
        y = y + x
    return x, y, [tape.variable(k) for k in range(limit - 1)]


def test_a_full_tape_refuses_another_operator_and_keeps_what_it_has() -> None:
    x, y, variables = full_tape()
    with unchanged(x, y, *variables), pytest.raises(rg.TapeMemoryError, match=r"100 operations, its limit.*let go"):
        y + x
    with (
        unchanged(x, y, *variables),
        pytest.raises(rg.TapeMemoryError, match=r"100 variables, its limit.*plain numbers"),
    ):
        x.tape.variable(1.0)
    y.backward()
    assert (y.value, x.grad) == (101.0, 101.0)


@pytest.mark.parametrize("name", RECORDING)
def test_no_use_of_a_node_passes_the_limit(name: str) -> None:
    x, y, _ = full_tape()
    with unchanged(x, y), pytest.raises(rg.TapeMemoryError, match="100 operations"):
        RECORDING[name](y)


def test_sweeping_needs_no_room() -> None:
    x, y, _ = full_tape()
    for sweep in SWEEPS.values():
        sweep(y)
    assert x.grad > 0.0


def test_a_full_tape_is_usable_as_soon_as_results_are_let_go() -> None:
    x, y, variables = full_tape()
    with pytest.raises(rg.TapeMemoryError):
        y * 2.0
    del y, variables
    z = x * 3.0
    z.backward()
    assert (z.value, x.grad, len(x.tape)) == (3.0, 3.0, 1)
    assert x.tape.variable(5.0).value == 5.0
    assert x.tape.stats()["variables"] == 2


def test_a_full_tape_is_usable_after_rewind_and_reset() -> None:
    tape = rg.Tape(limit=10)
    x = tape.variable(1.0)
    mark = tape.mark()
    for go_back in (lambda: tape.rewind(mark), tape.reset):
        nodes = [x + 1.0 for _ in range(10)]
        with pytest.raises(rg.TapeMemoryError):
            x + 1.0
        assert len(nodes) == len(tape) == 10
        go_back()
        assert len(tape) == 0
    assert (x + 1.0).value == 2.0


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 64, 1000, FIRST_CAPACITY, FIRST_CAPACITY + 1])
def test_a_tape_holds_as_many_operators_as_its_limit_says(limit: int) -> None:
    tape = rg.Tape(limit=limit)
    x = y = tape.variable(1.0)
    for _ in range(limit):
        y = y + x
    with unchanged(x, y), pytest.raises(MemoryError):
        y + x
    assert len(tape) == tape.stats()["limit"] == limit
    y.backward()
    assert x.grad == limit + 1


@pytest.mark.parametrize("limit", [2, 10, 100])
def test_a_plain_loop_fits_a_small_tape_if_one_step_does(limit: int) -> None:
    tape = rg.Tape(limit=limit)
    w = tape.variable(4.0)
    for _ in range(20 * limit):
        loss = w * 0.5
        loss.backward()
        w.value -= 0.01 * w.grad
        w.zero_grad()
    assert len(tape) <= limit


LOOP: dict[str, Callable[[rg.Node, rg.Node], Any]] = {
    "softmax": lambda x, y: rg.softmax([x, y, x]),
    "cross_entropy": lambda x, y: rg.cross_entropy([x, y, x], 1),
    "mse": lambda x, y: rg.mse([x, y], [1.0, y]),
    "huber": lambda x, y: rg.huber([x, y], [1.0, 2.0]),
    "bce_with_logits": lambda x, y: rg.bce_with_logits([x, y], [1.0, 0.0]),
    "gelu": lambda x, y: rg.gelu(x),
    "mean": lambda x, y: rg.mean([x, y]),
    "dot": lambda x, y: rg.dot([x, y], [y, x]),
    "fma": lambda x, y: rg.fma(x, y, x),
    "divmod": lambda x, y: divmod(x, y),
    "where": lambda x, y: rg.where(x > y, x, y),
}


@pytest.mark.parametrize("name", LOOP)
def test_garbage_makes_way_for_what_takes_several_operators(name: str) -> None:
    tape = rg.Tape(limit=64)
    x, y = tape.variables(0.25, 0.75)
    for _ in range(200):
        LOOP[name](x, y)
    assert len(tape) <= 64


@pytest.mark.parametrize("name", LOOP)
@pytest.mark.parametrize("room", range(6))
def test_what_takes_several_operators_leaves_nothing_when_there_is_no_room_for_all(name: str, room: int) -> None:
    tape = rg.Tape(limit=32)
    x, y = tape.variables(0.25, 0.75)
    kept = [x * y for _ in range(32 - room)]
    before = state(tape, x, y, *kept)
    try:
        result = LOOP[name](x, y)
    except rg.TapeMemoryError:
        assert state(tape, x, y, *kept) == before
    else:
        assert len(tape) > 32 - room
        del result
    tape.collect()
    assert len(tape) == 32 - room


# --- Memory that the system refuses


@pytest.mark.parametrize("column", range(4))
def test_a_refused_column_of_operators_leaves_the_tape_as_it_was(column: int) -> None:
    tape = rg.Tape()
    x = y = tape.variable(1.0)
    for _ in range(FIRST_CAPACITY):
        y = y + x
    _testing.fail_commit(column, times=8)
    with unchanged(x, y), pytest.raises(rg.TapeMemoryError, match=r"no more memory.*let go"):
        y + x
    _testing.fail_commit(0, times=0)
    y.backward()
    assert x.grad == FIRST_CAPACITY + 1
    z = y + x  # the system gives again
    z.backward()
    assert (z.value, x.grad) == (FIRST_CAPACITY + 2.0, 2.0 * FIRST_CAPACITY + 3.0)


@pytest.mark.parametrize("column", range(3))
def test_a_refused_column_of_variables_leaves_the_tape_as_it_was(column: int) -> None:
    tape = rg.Tape()
    variables = [tape.variable(float(k), name=str(k)) for k in range(FIRST_VARIABLES)]
    y = rg.sum(variables)
    _testing.fail_commit(column, times=8)
    with unchanged(*variables, y), pytest.raises(rg.TapeMemoryError, match="no more memory"):
        tape.variable(-1.0, name="new")
    _testing.fail_commit(0, times=0)
    more = tape.variable(-1.0, name="new")
    assert (more.value, more.name, more.grad) == (-1.0, "new", 0.0)
    (y + more).backward()
    assert [v.grad for v in variables] == [1.0] * FIRST_VARIABLES
    assert variables[5].name == "5"


def test_a_refused_column_is_no_error_while_there_is_garbage_to_collect() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    for _ in range(FIRST_CAPACITY):
        x * 2.0
    _testing.fail_commit(0, times=8)
    assert (x * 3.0).value == 3.0
    assert tape.stats()["collections"] == 1


@pytest.mark.parametrize("commit", range(7))
def test_a_tape_that_cannot_be_made_is_a_memory_error(commit: int) -> None:
    current = rg.current_tape()
    _testing.fail_commit(commit)
    with pytest.raises(rg.TapeMemoryError, match="memory"):
        rg.Tape()
    assert rg.current_tape() is current
    assert rg.Tape().variable(2.0).value == 2.0


def tape_without_a_free_slot() -> tuple[rg.Node, list[rg.Node]]:
    x = rg.Tape().variable(0.5)
    return x, [x + 1.0 for _ in range(SLAB - 1)]


@pytest.mark.parametrize("name", RECORDING)
def test_a_refused_slab_of_nodes_leaves_the_tape_as_it_was(name: str) -> None:
    x, kept = tape_without_a_free_slot()
    _testing.fail_next_slab()
    with unchanged(x, *kept[:5]), pytest.raises(rg.TapeMemoryError, match="memory"):
        RECORDING[name](x)
    RECORDING[name](x)
    (x * 2.0).backward()
    assert x.grad == 2.0


@pytest.mark.parametrize(
    "make", [lambda t: t.variable(1.0), lambda t: t.variable(1.0, name="w"), lambda t: t.variables(1, 2)]
)
def test_a_refused_slab_for_a_variable_leaves_the_tape_as_it_was(make: Callable[[rg.Tape], Any]) -> None:
    x, _kept = tape_without_a_free_slot()
    _testing.fail_next_slab()
    with unchanged(x), pytest.raises(rg.TapeMemoryError, match="memory"):
        make(x.tape)
    make(x.tape)
    assert x.tape.stats()["variables"] in (2, 3)
