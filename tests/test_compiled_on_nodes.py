"""Compiled functions inside of functions that are differentiated or traced: nothing of the derivative is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from derivative_table import agree
from reference.functions import numbers_in

X = np.linspace(-1.0, 1.5, 6)


def sample(w: Any, x: Any) -> Any:
    y = w * x + 0.25
    return y**3 if y > 0.0 else rg.exp(y) * w


def loop(w: Any, xs: Any, reduce: Any) -> Any:
    values = [sample(w, x) for x in xs]
    return values if reduce is None else rg.sum(values) if reduce == "sum" else rg.mean(values)


def test_a_compiled_function_of_one_sample_takes_part_in_nesting() -> None:
    cube = rg.compile(lambda x: x**3)
    assert rg.grad(lambda x: cube(x) * x)(2.0) == 32.0
    assert rg.grad(lambda x: cube.grad(x) * x)(2.0) == 36.0
    assert rg.grad(lambda x: rg.grad(cube)(x) * x)(2.0) == 36.0
    assert rg.grad(lambda x: sum(cube.value_and_grad(x)))(2.0) == 24.0
    assert rg.grad(rg.grad(cube))(2.0) == 12.0
    assert rg.grad(lambda x: rg.hessian(cube)(x) * x)(2.0) == 24.0
    assert rg.jacfwd(lambda x: rg.jvp(cube, (x,), (x,))[1])(2.0) == 36.0
    assert rg.grad(lambda x: rg.vjp(cube, x)[1](x)[0])(2.0) == 36.0
    assert rg.grad(lambda x: rg.hvp(cube, (x,), (1.0,)))(2.0) == 6.0
    assert rg.hessian(lambda x: cube(x) * x)(2.0) == 48.0


def test_it_does_so_in_a_trace_with_its_branches() -> None:
    relu = rg.compile(lambda x: x if x > 0.0 else 0.0 * x)
    outer = rg.compile(lambda x: relu(x - 1.0) * x, in_axes=0)
    assert outer(np.array([0.5, 2.0, 3.0])).tolist() == [0.0, 2.0, 6.0]
    assert outer.grad(np.array([0.5, 2.0, 3.0])).tolist() == [0.0, 3.0, 5.0]
    assert len(outer.programs) == 2


def test_plain_numbers_in_a_nested_call_run_compiled() -> None:
    cube = rg.compile(lambda x: x**3)
    assert rg.grad(lambda x: cube(2.0) * x)(3.0) == 8.0
    assert rg.compile(lambda x: cube(2.0) * cube.grad(2.0) * x)(3.0) == 8.0 * 12.0 * 3.0
    assert len(cube.programs) == 1


@pytest.mark.parametrize("reduce", ["sum", "mean", None])
def test_batches_inside_of_a_derivative_are_those_of_the_loop(reduce: Any) -> None:
    compiled = rg.compile(sample, in_axes=(None, 0), reduce=reduce)
    for derivative in (rg.jacobian, rg.jacfwd, rg.jacrev):
        found = derivative(lambda w: compiled(w * w, X))(0.9)
        agree(found, numbers_in(derivative(lambda w: loop(w * w, X, reduce))(0.9)))
        found = derivative(lambda x: compiled(0.9, x * x))(X)
        agree(found, numbers_in(derivative(lambda x: loop(0.9, x * x, reduce))(X)))
    traced = rg.compile(lambda w, x: compiled(w, x))
    agree(traced(0.9, X), numbers_in(loop(0.9, X, reduce)))
    agree(rg.jacobian(traced)(0.9, X), numbers_in(rg.jacobian(lambda w: loop(w, X, reduce))(0.9)))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_derivatives_of_reduced_batches_are_differentiated_again(reduce: Any, argnums: Any) -> None:
    compiled = rg.compile(sample, in_axes=(None, 0), reduce=reduce)

    def plain(w: Any, xs: Any) -> Any:
        return loop(w, xs, reduce)

    for derivative in (rg.grad, rg.hessian, rg.jacobian):
        found = rg.jacobian(lambda w, d=derivative: d(compiled, argnums)(w, X))(0.9)
        known = rg.jacobian(lambda w, d=derivative: d(plain, argnums)(w, X))(0.9)
        assert optree.tree_structure(found) == optree.tree_structure(known)
        agree(found, numbers_in(known))
    assert rg.grad(compiled)(rg.Node(0.9) * 1.0, X).value == pytest.approx(rg.grad(plain)(0.9, X), rel=1e-14)


def grid(p: Any, x: Any) -> Any:
    return p["a"] * x[0] * x[1] ** 2 + rg.sin(x[0]) * p["b"][1]


PARAMS = {"a": 0.7, "b": np.array([0.1, -0.4])}
POINTS = np.cos(np.arange(10.0)).reshape(2, 5)


@pytest.mark.parametrize("derivative", [rg.grad, rg.value_and_grad, rg.jacobian, rg.jacrev, rg.hessian])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_derivatives_sample_by_sample_look_on_nodes_as_they_do_on_numbers(derivative: Any, argnums: Any) -> None:
    """Axes of samples included: a gradient by an argument that varies along axis 1 varies along axis 1."""
    compiled = rg.compile(grid, in_axes=(None, 1))
    expected = derivative(compiled, argnums)(PARAMS, POINTS)
    found = rg.compile(lambda p, x: derivative(compiled, argnums)(p, x))(PARAMS, POINTS)
    assert optree.tree_structure(found) == optree.tree_structure(expected)
    assert [np.shape(x) for x in optree.tree_leaves(found)] == [np.shape(x) for x in optree.tree_leaves(expected)]
    agree(found, numbers_in(expected))


def test_along_directions_too() -> None:
    compiled = rg.compile(grid, in_axes=(None, 1))
    along = ({"a": 1.0, "b": np.array([0.5, -2.0])}, np.sin(POINTS))
    for derivative in (rg.jvp, lambda f, p, t: rg.hvp(f, p, t, argnums=(0, 1))):
        expected = derivative(compiled, (PARAMS, POINTS), along)
        found = rg.compile(lambda p, x, d=derivative: d(compiled, (p, x), along))(PARAMS, POINTS)
        assert [np.shape(x) for x in optree.tree_leaves(found)] == [np.shape(x) for x in optree.tree_leaves(expected)]
        agree(found, numbers_in(expected))
    seeds = np.arange(5.0)
    expected = rg.vjp(compiled, PARAMS, POINTS)[1](seeds)
    agree(rg.compile(lambda p, x: rg.vjp(compiled, p, x)[1](seeds))(PARAMS, POINTS), numbers_in(expected))


def without_text(tree: Any) -> list[float]:
    return numbers_in([x for x in optree.tree_leaves(tree) if not isinstance(x, str)])


@pytest.mark.parametrize("reduce", [None, "mean"])
def test_aux_and_static_arguments_are_as_they_are_on_numbers(reduce: Any) -> None:
    @rg.compile(in_axes=(0, None, None), reduce=reduce, static_argnums=1, has_aux=True)
    def f(x: Any, n: int, options: Any) -> Any:
        assert options["name"] == "text"
        return x**n * options["scale"], {"x": x, "name": options["name"]}

    arguments = (X, 3, {"name": "text", "scale": rg.static(2.0)})
    agree(rg.compile(lambda x: f(x, *arguments[1:])[0])(X), numbers_in(f(*arguments)[0]))
    for call in (f.value_and_grad, f.grad, rg.value_and_grad(f, has_aux=True)):
        expected = call(*arguments)
        found = rg.compile(lambda x, call=call: call(x, *arguments[1:]))(X)
        assert optree.tree_structure(found) == optree.tree_structure(expected)
        texts = [x for x in optree.tree_leaves(found) if isinstance(x, str)]
        assert texts == ["text"]
        agree(without_text(found), without_text(expected))


def test_results_of_operations_are_recorded_where_nothing_is_nested() -> None:
    square = rg.compile(lambda x: x * x)
    w = rg.Node(3.0)
    assert square(w) == 9.0  # variables count by their values
    y = square(w * 2.0)
    y.backward()
    assert w.grad == 24.0
    with pytest.raises(rg.SettingError, match="out"):
        rg.compile(lambda v: rg.sum(v)).grad(np.array([w * 2.0]), out=np.zeros(1))


def test_wrong_use_on_nodes() -> None:
    compiled = rg.compile(sample, in_axes=(None, 0))
    with pytest.raises(rg.LengthError, match="in_axes"):
        rg.grad(lambda w: compiled(w))(1.0)
    with pytest.raises(rg.LengthError, match="empty batch"):
        rg.grad(lambda w: compiled(w, np.empty(0)))(1.0)
    uneven = rg.compile(lambda w, x: [w] if x > 0.0 else w, in_axes=(None, 0))
    with pytest.raises(rg.StructureError, match=r"for sample 1, but .* for the first"):
        rg.grad(lambda w: uneven(w, np.array([1.0, -1.0])))(1.0)


def test_modules_pass_through_nested_calls() -> None:
    net = rg.nn.MLP(2, [3, 1], activation="tanh")
    points = np.cos(np.arange(8.0)).reshape(4, 2)

    def loss(model: Any, x: Any) -> Any:
        return model(list(x)) ** 2

    compiled = rg.compile(loss, in_axes=(None, 0), reduce="sum")

    def numbers_of(model: Any) -> Any:
        return [x for layer in model.layers for neuron in layer.neurons for x in [*neuron.w, neuron.b]]

    known = numbers_of(rg.grad(lambda model: sum(loss(model, x) for x in points))(net))
    assert len(known) == 13
    agree(numbers_of(rg.grad(lambda model: compiled(model, points))(net)), known)
    agree(numbers_of(rg.compile(lambda model: rg.grad(compiled)(model, points))(net)), known)


def test_derivatives_stand_inside_of_compiled_batches() -> None:
    f = lambda x: rg.where(x > 0.0, rg.sqrt(x) * x, x * x)  # noqa: E731
    steps = rg.compile(lambda x: x - rg.grad(f)(x) if rg.grad(f)(x) > 0.5 else rg.hessian(f)(x), in_axes=0)
    x = np.array([-1.0, 0.0, 0.05, 0.5, 4.0])
    expected = [v - rg.grad(f)(v) if rg.grad(f)(v) > 0.5 else rg.hessian(f)(v) for v in x]
    assert steps(x) == pytest.approx(expected, rel=1e-14)
    slopes = [rg.grad(lambda v: v - rg.grad(f)(v) if rg.grad(f)(v) > 0.5 else rg.hessian(f)(v))(v) for v in x]
    assert steps.grad(x) == pytest.approx(slopes, rel=1e-13)
