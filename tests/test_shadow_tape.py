"""Rewinding, marks, scopes, resets and collections, fuzzed against a tape that never forgets (the shadow tape).

Hypothesis looks for short programs that go wrong, and makes them shorter; the long seeded runs bring what needs many
steps: thousands of rewinds, full tapes, handles that were not read for long.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import reelgrad as rg
from reference.shadow_tape import Held, ShadowTape

T = TypeVar("T")
UNARY = ["neg", "square", "relu", "tanh"]
BINARY = ["add", "sub", "mul", "div", "maximum", "minimum"]
PICK = st.integers(0, 2**20)  # of what there is, modulo its number; 0 is the newest
NUMBER = st.sampled_from([0.0, 1.0, -1.5, 0.1, 3.0])


def nth_newest(items: list[T], k: int) -> T:
    return items[-1 - k % len(items)]


class TapePrograms(RuleBasedStateMachine):
    @initialize(limit=st.sampled_from([3, 10, 40, 2**20]))
    def make_tape(self, limit: int) -> None:
        self.shadow = ShadowTape(limit)

    def pick(self, k: int) -> Held:
        return nth_newest(self.shadow.held, k)

    def has_nodes(self) -> bool:
        return bool(self.shadow.held)

    @rule(value=NUMBER, name=st.none() | st.sampled_from("ab"))
    def variable(self, value: float, name: str | None) -> None:
        self.shadow.variable(value, name)

    @precondition(has_nodes)
    @rule(name=st.sampled_from(UNARY), a=PICK)
    def unary(self, name: str, a: int) -> None:
        self.shadow.record(name, [self.pick(a)])

    @precondition(has_nodes)
    @rule(name=st.sampled_from(BINARY), a=PICK, b=PICK | NUMBER, swap=st.booleans())
    def binary(self, name: str, a: int, b: int | float, swap: bool) -> None:
        operands = [self.pick(a), b if isinstance(b, float) else self.pick(b)]
        self.shadow.record(name, operands[::-1] if swap else operands)

    @precondition(has_nodes)
    @rule(name=st.sampled_from(["sum", "dot"]), ks=st.lists(PICK, min_size=2, max_size=6))
    def wide(self, name: str, ks: list[int]) -> None:
        self.shadow.record(name, [self.pick(k) for k in ks[: len(ks) // 2 * 2]])

    @precondition(has_nodes)
    @rule(ks=st.lists(PICK, min_size=1, max_size=3), seed=NUMBER)
    def backward(self, ks: list[int], seed: float) -> None:
        self.shadow.backward([self.pick(k) for k in ks], [seed] * len(ks))

    @precondition(has_nodes)
    @rule(y=PICK, xs=st.lists(PICK, max_size=3))
    def gradient(self, y: int, xs: list[int]) -> None:
        self.shadow.gradient(self.pick(y), [self.pick(k) for k in xs])

    @rule()
    def zero_grad(self) -> None:
        self.shadow.zero_grad()

    @precondition(has_nodes)
    @rule(k=PICK, value=NUMBER, grad=NUMBER)
    def set_value_and_grad(self, k: int, value: float, grad: float) -> None:
        self.shadow.set_value(self.pick(k), value)
        self.shadow.set_grad(self.pick(k), grad)

    @precondition(has_nodes)
    @rule(ks=st.lists(PICK, min_size=1, max_size=4))
    def drop(self, ks: list[int]) -> None:
        for k in ks:
            if self.shadow.held:
                self.shadow.drop(self.pick(k))

    @rule()
    def mark(self) -> None:
        self.shadow.mark()

    @precondition(lambda self: self.shadow.marks)
    @rule(k=PICK)
    def rewind(self, k: int) -> None:
        self.shadow.rewind(nth_newest(self.shadow.marks, k))

    @precondition(lambda self: self.shadow.marks)
    @rule(k=PICK)
    def forget_mark(self, k: int) -> None:
        self.shadow.forget(nth_newest(self.shadow.marks, k))

    @rule()
    def enter_scope(self) -> None:
        self.shadow.enter_scope()

    @precondition(lambda self: self.shadow.scopes)
    @rule()
    def leave_scope(self) -> None:
        self.shadow.leave_scope()

    @rule()
    def reset(self) -> None:
        self.shadow.reset()

    @rule()
    def collect(self) -> None:
        self.shadow.collect()

    @precondition(has_nodes)
    @rule(k=PICK)
    def look_at_one(self, k: int) -> None:
        self.shadow.check_one(self.pick(k))

    @rule()
    def look_at_all(self) -> None:
        self.shadow.check()

    def teardown(self) -> None:
        if hasattr(self, "shadow"):
            self.shadow.check()


TestShortPrograms = TapePrograms.TestCase
TestShortPrograms.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


class LongProgram:
    """A random program that now and then holds many Nodes, and now and then few."""

    def __init__(self, seed: int, limit: int) -> None:
        self.random = random.Random(seed)
        self.shadow = ShadowTape(limit)
        self.most = 100
        steps: dict[Callable[[], None], float] = {
            self.variable: 3, self.operator: 20, self.wide: 2, self.backward: 1, self.gradient: 1, self.drop: 18,
            self.mark: 2, self.rewind: 0.4, self.scope: 0.7, self.reset: 0.02, self.collect: 0.2, self.look: 0.2,
            self.rewind_often: 0.02,
        }  # fmt: skip
        self.steps, self.weights = list(steps), list(steps.values())

    def run(self, steps: int) -> None:
        for step in self.random.choices(self.steps, self.weights, k=steps):
            step()
        self.shadow.check()

    def some(self, least: int, most: int) -> list[Held]:
        """Nodes, mostly live ones and among them rather new ones, so that graphs get deep; seldom stale ones."""
        held = self.shadow.held if self.random.random() < 0.05 else list(filter(self.shadow.is_live, self.shadow.held))
        newest = held[-10:] if self.random.random() < 0.5 else held
        return self.random.choices(newest, k=self.random.randint(least, most)) if newest else []

    def variable(self) -> None:
        self.shadow.variable(self.random.uniform(-1.0, 1.0), self.random.choice([None, "w", "b"]))

    def operator(self) -> None:
        for operand in self.some(1, 1):
            others: list[Held | float] = [1.5, -0.25, *self.some(1, 1)]
            name = self.random.choice(UNARY + BINARY)
            both = [operand, self.random.choice(others)]
            self.shadow.record(name, [operand] if name in UNARY else self.random.sample(both, 2))

    def wide(self) -> None:
        if operands := self.some(2, 5):
            name = self.random.choice(["sum", "dot"])
            self.shadow.record(name, operands * 2 if name == "dot" else operands)

    def backward(self) -> None:
        if outputs := self.some(1, 2):
            self.shadow.backward(outputs, [self.random.choice([1.0, -0.5]) for _ in outputs])
        if self.random.random() < 0.2:
            self.shadow.zero_grad()

    def gradient(self) -> None:
        for output in self.some(1, 1):
            self.shadow.gradient(output, self.some(0, 3))

    def drop(self) -> None:
        for _ in range(self.random.choice([0, 1, 1, 2] if len(self.shadow.held) < self.most else [2, self.most])):
            if self.shadow.held:
                self.shadow.drop(self.random.choice(self.shadow.held))

    def mark(self) -> None:
        self.shadow.mark()
        if len(self.shadow.marks) > 10:
            self.shadow.forget(self.random.choice(self.shadow.marks))

    def rewind(self) -> None:
        if self.shadow.marks:
            self.shadow.rewind(
                self.shadow.marks[-1 - min(int(self.random.expovariate(1.0)), len(self.shadow.marks) - 1)]
            )

    def scope(self) -> None:
        if self.shadow.scopes and self.random.random() < 0.5:
            self.shadow.leave_scope()
        else:
            self.shadow.enter_scope()

    def reset(self) -> None:
        self.shadow.reset()

    def collect(self) -> None:
        self.shadow.collect()

    def look(self) -> None:
        for held in self.some(1, 3):
            self.shadow.check_one(held)

    def rewind_often(self) -> None:
        self.shadow.rewind_often(5000)


@pytest.mark.parametrize("limit", [40, 100, 2**20])
@pytest.mark.parametrize("seed", range(3))
def test_long_programs_agree_with_the_shadow(seed: int, limit: int) -> None:
    LongProgram(seed, limit).run(20_000)


def test_nodes_of_any_age_survive_ten_thousand_rewinds() -> None:
    """After 4,096 the history of rewinds is forgotten; handles that were not read since must know their fate still."""
    tape = rg.Tape()
    old = tape.variable(1.0)
    kept, gone = [], []
    base = tape.mark()
    for k in range(10_000):
        if k % 1000 == 0:
            base = tape.mark()
        inner = tape.mark()
        gone.append(old * float(k))
        tape.rewind(inner)
        kept.append(old * float(k))
        if k % 1000 == 999:
            tape.rewind(base)
            gone += kept
            kept = []
        if k % 3000 == 2999:
            tape.collect()
    assert old.value == 1.0
    for node in gone:
        with pytest.raises(rg.StaleNodeError):
            node.value  # noqa: B018 - reading is what raises
    assert kept == []


def test_marks_survive_collections() -> None:
    tape = rg.Tape()
    x = tape.variable(2.0)
    below = x * 3.0
    for _ in range(1000):
        x * 1.0
    mark = tape.mark()
    above = below * 5.0
    assert tape.collect() == 1000
    tape.rewind(mark)
    assert below.value == 6.0
    with pytest.raises(rg.StaleNodeError):
        above.value  # noqa: B018 - reading is what raises
    assert len(tape) == 1


def test_a_node_recorded_over_a_removed_one_is_not_read_through_the_old_handle() -> None:
    tape = rg.Tape()
    x = tape.variable(2.0)
    mark = tape.mark()
    old = x * 3.0
    tape.rewind(mark)
    new = x * 4.0
    assert new.value == 8.0
    with pytest.raises(rg.StaleNodeError, match="rewind"):
        old + 1.0


def test_a_name_goes_with_its_variable() -> None:
    tape = rg.Tape()
    mark = tape.mark()
    tape.variable(1.0, name="old")
    tape.rewind(mark)
    assert tape.variable(1.0).name is None
