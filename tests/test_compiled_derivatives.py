"""Derivatives of compiled functions, over samples and batches: those of the loop over the plain function."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from derivative_table import agree, argnums_of, assembled, direction, hessian_of, jacobian_of, over
from reference.functions import SCALAR, SEVERAL, Row, numbers_in


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


@pytest.mark.parametrize("row", SCALAR + SEVERAL, ids=str)
@pytest.mark.parametrize("jacobian", [rg.jacobian, rg.jacfwd, rg.jacrev])
def test_jacobians_of_a_compiled_function_are_those_of_the_function_either_way(row: Row, jacobian: Any) -> None:
    found = jacobian(rg.compile(over(row)), argnums_of(row))(*row.args)
    known = rg.jacobian(over(row), argnums_of(row))(*row.args)
    assert optree.tree_structure(found) == optree.tree_structure(known)
    assert [np.shape(x) for x in optree.tree_leaves(found)] == [np.shape(x) for x in optree.tree_leaves(known)]
    agree(found, numbers_in(known))


def several(p: Any, x: Any) -> Any:
    """Several outputs of one sample, of a point in the plane."""
    y = p["a"] * x[0] + rg.sin(x[1]) * p["b"][1]
    return {"y": y if y > 0.0 else y * y, "z": [x * p["a"], p["b"][0] * y]}


POINTS = np.cos(np.arange(14.0)).reshape(2, 7)  # samples along axis 1


def of_the_loop(derivative: Any, p: Any = PARAMS) -> list[Any]:
    """What a derivative of `several` is for each sample."""
    return [derivative(several)(p, POINTS[:, k].copy()) for k in range(POINTS.shape[1])]


@pytest.mark.parametrize("jacobian", [rg.jacobian, rg.jacfwd, rg.jacrev])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_jacobians_of_a_batch_are_those_of_each_sample_either_way(jacobian: Any, argnums: Any) -> None:
    found = jacobian(rg.compile(several, in_axes=(None, 1)), argnums)(PARAMS, POINTS)
    for k, known in enumerate(of_the_loop(lambda f: rg.jacobian(f, argnums))):
        here = optree.tree_map(lambda block, k=k: block[k], found)
        assert optree.tree_structure(here) == optree.tree_structure(known)
        agree(here, numbers_in(known))


@pytest.mark.parametrize("jacobian", [rg.jacobian, rg.jacfwd, rg.jacrev])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_jacobians_of_a_reduced_batch_are_the_reduced_ones_either_way(jacobian: Any, reduce: Any) -> None:
    found = jacobian(rg.compile(several, in_axes=(None, 1), reduce=reduce))(PARAMS, POINTS)
    over_samples = np.sum if reduce == "sum" else np.mean
    loop = of_the_loop(rg.jacobian)
    known = optree.tree_map(lambda *blocks: over_samples(blocks, axis=0), *loop)
    agree(found, numbers_in(known))


@pytest.mark.parametrize("jacobian", [rg.jacobian, rg.jacrev])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_jacobians_by_varying_arguments_have_their_axes_after_the_outputs(jacobian: Any, reduce: Any) -> None:
    found = jacobian(rg.compile(several, in_axes=(None, 1), reduce=reduce), (0, 1))(PARAMS, POINTS)
    weight = 1.0 if reduce == "sum" else 1.0 / POINTS.shape[1]
    assert found["y"][1].shape == (2, 7)
    assert found["z"][0][1].shape == (2, 2, 7)
    for k, known in enumerate(of_the_loop(lambda f: rg.jacobian(f, 1))):
        agree(
            [found["y"][1][:, k], found["z"][0][1][..., k]], weight * np.array(numbers_in([known["y"], known["z"][0]]))
        )


def test_the_jacobian_of_few_outputs_is_one_run_backwards() -> None:
    f = rg.compile(lambda v: rg.sum(v * v))
    v = np.arange(50.0)
    assert rg.jacobian(f)(v).tolist() == (2.0 * v).tolist()
    (kind,) = f.specialise([v])[0].derived
    assert kind[0] == "jacrev"
    g = rg.compile(lambda x: [x * k for k in range(50)])
    assert rg.jacobian(g)(2.0) == list(range(50))
    (kind,) = g.specialise([2.0])[0].derived
    assert kind[0] == "jacobian"


@pytest.mark.parametrize("derivative", [rg.jacobian, rg.hessian])
def test_derivatives_by_nothing_have_no_columns_but_the_aux(derivative: Any) -> None:
    f = rg.compile(lambda nothing, x: (x * x, {"twice": 2.0 * x}), has_aux=True)
    blocks, aux = derivative(f, has_aux=True)([], 3.0)
    assert blocks == []
    assert aux == {"twice": 6.0}


# --- vjp


def test_vjp_of_a_batch_takes_a_seed_for_each_sample() -> None:
    compiled = rg.compile(piecewise, in_axes=(None, 0))
    out, pull = rg.vjp(compiled, PARAMS, DATA)
    assert out == pytest.approx([piecewise(PARAMS, x) for x in DATA], rel=1e-14)
    seeds = np.sin(3.0 * DATA)
    by_params, by_data = pull(seeds)
    known = [rg.vjp(piecewise, PARAMS, x)[1](seed) for x, seed in zip(DATA, seeds, strict=True)]
    agree(by_params, np.sum([numbers_in(p) for p, _ in known], axis=0))
    agree(by_data, [x for _, x in known])
    assert pull(np.zeros(11))[1].tolist() == [0.0] * 11


def test_vjp_of_a_batch_of_trees_takes_trees_of_seeds() -> None:
    out, pull = rg.vjp(rg.compile(several, in_axes=(None, 1)), PARAMS, POINTS)
    assert [np.shape(leaf) for leaf in optree.tree_leaves(out)] == [(7,), (7, 2), (7,)]
    seeds = optree.tree_map(lambda leaf: np.cos(np.arange(float(leaf.size))).reshape(leaf.shape), out)
    by_params, by_points = pull(seeds)
    assert by_points.shape == POINTS.shape
    known = [
        rg.vjp(several, PARAMS, POINTS[:, k].copy())[1](optree.tree_map(lambda leaf, k=k: leaf[k], seeds))
        for k in range(7)
    ]
    agree(by_params, np.sum([numbers_in(p) for p, _ in known], axis=0))
    agree(by_points.T, [numbers_in(x) for _, x in known])


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
def test_vjp_leaves_the_aux_out(reduce: Any) -> None:
    with_aux = rg.compile(
        lambda p, x: (piecewise(p, x), {"x": 2.0 * x}), in_axes=(None, 0), reduce=reduce, has_aux=True
    )
    out, pull, aux = rg.vjp(with_aux, PARAMS, DATA, has_aux=True)
    assert aux["x"].tolist() == (2.0 * DATA).tolist()
    without = rg.vjp(rg.compile(piecewise, in_axes=(None, 0), reduce=reduce), PARAMS, DATA)
    agree(out, numbers_in(without[0]))
    agree(pull(out), numbers_in(without[1](out)))


def test_vjp_gives_nothing_for_static_arguments() -> None:
    compiled = rg.compile(lambda x, n, t: x**n * t, in_axes=(0, None, 0), static_argnums=1)
    _, pull = rg.vjp(compiled, np.array([1.0, 2.0]), 3, np.array([1.0, 10.0]))
    by_x, by_n, by_t = pull(np.array([1.0, 0.5]))
    assert (by_x.tolist(), by_n, by_t.tolist()) == ([3.0, 60.0], None, [1.0, 4.0])


@pytest.mark.parametrize(
    ("seeds", "error", "says"),
    [
        (np.ones(10), rg.LengthError, r"seeds: got the shape \(10,\), but the outputs has \(11,\)"),
        ([1.0], rg.StructureError, "seeds: got the structure"),
    ],
)
def test_seeds_of_a_batch_must_fit(seeds: Any, error: Any, says: str) -> None:
    _, pull = rg.vjp(rg.compile(piecewise, in_axes=(None, 0)), PARAMS, DATA)
    with pytest.raises(error, match=says):
        pull(seeds)


# --- Wrong use


def test_wrong_use_of_derivatives_of_compiled_functions() -> None:
    compiled = rg.compile(piecewise, in_axes=(None, 0), reduce="sum")
    for derivative in (rg.hessian, rg.jacfwd):
        with pytest.raises(rg.SettingError, match="each pair of samples"):
            derivative(compiled, 1)(PARAMS, DATA)
    for derivative in (rg.grad, rg.jacobian, rg.hessian):
        with pytest.raises(rg.SettingError, match="has_aux"):
            derivative(compiled, has_aux=True)(PARAMS, DATA)
