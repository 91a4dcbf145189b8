"""What the project set out to reach in speed, beside what was measured."""

from enum import Enum
from typing import NamedTuple

from bench.arrays import ARRAYS, JAX_LOOP
from bench.arrays import TORCH as TORCH_MOONS
from bench.asian import JAX as JAX_BY_STEP
from bench.asian import TORCH
from bench.batch import JAX, JAX_BLOCKED
from bench.compiled import FIT, TWO_THREADS
from bench.embedding import CPP, CYTHON, NODES
from bench.engines import Micrograd, Xad
from bench.figure import factor
from bench.limits import LIMIT, LIMIT_TWO_THREADS
from bench.measure import FLOATS, REELGRAD, Measurements
from bench.measure_programs import BATCH_OF_W4
from bench.replay import JAX as JAX_JIT
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
    xor, batch, asian, replay, long = (part.rounds for part in (m.xor, m.batch, m.asian, m.replay, m.long_program))
    own, fit, limit, two = Metric(REELGRAD), Metric(FIT), Metric(LIMIT), Metric(TWO_THREADS)
    loop = Metric(JAX_LOOP)
    # Two threads can gain what the limit's two gain; without that there are no two cores free.
    free = (_ratio(batch, limit, Metric(LIMIT_TWO_THREADS)) or 0.0) >= 1.8
    return [
        Target("W1: recording the chain ÷ the chain on plain floats", _ratio(chain, recorded, floats), 1.5),
        Target("W1: XAD's recording ÷ reelgrad's", _ratio(chain, xad, recorded), 15.0, Bound.AT_LEAST),
        Target("W1: micrograd's ÷ reelgrad's", _ratio(chain, micrograd, recorded), 60.0, Bound.AT_LEAST),
        Target("W1: backward ÷ the chain on plain floats", _ratio(chain, swept, floats), 0.35),
        Target("W3: a whole step ÷ its forward pass on plain floats", _ratio(steps, step, Metric(FLOATS)), 2.5),
        Target("W3: XAD's step ÷ reelgrad's", _ratio(steps, Metric(Xad.name), step), 10.0, Bound.SOME),
        Target("W3: micrograd's ÷ reelgrad's", _ratio(steps, Metric(Micrograd.name), step), 150.0, Bound.SOME),
        Target("W3: backward() of 45 operators after 60,000", m.backward.median(long_tape) * 1e6, 1.0, unit="µs"),
        Target("W2: rg.fit ÷ the limit", _ratio(xor, fit, limit), 2.5),
        Target("W2: rg.fit ÷ JAX's compiled loop", _ratio(xor, fit, loop), 1.3),
        Target("W3: rg.fit ÷ the limit", _ratio(steps, fit, limit), 1.8),
        Target("W3: JAX's compiled loop ÷ rg.fit", _ratio(steps, loop, fit), 1.5, Bound.AT_LEAST),
        Target("W4: one thread ÷ the limit", _ratio(batch, own, limit), 1.35),
        Target("W4: JAX, blocked by hand ÷ one thread", _ratio(batch, Metric(JAX_BLOCKED), own), 1.5, Bound.AT_LEAST),
        Target("W4: JAX ÷ one thread", _ratio(batch, Metric(JAX), own), 4.0, Bound.AT_LEAST),
        Target(
            "W4: one thread ÷ two, where the limit's two reach that too",
            _ratio(batch, own, two) if free else None,
            1.8,
            Bound.AT_LEAST,
        ),
        Target("W5: time-major ÷ the limit", _ratio(asian, own, limit), 1.8),
        Target("W5: PyTorch ÷ time-major", _ratio(asian, Metric(TORCH), own), 4.0, Bound.AT_LEAST),
        Target("W5: JAX ÷ time-major", _ratio(asian, Metric(JAX_BY_STEP), own), 6.0, Bound.AT_LEAST),
        Target("W6: record and reverse ÷ plain doubles", _ratio(cpp, Metric("tape", "total"), Metric("plain")), 5.5),
        Target("W6: memory in use per operator", memory, 45.0, unit="bytes"),
        Target("W7: JAX ÷ a call", _ratio(replay, Metric(JAX_JIT), own), 3.0, Bound.AT_LEAST),
        Target("W3: PyTorch ÷ Arrays", _ratio(steps, Metric(TORCH_MOONS), Metric(ARRAYS)), 3.0, Bound.AT_LEAST),
        Target("W10: recording 16 x 16 times 16, per multiply-add", m.arrays.recording * 1e9, 3.0, unit="ns"),
        Target("W9: Cython ÷ C++", _ratio(m.embedding.rounds, Metric(CYTHON), Metric(CPP)), 1.3),
        Target("W9: Nodes ÷ Cython", _ratio(m.embedding.rounds, Metric(NODES), Metric(CYTHON)), 5.0, Bound.AT_LEAST),
        Target("W8: time per operator ÷ W4's", _ratio(long, own, Metric(BATCH_OF_W4)), 5.0),
    ]
