"""Interleaved rounds: how the report compares.

Absolute times drift with the machine's clock and its other guests, so variants take turns, round by round, and what
counts is the median over the rounds of the ratio within one round. The first round warms up and is dropped.
"""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import NamedTuple

CORES = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set[int]()  # before pin()


SHORT = 0.02  # seconds up to which a turn begins with a run that is not timed


def pin() -> int | None:
    """Keep this process on one core, the last that it may use; return its number, or None where that cannot be done."""
    if not CORES:
        return None
    core = max(CORES)
    os.sched_setaffinity(0, {core})
    return core


def unpin() -> None:
    """Let the thread that calls, and threads that it starts, use all cores that the process had at first."""
    if CORES:
        os.sched_setaffinity(0, CORES)


@dataclass(frozen=True)
class Variant:
    """One way to do the work.

    `run` does it and returns seconds (per operator, per step ...) by metric. A slow one takes part only in every
    `every`-th round.
    """

    name: str
    run: Callable[[], Mapping[str, float]]
    every: int = 1


class Metric(NamedTuple):
    """What was measured: of which variant, and what of it."""

    variant: str
    name: str = "time"


class Rounds:
    """The times of all rounds."""

    def __init__(self, rows: Sequence[Mapping[Metric, float]]) -> None:
        self._rows = rows

    def __contains__(self, metric: Metric) -> bool:
        return any(metric in row for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def variants(self) -> list[str]:
        """Return the names of the variants, in their order."""
        return list(dict.fromkeys(metric.variant for row in self._rows for metric in row))

    def median(self, metric: Metric) -> float:
        """Return the median over the rounds."""
        return median(row[metric] for row in self._rows if metric in row)

    def minimum(self, metric: Metric) -> float:
        """Return the fastest round's time."""
        return min(row[metric] for row in self._rows if metric in row)

    def ratio(self, metric: Metric, to: Metric) -> float:
        """Return the median of metric / to within one round."""
        return median(row[metric] / row[to] for row in self._rows if metric in row and to in row)


def interleave(title: str, variants: Sequence[Variant], rounds: int) -> Rounds:
    """Run all variants in turn, `rounds` times after a round of warming up."""
    rows: list[dict[Metric, float]] = []
    short: set[str] = set()
    print(f"{title}: {rounds} rounds", file=sys.stderr, flush=True)
    gc.collect()
    gc.freeze()  # the many objects of all peers' modules are not to slow down the collections during one peer's turn
    for r in range(rounds + 1):
        row: dict[Metric, float] = {}
        for variant in variants:
            if r > 1 and (r - 1) % variant.every != 0:
                continue
            gc.collect()  # nobody pays for another's garbage; each for its own, as in use
            if variant.name in short:
                variant.run()  # nor for caches that another has filled
            start = perf_counter()
            row.update({Metric(variant.name, name): seconds for name, seconds in variant.run().items()})
            if perf_counter() - start < SHORT:
                short.add(variant.name)
        rows.append(row)
    gc.unfreeze()
    return Rounds(rows[1:])


def timed(work: Callable[[], object], units: float = 1.0) -> Callable[[], dict[str, float]]:
    """Return a variant's `run` that times `work` as a whole and divides by `units`."""

    def run() -> dict[str, float]:
        start = perf_counter()
        work()
        return {"time": (perf_counter() - start) / units}

    return run
