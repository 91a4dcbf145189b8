"""A tape and its shadow: the same calls on the engine and on a model in plain Python that never moves a thing.

Each method makes one call on the tape, holds its outcome against the model (the right error, if it has to be one) and
brings the model up to date. ``check`` compares what can be read of the Nodes. It is not called at every step: reading a
Node brings its serial number up to date, and what goes wrong with old ones should have the time to do so.

The model cannot know when the tape collects. So where a collection shows, it allows both outcomes: a mark that a rewind
or reset went past may be gone, or may stand where the tape was rewound to, if nothing between was left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

import reelgrad as rg
from reference.reverse import RULES, Entry, bits, record, sweep


@dataclass(eq=False)
class Held:
    """A Node that the program holds on to."""

    node: rg.Node
    entry: Entry


@dataclass(eq=False)
class ShadowMark:
    mark: rg.Mark
    stamp: int  # of the newest entry below it
    certain: bool = True  # nothing below it was removed: the tape must know it


class ShadowTape:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.tape = rg.Tape(limit=limit)
        self.held: list[Held] = []
        self.marks: list[ShadowMark] = []
        self.scopes: list[tuple[rg.Scope, ShadowMark]] = []
        self._entries: dict[Entry, None] = {}  # on the tape, in order
        self._grads: dict[Entry, float] = {}
        self._adjoints: dict[Entry, float] = {}  # of the last sweep
        self._names: dict[Entry, str | None] = {}
        self._newest = -1

    def is_live(self, held: Held) -> bool:
        return held.entry in self._entries

    # --- Recording

    def variable(self, value: float, name: str | None) -> None:
        try:
            node = self.tape.variable(value, name=name)
        except rg.TapeMemoryError:
            assert self._needed(variables=True) == self.limit
            return
        entry = Entry(value)
        self._grads[entry], self._names[entry] = 0.0, name
        self._add(node, entry)

    def record(self, name: str, operands: Sequence[Held | float]) -> None:
        arguments = [x.node if isinstance(x, Held) else x for x in operands]
        any_stale = any(isinstance(x, Held) and not self.is_live(x) for x in operands)
        try:
            node = self._call(name, arguments)
        except rg.TapeMemoryError:
            assert self._needed(variables=False) == self.limit
            return
        except rg.StaleNodeError:
            assert any_stale
            return
        assert not any_stale
        self._add(node, record(name, [x.entry if isinstance(x, Held) else x for x in operands]))

    # --- Gradients

    def backward(self, outputs: Sequence[Held], seeds: Sequence[float]) -> None:
        nodes = [x.node for x in outputs]
        if not all(map(self.is_live, outputs)):
            with pytest.raises(rg.StaleNodeError):
                self.tape.backward(nodes, seeds)
            return
        self.tape.backward(nodes, seeds)
        self._adjoints = sweep([x.entry for x in outputs], seeds)
        for entry in self._grads:
            self._grads[entry] += self._adjoints.get(entry, 0.0)

    def gradient(self, output: Held, xs: Sequence[Held]) -> None:
        nodes = [x.node for x in xs]
        if not all(map(self.is_live, [output, *xs])):
            with pytest.raises(rg.StaleNodeError):
                self.tape.gradient(output.node, nodes)
            return
        slopes = self.tape.gradient(output.node, nodes)
        self._adjoints = sweep([output.entry], [1.0])
        assert [bits(s) for s in slopes] == [bits(self._adjoints.get(x.entry, 0.0)) for x in xs]

    def zero_grad(self) -> None:
        self.tape.zero_grad()
        self._grads = dict.fromkeys(self._grads, 0.0)

    def set_value(self, held: Held, value: float) -> None:
        if not self.is_live(held):
            with pytest.raises(rg.StaleNodeError):
                held.node.value = value
        elif not held.entry.is_variable:
            with pytest.raises(rg.VariableError):
                held.node.value = value
        else:
            held.node.value = held.entry.value = value

    def set_grad(self, held: Held, grad: float) -> None:
        if self.is_live(held) and held.entry.is_variable:
            held.node.grad = self._grads[held.entry] = grad

    # --- Going back

    def mark(self) -> None:
        self.marks.append(ShadowMark(self.tape.mark(), self._newest))

    def rewind(self, mark: ShadowMark) -> None:
        try:
            self.tape.rewind(mark.mark)
        except rg.StaleNodeError:
            assert not mark.certain
        else:
            self._rewound_to(mark)

    def enter_scope(self) -> None:
        scope = self.tape.scope()
        scope.__enter__()
        # The scope keeps its mark to itself; one taken here stands at the same place.
        self.scopes.append((scope, ShadowMark(self.tape.mark(), self._newest)))

    def leave_scope(self) -> None:
        scope, mark = self.scopes.pop()
        try:
            scope.__exit__(None, None, None)
        except rg.StaleNodeError:
            assert not mark.certain
        else:
            self._rewound_to(mark)

    def reset(self) -> None:
        self.tape.reset()
        oldest = min((e.stamp for e in self._entries if not e.is_variable), default=self._newest + 1)
        for mark in self._all_marks():
            mark.certain &= mark.stamp < oldest
        self._remove(lambda e: not e.is_variable)

    def rewind_often(self, times: int) -> None:
        """Records and rewinds: afterwards all is as before, but for the serial numbers."""
        with self.tape.scope():
            pass
        for _ in range(times):
            mark = self.tape.mark()
            self.tape.variable(0.0)
            self.tape.rewind(mark)

    def collect(self) -> None:
        self.tape.collect()
        stats = self.tape.stats()
        assert stats["operators"] == self._needed(variables=False)
        assert stats["variables"] == self._needed(variables=True)

    def drop(self, held: Held) -> None:
        self.held.remove(held)

    def forget(self, mark: ShadowMark) -> None:
        self.marks.remove(mark)

    # --- What can be read

    def check_one(self, held: Held) -> None:
        node, entry = held.node, held.entry
        if not self.is_live(held):
            for read in (lambda: node.value, lambda: node.grad, lambda: node * 2.0, lambda: node.backward()):
                with pytest.raises(rg.StaleNodeError):
                    read()
            return
        grad = self._grads[entry] if entry.is_variable else self._adjoints.get(entry, 0.0)
        assert (bits(node.value), bits(node.grad)) == (bits(entry.value), bits(grad))
        assert (node.is_variable, node.name) == (entry.is_variable, self._names.get(entry))

    def check(self) -> None:
        for held in self.held:
            self.check_one(held)
        stats = self.tape.stats()
        assert self._needed(variables=False) <= stats["operators"] <= len(self._entries) - len(self._grads)
        assert self._needed(variables=True) <= stats["variables"] <= len(self._grads)
        assert stats["nodes"] == len(self.held)

    # --- The model

    @staticmethod
    def _call(name: str, arguments: Sequence[rg.Node | float]) -> Any:
        function = getattr(rg, name)
        if name == "dot":
            return function(arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :])
        return function(arguments) if RULES[name].several else function(*arguments)

    def _add(self, node: rg.Node, entry: Entry) -> None:
        self._entries[entry] = None
        self._newest = entry.stamp
        self.held.append(Held(node, entry))

    def _all_marks(self) -> list[ShadowMark]:
        return self.marks + [mark for _, mark in self.scopes]

    def _rewound_to(self, target: ShadowMark) -> None:
        stamp = target.stamp
        for mark in self._all_marks():
            if mark.stamp > stamp:
                mark.stamp, mark.certain = stamp, False
        self._remove(lambda e: e.stamp > stamp)

    def _remove(self, is_removed: Callable[[Entry], bool]) -> None:
        for kept in (self._entries, self._grads, self._adjoints, self._names):
            for entry in [e for e in kept if is_removed(e)]:
                del kept[entry]

    def _needed(self, *, variables: bool) -> int:
        """How many entries the held Nodes depend on: what no collection may free."""
        needed = {x.entry for x in self.held if self.is_live(x)}
        pending = list(needed)
        while pending:
            new = [p for p in pending.pop().parents if p not in needed]
            needed.update(new)
            pending += new
        return sum(e.is_variable == variables for e in needed)
