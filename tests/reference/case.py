"""How a row of the reference is written, and how far a result may lie from it.

A ``Case`` states what a primitive must yield: where the arguments are an edge row, the row; where one is nan, nan;
outside the domain nan; else what mpmath finds at high precision. ``None`` means that nothing is promised.

A value may be off by ``value_ulps`` ulp of itself, or of ``value_floor`` where that is larger; a partial by
``partial_ulps`` ulp of itself or of ``partial_floor``. Wider tolerances than the defaults give their ``reason``.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from mpmath import mpf

INF, NAN = math.inf, math.nan
PRECISION = 240  # bits

GRID = (
    -1.3,
    0.49,
    0.99,
    1.01,
    0.0,
    -0.0,
    INF,
    -INF,
    NAN,
    1e300,
    -1e300,
    1e-300,
    -1e-300,
    -2.0,
    -1.0,
    1.0,
    2.0,
    3.0,
    0.5,
    -2.5,
)
SHORT_GRID = (-1.3, 0.49, 0.0, -0.0, INF, -INF, NAN, 1.0, 2.0, 1e300)

Expected = tuple["float | mpf | None", ...]


def same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Equal as numbers with a sign; nan equals nan."""
    return all(
        (x != x and y != y) or (x == y and math.copysign(1.0, x) == math.copysign(1.0, y))
        for x, y in zip(a, b, strict=True)
    )


@dataclass(frozen=True)
class Case:
    value: Callable[..., Any]
    partials: tuple[Callable[..., Any], ...]
    edges: tuple[Expected, ...] = ()  # rows of arguments, value, partials
    special: Callable[..., Expected | None] = lambda *_: None  # the same as a function, where rows would be many
    domain: Callable[..., bool] = lambda *_: True
    arguments: tuple[tuple[float, ...], ...] | None = None  # default: all combinations of the grid
    value_ulps: float = 4.0
    value_floor: float | Callable[..., float] = 0.0
    partial_ulps: float = 4.0
    partial_floor: float | Callable[..., float] = 1.0
    reason: str = ""

    @property
    def arity(self) -> int:
        return len(self.partials)

    def floors(self, *arguments: float) -> list[float]:
        """The floors of the value and of each partial."""
        value, partial = (f(*arguments) if callable(f) else f for f in (self.value_floor, self.partial_floor))
        return [value] + [partial] * self.arity

    def grid(self) -> list[tuple[float, ...]]:
        if self.arguments is not None:
            return list(self.arguments)
        return list(itertools.product(SHORT_GRID if self.arity == 3 else GRID, repeat=self.arity))

    def points(self, name: str, count: int) -> list[tuple[float, ...]]:
        """The grid and, where any number will do, random arguments: `count` of all sizes, as many below 1."""
        found = self.grid()
        if self.arguments is None:
            rng = random.Random(name)
            for _ in range(count):
                sizes = [10.0 ** rng.uniform(-6.0, 2.5) for _ in range(self.arity)]
                found.append(tuple(rng.choice([-1.0, 1.0]) * size for size in sizes))
                found.append(tuple(rng.uniform(-1.0, 1.0) for _ in range(self.arity)))
        return found

    def expected(self, arguments: Sequence[float]) -> Expected:
        """Value and partials at the arguments; None where nothing is promised."""
        with mpmath.workprec(PRECISION):
            for row in self.edges:
                if same(row[: self.arity], arguments):
                    return row[self.arity :]
            stated = self.special(*arguments)
            if stated is not None:
                return stated
            if not all(x == x for x in arguments):
                return (NAN, NAN) if self.arity == 1 else (NAN, *(None,) * self.arity)
            if not self.domain(*arguments):
                return (NAN,) * (1 + self.arity)
            exact = [mpf(x) for x in arguments]
            return (self.value(*exact), *(p(*exact) for p in self.partials))


def constant(value: float) -> Callable[..., mpf]:
    return lambda *_: mpf(value)


def error_in_ulps(got: float, want: float | mpf, floor: float = 0.0) -> float:
    """Distance in ulp of the exact number, or of `floor` where that is larger."""
    if isinstance(want, float) and want != want:
        return 0.0 if got != got else INF
    if got != got:
        return INF
    rounded = float(want)
    if math.isinf(rounded) or math.isinf(got):
        largest = math.nextafter(INF, 0.0)  # an overflow may come one rounding early or late
        return 0.0 if got == rounded or abs(got - math.copysign(largest, rounded)) < 8 * math.ulp(largest) else INF
    unit = math.ulp(max(abs(rounded), floor))
    with mpmath.workprec(PRECISION):
        return float(abs(mpf(got) - mpf(want)) / unit)
