"""The part of a run that is about value and gradient in one call: W4, W5, the replay of one sample, a long program.

All times are seconds per unit of the workload: sample, path, call, or operator and lane.
"""

from functools import partial

from bench import asian, batch, long_program, replay
from bench.gradients import TOLERANCE, Answer, Makers, Work, require_same_gradient
from bench.limits import LIMIT, LIMIT_TWO_THREADS, asian_limit, batch_limit, batch_limit_two_threads
from bench.parts import Part, made
from bench.timing import Variant, interleave, timed


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
) -> Part:
    """Time each maker's work, `repeats` calls in a turn, per unit of one call."""
    variants: list[Variant] = []
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
    return _measure("W4, batch", [*limits, *batch.PEERS], batch.expected(), rounds, batch.SAMPLES)


def measure_asian(rounds: int) -> Part:
    """Time W5, per path."""
    return _measure("W5, Asian call", [(LIMIT, asian_limit), *asian.PEERS], asian.expected(), rounds, asian.PATHS)


def measure_replay(rounds: int) -> Part:
    """Time W7, per call."""
    return _measure("W7, replay", replay.PEERS, replay.expected(), rounds, 1, repeats=replay.REPEATS)


def measure_long_program(rounds: int) -> Part:
    """Time W8, per forward operator and lane."""
    units = long_program.timed_program().operators * long_program.LANES
    expected, tolerance = long_program.expected(), long_program.TOLERANCE
    return _measure("W8, long program", long_program.PEERS, expected, rounds, units, tolerance=tolerance)
