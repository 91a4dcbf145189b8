"""grad, jacobian, hessian, hvp, jvp, vjp: against mpmath, and against JAX where it is installed."""

from __future__ import annotations

import math
import traceback
from functools import lru_cache
from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from reference.functions import SCALAR, SEVERAL, Row, numbers_in, reference_hessian, reference_jacobian

TOLERANCE = 2e-13  # relative to the largest derivative of a row: some hundred roundings


class Reelgrad:
    """reelgrad's functions under the table's names."""

    def __getattr__(self, name: str) -> Any:
        return getattr(rg, name)

    sum = staticmethod(lambda x: rg.sum(np.ravel(x)))
    prod = staticmethod(lambda x: rg.prod(np.ravel(x)))
    softmax = staticmethod(lambda x: np.array(rg.softmax(x)))


M = Reelgrad()
jacobian_of = lru_cache(maxsize=None)(reference_jacobian)
hessian_of = lru_cache(maxsize=None)(reference_hessian)


def over(row: Row, m: Any = M) -> Any:
    return lambda *args: row.function(m, *args)


def argnums_of(row: Row) -> tuple[int, ...]:
    return tuple(range(len(row.args)))


def agree(got: Any, expected: Any) -> None:
    found, known = np.array(numbers_in(got), float), np.ravel(np.asarray(expected, float))
    assert found.shape == known.shape
    assert np.abs(found - known).max(initial=0.0) <= TOLERANCE * max(1.0, np.abs(known).max(initial=0.0))


def direction(row: Row) -> tuple[Any, ...]:
    """Return tangents for the arguments: numbers without a pattern."""
    leaves, treedef = optree.tree_flatten(row.args)
    rng = np.random.default_rng(7)
    found = [rng.normal(size=leaf.shape) if isinstance(leaf, np.ndarray) else float(rng.normal()) for leaf in leaves]
    tangents: tuple[Any, ...] = treedef.unflatten(found)
    return tangents


def assembled(blocks: Any, row: Row) -> np.ndarray[Any, Any]:
    """Return the Hessian over all numbers from its blocks by arguments."""
    sizes = [np.size(leaf) for leaf in optree.tree_leaves(row.args)]
    parts = optree.tree_leaves(blocks)
    grid = [[parts[i * len(sizes) + j] for j in range(len(sizes))] for i in range(len(sizes))]
    return np.block(
        [[np.reshape(grid[i][j], (sizes[i], sizes[j])) for j in range(len(sizes))] for i in range(len(sizes))]
    ).astype(float)


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


class Jax:
    """JAX's functions under the table's names."""

    def __init__(self) -> None:
        import jax
        import jax.numpy
        import jax.scipy.special as special

        self._homes = [jax.numpy, jax.nn, special, jax.numpy.linalg]

    def lgamma(self, x: Any) -> Any:
        return self._homes[2].gammaln(x)

    def __getattr__(self, name: str) -> Any:
        return next(getattr(home, name) for home in self._homes if hasattr(home, name))


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


# --- Wrong use


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: [x, x], "a list of 2.*reelgrad.jacobian"),
        (lambda x: np.array([x, x]), r"shape \(2,\).*reelgrad.jacobian"),
        (lambda x: (x, "aux"), "has_aux=True"),
        (lambda x: None, "return missing"),
        (lambda x: "text", "str 'text'"),
    ],
)
def test_a_gradient_needs_a_number(result: Any, words: str) -> None:
    with pytest.raises(rg.StructureError, match=words):
        rg.grad(result)(1.0)


@pytest.mark.parametrize("static", ["text", None, True, rg.static(2.0), ["a", None]])
def test_a_static_argument_has_no_derivative(static: Any) -> None:
    with pytest.raises(rg.SettingError, match="argument 0 is static"):
        rg.grad(lambda x: 1.0)(static)


def test_what_is_no_number_is_named_by_its_path() -> None:
    with pytest.raises(rg.StructureError, match=r"argument 0\['a'\]\[1\].*complex"):
        rg.grad(lambda p: p["a"][0])({"a": [1.0, 2j]})


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), (0, 0)])
def test_argnums_out_of_range_are_refused(argnums: Any) -> None:
    with pytest.raises(rg.SettingError, match="argnums"):
        rg.grad(lambda x: x, argnums)(1.0)


