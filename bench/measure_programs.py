"""The part of a run that is about value and gradient in one call: W4, W5, the replay of one sample, a long program.

All times are seconds per unit of the workload: sample, path, call, or operator and lane.
"""

from collections.abc import Sequence
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import reelgrad as rg
from bench import asian, batch, compiled, long_program, replay
from bench.engines import PeerMissing, load
from bench.gradients import TOLERANCE, Answer, Makers, Work, require_same_gradient
from bench.limits import LIMIT, LIMIT_TWO_THREADS, asian_limit, batch_limit, batch_limit_two_threads
from bench.parts import Part, made
from bench.timing import Rounds, Variant, interleave, timed
from reelgrad import _core

BATCH_OF_W4 = "reelgrad on W4, by the same measure"


def _repeat(work: Work, times: int) -> None:
    for _ in range(times):
        work()


def _measure(
    title: str,
    makers: Makers,
    expected: Answer,
    rounds: int,
    units: float,
    *,
    repeats: int = 1,
    tolerance: float = TOLERANCE,
    more: Sequence[Variant] = (),
) -> Part:
    """Time each maker's work, `repeats` calls in a turn, per unit of one call; and what there is more."""
    variants = list(more)
    missing: list[str] = []
    for name, make in makers:
        work = made(make, missing)
        if work is None:
            continue
        require_same_gradient(name, work, expected, tolerance)
        variants.append(Variant(name, timed(partial(_repeat, work, repeats), units * repeats)))
    return Part(interleave(title, variants, rounds), [v.name for v in variants], missing)


def measure_batch(rounds: int) -> Part:
    """Time W4, per sample."""
    limits: Makers = ((LIMIT, batch_limit), (LIMIT_TWO_THREADS, batch_limit_two_threads))
    return _measure("W4, batch", [*limits, *compiled.BATCH, *batch.PEERS], batch.expected(), rounds, batch.SAMPLES)


def measure_asian(rounds: int) -> Part:
    """Time W5, per path."""
    makers: Makers = [(LIMIT, asian_limit), *compiled.ASIAN, *asian.PEERS]
    return _measure("W5, Asian call", makers, asian.expected(), rounds, asian.PATHS)


def measure_replay(rounds: int) -> Part:
    """Time W7, per call."""
    return _measure(
        "W7, replay", [*compiled.REPLAY, *replay.PEERS], replay.expected(), rounds, 1, repeats=replay.REPEATS
    )


def measure_long_program(rounds: int) -> Part:
    """Time W8, per forward operator and lane, and W4 by the same measure."""
    units = long_program.timed_program().operators * long_program.LANES
    expected, tolerance = long_program.expected(), long_program.TOLERANCE
    makers: Makers = [*compiled.LONG, *long_program.PEERS]
    short = Variant(BATCH_OF_W4, timed(compiled.batch_gradient(), batch.SAMPLES * batch.OPERATORS))
    return _measure("W8, long program", makers, expected, rounds, units, tolerance=tolerance, more=(short,))


def measure_calls(rounds: int) -> Rounds:
    """Time calls of a tiny function, by the structure of its argument."""

    def variant(name: str, work: Work) -> Variant:
        work()  # traces
        return Variant(name, timed(partial(_repeat, work, 100), 100))

    return interleave("W7, calls", [variant(name, work) for name, work in compiled.calls()], rounds)


class CompileTime(NamedTuple):
    """Seconds for a program of so many operators; None for JAX if it was not asked."""

    operators: int
    trace: float
    compile: float
    jax: float | None


def _compile_with_jax(program: long_program.LongProgram) -> float:
    jax = load("jax", "jax", optional=True)
    body = program.compiled()
    function = jax.value_and_grad(lambda x: body(x, jax.numpy.tanh, jax.numpy.exp))
    lowered = jax.jit(function).lower(program.inputs)
    start = perf_counter()
    lowered.compile()
    return perf_counter() - start


def _compile_time(operators: int, *, with_jax: bool) -> CompileTime:
    program = long_program.long_program(operators)
    body = program.compiled()
    traces, compiles = [], []
    for _ in range(3):
        start = perf_counter()
        traced = rg.trace(lambda x: body(x, rg.tanh, rg.exp), program.inputs).program
        between = perf_counter()
        _core.Executable(traced.differentiate())
        compiles.append(perf_counter() - between)
        traces.append(between - start)
    jax: Any = None
    if with_jax:
        try:
            jax = _compile_with_jax(program)
        except PeerMissing:
            jax = None
    return CompileTime(program.operators, median(traces), median(compiles), jax)


def measure_compile(most_with_jax: int) -> list[CompileTime]:
    """Time what comes between the trace and the first run of value and gradient, once it is an adjoint Program."""
    return [_compile_time(n, with_jax=n <= most_with_jax) for n in (1_000, 10_000, 100_000)]
