"""Tapes and threads: a tape belongs to the thread that made it, and each thread has a current tape of its own.

On another thread one may read and let go of Nodes, and nothing else. Also what `with Tape()` does with generators and
when it is left in another order than it was entered.
"""

from __future__ import annotations

import gc
import operator
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import reelgrad as rg
from node_uses import JOINT, READS, RECORDING, SWEEPS
from tape_state import assert_runs, unchanged


def on_a_thread(work: Callable[[], Any]) -> Any:
    """Run `work` on a new thread; return what it returned, or raise what it raised."""
    result: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return result[0]


TAPE_CALLS: dict[str, Callable[[rg.Node], Any]] = {
    "variable": lambda x: x.tape.variable(1.0),
    "variables": lambda x: x.tape.variables(1.0, 2.0),
    "mark": lambda x: x.tape.mark(),
    "reset": lambda x: x.tape.reset(),
    "collect": lambda x: x.tape.collect(),
    "zero_grad": lambda x: x.tape.zero_grad(),
    "node.zero_grad": lambda x: x.zero_grad(),
    "set value": lambda x: setattr(x, "value", 2.0),
    "set grad": lambda x: setattr(x, "grad", 2.0),
    "with Tape": lambda x: x.tape.__enter__(),
    "with scope": lambda x: x.tape.scope().__enter__(),
}


@pytest.mark.parametrize("name", TAPE_CALLS | SWEEPS | RECORDING)
def test_a_foreign_thread_may_not_record_sweep_or_change(name: str) -> None:
    x = rg.Tape().variable(0.5, name="x")
    x.grad = 3.0
    call = (TAPE_CALLS | SWEEPS | RECORDING)[name]
    with unchanged(x), pytest.raises(rg.TapeThreadError, match="thread"):
        on_a_thread(lambda: call(x))
    (x * 2.0).backward()
    assert x.grad == 5.0


def test_a_foreign_thread_may_not_go_back() -> None:
    tape = rg.Tape()
    x = tape.variable(0.5)
    mark, scope = tape.mark(), tape.scope()
    with scope:
        y = x * 2.0
        for go_back in (lambda: tape.rewind(mark), lambda: scope.__exit__(None, None, None)):
            with unchanged(x, y), pytest.raises(rg.TapeThreadError, match="thread"):
                on_a_thread(go_back)
        assert y.value == 1.0
    assert repr(y) == "Node(stale)"
    on_a_thread(lambda: repr(mark))


@pytest.mark.parametrize("name", JOINT)
def test_a_foreign_node_beside_an_own_one_is_refused(name: str) -> None:
    x = rg.Tape().variable(0.5)

    def work() -> None:
        own = rg.Node(0.25)
        for pair in ((x, own), (own, x)):
            with unchanged(own), pytest.raises((rg.TapeThreadError, rg.TapeMismatchError)):
                JOINT[name](*pair)

    with unchanged(x):
        on_a_thread(work)


def test_a_foreign_thread_may_read() -> None:
    x = rg.Tape().variable(0.5, name="x")
    y = x * 3.0
    y.backward()

    def read() -> tuple[Any, ...]:
        for use in READS.values():
            use(x), use(y)
        return (
            x.value,
            x.grad,
            x.name,
            y.value,
            repr(x),
            f"{y:.1f}",
            y.operator,
            y.tape.stats()["operators"],
            len(x.tape),
        )

    assert on_a_thread(read) == (0.5, 3.0, "x", 1.5, "Node(0.5, name='x', grad=3.0)", "1.5", "mul", 1, 1)
    assert on_a_thread(lambda: y.tape) is x.tape


def test_each_thread_has_a_current_tape_of_its_own() -> None:
    own = rg.current_tape()

    def work() -> tuple[bool, float]:
        w = rg.Node(3.0)
        (w * w).backward()
        return rg.current_tape() is w.tape is not own, w.grad

    assert on_a_thread(work) == (True, 6.0)
    assert rg.current_tape() is own


def test_the_tape_of_a_thread_that_ended_is_nobodys_and_can_be_read() -> None:
    def work() -> tuple[rg.Node, rg.Node]:
        w = rg.Node(3.0)
        loss = w * w
        loss.backward()
        return w, loss

    # A new thread may get the operating system's number of one that ended.
    for w, loss in [on_a_thread(work) for _ in range(5)]:
        assert (w.value, w.grad, loss.value) == (3.0, 6.0, 9.0)
        for use, arguments in ((operator.mul, (w, 2.0)), (loss.backward, ()), (on_a_thread, (loss.backward,))):
            with unchanged(w, loss), pytest.raises(rg.TapeThreadError):
                use(*arguments)


