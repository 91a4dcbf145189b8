"""Second derivatives of Programs by each composition of differentiate and linearise, for tests that compare them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import reelgrad as rg

Array = np.ndarray[Any, Any]


def run(program: rg.Program, given: Sequence[Array]) -> list[Array]:
    """The outputs, each with a number for every row; a uniform input gets its first number."""
    rates = [rate for _, rate in program.inputs]
    inputs = [x if rate == "varying" else float(x[0]) for x, rate in zip(given, rates, strict=True)]
    return [np.broadcast_to(y, len(given[0])) for y in program(*inputs)]


def hessians(
    program: rg.Program, chosen: Sequence[int], given: Sequence[Array], run: Callable[..., list[Array]] = run
) -> dict[str, Array]:
    """The second derivatives of the one output by these inputs, at each row of what is given: input, input, row."""
    n = len(chosen)
    zero, one = np.zeros(len(given[0])), np.ones(len(given[0]))
    units = [[one if j == k else zero for j in range(n)] for k in range(n)]
    adjoint, tangent = program.differentiate(chosen), program.linearise(chosen)
    reverse_reverse = adjoint.differentiate(chosen, seeds=True)
    forward_reverse = adjoint.linearise(chosen)
    reverse_forward = tangent.differentiate(chosen, seeds=True)
    forward_forward = tangent.linearise(chosen)
    names = ("differentiate twice", "linearise after", "differentiate after", "linearise twice")
    found = {way: np.empty((n, n, len(zero))) for way in names}
    for i in range(n):
        found["differentiate twice"][i] = run(reverse_reverse, [*given, zero, *units[i]])[1 + n :]
        found["linearise after"][:, i] = run(forward_reverse, [*given, *units[i]])[n + 2 :]
        found["differentiate after"][i] = run(reverse_forward, [*given, *units[i], zero, one])[2:]
        for j in range(n):
            found["linearise twice"][i, j] = run(forward_forward, [*given, *units[i], *units[j]])[3]
    return found
