"""Derivatives of Programs of Programs, of second and third order, for the table of functions."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from derivative_table import TOLERANCE, Jax, agree, direction, hessian_of, over
from program_hessians import hessians, run
from reference.functions import SCALAR, Row, numbers_in


def program_of(row: Row) -> rg.Program:
    return rg.trace(over(row), *row.args).program


def point_of(row: Row) -> list[np.ndarray[Any, Any]]:
    return [np.array([float(x)]) for x in numbers_in(row.args)]


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_second_derivatives_by_every_composition_are_those_of_mpmath(row: Row) -> None:
    point = point_of(row)
    for blocks in hessians(program_of(row), range(len(point)), point).values():
        agree(blocks[:, :, 0], hessian_of(row))


def third_derivatives(row: Row) -> dict[str, float]:
    """The third derivative along one direction, by each composition of three derivatives."""
    point = point_of(row)
    along = [np.array([float(x)]) for x in numbers_in(direction(row))]
    n = len(point)
    found = {}
    for ways in product(("differentiate", "linearise"), repeat=3):
        program, given = program_of(row), list(point)
        for way in ways:
            before = len(program.outputs)
            if way == "linearise":  # the tangent of the last output comes last
                program, given = program.linearise(range(n)), [*given, *along]
                continue
            seeds = [np.zeros(1)] * (before - 1) + [np.ones(1)]
            program, given = program.differentiate(range(n), seeds=True), [*given, *seeds]
            program = with_sum_along(program, n, len(given))
            given = [*given, *along]
        found[" of ".join(reversed(ways))] = float(run(program, given)[-1][0])
    return found


def with_sum_along(program: rg.Program, n: int, inputs: int) -> rg.Program:
    """The Program with one more output: the last n of its outputs times as many new inputs, summed up."""
    lines = str(program).strip().splitlines()
    last = [line.rpartition(", ")[2].rstrip(")") for line in lines if line.startswith(("output(", "gradient("))][-n:]
    body = [line for line in lines if line.startswith("v")]
    ends = [line for line in lines if not line.startswith("v")]
    at = len(body)
    new = [f'v{at + k} = uniform("along{k}/{inputs}")' for k in range(n)]
    terms = ", ".join([*last, *(f"v{at + k}" for k in range(n))])
    new.append(f"v{at + n} = dot({terms})")
    return rg.Program.parse("\n".join([*body, *new, *ends, f'gradient("along/{inputs}", v{at + n})']) + "\n")


def near(found: dict[str, float], expected: float) -> None:
    size = max(1.0, abs(expected), *map(abs, found.values()))
    for way, got in found.items():
        assert abs(got - expected) <= 10.0 * TOLERANCE * size, way


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_third_derivatives_agree_by_every_composition(row: Row) -> None:
    found = third_derivatives(row)
    assert len(found) == 8
    near(found, found["linearise of linearise of linearise"])


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_third_derivatives_are_those_of_jax(row: Row) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    theirs: Any = over(row, Jax())
    arguments, along = (optree.tree_map(np.asarray, tree, none_is_leaf=True) for tree in (row.args, direction(row)))

    def slope(f: Any) -> Any:
        return lambda *args: jax.jvp(f, args, along)[1]

    near(third_derivatives(row), float(slope(slope(slope(theirs)))(*arguments)))