def test_nodes_may_die_on_any_thread() -> None:
    tape = rg.Tape(limit=100_000)
    x = tape.variable(1.0)
    alive = tape.stats()["nodes"]
    batches: list[list[rg.Node]] = []
    stop = threading.Event()

    def drop() -> None:
        while not stop.is_set() or batches:
            try:
                batch = batches.pop()
            except IndexError:
                continue
            while batch:
                batch.pop()

    threads = [threading.Thread(target=drop) for _ in range(4)]
    for thread in threads:
        thread.start()
    y = x
    for k in range(150):
        batch = [x * float(j) for j in range(1000)]
        y = y + batch[-1]
        batches.append(batch)
        del batch
        if k % 16 == 0:
            tape.collect()
    stop.set()
    for thread in threads:
        thread.join()
    y.backward()
    assert (y.value, x.grad) == (1.0 + 150 * 999.0, 1.0 + 150 * 999.0)
    del y
    assert tape.stats()["nodes"] == alive
    assert tape.stats()["collected"] > 10_000


def test_a_tape_may_die_on_another_thread_before_and_after_its_nodes() -> None:
    tape = rg.Tape()
    x = tape.variable(2.0)
    box: list[Any] = [tape, x, x * 3.0]
    del tape, x
    on_a_thread(box.clear)

    tape = rg.Tape()
    box = [tape]
    x = tape.variable(2.0)
    del tape
    on_a_thread(box.clear)
    y = x * x
    y.backward()
    assert x.grad == 4.0


def test_threads_compute_side_by_side() -> None:
    def train(target: float) -> float:
        w = rg.Node(0.0)
        for _ in range(300):
            loss = (w * 2.0 - target) ** 2
            w.zero_grad()
            loss.backward()
            w.value -= 0.1 * w.grad
        return w.value

    results: dict[float, float] = {}
    threads = [
        threading.Thread(target=lambda t=float(t): results.update({t: train(t)}))  # type: ignore[misc]
        for t in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(abs(results[t] - t / 2) < 1e-9 for t in map(float, range(8)))


@pytest.mark.parametrize("where", ["threading.local", "thread"])
def test_what_a_thread_still_does_while_it_ends_is_safe(where: str) -> None:
    """An object in threading.local dies after the thread's own tape, and may make variables in its __del__."""
    assert_runs(
        f"""
        import threading
        import reelgrad as rg

        local = threading.local()
        made = []

        class Last:
            def __del__(self):
                x = rg.Node(3.0)
                y = x * x
                y.backward()
                made.append(x.grad)

        def work():
            rg.Node(1.0)
            if "{where}" == "threading.local":
                local.last = Last()
                with rg.Tape():
                    local.tape = rg.current_tape()
            else:
                last = Last()

        for _ in range(20):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert made == [6.0] * 20, made
        print("ok")
        """
    )


# --- The current tape


def test_leaving_a_tape_invalidates_nothing() -> None:
    outer = rg.current_tape()
    with rg.Tape() as tape:
        assert rg.current_tape() is tape
        x = rg.Node(2.0)
        y = x * x
    assert rg.current_tape() is outer
    z = y * x
    z.backward()
    assert (x.grad, z.tape, rg.Node(1.0).tape) == (12.0, tape, outer)


def test_with_nests_also_for_the_same_tape_and_with_errors() -> None:
    outer = rg.current_tape()
    tape, inner = rg.Tape(), rg.Tape()
    with tape, inner, tape:
        assert rg.current_tape() is tape
        with pytest.raises(ZeroDivisionError), inner:
            1 / 0  # noqa: B018
        assert rg.current_tape() is tape
    assert rg.current_tape() is outer


def test_tapes_may_be_left_in_another_order_than_they_were_entered() -> None:
    outer = rg.current_tape()
    a, b, c = rg.Tape(), rg.Tape(), rg.Tape()
    for tape in (a, b, c):
        tape.__enter__()
    b.__exit__(None, None, None)
    assert rg.current_tape() is c
    c.__exit__(None, None, None)
    assert rg.current_tape() is a
    a.__exit__(None, None, None)
    assert rg.current_tape() is outer
    a.__exit__(None, None, None)
    outer.__exit__(None, None, None)
    assert rg.current_tape() is outer


def generated(tape: rg.Tape) -> Iterator[rg.Node]:
    with tape:
        while True:
            yield rg.Node(1.0)


def test_a_generator_inside_with_tape_may_be_dropped_at_any_time() -> None:
    outer = rg.current_tape()
    first, second = rg.Tape(), rg.Tape()
    one, two = generated(first), generated(second)
    x, y = next(one), next(two)
    assert (x.tape, y.tape, rg.current_tape()) == (first, second, second)
    del one
    gc.collect()
    assert rg.current_tape() is second
    two.close()
    assert rg.current_tape() is outer
    assert (x * 2.0).tape is first


def test_a_tape_that_is_dropped_lives_on_in_its_nodes() -> None:
    x = rg.Tape().variable(2.0, name="x")
    gc.collect()
    y = x * x + 1.0
    y.backward()
    assert (x.name, x.grad, y.value) == ("x", 4.0, 5.0)
    tape = x.tape
    assert tape is y.tape
    assert len(tape) == 2
    z = tape.variable(1.0)
    del tape, x, y
    assert (z * z).value == 1.0
    assert z.tape.stats()["nodes"] == 1


def test_a_current_tape_that_only_the_thread_still_knows_lives_on() -> None:
    rg.Tape().__enter__()
    tape = rg.current_tape()
    x = rg.Node(1.0)
    assert x.tape is tape
    tape.__exit__(None, None, None)
    assert rg.current_tape() is not tape
