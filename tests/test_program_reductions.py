"""Second derivatives of reductions and composites through Programs, at ties and zeros too, against mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import reelgrad as rg
from program_hessians import hessians
from reference.case import error_in_ulps
from reference.sequences import COMPOSITES, REDUCTIONS, halves, logsumexp

ULPS = 16.0  # of the largest second derivative, or of 1

POINTS: dict[str, tuple[float, ...]] = {
    "numbers": (0.3, -1.25, 2.5, 0.75),
    "equal": (1.0, 1.0, 1.0, 1.0),
    "equal sizes": (-2.0, 2.0, -2.0, 2.0),
    "two largest": (3.0, 0.5, 3.0, -1.0),
    "a zero": (0.0, 1.5, -2.0, 0.25),
    "two zeros": (0.0, 0.0, -2.0, 0.25),
    "one dominates": (1.0, 800.0, 2.0, 3.0),
    "huge": (1e150, -2e150, 3e150, 1e150),
    "tiny": (1e-150, -2e-150, 3e-150, 1e-150),
}


def numerical(function: Callable[[list[mpf]], Any], x: tuple[float, ...]) -> list[list[mpf]]:
    """The Jacobian of a list of numbers, from differences so small that they do not count."""
    with mpmath.workprec(3000):
        step = mpf(2) ** -1100
        at = [mpf(v) for v in x]
        columns = []
        for j in range(len(x)):
            high, low = (function([*at[:j], at[j] + sign * step, *at[j + 1 :]]) for sign in (1, -1))
            columns.append([(a - b) / (2 * step) for a, b in zip(high, low, strict=True)])
        return [list(row) for row in zip(*columns, strict=True)]


def differences_of(got: dict[str, Any], want: list[list[mpf]]) -> list[str]:
    size = max(1.0, *(abs(float(value)) for row in want for value in row))
    return [
        f"{way} [{i}, {j}]: {blocks[i, j, 0]}, not {float(value)}"
        for way, blocks in got.items()
        for i, row in enumerate(want)
        for j, value in enumerate(row)
        if error_in_ulps(float(blocks[i, j, 0]), value, size) > ULPS
    ]


def program_of(function: Callable[[Any], Any], x: tuple[float, ...]) -> rg.Program:
    return rg.trace(function, np.array(x)).program


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_second_derivatives_of_reductions_agree_with_mpmath(name: str, point: str) -> None:
    x, case = POINTS[point], REDUCTIONS[name]
    function = getattr(rg, name)
    program = program_of(lambda v: function(*halves(list(v))) if case.even else function(list(v)), x)
    if case.even:
        program = program_of(lambda v: function(list(v[:2]), list(v[2:])), x)
    want = numerical(case.partials, x)
    assert differences_of(hessians(program, range(4), [np.array([v]) for v in x]), want) == []


def test_first_derivatives_of_a_norm_are_those_of_the_direction_for_all_sizes() -> None:
    for x in [*POINTS.values(), (5e-324, 0.0, 0.0, 0.0), (1e308, 1e308, 1e308, 1e308)]:
        program = program_of(lambda v: rg.norm(list(v)), x)
        _, *slopes = program.differentiate()(*x)
        with mpmath.workprec(300):
            want = REDUCTIONS["norm"].partials([mpf(v) for v in x])
        assert all(error_in_ulps(a, b, 1.0) <= 4.0 for a, b in zip(slopes, want, strict=True))


TARGETS = (0.25, 0.75, 0.0, 1.0)
OF_TARGETS = ("mse", "half_mse", "mae", "huber", "hinge", "bce", "bce_with_logits", "cross_entropy")
COMPOSITE_POINTS = {
    "numbers": (0.3, 0.65, 0.55, 0.85),
    "equal": (0.5, 0.5, 0.5, 0.5),
    "two largest": (0.75, 0.5, 0.75, 0.125),
    "at the targets": (0.25, 0.75, 0.5, 0.5),  # where mae and huber have no difference to tell by
}


@pytest.mark.parametrize("point", COMPOSITE_POINTS)
@pytest.mark.parametrize("name", COMPOSITES)
def test_second_derivatives_of_composites_agree_with_mpmath(name: str, point: str) -> None:
    x, function, reference = COMPOSITE_POINTS[point], getattr(rg, name), COMPOSITES[name]
    if name in ("silu", "gelu"):
        ours, exact = lambda v: function(v[0]) + 0.0 * v[1], lambda v: reference(v[:1])
    elif name == "softmax":
        weights = (1.0, -2.0, 0.5, 3.0)
        ours = lambda v: rg.dot(function(list(v)), weights)  # noqa: E731
        exact = lambda v: mp.fsum(w * p for w, p in zip(weights, reference(v), strict=True))  # noqa: E731
    elif name in OF_TARGETS:
        ours, exact = lambda v: function(list(v), list(TARGETS)), lambda v: reference(v, [mpf(t) for t in TARGETS])
    else:
        ours, exact = lambda v: function(list(v)), reference
    if name == "mae" and point == "at the targets":
        pytest.skip("the absolute value of 0 has no second derivative")

    def gradient(v: list[mpf]) -> list[mpf]:
        return [row[0] for row in zip(*numerical_of_numbers(exact, v), strict=True)]

    want = numerical(gradient, x)
    assert differences_of(hessians(program_of(ours, x), range(4), [np.array([v]) for v in x]), want) == []


def numerical_of_numbers(function: Callable[[list[mpf]], Any], v: list[mpf]) -> list[list[mpf]]:
    step = mpf(2) ** -700
    row = []
    for j in range(len(v)):
        high, low = (function([*v[:j], v[j] + sign * step, *v[j + 1 :]]) for sign in (1, -1))
        row.append((high - low) / (2 * step))
    return [row]


def test_the_softmax_of_logsumexp_sums_to_one_in_its_derivatives() -> None:
    """The gradient of logsumexp sums to 1, whatever x is: so rows of its Hessian sum to 0."""
    x = (0.3, -1.25, 30.0, 0.75)
    found = hessians(program_of(lambda v: rg.logsumexp(list(v)), x), range(4), [np.array([v]) for v in x])
    for blocks in found.values():
        assert np.abs(blocks[:, :, 0].sum(axis=1)).max() <= 1e-15
    assert logsumexp([mpf(1), mpf(1)]) > 1
