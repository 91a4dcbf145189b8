"""Derivatives of derivatives, and of computations that hold some: any nesting is exact, and the tape is as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reelgrad as rg

# --- Nesting


def test_inner_derivatives_do_not_see_the_outer_variable() -> None:
    assert rg.grad(lambda x: rg.grad(lambda z: z * x)(x))(3.0) == 1.0
    assert rg.grad(lambda x: x * rg.grad(lambda z: x + z)(2.0))(1.0) == 1.0
    assert rg.jacfwd(lambda x: rg.jvp(lambda z: z * x, (x,), (1.0,))[1])(3.0) == 1.0


def test_any_composition_of_derivatives_is_exact() -> None:
    f = lambda x: x**5  # noqa: E731
    third = 60.0 * 2.0**2
    firsts = [rg.grad, rg.jacfwd, rg.jacrev, lambda g: lambda x: rg.jvp(g, (x,), (1.0,))[1], _by_vjp]
    for a in firsts:
        for b in firsts:
            for c in firsts:
                assert a(b(c(f)))(2.0) == third
    assert rg.grad(rg.hessian(f))(2.0) == third
    assert rg.hessian(rg.grad(f))(2.0) == third
    assert rg.hvp(rg.grad(f), (2.0,), (1.0,)) == third


def _by_vjp(f: Any) -> Any:
    return lambda x: rg.vjp(f, x)[1](1.0)[0]


def test_tangents_and_seeds_may_be_differentiated() -> None:
    f = lambda x: x**3  # noqa: E731
    assert rg.grad(lambda t: rg.jvp(f, (2.0,), (t,))[1])(1.0) == 12.0
    assert rg.grad(lambda s: rg.vjp(f, 2.0)[1](s)[0])(1.0) == 12.0


def test_an_implicit_function_is_differentiated_through_its_newton_steps() -> None:
    def root(a: Any) -> Any:
        g = lambda y: y**3 + y - a  # noqa: E731
        y = 1.0
        for _ in range(8):
            y = y - g(y) / rg.grad(g)(y)
        return y

    y = root(3.0)
    assert rg.grad(root)(3.0) == pytest.approx(1.0 / (3.0 * y * y + 1.0), rel=1e-14)


def test_results_of_operations_stay_part_of_the_computation() -> None:
    w = rg.Node(2.0)
    slope = rg.grad(lambda x: x**3)(w * 1.0)
    assert slope.value == 12.0
    slope.backward()
    assert w.grad == 12.0


def test_what_a_function_closes_over_stays_part_of_the_computation() -> None:
    w = rg.Node(2.0)
    scale = w * w
    slope = rg.grad(lambda x: x * x * scale)(3.0)
    assert slope.value == 24.0
    slope.backward()
    assert w.grad == 24.0
    matrix = rg.jacobian(lambda v: v * scale)(np.array([1.0, 2.0]))
    assert matrix[0, 0].value == 4.0
    assert matrix[0, 1] == 0.0


def test_variables_count_by_their_value() -> None:
    w = rg.Node(2.0)
    assert rg.grad(lambda x: x**3)(w) == 12.0
    assert w.grad == 0.0


def test_a_hessian_in_a_trace_keeps_the_guards() -> None:
    f = lambda x: x**4 if x > 0.0 else x * x  # noqa: E731
    traced = rg.trace(lambda x: rg.hessian(f)(x), 2.0)
    assert traced.program(3.0) == (108.0,)
    with pytest.raises(rg.BranchError):
        traced.program(-1.0)


def test_absolute_zero_holds_in_second_derivatives() -> None:
    f = lambda x: rg.where(x > 0.0, rg.sqrt(x), x * x)  # noqa: E731
    assert rg.hessian(f)(0.0) == 2.0
    assert rg.hvp(f, (0.0,), (1.0,)) == 2.0
    assert rg.hessian(rg.compile(f))(0.0) == 2.0
    assert rg.hessian(rg.compile(f, in_axes=0))(np.array([0.0, 1.0])).tolist() == [2.0, -0.25]
    traced = rg.trace(lambda x: rg.grad(rg.grad(f))(x), 1.0)
    assert traced.program(0.0) == (2.0,)
    assert traced.program(1.0) == (-0.25,)


def test_absolute_zero_holds_where_a_branch_asks_for_a_derivative() -> None:
    f = lambda x: rg.where(x > 0.0, rg.sqrt(x), x)  # noqa: E731

    def descends(x: Any) -> Any:
        return 1.0 if rg.grad(f)(x) > 0.75 else 2.0

    traced = rg.trace(descends, 0.0)
    assert descends(0.0) == 1.0
    assert traced.guards[0].taken
    assert traced.program(0.0) == (1.0,)
    with pytest.raises(rg.BranchError):
        traced.program(4.0)


# --- The tape


def test_the_tape_is_as_it_was() -> None:
    x = rg.Node(2.0)
    y = x * x
    before = (len(rg.current_tape()), rg.current_tape().stats()["variables"])
    rg.grad(lambda z: z**3 * 2.0)(1.5)
    rg.hessian(lambda z: z**3 * 2.0)(1.5)
    rg.jacobian(lambda z: [z, z])(1.5)
    rg.vjp(lambda z: [z, z], 1.5)
    with pytest.raises(ZeroDivisionError):
        rg.grad(lambda z: 1 / 0)(1.5)
    assert (len(rg.current_tape()), rg.current_tape().stats()["variables"]) == before
    y.backward()
    assert x.grad == 4.0


def test_nodes_that_a_function_let_out_are_stale() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * x)
        return x

    rg.grad(f)(1.0)
    with pytest.raises(rg.StaleNodeError):
        kept[0] + 1.0


def test_a_loop_that_fills_the_tape_collects() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(300_000):
            y = x * 2.0
        return y

    with rg.Tape(limit=1 << 17) as tape:
        before = tape.variable(1.0) * 1.0
        assert rg.grad(f)(1.0) == 2.0
        assert tape.stats()["collections"] > 0
        assert len(tape) == 1
        assert before.value == 1.0


def test_gradients_of_other_variables_stay() -> None:
    w = rg.Node(2.0)
    (w * 3.0).backward()
    rg.grad(lambda x: x * w)(1.0)
    assert w.grad == 3.0