def test_what_cannot_be_called_is_refused() -> None:
    for derivative in (rg.grad, rg.value_and_grad, rg.jacobian, rg.hessian, rg.vjp):
        with pytest.raises(rg.NodeTypeError, match="cannot be called"):
            derivative(3.0)  # type: ignore[operator]


@pytest.mark.parametrize("derivative", [rg.jvp, rg.hvp])
def test_tangents_must_fit(derivative: Any) -> None:
    f = lambda v: v[0] * v[1]  # noqa: E731
    v = np.ones(2)
    with pytest.raises(rg.LengthError, match="1 primals need as many tangents, not 2"):
        derivative(f, (v,), (v, v))
    with pytest.raises(rg.NodeTypeError, match="a tuple is needed"):
        derivative(f, v, v)
    with pytest.raises(rg.LengthError, match=r"shape \(3,\)"):
        derivative(f, (v,), (np.ones(3),))
    with pytest.raises(rg.StructureError, match="structure"):
        derivative(f, (v,), ([1.0, 1.0],))


def test_seeds_must_fit() -> None:
    _, pull = rg.vjp(lambda x: (x, x), 1.0)
    with pytest.raises(rg.StructureError, match="seeds"):
        pull([1.0, 1.0])


def test_a_node_of_another_tape_is_refused() -> None:
    other = rg.Tape().variable(1.0)
    with pytest.raises(rg.TapeMismatchError, match="another tape"):
        rg.grad(lambda x: other)(1.0)
    with pytest.raises(rg.TapeMismatchError):
        rg.grad(lambda x: x * other)(1.0)


