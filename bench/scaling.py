"""How workloads scale: each at sizes from 1 to 100,000, its variants in interleaved rounds at every size.

A `Curve` gives, for a size, the ways to do the work; a way is prepared, its answer checked, and only then timed, as
often in one turn as fills a few milliseconds. Whoever would need more than a second for one call stays out from that
size on; that is told from the time at the size before.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from time import perf_counter
from typing import NamedTuple

from bench.names import is_own, is_reference
from bench.parts import made
from bench.timing import Metric, Rounds, Variant, interleave, timed

TURN = 5e-3  # seconds that a turn should take at least
LONGEST = 1.0  # and one call at most
REPEATS = 1_000  # calls in one turn, at most
WARMING = 12  # calls before, at most


class Way(NamedTuple):
    """What is timed, for how many units one call counts, and what raises unless the answer is right."""

    work: Callable[[], object]
    units: float
    check: Callable[[], None]


class Sized(NamedTuple):
    """A workload at one size, which may differ a little from the one asked for; the makers prepare, untimed."""

    size: int
    ways: Mapping[str, Callable[[], Way]]


@dataclass(frozen=True)
class Curve:
    """A workload by size.

    `at` gives it at about that size; what must be left after the timing it enters into the stack.
    """

    workload: str
    what: str
    unit: str
    note: str
    at: Callable[[int, ExitStack], Sized]
    sizes: Sequence[int] = (1, 10, 100, 1_000, 10_000, 100_000)


class Scaling(NamedTuple):
    """A curve as measured: the times per unit at each size, and the peers that are missing."""

    curve: Curve
    rows: list[tuple[int, Rounds]]
    missing: list[str]

    def names(self) -> list[str]:
        """Return the variants' names: references first, then reelgrad's."""
        names = dict.fromkeys(name for _, rounds in self.rows for name in rounds.variants())
        return sorted(names, key=lambda name: (not is_reference(name), not is_own(name)))


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def _seconds(work: Callable[[], object]) -> float:
    """Return the shortest of some calls, which also warm up: CPython specialises bytecode after the eighth."""
    calls: list[float] = []
    gc.collect()
    gc.freeze()  # as in the rounds
    while len(calls) < WARMING and sum(calls) < LONGEST / 4.0:
        start = perf_counter()
        work()
        calls.append(perf_counter() - start)
    gc.unfreeze()
    return min(calls)


def _variant(name: str, way: Way) -> Variant | None:
    """Return what takes part in the rounds, or None for a way that would take too long."""
    way.check()
    seconds = _seconds(way.work)
    if seconds > LONGEST:
        return None
    repeats = min(ceil(TURN / seconds), REPEATS)
    return Variant(name, timed(partial(_repeat, way.work, repeats), repeats * way.units))


def measure_curve(curve: Curve, rounds: int, most: int = 100_000) -> Scaling:
    """Time the curve up to the size `most`."""
    missing: list[str] = []
    rows: list[tuple[int, Rounds]] = []
    longest: dict[str, tuple[int, float]] = {}  # by variant: the size measured last, and seconds for one call
    for about in curve.sizes:
        if about > most:
            break
        with ExitStack() as stack:
            size, ways = curve.at(about, stack)
            variants, units = [], {}
            for name, make in ways.items():
                before, seconds = longest.get(name, (size, 0.0))
                if seconds * size / before > LONGEST:
                    continue
                way = made(make, missing)
                if way is None:
                    continue
                variant = _variant(name, way)
                if variant is None:
                    longest[name] = size, inf
                else:
                    variants.append(variant)
                    units[name] = way.units
            found = interleave(f"scaling, {curve.workload}, {size:,}", variants, rounds)
        longest |= {name: (size, found.minimum(Metric(name)) * n) for name, n in units.items()}
        rows.append((size, found))
    return Scaling(curve, rows, sorted(set(missing)))
