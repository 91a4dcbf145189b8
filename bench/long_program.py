"""W8: a random straight-line program of thousands of operators, far too long for its values to stay in a cache.

A sum of parts, each a random program of 250 operators from the same 20 inputs: one alone would after a few thousand
operators depend on its inputs so wildly that no two ways of rounding agree. All values are needed on the way back, so
that cutting the sum into parts saves no memory.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from typing import Any

import numpy as np

import reelgrad as rg
from bench.engines import load
from bench.gradients import Answer, FloatArray, Makers, Work
from bench.program import Body, Program, mixed_program, random_inputs

PART = 250
LANES = 128
OPERATORS = 10_000
# A relative change of an input is amplified up to some 1e3-fold; 1e-16 times that, with a reserve.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LongProgram:
    """The parts and the inputs that all of them have."""

    inputs: list[float]
    parts: list[Program]

    @cached_property
    def operators(self) -> int:
        """How many operators the output depends on, those that add the parts included."""
        return sum(part.ancestors for part in self.parts) + len(self.parts) - 1

    def compiled(self) -> Body:
        """Return a new function."""
        bodies = [part.compiled() for part in self.parts]

        def body(x: Sequence[Any], tanh: Callable[[Any], Any], exp: Callable[[Any], Any]) -> Any:
            total = bodies[0](x, tanh, exp)
            for part in bodies[1:]:
                total = total + part(x, tanh, exp)
            return total

        return body

    def lanes(self, number: int = LANES) -> FloatArray:
        """Return inputs for so many lanes, one row for each, that differ by up to 1e-3."""
        noise = np.random.default_rng(7).uniform(-1e-3, 1e-3, (number, len(self.inputs)))
        return np.array(self.inputs) * (1.0 + noise)


def long_program(operators: int = OPERATORS, seed: int = 0) -> LongProgram:
    """Return a program of at least so many operators, and less than a part more."""
    inputs = random_inputs(random.Random(seed))
    parts: list[Program] = []
    have = 0
    for part_seed in count(seed + 1):
        if have >= operators:
            break
        try:
            parts.append(mixed_program(PART, part_seed, inputs))
        except ValueError:
            continue  # this seed runs into a dead end
        have += parts[-1].ancestors + 1
    return LongProgram(inputs, parts)


@cache
def timed_program() -> LongProgram:
    """Return the one that is timed."""
    return long_program()


@cache
def expected() -> Answer:
    """Return the sum over lanes and its derivatives for each lane's inputs, recorded lane by lane on a tape."""
    program = timed_program()
    body, total, rows = program.compiled(), 0.0, []
    for lane in program.lanes().tolist():
        with rg.Tape():
            xs = rg.variables(*lane)
            y = body(xs, rg.tanh, rg.exp)
            y.backward()
            total += y.value
            rows.append([x.grad for x in xs])
    return Answer(total, np.array(rows))


def torch_lanes() -> Work:
    """PyTorch with a tensor of all lanes for each number."""
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    program = timed_program()
    body, columns = program.compiled(), torch.tensor(program.lanes().T.copy())

    def work() -> tuple[Any, Any]:
        xs = [column.clone().requires_grad_() for column in columns]
        total = body(xs, torch.tanh, torch.exp).sum()
        total.backward()
        return total.item(), torch.stack([x.grad for x in xs], dim=1)

    return work


PEERS: Makers = (("PyTorch, a tensor of all lanes per number", torch_lanes),)
