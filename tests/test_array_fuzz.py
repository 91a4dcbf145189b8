"""Arrays against NumPy on shapes, views and indices that nobody thought of.

Operands are views: slices with any step, transposed, broadcast, gathered. Gradients have closed forms here, through
NumPy's own scattering, so that nothing but the layout of elements is in question.
"""

from __future__ import annotations

import string
from typing import Any

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg

SHAPES = npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
settings.register_profile("arrays", max_examples=150, deadline=None)
PROFILE = settings.get_profile("arrays")


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(0.5, 2.0, shape)


@st.composite
def views(draw: Any, shape: tuple[int, ...]) -> Any:
    """A function that makes of a flat array, by NumPy's rules, a view of this shape; and how long the flat one is."""
    kind = draw(st.sampled_from(["plain", "transposed", "reversed", "stepped", "broadcast", "gathered"]))
    size = int(np.prod(shape))
    if kind == "transposed":
        order = draw(st.permutations(range(len(shape))))
        source = tuple(shape[d] for d in order)
        return size, lambda x: x.reshape(source).transpose(np.argsort(order).tolist())
    if kind == "reversed":
        return size, lambda x: x.reshape(shape)[(slice(None, None, -1),) * len(shape)]
    if kind == "stepped":
        step = draw(st.integers(1, 3))
        return size * step + 2, lambda x: x[2:][::step].reshape(shape)
    if kind == "broadcast":
        axis = draw(st.integers(0, len(shape) - 1))
        source = tuple(1 if d == axis else n for d, n in enumerate(shape))
        return max(int(np.prod(source)), 1), lambda x: np.broadcast_to(x.reshape(source), shape)
    if kind == "gathered":
        indices = np.array(draw(st.lists(st.integers(0, 4), min_size=size, max_size=size))).reshape(shape)
        return 5, lambda x: x[indices]
    return size, lambda x: x.reshape(shape)


def gradient_through(view: Any, size: int, adjoints: np.ndarray) -> np.ndarray:
    """Adjoints of a view's elements, added up where its elements stand."""
    result = np.zeros(size)
    np.add.at(result, view(np.arange(size)), adjoints)
    return result


def same(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@PROFILE
@given(st.data())
def test_any_index_of_any_view_selects_numpys_elements_and_scatters_gradients(data: Any) -> None:
    shape = data.draw(SHAPES)
    size, view = data.draw(views(shape))
    index = data.draw(
        st.one_of(
            npst.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True),
            npst.integer_array_indices(shape, result_shape=npst.array_shapes(max_dims=2, max_side=3)),
            npst.arrays(bool, shape),
            st.tuples(st.integers(0, shape[0] - 1)),
        )
    )
    x = numbers((size,))
    a = rg.array(x)
    selected, expected = view(a)[index], view(x)[index]
    assert (() if isinstance(selected, rg.Node) else selected.shape) == np.shape(expected)
    same(selected.value, expected)
    if np.size(expected) == 0:
        return
    weights = numbers(np.shape(expected), 1)
    total = (selected * weights).sum() if isinstance(selected, rg.Array) else selected * float(weights)
    if data.draw(st.booleans()):
        a.tape.collect()
    total.backward()
    adjoints = np.zeros(shape)
    np.add.at(adjoints, index, weights)
    same(a.grad, gradient_through(view, size, adjoints))


@PROFILE
@given(st.data())
def test_operators_broadcast_any_views(data: Any) -> None:
    both = data.draw(npst.mutually_broadcastable_shapes(num_shapes=2, min_dims=1, max_dims=4, max_side=4))
    shapes = both.input_shapes
    made = [data.draw(views(shape)) for shape in shapes]
    xs = [numbers((size,), k) for k, (size, _) in enumerate(made)]
    arrays = [rg.array(x) for x in xs]
    (p, q), (x, y) = ([view(v) for v, (_, view) in zip(values, made, strict=True)] for values in (arrays, xs))
    weights = numbers(both.result_shape, 7)
    operator = data.draw(st.sampled_from(["mul", "div", "atan2", "pow"]))
    result, known, slopes = {
        "mul": lambda: (p * q, x * y, (y + 0 * x, x + 0 * y)),
        "div": lambda: (p / q, x / y, (1 / y + 0 * x, -x / y**2)),
        "atan2": lambda: (np.arctan2(p, q), np.arctan2(x, y), (y / (x * x + y * y), -x / (x * x + y * y))),
        "pow": lambda: (p**q, x**y, (y * x ** (y - 1), np.log(x) * x**y)),
    }[operator]()
    assert result.shape == known.shape
    same(result.value, known)
    (result * weights).sum().backward()
    for k, slope in enumerate(slopes):
        size, view = made[k]
        adjoints = slope * weights
        adjoints = adjoints.sum(axis=tuple(range(adjoints.ndim - len(shapes[k]))))
        axes = tuple(d for d, n in enumerate(shapes[k]) if n == 1)
        same(arrays[k].grad, gradient_through(view, size, adjoints.sum(axis=axes, keepdims=True)))


