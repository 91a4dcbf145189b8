"""Reverse mode in plain Python: what the tape must agree with, bit for bit.

An ``Entry`` is a variable or the result of an operator, with its partials written here by hand. ``sweep`` goes from the
newest entry to the oldest, in the order that the tape promises, so that sums are rounded alike. Constants are floats.

The partials are independent of the engine. The values of transcendental functions are the engine's own, taken as
functions of floats: whether those are right is the business of the tests of the operators.
"""

from __future__ import annotations

import cmath
import itertools
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import reelgrad as rg

INF, NAN = math.inf, math.nan


def bits(x: float) -> str:
    """Equal for equal numbers, the sign of zero told apart; all nan are equal."""
    return "nan" if x != x else struct.pack(">d", x).hex()


def divide(a: float, b: float) -> float:
    """a / b as IEEE has it, where Python would raise."""
    if b != 0.0:
        return a / b
    return NAN if a == 0.0 or a != a else math.copysign(INF, a) * math.copysign(1.0, b)


@dataclass(frozen=True)
class Rule:
    """An operator: its value, and its partials given the operands and the value."""

    value: Callable[..., float]
    partials: Callable[..., Sequence[float]]
    selecting: bool = False
    analytic: Callable[..., complex] | None = None  # the same for complex numbers
    several: bool = False  # takes a list


def half(x: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    return x[: len(x) // 2], x[len(x) // 2 :]


def plain_sum(x: Iterable[float]) -> float:
    total = 0.0
    for element in x:  # the built-in sum is compensated from Python 3.12 on
        total += element
    return total


def maximum(a: float, b: float) -> float:
    return a if a != a or a > b else b


def minimum(a: float, b: float) -> float:
    return a if a != a or a < b else b


def shares(a_wins: bool, tie: bool) -> tuple[float, float]:
    share = 0.5 if tie else float(a_wins)
    return share, 1.0 - share


def clip(x: float, lo: float, hi: float) -> float:
    raised = lo if x < lo or lo != lo else x
    return hi if raised > hi or hi != hi else raised


def clip_partials(x: float, lo: float, hi: float) -> tuple[float, float, float]:
    by_lo, by_hi = (0.0, 1.0) if lo > hi else (float(x < lo), float(x > hi))  # where they cross, hi is the value
    return float(not (x < lo or x > hi)), by_lo, by_hi


RULES: dict[str, Rule] = {
    "add": Rule(lambda a, b: a + b, lambda a, b, y: (1.0, 1.0), analytic=lambda a, b: a + b),
    "sub": Rule(lambda a, b: a - b, lambda a, b, y: (1.0, -1.0), analytic=lambda a, b: a - b),
    "mul": Rule(lambda a, b: a * b, lambda a, b, y: (b, a), analytic=lambda a, b: a * b),
    "div": Rule(divide, lambda a, b, y: (divide(1.0, b), divide(-y, b))),
    "maximum": Rule(maximum, lambda a, b, y: shares(a > b or a != a, a == b), selecting=True),
    "minimum": Rule(minimum, lambda a, b, y: shares(a < b or a != a, a == b), selecting=True),
    "neg": Rule(lambda x: -x, lambda x, y: (-1.0,), analytic=lambda x: -x),
    "square": Rule(lambda x: x * x, lambda x, y: (2.0 * x,), analytic=lambda x: x * x),
    "abs": Rule(abs, lambda x, y: (0.0 if x == 0.0 else math.copysign(1.0, x) if x == x else NAN,), selecting=True),
    "relu": Rule(lambda x: 0.0 if x <= 0.0 else x, lambda x, y: (0.0 if x <= 0.0 else 1.0,), selecting=True),
    "exp": Rule(rg.exp, lambda x, y: (y,)),
    "log": Rule(rg.log, lambda x, y: (divide(1.0, x) if x >= 0.0 else NAN,)),
    "sqrt": Rule(rg.sqrt, lambda x, y: (divide(0.5, y),)),
    "tanh": Rule(rg.tanh, lambda x, y: (1.0 - y * y,), analytic=cmath.tanh),
    "sin": Rule(rg.sin, lambda x, y: (rg.cos(x),), analytic=cmath.sin),
    "cos": Rule(rg.cos, lambda x, y: (-rg.sin(x),), analytic=cmath.cos),
    "where": Rule(
        lambda c, a, b: a if c else b, lambda c, a, b, y: (0.0, 1.0, 0.0) if c else (0.0, 0.0, 1.0), selecting=True
    ),
    "clip": Rule(
        clip,
        lambda x, lo, hi, y: clip_partials(x, lo, hi),
        selecting=True,
    ),
    "sum": Rule(plain_sum, lambda x, y: [1.0] * len(x), several=True, analytic=lambda x: sum(x)),
    "dot": Rule(
        lambda x: plain_sum(a * b for a, b in zip(*half(x), strict=True)),
        lambda x, y: [*half(x)[1], *half(x)[0]],
        several=True,
        analytic=lambda x: sum(a * b for a, b in zip(*half(x), strict=True)),
    ),
}


@dataclass(eq=False)
class Entry:
    """A variable, if it has no parents, or an operator's result. A constant operand has no place among the parents."""

    value: float
    parents: list[Entry] = field(default_factory=list)
    partials: list[float] = field(default_factory=list)
    selecting: bool = False
    is_variable: bool = True
    stamp: int = field(default_factory=itertools.count().__next__)


def record(name: str, operands: Sequence[Entry | float]) -> Entry:
    """The operator of that name; at least one operand is an Entry."""
    rule = RULES[name]
    numbers = [x.value if isinstance(x, Entry) else x for x in operands]
    y = rule.value(numbers) if rule.several else rule.value(*numbers)
    partials = rule.partials(numbers, y) if rule.several else rule.partials(*numbers, y)
    edges = [(x, p) for x, p in zip(operands, partials, strict=True) if isinstance(x, Entry)]
    return Entry(y, [x for x, _ in edges], [p for _, p in edges], rule.selecting, is_variable=False)


def contribution(adjoint: float, partial: float, selecting: bool) -> float:
    """adjoint * partial with the absolute zero: what was not taken does not count."""
    c = adjoint * partial
    return 0.0 if c != c and (adjoint == 0.0 or (selecting and partial == 0.0)) else c


def sweep(outputs: Sequence[Entry], seeds: Sequence[float]) -> dict[Entry, float]:
    """The adjoint of every ancestor of the outputs."""
    adjoint: dict[Entry, float] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        adjoint[output] = adjoint.get(output, 0.0) + seed
    ancestors = set(outputs)
    pending = list(outputs)
    while pending:
        for parent in pending.pop().parents:
            if parent not in ancestors:
                ancestors.add(parent)
                pending.append(parent)
    for entry in sorted(ancestors, key=lambda e: e.stamp, reverse=True):
        g = adjoint.setdefault(entry, 0.0)
        for parent, partial in zip(entry.parents, entry.partials, strict=True):
            adjoint[parent] = adjoint.get(parent, 0.0) + contribution(g, partial, entry.selecting)
    return adjoint
