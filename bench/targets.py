"""What the project set out to reach in speed, beside what was measured."""

from enum import Enum
from typing import NamedTuple

from bench.engines import Micrograd, Xad
from bench.figure import factor
from bench.measure import FLOATS, REELGRAD, Measurements
from bench.timing import Metric, Rounds


class Bound(Enum):
    """How a target's number binds; with the word for it."""

    AT_MOST = "at most"
    AT_LEAST = "at least"
    SOME = "some"  # at least that, within the 20 % that peers vary from run to run


class Target(NamedTuple):
    """A number and what it should be; the number is None if it was not measured."""

    claim: str
    measured: float | None
    bound: float
    kind: Bound = Bound.AT_MOST
    unit: str = "x"

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if it was not measured."""
        if self.measured is None:
            return None
        if self.kind is Bound.AT_MOST:
            return self.measured <= self.bound
        return self.measured >= (0.8 if self.kind is Bound.SOME else 1.0) * self.bound

    def row(self) -> tuple[str, str, str, str]:
        """Return the row of the table."""
        verdict = {True: "yes", False: "**no**", None: "not measured"}[self.met]
        measured = "-" if self.measured is None else f"{factor(self.measured)} {self.unit}"
        return self.claim, f"{self.kind.value} {self.bound:g} {self.unit}", measured, verdict


def _ratio(rounds: Rounds | None, metric: Metric, to: Metric) -> float | None:
    """Return the ratio, or None where one of the two was not measured."""
    return rounds.ratio(metric, to) if rounds is not None and metric in rounds and to in rounds else None


def targets(m: Measurements) -> list[Target]:
    """Return all targets."""
    chain, steps, cpp = m.chain.rounds, m.moons.rounds, m.cpp.rounds
    floats, recorded, swept = Metric(FLOATS, "forward"), Metric(REELGRAD, "forward"), Metric(REELGRAD, "backward")
    xad, micrograd = Metric(Xad.name, "forward"), Metric(Micrograd.name, "forward")
    step, long_tape = Metric(REELGRAD), Metric("60000")
    memory = m.cpp.bytes_per_operator or None
    return [
        Target("W1: recording the chain ÷ the chain on plain floats", _ratio(chain, recorded, floats), 1.5),
        Target("W1: XAD's recording ÷ reelgrad's", _ratio(chain, xad, recorded), 15.0, Bound.AT_LEAST),
        Target("W1: micrograd's ÷ reelgrad's", _ratio(chain, micrograd, recorded), 60.0, Bound.AT_LEAST),
        Target("W1: backward ÷ the chain on plain floats", _ratio(chain, swept, floats), 0.35),
        Target("W3: a whole step ÷ its forward pass on plain floats", _ratio(steps, step, Metric(FLOATS)), 2.5),
        Target("W3: XAD's step ÷ reelgrad's", _ratio(steps, Metric(Xad.name), step), 10.0, Bound.SOME),
        Target("W3: micrograd's ÷ reelgrad's", _ratio(steps, Metric(Micrograd.name), step), 150.0, Bound.SOME),
        Target("W3: backward() of 45 operators after 60,000", m.backward.median(long_tape) * 1e6, 1.0, unit="µs"),
        Target("W6: record and reverse ÷ plain doubles", _ratio(cpp, Metric("tape", "total"), Metric("plain")), 5.5),
        Target("W6: memory in use per operator", memory, 45.0, unit="bytes"),
    ]
