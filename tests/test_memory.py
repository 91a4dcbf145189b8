"""Memory is bounded without ceremony: plain loops, with no reset and no scope, run in what the first steps took.

Each loop does a few million operators (or makes as many entries in rows, or variables). Then neither the tape's figures
nor the process's resident memory may have grown since the loop had run full once.
"""

from __future__ import annotations

import collections
import gc
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reelgrad as rg

STATM = Path("/proc/self/statm")
PAGE = 4096
SLACK = 3 << 20  # bytes: what an allocator may keep back, some 1 % of what would leak here


def resident() -> int:
    """Bytes of the process in memory; 0 where the system does not tell in this way."""
    return int(STATM.read_text().split()[1]) * PAGE if STATM.exists() else 0


def assert_flat(step: Callable[[int], object], steps: int, tape: rg.Tape) -> None:
    """Half of the steps for the memory to find its size, the other half to hold it."""
    for k in range(steps // 2):
        step(k)
    gc.collect()
    resident_before = resident()
    before = empty_stats(tape)
    for k in range(steps // 2, steps):
        step(k)
    assert resident() - resident_before < SLACK
    after = empty_stats(tape)
    assert (after["capacity"], after["bytes_committed"]) == (before["capacity"], before["bytes_committed"])


def empty_stats(tape: rg.Tape) -> dict[str, int]:
    """Of the tape without garbage: how much there is when one looks is a matter of chance."""
    tape.collect()
    return tape.stats()


def test_a_plain_training_loop() -> None:
    tape = rg.Tape()
    weights = tape.variables(0.1, -0.2, 0.3, 0.4)
    data = [(0.1 * k, 0.2 * k - 1.0) for k in range(40)]

    def step(_: int) -> None:
        a, b, c, d = weights
        loss: Any = 0.0
        for x, target in data:
            error = (a * x + b).tanh() * c + d - target
            loss = loss + error * error
        loss.backward()
        for w in weights:
            w.value -= 1e-3 * w.grad
        tape.zero_grad()

    assert_flat(step, 10_000, tape)  # 2.8 million operators
    assert tape.stats()["collections"] > 20
    assert tape.stats()["capacity"] == 1 << 16


def test_a_loop_that_makes_nodes_of_its_data() -> None:
    with rg.Tape() as tape:
        w = rg.Node(0.5)

        def step(k: int) -> None:
            xs = [rg.Node(0.01 * (i + k)) for i in range(10)]
            loss: Any = sum((w * x - 1.0) ** 2 for x in xs)
            loss.backward()
            w.grad = 0.0

        assert_flat(step, 60_000, tape)  # 600,000 variables, 2.4 million operators
        assert tape.stats()["variables"] < 1 << 12


def test_a_loop_over_named_variables() -> None:
    tape = rg.Tape()
    assert_flat(lambda k: tape.variable(1.0, name=f"the name of the variable {k}"), 400_000, tape)


def test_a_loop_of_wide_nodes() -> None:
    tape = rg.Tape()
    xs = tape.variables(*[0.001 * k for k in range(1000)])
    ys = [0.5] * 1000

    def step(_: int) -> None:
        rg.dot(xs, ys).backward()

    assert_flat(step, 6000, tape)  # 12 million entries in rows
    assert tape.stats()["bytes_committed"] < 32 << 20


@pytest.mark.parametrize(
    "loss", [rg.mse, rg.huber, rg.bce_with_logits, rg.cross_entropy, lambda x, t: rg.sum(rg.softmax(x))]
)
def test_a_loop_whose_operators_are_recorded_by_composites(loss: Callable[..., rg.Node]) -> None:
    tape = rg.Tape()
    xs = tape.variables(*[0.01 * k for k in range(100)])
    targets = [0.01] * 100
    assert_flat(lambda _: loss(xs, targets).backward(), 4000, tape)
    assert tape.stats()["collections"] > 3


def test_a_loop_that_keeps_its_latest_nodes_and_drops_older_ones() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    latest: collections.deque[rg.Node] = collections.deque(maxlen=1000)

    def step(_: int) -> None:
        for _ in range(100):
            latest.append(x * 2.0)

    assert_flat(step, 20_000, tape)
    assert {node.value for node in latest} == {2.0}
    assert tape.stats()["nodes"] == 1001


def test_a_loop_that_now_and_then_holds_many_nodes() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    assert_flat(lambda _: [x * 2.0 for _ in range(20_000)], 100, tape)


def test_a_loop_of_scopes_marks_and_resets() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)

    def step(k: int) -> None:
        with tape.scope():
            for _ in range(10):
                x * 2.0
        mark = tape.mark()
        (x * 3.0).backward()
        tape.rewind(mark)
        if k % 100 == 0:
            tape.reset()

    assert_flat(step, 100_000, tape)
    assert tape.stats()["marks"] == 0
    assert tape.stats()["rewinds"] >= 200_000


def test_many_tapes_made_and_dropped() -> None:
    """Also where Nodes outlive their Tape: the last of them takes it along."""
    survivors: collections.deque[rg.Node] = collections.deque(maxlen=3)

    def step(_: int) -> None:
        tape = rg.Tape()
        x = tape.variable(2.0)
        survivors.append(x * x)
        tape.mark()

    assert_flat(step, 2000, rg.current_tape())
    assert [node.value for node in survivors] == [4.0] * 3
    if sys.platform == "linux":
        assert len(Path("/proc/self/maps").read_text().splitlines()) < 5000


def test_dropping_a_large_graph_gives_its_memory_to_the_next() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)

    def step(_: int) -> None:
        y = x
        for _ in range(300_000):
            y = y * 1.0
        y.backward()

    assert_flat(step, 8, tape)


def test_a_chain_of_two_million_operators_differentiates() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    y = x
    for _ in itertools.repeat(None, 1_000_000):
        y = (y + x) * 0.5
    y.backward()
    assert len(tape) == 2_000_000
    assert x.grad == 1.0
    assert tape.nbytes <= 45 * len(tape)
