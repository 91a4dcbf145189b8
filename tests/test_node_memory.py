"""What a Node costs and who keeps it: size, garbage collector, references, and that nothing leaks, errors included.

A leak is looked for without a debug build: over many calls the interpreter's allocated blocks, the references to the
type, the objects of the garbage collector and the live Nodes of the tape must come back to what they were.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import operator
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

REPEATS = 100
NOISE = 30  # blocks that caches and free lists of the interpreter may keep


def test_a_node_is_32_bytes_and_the_garbage_collector_does_not_see_it() -> None:
    x = rg.Node(1.0)
    y = x * 2.0
    assert sys.getsizeof(x) == sys.getsizeof(y) == rg.Node.__basicsize__ == 32
    assert not gc.is_tracked(x)
    assert not gc.is_tracked(y)
    before = len(gc.get_objects())
    nodes = [x + 1.0 for _ in range(1000)]
    assert len(gc.get_objects()) - before <= 2  # the list
    del nodes


def test_an_operand_is_not_kept_alive_by_its_result() -> None:
    x = rg.Node(1.0)
    assert sys.getrefcount(x) == 2
    results = [x * x, rg.sum([x, x]), rg.fma(x, x, x), x + 1.0, rg.mean([x])]
    results[0].backward()
    assert sys.getrefcount(x) == 2


def test_a_result_has_one_reference() -> None:
    x = rg.Node(1.0)
    for y in (
        x + 1.0,
        -x,
        rg.exp(x),
        rg.sum([x, x]),
        rg.where(True, x, 0.0),
        rg.softmax([x, x])[0],
        x.tape.variable(1),
    ):
        assert sys.getrefcount(y) == 3  # the loop's tuple, `y` and the argument


def test_the_live_nodes_of_a_tape_are_counted() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    nodes = [x * k for k in map(float, range(5000))]
    assert tape.stats()["nodes"] == 5001
    del nodes[:4000]
    assert tape.stats()["nodes"] == 1001
    nodes.clear()
    assert tape.stats()["nodes"] == 1
    del x
    assert tape.stats()["nodes"] == 0


def test_dropping_nodes_gives_their_memory_back() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    tape.collect()
    slabs = tape.stats()["bytes_committed"]
    nodes = [+(x * 1.0) for _ in range(50_000)]
    grown = tape.stats()["bytes_committed"]
    nodes.clear()
    tape.collect()
    assert grown - slabs >= 48_000 * 32
    assert tape.stats()["bytes_committed"] - slabs <= 1024 * 32  # one slab of 1024 is kept for what comes next


pytestmark = pytest.mark.usefixtures("few_objects")


class Case:
    """One call, on fresh operands that live as long as the case."""

    def __init__(self) -> None:
        self.tape = rg.Tape()
        self.x = self.tape.variable(0.5, name="x")
        self.y = self.tape.variable(0.25)
        self.z = self.x * self.y
        self.foreign = rg.Tape().variable(1.0)
        with self.tape.scope():
            self.stale = self.x * 2.0
        self.array = np.array([0.5, 1.5])
        self.objects = np.array([self.x, self.y])
        self.mark = self.tape.mark()


CALLS: dict[str, Callable[[Case], Any]] = {
    "node + node": lambda c: c.x + c.y,
    "node + float": lambda c: c.x + 1.5,
    "float - node": lambda c: 1.5 - c.x,
    "node * int": lambda c: c.x * 123456,
    "node * big int": lambda c: c.x * 2**100,
    "node * numpy scalar": lambda c: c.x * np.float32(2),
    "numpy scalar * node": lambda c: np.float64(2) * c.x,
    "node * 0-d array": lambda c: c.x * np.array(2.0),
    "node * array": lambda c: c.x * c.array,
    "array * node": lambda c: c.array * c.x,
    "array @ nodes": lambda c: c.array @ c.objects,
    "node ** 2": lambda c: c.x**2,
    "divmod": lambda c: divmod(c.x, 0.3),
    "neg abs pos": lambda c: -abs(+c.x),
    "round floor": lambda c: (round(c.x), c.x.__floor__()),
    "unary function": lambda c: rg.tanh(c.x),
    "unary method": lambda c: c.x.tanh(),
    "function of a float": lambda c: rg.tanh(1.25),
    "function of an array": lambda c: rg.tanh(c.array),
    "function of nodes in an array": lambda c: rg.tanh(c.objects),
    "two arrays": lambda c: rg.atan2(c.array, c.objects),
    "keywords": lambda c: rg.clip(c.x, lo=0.0, hi=1.0),
    "default operand": lambda c: (rg.leaky_relu(c.x), c.x.leaky_relu()),
    "fma": lambda c: rg.fma(c.x, 2.0, c.y),
    "where": lambda c: rg.where(c.x > 0, c.x, 0.0),
    "sum": lambda c: rg.sum([c.x, 1.0, c.y]),
    "sum of a generator": lambda c: rg.sum(n for n in (c.x, c.y)),
    "dot": lambda c: rg.dot([c.x, c.y], c.array),
    "softmax": lambda c: rg.softmax([c.x, c.y, 1.0]),
    "cross_entropy": lambda c: rg.cross_entropy([c.x, c.y], 1),
    "huber": lambda c: rg.huber([c.x], [1.0], delta=0.5),
    "silu": lambda c: rg.silu(c.x),
    "variable": lambda c: c.tape.variable(1.0, name="a name long enough to be allocated"),
    "Node": lambda c: rg.Node(1.0, name="a name long enough to be allocated"),
    "variables": lambda c: rg.variables(1.0, 2.0),
    "compare": lambda c: (c.x < c.y, c.x == 1.5, c.x == "a", c.x >= 2),
    "bool hash": lambda c: (bool(c.x), hash(c.x)),
    "attributes": lambda c: (
        c.x.value,
        c.x.grad,
        c.x.name,
        c.z.operator,
        c.x.is_variable,
        c.x.tape,
        c.x.real,
        c.x.imag,
    ),
    "set": lambda c: (setattr(c.x, "value", 0.5), setattr(c.x, "grad", 1.25)),
    "repr": lambda c: (repr(c.x), f"{c.x:.3f}", repr(c.stale)),
    "copy": lambda c: (copy.copy(c.x), copy.deepcopy([c.x, c.x])),
    "pickle": lambda c: pickle.loads(pickle.dumps(c.x)),
    "backward": lambda c: (c.z.backward(), c.z.backward(2.0), c.x.zero_grad()),
    "tape.backward": lambda c: c.tape.backward([c.z, c.x], [1.0, 2.5]),
    "gradient": lambda c: (c.tape.gradient(c.z, [c.x, c.y]), c.tape.gradient([c.z, c.x], c.x, [1.5, 2.5])),
    "mark rewind scope": lambda c: (c.tape.rewind(c.mark), c.tape.scope().__enter__()),
    "stats": lambda c: (c.tape.stats(), len(c.tape), repr(c.tape), c.tape.nbytes),
    "with Tape": lambda c: rg.Tape().__enter__().__exit__(None, None, None),
    "anomaly": lambda c: watched(c),
}
FAILURES: dict[str, Callable[[Case], Any]] = {
    "refused operand": lambda c: c.x + "a",
    "refused on the left": lambda c: Fraction(1, 3) + c.x,
    "unsupported": lambda c: c.x + None,
    "too large": lambda c: c.x * 10**400,
    "refused in an array": lambda c: c.x * np.array(["a"], dtype=object),
    "function of text": lambda c: rg.tanh("a"),
    "function of complex": lambda c: rg.tanh(c.array * 1j),
    "wrong count": lambda c: rg.atan2(c.x),
    "wrong keyword": lambda c: rg.clip(c.x, low=0.0, hi=1.0),
    "twice": lambda c: rg.clip(c.x, 0.0, 1.0, lo=0.0),
    "condition": lambda c: rg.where(c.x, 1.0, 2.0),
    "sum of text": lambda c: rg.sum([c.x, "a"]),
    "generator that raises": lambda c: rg.sum(1 / 0 for _ in [c.x]),
    "lengths": lambda c: rg.mse([c.x], [1.0, 2.0]),
    "empty": lambda c: rg.mean([]),
    "no class": lambda c: rg.cross_entropy([c.x], 7),
    "float": lambda c: float(c.x),
    "int": lambda c: int(c.x),
    "ratio": lambda c: c.x.as_integer_ratio(),
    "round": lambda c: round(c.x, 2),
    "modulus": lambda c: pow(c.x, 2, 3),
    "compare": lambda c: c.x < "a",
    "compare in python": lambda c: c.x < Decimal(1),
    "format": lambda c: f"{c.x:q}",
    "set": lambda c: setattr(c.x, "value", "a"),
    "set intermediate": lambda c: setattr(c.z, "grad", 1.0),
    "delete": lambda c: delattr(c.x, "grad"),
    "name": lambda c: c.tape.variable(1.0, name=5),
    "surrogate name": lambda c: c.tape.variable(1.0, name="\ud800"),
    "Node of a node": lambda c: rg.Node(c.x),
    "copy": lambda c: copy.copy(c.z),
    "pickle": lambda c: pickle.dumps([c.x, c.z]),
    "stale": lambda c: c.stale + 1.0,
    "stale in sum": lambda c: rg.sum([c.x, c.stale]),
    "stale value": lambda c: c.stale.value,
    "two tapes": lambda c: c.x + c.foreign,
    "two tapes in sum": lambda c: rg.sum([c.x, c.foreign]),
    "two tapes in fma": lambda c: rg.fma(c.x, c.foreign, 1.0),
    "backward": lambda c: c.z.backward("a"),
    "seeds": lambda c: c.tape.backward([c.z], [1.0, 2.0]),
    "gradient": lambda c: c.tape.gradient(c.z, [1.0]),
    "foreign gradient": lambda c: c.tape.gradient(c.z, [c.foreign]),
    "foreign mark": lambda c: c.tape.rewind(c.foreign.tape.mark()),
    "limit": lambda c: rg.Tape(limit=0),
    "anomaly": lambda c: provoke_anomaly(c),
}


def watched(case: Case) -> None:
    with rg.detect_anomaly():
        (case.x * case.z).backward()


def provoke_anomaly(case: Case) -> None:
    with rg.detect_anomaly():
        case.x.log() * rg.log(case.y - 0.25)


def quiet(call: Callable[[Case], Any], case: Case, error: bool) -> None:
    try:
        call(case)
    except Exception:
        if not error:
            raise
    else:
        assert not error, "the call was expected to raise"


def references(case: Case) -> tuple[int, ...]:
    return tuple(map(sys.getrefcount, (case.x, case.y, case.z, case.foreign, case.stale, case.array, rg.Node)))


def growth(call: Callable[[Case], Any], case: Case, error: bool) -> int:
    """By how many blocks, objects, nodes or references `REPEATS` calls grew what they should not."""
    gc.collect()
    before = (sys.getallocatedblocks(), len(gc.get_objects()), case.tape.stats()["nodes"], *references(case))
    for _ in range(REPEATS):
        quiet(call, case, error)
    gc.collect()  # copy.deepcopy makes cycles of its own
    after = (sys.getallocatedblocks(), len(gc.get_objects()), case.tape.stats()["nodes"], *references(case))
    return max(new - old for new, old in zip(after, before, strict=True))


@pytest.mark.parametrize(
    ("call", "error"),
    [pytest.param(call, False, id=name) for name, call in CALLS.items()]
    + [pytest.param(call, True, id=f"error: {name}") for name, call in FAILURES.items()],
)
def test_nothing_leaks(call: Callable[[Case], Any], error: bool) -> None:
    case = Case()
    nodes = case.tape.stats()["nodes"]
    # The first rounds fill caches of NumPy and the interpreter; a leak grows in every round.
    assert any(growth(call, case, error) < NOISE for _ in range(25))
    assert case.tape.stats()["nodes"] == nodes


@pytest.mark.parametrize(
    "apply", [operator.add, operator.mul, operator.pow, operator.floordiv], ids=lambda f: f.__name__
)
def test_references_to_plain_operands_come_back(apply: Callable[[Any, Any], Any]) -> None:
    x = rg.Node(1.5)
    operands = [123456.75, 123456789, np.float64(2.5), np.array(2.5), Fraction(1, 3), "text", np.ones(2), 10**400]
    before = [sys.getrefcount(o) for o in operands]
    for _ in range(50):
        for operand in operands:
            for pair in ((x, operand), (operand, x)):
                with contextlib.suppress(TypeError, OverflowError):
                    apply(*pair)
    del operand, pair
    assert [sys.getrefcount(o) for o in operands] == before


def test_a_plain_loop_allocates_nothing_in_python() -> None:
    x = rg.Node(0.5)

    def step() -> None:
        loss = ((x * 3.0 - 1.0) ** 2).tanh()
        loss.backward()
        x.value -= 1e-6 * x.grad
        x.zero_grad()

    step()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10_000):
            step()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2000
    assert peak - before < 20_000