@PROFILE
@given(st.data())
def test_reductions_of_any_view_over_any_axes(data: Any) -> None:
    shape = data.draw(SHAPES)
    size, view = data.draw(views(shape))
    axes = data.draw(
        st.one_of(st.none(), npst.valid_tuple_axes(len(shape), min_size=1), st.integers(0, len(shape) - 1))
    )
    keepdims = data.draw(st.booleans())
    x = numbers((size,))
    a = rg.array(x)
    v = view(x)
    name = data.draw(st.sampled_from(["sum", "prod", "logsumexp", "norm", "mean"]))
    whole = {"axis": axes, "keepdims": True}
    total, squares, exponentials = (np.sum(y, **whole) for y in (v, v * v, np.exp(v)))
    known, slope = {
        "sum": lambda: (total, np.ones(shape)),
        "mean": lambda: (np.mean(v, **whole), np.full(shape, total.size / v.size)),
        "prod": lambda: (np.prod(v, **whole), np.prod(v, **whole) / v),
        "logsumexp": lambda: (np.log(exponentials), np.exp(v) / exponentials),
        "norm": lambda: (np.sqrt(squares), v / np.sqrt(squares)),
    }[name]()
    result = getattr(view(a), name)(axes, keepdims=keepdims)
    expected = known if keepdims else np.squeeze(known, axes if axes is not None else None)
    if axes is None and not keepdims:
        expected = known.reshape(())
    assert (() if isinstance(result, rg.Node) else result.shape) == expected.shape
    same(result.value, expected)
    weights = numbers(known.shape, 3)
    if isinstance(result, rg.Node):
        (result * float(weights.item())).backward()
    else:
        result.backward(weights.reshape(expected.shape))
    same(a.grad, gradient_through(view, size, slope * weights))


@PROFILE
@given(st.data())
def test_matrix_products_of_any_views(data: Any) -> None:
    both = data.draw(npst.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3))
    made = [data.draw(views(shape)) for shape in both.input_shapes]
    xs = [numbers((size,), k) for k, (size, _) in enumerate(made)]
    arrays = [rg.array(x) for x in xs]
    p, q = (view(a) for a, (_, view) in zip(arrays, made, strict=True))
    x, y = (view(a) for a, (_, view) in zip(xs, made, strict=True))
    product, known = p @ q, x @ y
    assert (() if isinstance(product, rg.Node) else product.shape) == known.shape == both.result_shape
    same(product.value, known)
    weights = numbers(known.shape, 5)
    total = (product * weights).sum() if known.shape else product * float(weights)
    total.backward()
    left, right = (x if x.ndim > 1 else x[None]), (y if y.ndim > 1 else y[:, None])
    w = weights
    if x.ndim == 1:
        w = np.expand_dims(w, -1 if y.ndim == 1 else -2)
    if y.ndim == 1:
        w = np.expand_dims(w, -1)
    for k, adjoints in enumerate((w @ np.swapaxes(right, -1, -2), np.swapaxes(left, -1, -2) @ w)):
        shape = (left, right)[k].shape
        adjoints = adjoints.sum(axis=tuple(range(adjoints.ndim - len(shape))))
        axes = tuple(d for d, n in enumerate(shape) if n == 1 and adjoints.shape[d] != 1)
        adjoints = adjoints.sum(axis=axes, keepdims=True).reshape(both.input_shapes[k])
        same(arrays[k].grad, gradient_through(made[k][1], made[k][0], adjoints))


