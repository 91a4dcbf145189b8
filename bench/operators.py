"""W1, one operator at a time: a statement on a Node beside the same statement on a float.

A timed call runs the statement 100 times, unrolled, with all names local, so that the interpreter's own share (loading
two names, dropping the result) is in both figures.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import reelgrad as rg

REPEATS = 100


@dataclass(frozen=True)
class OperatorCase:
    """A statement with a Node `a`, and its like for floats if there is one."""

    label: str
    node: str
    floats: str | None


CASES = (
    OperatorCase("a * b", "a * b", "a * b"),
    OperatorCase("a + 1.0", "a + 1.0", "a + 1.0"),
    OperatorCase("2.0 * a", "2.0 * a", "2.0 * a"),
    OperatorCase("a * 3", "a * 3", "a * 3"),
    OperatorCase("-a", "-a", "-a"),
    OperatorCase("a ** 2", "a ** 2", "a ** 2"),
    OperatorCase("a < b", "a < b", "a < b"),
    OperatorCase("a * np.float64", "a * k", "a * k"),
    OperatorCase("np.float64 * a", "k * a", "k * a"),
    OperatorCase("a.tanh()", "a.tanh()", "tanh(a)"),
    OperatorCase("rg.exp(a)", "exp(a)", "exp(a)"),
    OperatorCase("a.value", "a.value", "a.real"),
    OperatorCase("rg.variable(0.5)", "variable(0.5)", None),
)


def _unrolled(statement: str, names: dict[str, Any]) -> Callable[[], None]:
    arguments = ", ".join(f"{name}={name}" for name in names)
    namespace = dict(names)
    exec(f"def run({arguments}):\n" + f"    {statement}\n" * REPEATS, namespace)
    run: Callable[[], None] = namespace["run"]
    return run


def on_nodes(case: OperatorCase) -> Callable[[], None]:
    """Return a function that runs the statement REPEATS times on Nodes of the current tape."""
    a, b = rg.variables(0.7, 1.3)
    return _unrolled(case.node, {"a": a, "b": b, "k": np.float64(1.1), "exp": rg.exp, "variable": rg.variable})


def on_floats(case: OperatorCase) -> Callable[[], None]:
    """Return a function that runs the statement REPEATS times on floats."""
    if case.floats is None:
        raise ValueError(f"{case.label} has no like on floats")
    return _unrolled(case.floats, {"a": 0.7, "b": 1.3, "k": np.float64(1.1), "tanh": math.tanh, "exp": math.exp})
