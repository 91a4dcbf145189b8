"""W1: a random straight-line program of mixed operators, the same for every engine.

40 % mul, 35 % add, 10 % sub, 5 % each of div, tanh and exp over 20 live scalars: ``v[a] = v[a] op v[b]``, so that
nearly every operator is an ancestor of the last. Operands are chosen by simulation such that values stay near 1: none
overflows, dies out or becomes denormal, which would change the speed.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LIVE = 20
MIX = ["mul"] * 40 + ["add"] * 35 + ["sub"] * 10 + ["div"] * 5 + ["tanh"] * 5 + ["exp"] * 5
# Of 400 seeds the one whose gradient is least sensitive to its inputs: a relative change of them is amplified 4e6-fold
# (others: 1e8-fold and more). Engines that round differently in the last place therefore agree to GRADIENT_TOLERANCE.
SEED = 106
GRADIENT_TOLERANCE = 1e-8
SYMBOLS = {"mul": "*", "add": "+", "sub": "-", "div": "/"}

# A program as a function of its inputs, tanh and exp.
Body = Callable[[Sequence[Any], Callable[[Any], Any], Callable[[Any], Any]], Any]


@dataclass(frozen=True)
class Program:
    """Operators ``(name, a, b)`` on slots a and b; the last one's slot is the output."""

    inputs: list[float]
    operators: list[tuple[str, int, int]]

    def __len__(self) -> int:
        return len(self.operators)

    @cached_property
    def source(self) -> str:
        """The program as Python, one statement for each operator."""
        lines = ["def body(x, tanh, exp):", "    " + ", ".join(f"v{i}" for i in range(LIVE)) + " = x"]
        for name, a, b in self.operators:
            lines.append(f"    v{a} = v{a} {SYMBOLS[name]} v{b}" if name in SYMBOLS else f"    v{a} = {name}(v{a})")
        return "\n".join([*lines, f"    return v{self.operators[-1][1]}"])

    def compiled(self) -> Body:
        """Return a new function.

        CPython specialises code for the types it meets: shared by two engines it would be slow for both.
        """
        namespace: dict[str, Body] = {}
        exec(self.source, namespace)
        return namespace["body"]

    @cached_property
    def needed(self) -> list[int]:
        """The places of those operators that the output depends on, the output's included."""
        slots = {self.operators[-1][1]}
        places = []
        for place in range(len(self.operators) - 1, -1, -1):
            name, a, b = self.operators[place]
            if a in slots:
                places.append(place)
                if name in SYMBOLS:
                    slots.add(b)
        return places[::-1]

    @property
    def ancestors(self) -> int:
        """How many operators the output depends on, itself included."""
        return len(self.needed)

    def tail(self, length: int) -> "Program":
        """Return the last `length` operators that the output depends on, applied to what the others leave behind."""
        operators = [self.operators[place] for place in self.needed]
        values = list(self.inputs)
        for name, a, b in operators[:-length]:
            result = _apply(name, values[a], values[b])
            assert result is not None
            values[a] = result
        return Program(values, operators[-length:])


def _apply(name: str, a: float, b: float) -> float | None:
    """Return the operator's value, or None where its argument is out of the range wanted here."""
    match name:
        case "mul":
            return a * b
        case "add":
            return a + b
        case "sub":
            return a - b
        case "div":
            return a / b if abs(b) >= 0.7 else None
        case "tanh":
            return math.tanh(a)
        case _:
            return math.exp(a) if -1.5 < a < 0.6 else None


def random_inputs(rng: random.Random) -> list[float]:
    """Return a number near 1 or, one in four, near -1 for each live scalar."""
    return [rng.uniform(0.5, 1.5) * rng.choice((1, 1, 1, -1)) for _ in range(LIVE)]


def mixed_program(length: int = 1000, seed: int = SEED, inputs: list[float] | None = None) -> Program:
    """Return the program; the same for the same arguments. ValueError for a seed that finds no admissible operands."""
    rng = random.Random(seed)
    inputs = inputs or random_inputs(rng)
    values = list(inputs)
    operators: list[tuple[str, int, int]] = []
    order: list[str] = []
    while len(operators) < length:
        if not order:
            order = rng.sample(MIX, len(MIX))
        name = order.pop()
        # Of four admissible pairs of slots, the one whose result is nearest to 1 in size.
        candidates: list[tuple[float, int, int, float]] = []
        for _ in range(2000):
            a, b = rng.sample(range(LIVE), 2)
            result = _apply(name, values[a], values[b])
            if result is not None and 0.15 < abs(result) < 4.0:
                candidates.append((abs(math.log(abs(result))), a, b, result))
                if len(candidates) == 4:
                    break
        if not candidates:
            raise ValueError(f"seed {seed}: no operands for operator {len(operators)}, {name}")
        _, a, b, result = min(candidates)
        values[a] = result
        operators.append((name, a, b))
    return Program(inputs, operators)