@PROFILE
@given(st.data())
def test_einsum_of_any_subscripts(data: Any) -> None:
    labels = string.ascii_letters[: data.draw(st.integers(1, 5))]
    sizes = {label: data.draw(st.integers(1, 3)) for label in labels}
    terms = data.draw(st.lists(st.text(labels, min_size=1, max_size=3), min_size=1, max_size=4))
    used = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(used))[: data.draw(st.integers(0, len(used)))])
    subscripts = ",".join(terms) + data.draw(st.sampled_from(["->" + output, ""]))
    ones = data.draw(st.sets(st.integers(0, len(terms) - 1), max_size=1))  # an operand with an axis that broadcasts
    shapes = [
        tuple(1 if k in ones and term.count(label) == 1 and d == 0 else sizes[label] for d, label in enumerate(term))
        for k, term in enumerate(terms)
    ]
    xs = [numbers(shape, k) for k, shape in enumerate(shapes)]
    arrays = [rg.array(x) for x in xs]
    known = np.einsum(subscripts, *xs)
    result = np.einsum(subscripts, *arrays)
    assert (() if isinstance(result, rg.Node) else result.shape) == known.shape
    same(result.value, known)
    weights = numbers(known.shape, 9)
    total = (result * weights).sum() if known.shape else result * float(weights)
    total.backward()
    for k, x in enumerate(xs):  # linear in each operand: differences are exact up to rounding
        slopes = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[index] = 1.0
            slopes[index] = np.sum(np.einsum(subscripts, *(unit if j == k else v for j, v in enumerate(xs))) * weights)
        np.testing.assert_allclose(arrays[k].grad, slopes, rtol=1e-10, atol=1e-12)


@PROFILE
@given(st.data())
def test_joining_any_views(data: Any) -> None:
    shape = data.draw(SHAPES)
    axis = data.draw(st.integers(0, len(shape) - 1))
    made, xs, weights = [], [], []
    for k in range(data.draw(st.integers(1, 4))):
        own = tuple(data.draw(st.integers(1, 3)) if d == axis else n for d, n in enumerate(shape))
        made.append(data.draw(views(own)))
        xs.append(numbers((made[-1][0],), k))
        weights.append(numbers(own, 20 + k))
    plain = data.draw(st.integers(-1, len(xs) - 1))  # one of them is NumPy's, but not the only one
    arrays = [x if k == plain and len(xs) > 1 else rg.array(x) for k, x in enumerate(xs)]
    joined = np.concatenate([view(a) for a, (_, view) in zip(arrays, made, strict=True)], axis)
    same(joined.value, np.concatenate([view(x) for x, (_, view) in zip(xs, made, strict=True)], axis))
    (joined * np.concatenate(weights, axis)).sum().backward()
    for a, (size, view), weight in zip(arrays, made, weights, strict=True):
        if isinstance(a, rg.Array):
            same(a.grad, gradient_through(view, size, weight))


@pytest.mark.parametrize("seed", range(20))
def test_programs_of_random_calls_have_the_gradient_of_differences(seed: int) -> None:
    """Chains of calls on matrices, with collections in between."""
    rng = np.random.default_rng(seed)
    fixed = rng.normal(size=(3, 3))
    steps: list[Any] = [
        lambda x, y: x @ y,
        lambda x, y: np.tanh(x) + y.T,
        lambda x, y: np.where(fixed > 0, x, y),
        lambda x, y: np.linalg.solve(x @ x.T + np.eye(3), y),
        lambda x, y: np.cumsum(x, axis=1) * 0.3,
        lambda x, y: np.concatenate([x[:1], y[1:]]),
        lambda x, y: np.sort(x, axis=0) - y,
        lambda x, y: np.outer(x[0], y[:, 1]),
        lambda x, y: x / (1.0 + y * y),
        lambda x, y: np.stack([x.sum(axis=0), y.mean(axis=1), x[:, 0]]),
        lambda x, y: np.clip(x, -1.0, 1.0) * y,
        lambda x, y: np.flip(x) + np.roll(y, 1),
        lambda x, y: np.einsum("ij,kj,k->ik", x, y, y[0]) * 0.2,
        lambda x, y: np.linalg.inv(np.eye(3) * 4.0 + np.tanh(x)),
        lambda x, y: x - x.mean(axis=0, keepdims=True),
        lambda x, y: np.triu(x) + np.tril(y),
    ]
    chosen = rng.integers(len(steps), size=8)
    order = rng.random(8) < 0.5

    def run(x: Any, collect: bool = False) -> Any:
        y = x * fixed
        for k, swapped in zip(chosen, order, strict=True):
            x, y = (steps[k](y, x), x) if swapped else (steps[k](x, y), y)
            if collect:
                x.tape.collect()
        return np.sum(np.tanh(x) * fixed) + np.sum(y * y)

    point = rng.normal(size=(3, 3))
    a = rg.array(point)
    y = run(a, collect=True)
    assert y.value == pytest.approx(run(point), rel=1e-11)
    y.backward()
    slopes = np.zeros((3, 3))
    for index in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[index] = 1e-5
        slopes[index] = (run(point + step) - run(point - step)) / 2e-5
    np.testing.assert_allclose(a.grad, slopes, rtol=2e-6, atol=2e-6 * max(1.0, np.max(np.abs(slopes))))
