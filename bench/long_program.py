"""W8: a random straight-line program of thousands of operators, far too long for its values to stay in a cache.

A sum of parts, each a random program of 250 operators from the same 20 inputs: one alone would after a few thousand
operators depend on its inputs so wildly that no two ways of rounding agree. All values are needed on the way back, so
that cutting the sum into parts saves no memory.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    """The parts, the inputs that all of them have, and by how much these differ from lane to lane."""

    inputs: list[float]
    parts: list[Program]
    spread: float = 1e-3

    @cached_property
    def operators(self) -> int:
        """How many operators the output depends on, those that add the parts included."""
        return sum(part.ancestors for part in self.parts) + len(self.parts) - 1

    @property
    def recorded(self) -> int:
        """How many operators are computed, those included that the output does not depend on."""
        return sum(len(part) for part in self.parts) + len(self.parts) - 1

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
        """Return inputs for so many lanes, one row for each."""
        noise = np.random.default_rng(7).uniform(-self.spread, self.spread, (number, len(self.inputs)))
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
def program_of_size(operators: int) -> LongProgram:
    """Return a program of about so many operators: of fewer than two parts, the last ones of W1's.

    Of the many parts of the largest some overflow where the inputs differ by 1e-3.
    """
    if operators >= 2 * PART:
        return replace(long_program(operators), spread=1e-6)
    part = mixed_program().tail(operators)
    return LongProgram(part.inputs, [part], spread=1e-6)


@cache
def timed_program() -> LongProgram:
    """Return the one that is timed."""
    return long_program()


@cache
def expected() -> Answer:
    """Return what is right for the one that is timed."""
    return by_tape(timed_program())


def by_tape(program: LongProgram) -> Answer:
    """Return the sum over lanes and its derivatives for each lane's inputs, recorded lane by lane on a tape."""
    body, total, rows = program.compiled(), 0.0, []
    for lane in program.lanes().tolist():
        with rg.Tape():
            xs = rg.variables(*lane)
            y = body(xs, rg.tanh, rg.exp)
            y.backward()
            total += y.value
            rows.append([x.grad for x in xs])
    return Answer(total, np.array(rows))


def torch_lanes(program: LongProgram | None = None) -> Work:
    """PyTorch with a tensor of all lanes for each number."""
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    program = program or timed_program()
    body, columns = program.compiled(), torch.tensor(program.lanes().T.copy())

    def work() -> tuple[Any, Any]:
        xs = [column.clone().requires_grad_() for column in columns]
        total = body(xs, torch.tanh, torch.exp).sum()
        total.backward()
        found = [torch.zeros_like(x) if x.grad is None else x.grad for x in xs]  # short programs do not use all inputs
        return total.item(), torch.stack(found, dim=1)

    return work


def jax_lanes(program: LongProgram) -> Work:
    """JAX: jit of vmap of value_and_grad; it compiles some 20 ms for each operator."""
    jax = load("jax", "jax", optional=True)
    body, lanes = program.compiled(), jax.numpy.array(program.lanes())
    gradient = jax.vmap(jax.value_and_grad(lambda x: body(x, jax.numpy.tanh, jax.numpy.exp)))

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def total(lanes: Any) -> Any:
        values, gradients = gradient(lanes)
        return values.sum(), gradients

    return lambda: jax.block_until_ready(total(lanes))


TORCH = "PyTorch, a tensor of all lanes per number"
PEERS: Makers = ((TORCH, torch_lanes),)