def test_errors_of_the_function_keep_their_traceback() -> None:
    def fails(x: Any) -> Any:
        return [][3]

    with pytest.raises(IndexError) as caught:
        rg.grad(fails)(1.0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fails"
    assert rg.grad(lambda x: x * x)(1.0) == 2.0
    assert type(rg.grad(lambda x: x)(rg.Node(1.0))) is float  # nothing is under way any more


def test_derivatives_say_what_they_are() -> None:
    def loss(x: Any, y: Any) -> Any:
        return x * y

    assert rg.grad(loss).__name__ == "gradient_of_loss"
    assert rg.hessian(loss).__doc__ == "Jacobian of gradient_of_loss."


# --- Compiled functions


@pytest.mark.parametrize("row", SCALAR, ids=str)
def test_derivatives_of_a_compiled_function_are_those_of_mpmath(row: Row) -> None:
    compiled, numbers, along = rg.compile(over(row)), argnums_of(row), direction(row)
    vector = np.array(numbers_in(along), float)
    agree(rg.value_and_grad(compiled, numbers)(*row.args)[1], jacobian_of(row))
    agree(rg.jacobian(compiled, numbers)(*row.args), jacobian_of(row))
    agree(assembled(rg.hessian(compiled, numbers)(*row.args), row), hessian_of(row))
    agree(rg.hvp(compiled, row.args, along, argnums=numbers), hessian_of(row) @ vector)
    agree(rg.jvp(compiled, row.args, along)[1], jacobian_of(row) @ vector)
    agree(rg.vjp(compiled, *row.args)[1](2.0), 2.0 * jacobian_of(row))


def piecewise(p: Any, x: Any) -> Any:
    y = p["a"] * x + p["b"][0]
    return y**3 if y > 0.0 else rg.exp(y) * p["b"][1]


PARAMS = {"a": 0.7, "b": np.array([0.1, -0.4])}
DATA = np.linspace(-1.0, 1.5, 11)
ALONG = {"a": 1.0, "b": np.array([0.5, -2.0])}


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_derivatives_of_a_reduced_batch_are_those_of_the_loop(reduce: str) -> None:
    compiled = rg.compile(piecewise, in_axes=(None, 0), reduce=reduce)

    def loop(p: Any, xs: Any) -> Any:
        total = sum(piecewise(p, x) for x in xs)
        return total / len(xs) if reduce == "mean" else total

    for derivative in (rg.grad, rg.hessian):
        agree(derivative(compiled)(PARAMS, DATA), numbers_in(derivative(loop)(PARAMS, DATA)))
    agree(rg.jacobian(compiled)(PARAMS, DATA), numbers_in(rg.grad(loop)(PARAMS, DATA)))
    agree(rg.hvp(compiled, (PARAMS, DATA), (ALONG, None)), numbers_in(rg.hvp(loop, (PARAMS, DATA), (ALONG, None))))
    tangents = (ALONG, np.cos(DATA))
    agree(rg.jvp(compiled, (PARAMS, DATA), tangents), numbers_in(rg.jvp(loop, (PARAMS, DATA), tangents)))
    agree(rg.vjp(compiled, PARAMS, DATA)[1](3.0), numbers_in(rg.vjp(loop, PARAMS, DATA)[1](3.0)))
    both = rg.hvp(compiled, (PARAMS, DATA), tangents, argnums=(0, 1))
    agree(both, numbers_in(rg.hvp(loop, (PARAMS, DATA), tangents, argnums=(0, 1))))


def test_derivatives_of_a_batch_come_for_each_sample() -> None:
    compiled = rg.compile(piecewise, in_axes=(None, 0))
    hessians = rg.hessian(compiled)(PARAMS, DATA)
    jacobians = rg.jacobian(compiled, (0, 1))(PARAMS, DATA)
    assert hessians["b"]["b"].shape == (11, 2, 2)
    assert jacobians[1].shape == (11,)
    for k, x in enumerate(DATA):
        here = rg.hessian(piecewise)(PARAMS, x)
        agree(optree.tree_map(lambda a, k=k: a[k], hessians), numbers_in(here))
        slopes = rg.jacobian(piecewise, (0, 1))(PARAMS, x)
        agree(optree.tree_map(lambda a, k=k: a[k], jacobians), numbers_in(slopes))
    along = rg.jvp(compiled, (PARAMS, DATA), (ALONG, None))[1]
    agree(along, [rg.jvp(piecewise, (PARAMS, x), (ALONG, None))[1] for x in DATA])


def test_wrong_use_of_derivatives_of_compiled_functions() -> None:
    compiled = rg.compile(piecewise, in_axes=(None, 0), reduce="sum")
    with pytest.raises(rg.SettingError, match="each pair of samples"):
        rg.hessian(compiled, 1)(PARAMS, DATA)
    with pytest.raises(rg.SettingError, match="has_aux"):
        rg.grad(compiled, has_aux=True)(PARAMS, DATA)
    with pytest.raises(rg.SettingError, match="__wrapped__"):
        rg.grad(lambda a: rg.grad(compiled)({"a": a, "b": PARAMS["b"]}, DATA)["a"])(1.0)


def test_a_compiled_function_of_one_sample_takes_part_in_nesting() -> None:
    cube = rg.compile(lambda x: x**3)
    assert rg.grad(lambda x: rg.grad(cube)(x) * x)(2.0) == 36.0
    assert rg.grad(rg.grad(cube))(2.0) == 12.0


def test_derivatives_stand_inside_of_compiled_batches() -> None:
    f = lambda x: rg.where(x > 0.0, rg.sqrt(x) * x, x * x)  # noqa: E731
    steps = rg.compile(lambda x: x - rg.grad(f)(x) if rg.grad(f)(x) > 0.5 else rg.hessian(f)(x), in_axes=0)
    x = np.array([-1.0, 0.0, 0.05, 0.5, 4.0])
    expected = [v - rg.grad(f)(v) if rg.grad(f)(v) > 0.5 else rg.hessian(f)(v) for v in x]
    assert steps(x) == pytest.approx(expected, rel=1e-14)
    slopes = [rg.grad(lambda v: v - rg.grad(f)(v) if rg.grad(f)(v) > 0.5 else rg.hessian(f)(v))(v) for v in x]
    assert steps.grad(x) == pytest.approx(slopes, rel=1e-13)
