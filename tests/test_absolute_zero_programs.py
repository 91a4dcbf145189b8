"""Absolute zero in Programs, and in their derivatives of first and second order: the products that it is made of.

zmul and smul are g * p, but 0 where that is nan and g is 0 (for smul also where p is 0); zero_product(y, c) tells where
that happened. Derivatives of these are made of them again. The engine computes plain products and comes back to these
where nan comes out; what they are is told by the reference evaluator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from program_hessians import hessians
from reelgrad._core import _testing  # type: ignore[attr-defined]
from reference.reverse import bits
from test_absolute_zero import NOT_TAKEN, SINGULAR

INF, NAN = math.inf, math.nan
GRID = (0.0, -0.0, 1.5, -2.0, INF, -INF, NAN)
PAIRS = list(product(GRID, repeat=2))
COLUMNS = [np.array(column) for column in zip(*PAIRS, strict=True)]


def evaluated(program: rg.Program, given: Sequence[Any]) -> list[Any]:
    """The outputs by the reference evaluator, which is not relaxed."""
    lanes = len(given[0])
    inputs = [
        x.tolist() if rate == "varying" else [float(x[0])] for x, (_, rate) in zip(given, program.inputs, strict=True)
    ]
    return [np.broadcast_to(y, lanes) for y in _testing.evaluate(program, inputs, lanes)]


def counts_as_zero(name: str, g: float, p: float) -> bool:
    return math.isnan(g * p) and (g == 0.0 or (name == "smul" and p == 0.0))


def contribution(name: str, g: float, p: float) -> float:
    return 0.0 if counts_as_zero(name, g, p) else g * p


def program_of(name: str) -> rg.Program:
    return rg.Program.parse(f'v0 = varying("g")\nv1 = varying("p")\nv2 = {name}(v0, v1)\noutput("y", v2)\n')


def same(got: float, want: float) -> bool:
    """The same number; which zero it is does not count in sums of contributions."""
    return (math.isnan(got) and math.isnan(want)) or got == want


@pytest.mark.parametrize("name", ["zmul", "smul"])
def test_contributions_are_products_with_absolute_zero(name: str) -> None:
    columns = [column.tolist() for column in COLUMNS]
    (found,) = _testing.evaluate(program_of(name), columns, len(PAIRS))
    for (g, p), y in zip(PAIRS, found, strict=True):
        assert bits(y) == bits(contribution(name, g, p)) or math.isnan(y), (g, p)
        assert same(y, contribution(name, g, p)), (g, p)
    (relaxed,) = _testing.evaluate(program_of(name), columns, len(PAIRS), True)
    assert all(same(y, g * p) for (g, p), y in zip(PAIRS, relaxed, strict=True))


def test_zero_product_tells_where_a_contribution_was_made_zero() -> None:
    (found,) = _testing.evaluate(program_of("zero_product"), [column.tolist() for column in COLUMNS], len(PAIRS))
    assert found == [float(y == 0.0 and math.isnan(c)) for y, c in PAIRS]
    _, *slopes = program_of("zero_product").differentiate()(*COLUMNS)
    assert slopes == [0.0, 0.0]


# What the partials of a contribution are. That by p is g, whatever p is; nothing depends on what was made 0.
def slopes_of(name: str, g: float, p: float) -> tuple[float, float]:
    made_zero = counts_as_zero(name, g, p)
    return (0.0 if made_zero else p, 0.0 if made_zero and name == "smul" else g)


@pytest.mark.parametrize("name", ["zmul", "smul"])
def test_partials_of_contributions(name: str) -> None:
    _, by_g, by_p = evaluated(program_of(name).differentiate(), COLUMNS)
    one = np.ones(len(PAIRS))
    tangents = [evaluated(program_of(name).linearise([k]), [*COLUMNS, one])[1] for k in (0, 1)]
    for row, (g, p) in enumerate(PAIRS):
        want = slopes_of(name, g, p)
        assert same(by_g[row], want[0]), (g, p)
        assert same(by_p[row], want[1]), (g, p)
        assert same(tangents[0][row], want[0]), (g, p)
        assert same(tangents[1][row], want[1]), (g, p)


@pytest.mark.parametrize("name", ["zmul", "smul"])
def test_contributions_differentiated_twice(name: str) -> None:
    """The second derivatives are those of g * p, and 0 by g where the product was made 0."""
    for way, blocks in hessians(program_of(name), [0, 1], COLUMNS, evaluated).items():
        for row, (g, p) in enumerate(PAIRS):
            made_zero = counts_as_zero(name, g, p)
            assert blocks[0, 0, row] == blocks[1, 1, row] == 0.0, (way, g, p)
            assert blocks[0, 1, row] == (0.0 if made_zero else 1.0), (way, g, p)
            assert blocks[1, 0, row] == (0.0 if made_zero and name == "smul" else 1.0), (way, g, p)


# --- Functions with a branch that is not taken

COMPOSITIONS: dict[str, Callable[[Any], Callable[[float], Any]]] = {
    "hessian": rg.hessian,
    "gradient of the gradient": lambda f: rg.grad(rg.grad(f)),
    "tangent of the gradient": lambda f: lambda x: rg.jvp(rg.grad(f), (x,), (1.0,))[1],
    "gradient of the tangent": lambda f: rg.grad(lambda x: rg.jvp(f, (x,), (1.0,))[1]),
    "tangent of the tangent": lambda f: rg.jacfwd(rg.jacfwd(f)),
    "of the compiled function": lambda f: rg.hessian(rg.compile(f)),
    "along a direction": lambda f: lambda x: rg.hvp(rg.compile(f), (x,), (1.0,)),
    "in a compiled function": lambda f: rg.compile(rg.hessian(f)),
    "of a batch": lambda f: lambda x: rg.hessian(rg.compile(f, in_axes=0))(np.full(70, x))[69],
}


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_branch_that_was_not_taken_does_not_poison_second_derivatives(how: str, composition: str) -> None:
    """The square of what yields 2 x has the second derivative 8, whatever stands in the branch."""
    select, slope = NOT_TAKEN[how]
    for point, function in SINGULAR.values():
        found = COMPOSITIONS[composition](lambda x, f=function: select(f(x), x) ** 2)(point)
        assert float(found) == 2.0 * slope**2


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_what_is_really_infinite_stays_in_second_derivatives(composition: str) -> None:
    second = COMPOSITIONS[composition]
    assert second(rg.sqrt)(0.0) == -INF
    assert second(rg.log)(0.0) == -INF
    assert second(lambda x: 1.0 / x)(0.0) == INF
    assert math.isnan(second(rg.log)(NAN))
    assert second(lambda x: rg.where(x > -1.0, rg.sqrt(x), x))(0.0) == -INF


def test_masked_losses_have_finite_hessians() -> None:
    """The usual shape: log p where p > 0, by parameters that all samples share."""

    def loss(w: Any, x: Any) -> Any:
        p = rg.relu(w[0] * x + w[1])
        return rg.where(p > 0.0, -rg.log(p), w[0] ** 2)

    x = np.array([-3.0, -1.0, 0.5, 2.0])
    w = np.array([1.0, 0.25])
    alone = [rg.hessian(loss)(w, float(v)) for v in x]
    summed = rg.hessian(rg.compile(loss, in_axes=(None, 0), reduce="sum"))(w, x)
    assert np.isfinite(summed).all()
    assert summed == pytest.approx(np.sum(alone, axis=0), rel=1e-14)
    assert alone[0].tolist() == [[2.0, 0.0], [0.0, 0.0]]
