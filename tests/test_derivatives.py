"""grad, jacobian, hessian, hvp, jvp, vjp: against mpmath, and against JAX where it is installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from derivative_table import Jax, M, agree, argnums_of, assembled, direction, hessian_of, jacobian_of, over
from reference.functions import SCALAR, SEVERAL, Row, numbers_in

# --- The table


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_grad_is_that_of_mpmath(row: Row) -> None:
    value, slopes = rg.value_and_grad(over(row), argnums_of(row))(*row.args)
    agree(slopes, jacobian_of(row))
    agree(value, over(row)(*row.args))


@pytest.mark.parametrize("row", SCALAR + SEVERAL, ids=str)
@pytest.mark.parametrize("jacobian", [rg.jacobian, rg.jacfwd, rg.jacrev])
def test_jacobian_is_that_of_mpmath(row: Row, jacobian: Any) -> None:
    blocks = jacobian(over(row), argnums_of(row))(*row.args)
    structure = optree.tree_structure(over(row)(*row.args))
    shapes = [np.size(leaf) for leaf in optree.tree_leaves(over(row)(*row.args))]
    per_output = structure.flatten_up_to(blocks)
    rows = [
        np.concatenate([np.reshape(np.asarray(b, float), (size, -1)) for b in optree.tree_leaves(tree)], axis=1)
        for tree, size in zip(per_output, shapes, strict=True)
    ]
    agree(np.concatenate(rows), jacobian_of(row))


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_hessian_is_that_of_mpmath(row: Row) -> None:
    agree(assembled(rg.hessian(over(row), argnums_of(row))(*row.args), row), hessian_of(row))


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_hvp_is_the_hessian_times_the_tangents(row: Row) -> None:
    along = direction(row)
    product = rg.hvp(over(row), row.args, along, argnums=argnums_of(row))
    assert optree.tree_structure(product) == optree.tree_structure(row.args)
    agree(product, hessian_of(row) @ np.array(numbers_in(along), float))


@pytest.mark.parametrize("row", SCALAR + SEVERAL, ids=str)
def test_jvp_is_the_jacobian_times_the_tangents(row: Row) -> None:
    along = direction(row)
    outputs, tangents = rg.jvp(over(row), row.args, along)
    agree(outputs, numbers_in(over(row)(*row.args)))
    agree(tangents, jacobian_of(row) @ np.array(numbers_in(along), float))


@pytest.mark.parametrize("row", SCALAR + SEVERAL, ids=str)
def test_vjp_is_the_seeds_times_the_jacobian(row: Row) -> None:
    outputs, pull = rg.vjp(over(row), *row.args)
    rng = np.random.default_rng(3)
    seeds = optree.tree_map(lambda y: rng.normal(size=np.shape(y)) if np.ndim(y) else float(rng.normal()), outputs)
    agree(pull(seeds), np.array(numbers_in(seeds), float) @ jacobian_of(row))
    agree(pull(seeds), np.array(numbers_in(seeds), float) @ jacobian_of(row))  # as often as one likes


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_a_gradient_taken_within_a_trace_is_that_of_the_program(row: Row) -> None:
    traced = rg.trace(lambda *args: rg.grad(over(row), argnums_of(row))(*args), *row.args)
    numbers = [[float(x)] for x in numbers_in(row.args)]
    agree(rg._core._testing.evaluate(traced.program, numbers), jacobian_of(row))


@pytest.mark.parametrize("row", [row for row in SCALAR if len(numbers_in(row.args)) == 1], ids=str)
def test_third_derivatives_by_nesting_agree_with_differences_of_second_ones(row: Row) -> None:
    second = rg.grad(rg.grad(over(row)))
    (x,) = row.args
    h = 1e-4
    numerical = (8.0 * (second(x + h) - second(x - h)) - (second(x + 2.0 * h) - second(x - 2.0 * h))) / (12.0 * h)
    assert rg.grad(second)(x) == pytest.approx(numerical, rel=1e-7, abs=1e-7)


# --- JAX


@pytest.fixture(scope="module")
def jax() -> Any:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def same_as_jax(got: Any, expected: Any) -> None:
    assert optree.tree_structure(got) == optree.tree_structure(expected)
    for ours, theirs in zip(optree.tree_leaves(got), optree.tree_leaves(expected), strict=True):
        assert np.shape(ours) == np.shape(theirs)
    agree(got, numbers_in(optree.tree_map(np.asarray, expected)))


@pytest.mark.parametrize("row", SCALAR + SEVERAL, ids=str)
def test_results_and_their_structures_are_those_of_jax(row: Row, jax: Any) -> None:
    ours, theirs, numbers = over(row), over(row, Jax()), argnums_of(row)
    along = direction(row)
    same_as_jax(rg.jacobian(ours, numbers)(*row.args), jax.jacobian(theirs, numbers)(*row.args))
    same_as_jax(rg.jvp(ours, row.args, along), jax.jvp(theirs, row.args, along))
    out, pull = rg.vjp(ours, *row.args)
    jax_out, jax_pull = jax.vjp(theirs, *row.args)
    ones = optree.tree_map(lambda y: np.ones_like(y) if np.ndim(y) else 1.0, out)
    same_as_jax(pull(ones), jax_pull(optree.tree_map(jax.numpy.ones_like, jax_out)))
    if row.scalar:
        same_as_jax(rg.value_and_grad(ours)(*row.args), jax.value_and_grad(theirs)(*row.args))
        same_as_jax(rg.hessian(ours, numbers)(*row.args), jax.hessian(theirs, numbers)(*row.args))
        same_as_jax(rg.hvp(ours, row.args, along), jax.jvp(jax.grad(theirs), row.args, along)[1])


# What the page of operators says of kinks, where JAX says otherwise: (function, argument, ours, JAX's).
OTHER_CONVENTIONS = [
    (lambda m, x: m.clip(x, -1.0, 1.0), 1.0, 1.0, 0.5),
    (lambda m, x: m.where(x > 0.0, m.sqrt(x), 0.0), 0.0, 0.0, math.nan),
    (lambda m, x: m.where(x > 0.0, m.log(x), x), -1.0, 1.0, 1.0),
    (lambda m, x: m.maximum(x, 0.0), 0.0, 0.5, 0.5),
    (lambda m, x: m.relu(x), 0.0, 0.0, 0.0),
    (lambda m, x: m.abs(x), 0.0, 0.0, 1.0),
]


@pytest.mark.parametrize(("function", "x", "ours", "theirs"), OTHER_CONVENTIONS)
def test_kinks_follow_the_page_of_operators(function: Any, x: float, ours: float, theirs: float) -> None:
    f = lambda x: function(M, x)  # noqa: E731
    assert rg.grad(f)(x) == ours
    assert rg.jacfwd(f)(x) == ours
    assert rg.jvp(f, (x,), (1.0,))[1] == ours
    assert rg.vjp(f, x)[1](1.0) == (ours,)
    assert rg.jacobian(lambda x: rg.grad(f)(x) * 0.0 + f(x))(x) == ours


@pytest.mark.parametrize(("function", "x", "ours", "theirs"), OTHER_CONVENTIONS)
def test_jax_has_the_conventions_that_this_table_says(
    function: Any, x: float, ours: float, theirs: float, jax: Any
) -> None:
    got = float(jax.grad(lambda x: function(Jax(), x))(x))
    assert got == theirs or (math.isnan(got) and math.isnan(theirs))


# --- Arguments and results


def test_ints_count_as_floats() -> None:
    slope = rg.grad(lambda x: x * x)(3)
    assert slope == 6.0
    assert type(slope) is float
    assert rg.grad(lambda v: v[0] * v[1])(np.array([2, 3])).tolist() == [3.0, 2.0]


def test_arguments_that_are_not_differentiated_arrive_as_they_are() -> None:
    seen: list[Any] = []

    def f(x: Any, data: Any, mode: str, flag: bool, *, scale: float) -> Any:
        seen.extend([data, mode, flag])
        return x * scale

    data = np.arange(3)
    assert rg.grad(f)(1.0, data, "fast", True, scale=2.0) == 2.0
    assert seen[0] is data
    assert seen[1:] == ["fast", True]


def test_static_values_arrive_unwrapped() -> None:
    assert rg.grad(lambda x, n: x**n)(2.0, rg.static(3)) == 12.0
    assert rg.grad(lambda p: p["x"] ** p["n"])({"x": 2.0, "n": rg.static(3)}) == {"x": 12.0, "n": 3}


def test_argnums_choose_and_count_from_the_end() -> None:
    f = lambda x, y, z: x * y * z  # noqa: E731
    assert rg.grad(f, 1)(2.0, 3.0, 5.0) == 10.0
    assert rg.grad(f, -1)(2.0, 3.0, 5.0) == 6.0
    assert rg.grad(f, (2, 0))(2.0, 3.0, 5.0) == (6.0, 15.0)
    assert rg.grad(f, [0])(2.0, 3.0, 5.0) == (15.0,)


def test_auxiliary_data_comes_back_as_numbers() -> None:
    def f(x: Any) -> Any:
        return x * x, {"y": 3.0 * x, "row": np.array([x, 1.0], object), "note": "text", "none": None}

    aux = {"y": 6.0, "note": "text", "none": None}
    for got in (
        rg.grad(f, has_aux=True)(2.0)[1],
        rg.value_and_grad(f, has_aux=True)(2.0)[0][1],
        rg.jacobian(f, has_aux=True)(2.0)[1],
        rg.hessian(f, has_aux=True)(2.0)[1],
        rg.jvp(f, (2.0,), (1.0,), has_aux=True)[2],
        rg.vjp(f, 2.0, has_aux=True)[2],
    ):
        assert got.pop("row").tolist() == [2.0, 1.0]
        assert got == aux


def test_auxiliary_data_of_an_inner_function_is_differentiated_by_the_outer_one() -> None:
    f = lambda x: (x**3, 2.0 * x)  # noqa: E731

    def outer(derivative: Any) -> Any:
        def product(x: Any) -> Any:
            slope, aux = derivative(x)
            return slope * aux  # 3 x^2 * 2 x

        return product

    for derivative in (
        rg.grad(f, has_aux=True),
        rg.jacfwd(f, has_aux=True),
        rg.jacrev(f, has_aux=True),
        lambda x: rg.jvp(f, (x,), (1.0,), has_aux=True)[1:],
    ):
        assert rg.grad(outer(derivative))(2.0) == 72.0
        assert rg.jacfwd(outer(derivative))(2.0) == 72.0


def test_tangents_of_none_are_zeros() -> None:
    f = lambda x, data: x * sum(data)  # noqa: E731
    assert rg.jvp(f, (2.0, [1.0, 2.0]), (1.0, None)) == (6.0, 3.0)
    assert rg.hvp(lambda x, n: x**n, (2.0, 3), (1.0, None)) == 12.0


def test_a_module_is_differentiated_for_its_parameters() -> None:
    model = rg.nn.MLP(2, [3, 1])
    x = [0.5, -1.0]
    penalty = lambda m: sum(p**2 for p in m.parameters())  # noqa: E731
    slopes = rg.grad(lambda m: m(x) ** 2 + penalty(m))(model)
    assert type(slopes) is type(model)
    loss = model(x) ** 2 + penalty(model)
    model.zero_grad()
    loss.backward()
    expected = [p.grad for p in model.parameters()]
    assert len(expected) == 13
    assert _floats_of(slopes) == pytest.approx(expected, rel=1e-14)


def _floats_of(value: Any) -> list[float]:
    """Return the floats of a module, which `parameters()` does not find, in the order of its attributes."""
    if isinstance(value, float):
        return [value]
    parts = vars(value).values() if isinstance(value, rg.nn.Module) else value if isinstance(value, list) else ()
    return [number for part in parts for number in _floats_of(part)]


def test_parameters_of_a_module_from_outside_count_as_constants() -> None:
    model = rg.nn.MLP(2, [3, 1])
    slope = rg.grad(lambda x: model([x, 1.0]))(0.5)
    x = rg.Node(0.5)
    model([x, 1.0]).backward()
    assert type(slope) is float
    assert slope == pytest.approx(x.grad, rel=1e-15)
