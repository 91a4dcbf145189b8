"""First and second derivatives of every primitive through Programs: against mpmath, and each way against the others.

Programs are differentiated and linearised by the table's partials, and run by the engine: with vector math, relaxed,
and checked where something comes out nan. So a row of the grid tells of all of these at once. Second derivatives come
by any composition of the two.
"""

from __future__ import annotations

import functools
import math
from itertools import product

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import reelgrad as rg
from program_hessians import Array, hessians, run
from reference.case import Case, error_in_ulps, same
from reference.primitives import CASES
from reference.second_derivatives import FLOORS, SECOND_ULPS, SLOPES

TABLE = {row["name"]: row for row in rg.operator_table()}
every_primitive = pytest.mark.parametrize("name", CASES)
Arguments = tuple[float, ...]


def program_of(name: str) -> rg.Program:
    """The Program of the primitive alone, of varying inputs."""
    n = CASES[name].arity
    inputs = "".join(f'v{k} = varying("x{k}")\n' for k in range(n))
    return rg.Program.parse(f'{inputs}v{n} = {name}({", ".join(f"v{k}" for k in range(n))})\noutput("y", v{n})\n')


def differentiated(name: str) -> list[int]:
    """Which operands it is differentiated for."""
    return list(range(1 if TABLE[name]["constant_first"] else 0, CASES[name].arity))


@functools.cache
def rows(name: str) -> list[Arguments]:
    return CASES[name].points(name, 20)


def columns(name: str) -> list[Array]:
    return [np.array(column) for column in zip(*rows(name), strict=True)]


@every_primitive
def test_first_derivatives_agree_with_mpmath(name: str) -> None:
    case, chosen = CASES[name], differentiated(name)
    given = columns(name)
    one = np.ones(len(given[0]))
    value, *adjoints = run(program_of(name).differentiate(chosen), given)
    tangents = [run(program_of(name).linearise([k]), [*given, one])[1] for k in chosen]
    wrong = []
    for row, x in enumerate(rows(name)):
        expected, *partials = case.expected(x)
        value_floor, *floors = case.floors(*x)
        checks = [("value", value, expected, case.value_ulps, value_floor)]
        for way, found in (("adjoint", adjoints), ("tangent", tangents)):
            for k, slopes in zip(chosen, found, strict=True):
                checks.append((f"{way} {k}", slopes, partials[k], case.partial_ulps, floors[k]))
        for what, got, want, ulps, floor in checks:
            if want is not None and error_in_ulps(float(got[row]), want, floor) > ulps:
                wrong.append(f"{what} of {name}{x}: {got[row]}, not {float(want)}")
    assert wrong == []


@every_primitive
def test_first_derivatives_are_those_of_nodes(name: str) -> None:
    """To 8 ulp of the larger of 1 and the derivative, where each may be off by 4; and nan where they are nan."""
    chosen = differentiated(name)
    _, *adjoints = run(program_of(name).differentiate(chosen), columns(name))
    wrong = []
    with rg.Tape() as tape:
        for row, x in enumerate(rows(name)):
            nodes = [tape.variable(a) if k in chosen else a for k, a in enumerate(x)]
            eager = tape.gradient(getattr(rg, name)(*nodes), [nodes[k] for k in chosen])
            _, *floors = CASES[name].floors(*x)
            for k, a, b in zip(chosen, adjoints, eager, strict=True):
                if error_in_ulps(float(a[row]), b, floors[k]) > 2.0 * CASES[name].partial_ulps:
                    wrong.append(f"{name}{x} by {k}: {a[row]}, not {b}")
            tape.reset()
    assert wrong == []


# --- Second derivatives


def slope_of_partial(case: Case, x: Arguments, i: int, j: int) -> mpf | None:
    """The derivative by operand j of the partial by operand i, from differences so small that they do not count.

    None where mpmath has none: the partial is not finite, or its formula does not hold all around.
    """
    bits = 400 if all(1e-9 < abs(a) < 1e9 or a == 0.0 for a in x) else 3000
    with mpmath.workprec(bits):
        exact = [mpf(a) for a in x]
        step = mpf(2) ** -120 * (min(abs(exact[j]), 1) or 1)
        below, above = ([*exact[:j], exact[j] + sign * step, *exact[j + 1 :]] for sign in (-1, 1))
        try:
            at, low, high = (mpf(mp.re(case.partials[i](*point))) for point in (exact, below, above))
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        if not abs(at) < mpf("1e290") or abs(high - at) + abs(at - low) > abs(step) ** mpf("0.75") * (1 + abs(at)):
            return None
        slope = (high - low) / (2 * step)
        kink = abs((high - at) - (at - low)) / step
        return None if kink > abs(slope) * mpf(2) ** -40 + mpf(2) ** -100 else slope


def overflows(name: str, x: Arguments) -> bool:
    """Where the second derivative of x**0 is 0 times that of 1 / x, which is infinite."""
    return name == "pow" and x[1] == 0.0 and abs(x[0]) < 1e-150


def is_regular(name: str, x: Arguments) -> bool:
    """Whether mpmath's formula alone says what happens at x."""
    case = CASES[name]
    return (
        all(map(math.isfinite, x))
        and not overflows(name, x)
        and case.domain(*x)
        and case.special(*x) is None
        and not any(same(row[: case.arity], x) and not math.isfinite(float(row[-1])) for row in case.edges)
    )


@pytest.mark.parametrize("name", [name for name in CASES if name not in SLOPES])
def test_second_derivatives_agree_with_mpmath(name: str) -> None:
    case, chosen = CASES[name], differentiated(name)
    found = hessians(program_of(name), chosen, columns(name))
    floor, _ = FLOORS.get(name, (lambda *_: 1.0, ""))
    wrong, compared = [], 0
    for row, x in enumerate(rows(name)):
        if not is_regular(name, x):
            continue
        for (i, k), (j, m) in product(enumerate(chosen), repeat=2):
            slope = slope_of_partial(case, x, k, m)
            if slope is None:
                continue
            compared += 1
            for way, blocks in found.items():
                got = float(blocks[i, j, row])
                if error_in_ulps(got, slope, floor(*x)) > SECOND_ULPS:
                    wrong.append(f"{way}, {name}{x} by {k} and {m}: {got}, not {float(slope)}")
    assert wrong == []
    assert compared > 0


@pytest.mark.parametrize("name", SLOPES)
def test_second_derivatives_of_what_is_piecewise_linear_are_those_of_the_piece(name: str) -> None:
    chosen = differentiated(name)
    found = hessians(program_of(name), chosen, columns(name))
    for row, x in enumerate(rows(name)):
        if not all(map(math.isfinite, x)):
            continue
        expected = SLOPES[name](*x)
        for (i, k), (j, m) in product(enumerate(chosen), repeat=2):
            assert {blocks[i, j, row] for blocks in found.values()} == {expected.get((k, m), 0.0)}, (x, k, m)


@every_primitive
def test_every_composition_agrees_on_what_is_nan(name: str) -> None:
    chosen, case = differentiated(name), CASES[name]
    found = hessians(program_of(name), chosen, columns(name))
    for row, x in enumerate(rows(name)):
        _, *partials = case.expected(x)
        # By the exponent, a negative base has no derivative; where it is infinitely steep, there is none by either.
        singular = name == "pow" and any(p is not None and not math.isfinite(float(p)) for p in partials)
        zero_of_nan = len(x) > 1 and any(map(math.isnan, x))  # which counts as 0 in one order of factors
        if singular or zero_of_nan or overflows(name, x) or any(map(math.isinf, x)):
            continue
        nan = {way: np.isnan(blocks[:, :, row]).tolist() for way, blocks in found.items()}
        assert all(flags == nan["linearise after"] for flags in nan.values()), (x, nan)


# What has constant pieces stays constant, whatever the argument.
@pytest.mark.parametrize("name", sorted({n for n, case in CASES.items() if case.arity == 1} - {"abs", "square"}))
def test_outside_of_the_domain_second_derivatives_are_nan_with_the_first_ones(name: str) -> None:
    value, first = run(program_of(name).differentiate([0]), columns(name))
    second = hessians(program_of(name), [0], columns(name))
    for row, (x,) in enumerate(rows(name)):
        if np.isnan(value[row]) and np.isnan(first[row]):
            assert all(np.isnan(blocks[0, 0, row]) for blocks in second.values()), x


def test_outside_of_the_domain_those_of_two_operands_are_nan_too() -> None:
    for function in (rg.xlogy, rg.xlog1py):
        assert np.isnan(rg.hessian(lambda v, f=function: f(2.0, v))(-3.0))
