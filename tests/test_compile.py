"""Compiled functions: values and gradients of batches against eager evaluation lane by lane, structures, wrong use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

RNG = np.random.default_rng(7)


def eager(function: Callable[..., Any], *args: float) -> tuple[float, list[float]]:
    """Return the value and the gradient by all arguments, on Nodes."""
    with rg.Tape() as tape:
        xs = rg.variables(*args)
        y = function(*xs)
        if not isinstance(y, rg.Node):
            return float(y), [0.0] * len(xs)
        return y.value, tape.gradient(y, xs)


def newton(a: Any) -> Any:
    x = a
    for _ in range(60):
        if abs(x * x - a) <= 1e-12 * a:
            break
        x = 0.5 * (x + a / x)
    return x


def payoff(s: Any, k: Any) -> Any:
    if s > k:
        gain = s - k
        return gain if gain < 1.0 else 1.0 + 0.1 * rg.log(gain)
    return 0.0 * s


def piecewise(x: Any, y: Any) -> Any:
    if x < 0:
        return rg.sin(x) * y
    if x < 1 and y > 0:
        return x * x + y
    return max(x, y) - rg.exp(-x)


def collatz(x: Any, a: Any) -> Any:
    total = a
    while x > 1.0:
        x, total = (x / 2.0, total + x) if x > 3.0 else (x - 0.75, total * 1.5)
    return total


BRANCHING = [(newton, 1), (payoff, 2), (piecewise, 2), (collatz, 2)]


@pytest.mark.parametrize(("function", "count"), BRANCHING, ids=lambda x: getattr(x, "__name__", ""))
def test_branches_agree_with_eager_evaluation_lane_by_lane(function: Any, count: int) -> None:
    lanes = 500
    columns = [RNG.uniform(0.1, 6.0, lanes) for _ in range(count)]
    if function is piecewise:
        columns = [RNG.normal(0.0, 2.0, lanes) for _ in range(count)]
    compiled = rg.compile(function, in_axes=0)
    values = compiled(*columns)
    same_values, gradients = compiled.value_and_grad(*columns, argnums=tuple(range(count)))
    assert len(compiled.programs) > 1
    for lane in range(lanes):
        value, gradient = eager(function, *(float(column[lane]) for column in columns))
        assert values[lane] == same_values[lane] == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert [g[lane] for g in gradients] == pytest.approx(gradient, rel=1e-11, abs=1e-11)


def test_an_irregular_network_agrees_with_eager_evaluation() -> None:
    links = [(int(a), b) for b in range(3, 14) for a in RNG.choice(b, 2, replace=False)]

    def network(w: Any, x: Any) -> Any:
        values = [x[0], x[1], 1.0]
        for k, (a, b) in enumerate(links):
            contribution = w[k] * values[a]
            if len(values) <= b:
                values.append(contribution)
            else:
                values[b] = rg.tanh(values[b] + contribution) if values[b] > 0 else values[b] * 0.1 + contribution
        return values[-1]

    w, X = RNG.normal(size=len(links)), RNG.normal(size=(200, 2))
    compiled = rg.compile(network, in_axes=(None, 0), reduce="sum", max_paths=2000)
    value, gradient = compiled.value_and_grad(w, X)
    expected, slopes = 0.0, np.zeros(len(links))
    for row in X:
        y, g = eager(lambda *v, row=row: network(v, row.tolist()), *w)
        expected, slopes = expected + y, slopes + g
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-11, atol=1e-11)


def loss(params: Any, x: Any, t: Any) -> Any:
    hidden = [rg.tanh(w * x + b) for w, b in zip(params["w"], params["b"], strict=True)]
    return (rg.dot(hidden, params["v"]) - t) ** 2


def parameters() -> dict[str, Any]:
    return {"w": RNG.normal(size=5), "b": [0.1, 0.2, 0.3, 0.4, 0.5], "v": RNG.normal(size=5)}


def by_hand(params: dict[str, Any], x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    h = np.tanh(np.outer(x, params["w"]) + np.array(params["b"]))
    error = h @ params["v"] - t
    dh = 2 * error[:, None] * params["v"] * (1 - h * h)
    return error**2, np.concatenate([dh, 2 * error[:, None] * h, dh * x[:, None]], axis=1)  # by b, v, w


@pytest.mark.parametrize("lanes", [1, 7, 8, 63, 64, 65, 1000, 4097])
@pytest.mark.parametrize("reduce", ["sum", "mean", None])
def test_batches_agree_with_numpy(lanes: int, reduce: Any) -> None:
    params, x, t = parameters(), RNG.normal(size=lanes), RNG.normal(size=lanes)
    compiled = rg.compile(loss, in_axes=(None, 0, 0), reduce=reduce)
    value, gradient = compiled.value_and_grad(params, x, t)
    losses, slopes = by_hand(params, x, t)
    assert set(gradient) == {"b", "v", "w"}
    if reduce is None:
        np.testing.assert_allclose(value, losses, rtol=1e-12, atol=1e-14)
        found = np.concatenate([np.array(gradient["b"]).T, gradient["v"], gradient["w"]], axis=1)
        np.testing.assert_allclose(found, slopes, rtol=1e-11, atol=1e-12)
        return
    scale = lanes if reduce == "mean" else 1
    assert value == pytest.approx(losses.sum() / scale, rel=1e-12)
    assert value == compiled(params, x, t)
    found = np.concatenate([gradient["b"], gradient["v"], gradient["w"]])
    np.testing.assert_allclose(found, slopes.sum(0) / scale, rtol=1e-10, atol=1e-12)
    assert isinstance(gradient["b"], list)
    assert isinstance(gradient["b"][0], float)
    assert gradient["w"].shape == (5,)


def test_gradients_by_varying_arguments_have_a_number_for_each_lane() -> None:
    w, X = np.array([0.5, -1.0]), RNG.normal(size=(3, 50))

    def f(w: Any, x: Any) -> Any:
        return rg.exp(w[0] * x[0] + w[1] * x[1] * x[2])

    compiled = rg.compile(f, in_axes=(None, 1), reduce="mean")
    value, (by_w, by_x) = compiled.value_and_grad(w, X, argnums=(0, 1))
    y = np.exp(w[0] * X[0] + w[1] * X[1] * X[2])
    assert value == pytest.approx(y.mean())
    np.testing.assert_allclose(by_w, [(y * X[0]).mean(), (y * X[1] * X[2]).mean()], rtol=1e-12)
    assert by_x.shape == X.shape
    expected = np.array([y * w[0], y * w[1] * X[2], y * w[1] * X[1]]) / 50
    np.testing.assert_allclose(by_x, expected, rtol=1e-12)


def test_a_uniform_regulariser_counts_once_under_mean_and_for_each_lane_under_sum() -> None:
    def f(w: Any, x: Any) -> Any:
        return w * x + 0.5 * w * w

    x = np.arange(10.0)
    assert rg.compile(f, in_axes=(None, 0), reduce="mean").value_and_grad(3.0, x) == (3 * 4.5 + 4.5, 4.5 + 3.0)
    assert rg.compile(f, in_axes=(None, 0), reduce="sum").value_and_grad(3.0, x) == (135.0 + 45.0, 45.0 + 30.0)


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, np.int8, np.uint16, np.int64, np.bool_, ">f8", np.longdouble]
)
def test_arrays_of_any_real_type_are_inputs(dtype: Any) -> None:
    x = np.array([0, 1, 1, 0, 1] * 20).astype(dtype)
    f = rg.compile(lambda x: rg.exp(x) + x, in_axes=0)
    np.testing.assert_allclose(f(x), np.exp(x.astype(float)) + x.astype(float), rtol=1e-15)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a,
        np.asfortranarray,
        lambda a: np.ascontiguousarray(a.T).T,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1][::-1],
        lambda a: np.concatenate([a, a], axis=1)[:, :3],
    ],
    ids=["C", "F", "transposed", "strided", "reversed", "cut"],
)
def test_arrays_of_any_layout_are_inputs(view: Any) -> None:
    X = RNG.normal(size=(100, 3))
    f = rg.compile(lambda x: (x[0] + x[1]) * x[2], in_axes=0)
    np.testing.assert_array_equal(f(view(X)), (X[:, 0] + X[:, 1]) * X[:, 2])


def test_the_bits_do_not_depend_on_threads() -> None:
    params, x, t = parameters(), RNG.normal(size=30_001), RNG.normal(size=30_001)
    compiled = rg.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    results = [compiled.value_and_grad(params, x, t, threads=threads) for threads in (1, 2, 3, 8)]
    for value, gradient in results[1:]:
        assert value == results[0][0]
        assert gradient["b"] == results[0][1]["b"]
        assert gradient["w"].tobytes() == results[0][1]["w"].tobytes()


def test_the_bits_do_not_depend_on_threads_nor_on_the_order_of_paths() -> None:
    x, y = RNG.normal(0, 2, 20_000), RNG.normal(0, 2, 20_000)
    first = rg.compile(piecewise, in_axes=0, reduce="sum")
    second = rg.compile(piecewise, in_axes=0, reduce="sum")
    second(x[::-1][:50], y[::-1][:50])
    results = {first.value_and_grad(x, y, threads=n)[0] for n in (1, 2, 3, 8)}
    results |= {second.value_and_grad(x, y, threads=n)[0] for n in (1, 2)}
    assert len(results) == 1


# --- One sample


def test_without_in_axes_a_call_is_one_sample() -> None:
    f = rg.compile(lambda p: rg.sum([rg.sin(x) for x in p["a"]]) * p["b"])
    value, gradient = f.value_and_grad({"a": [1.0, 2.0], "b": 3.0})
    assert value == pytest.approx(3 * (math.sin(1) + math.sin(2)))
    assert gradient["a"] == pytest.approx([3 * math.cos(1), 3 * math.cos(2)])
    assert f({"a": [1.0, 2.0], "b": 3.0}) == value


def test_flat_arrays_take_the_short_way_and_give_the_same() -> None:
    f = rg.compile(lambda p, x: rg.sum([(q - x) ** 2 for q in p]))
    p = RNG.normal(size=20)
    first = f.value_and_grad(p, 0.5)
    assert f.value_and_grad.planned == ((20,), None)
    again = f.value_and_grad(p, 0.5)
    assert again[0] == first[0]
    assert again[1].tobytes() == first[1].tobytes()
    out = np.zeros(20)
    value, same = f.value_and_grad(p, 0.5, out=out)
    assert same is out
    assert value == first[0]
    assert out.tobytes() == first[1].tobytes()
    np.testing.assert_allclose(out, 2 * (p - 0.5))
    assert f.grad(p, 0.5).tobytes() == f.grad(p, 0.5).tobytes() == out.tobytes()
    assert f(p, 0.5) == f(p, 0.5) == value
    # What the short way does not take goes the long one.
    assert f.value_and_grad(p.astype(np.float32), 0.5)[0] == pytest.approx(value, rel=1e-6)
    assert f.value_and_grad(p, 1)[0] == pytest.approx(((p - 1) ** 2).sum())
    assert f.value_and_grad(p[:3], 0.5)[0] == pytest.approx(((p[:3] - 0.5) ** 2).sum())
    assert f.value_and_grad(p[::2], 0.5)[1].shape == (10,)
    assert f.value_and_grad(p, 0.5, argnums=1)[1] == pytest.approx(-2 * (p - 0.5).sum())
    strided = np.zeros(40)[::2]
    assert f.value_and_grad(p, 0.5, out=strided)[1] is strided
    np.testing.assert_array_equal(strided, out)


def test_out_may_be_the_input() -> None:
    f = rg.compile(lambda p: rg.sum([x**3 for x in p]))
    p = np.array([1.0, 2.0, 3.0])
    f.value_and_grad(p)
    value, _ = f.value_and_grad(p, out=p)
    assert value == 36.0
    assert p.tolist() == [3.0, 12.0, 27.0]


def test_out_takes_structures_and_batches() -> None:
    params, x, t = parameters(), RNG.normal(size=100), RNG.normal(size=100)
    params["b"] = np.array(params["b"])
    compiled = rg.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    value, gradient = compiled.value_and_grad(params, x, t)
    out = {key: np.empty(5) for key in params}
    same, given = compiled.value_and_grad(params, x, t, out=out)
    assert given is out
    assert same == value
    for key, slope in gradient.items():
        np.testing.assert_array_equal(out[key], slope)
    each = np.empty(100)
    compiled.value_and_grad(params, x, t, argnums=1, out=each)
    np.testing.assert_array_equal(each, compiled.value_and_grad(params, x, t, argnums=1)[1])
    square = rg.compile(lambda x: x * x, in_axes=0)
    assert square(x, out=each) is each
    np.testing.assert_array_equal(each, x * x)


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (np.empty(4), r"shape \(4,\)"),
        (np.empty(5, np.float32), "float32"),
        (np.broadcast_to(np.zeros(1), (5,)), "read-only"),
        ([0.0] * 5, "structure"),
        (0.0, "only arrays"),
    ],
    ids=["length", "type", "read-only", "list", "number"],
)
def test_an_out_that_does_not_fit_is_refused(out: Any, says: str) -> None:
    f = rg.compile(lambda p: rg.sum(list(p)))
    f.value_and_grad(np.ones(5))
    with pytest.raises(rg.StructureError, match=says):
        f.value_and_grad(np.ones(5), out=out)


def test_a_module_gives_a_gradient_of_its_make_and_is_not_touched() -> None:
    model = rg.nn.MLP(2, [4, 1])
    before = [p.value for p in model.parameters()]
    X, t = RNG.normal(size=(60, 2)), RNG.normal(size=60)
    compiled = rg.compile(lambda m, x, t: (m(list(x)) - t) ** 2, in_axes=(None, 0, 0), reduce="mean")
    value, gradient = compiled.value_and_grad(model, X, t)
    total = rg.mean([(model(row) - target) ** 2 for row, target in zip(X.tolist(), t.tolist(), strict=True)])
    total.backward()
    assert value == pytest.approx(total.value, rel=1e-12)
    assert isinstance(gradient, rg.nn.MLP)
    assert gradient.layers[0].neurons[1].w[0] == pytest.approx(model.layers[0].neurons[1].w[0].grad, rel=1e-10)
    assert [p.value for p in model.parameters()] == before


def test_aux_is_neither_reduced_nor_differentiated() -> None:
    def f(w: Any, x: Any) -> Any:
        y = rg.tanh(w * x)
        return y * y, {"y": y, "label": "kept"}

    x = RNG.normal(size=30)
    compiled = rg.compile(f, in_axes=(None, 0), reduce="sum", has_aux=True)
    (value, aux), gradient = compiled.value_and_grad(0.7, x)
    y = np.tanh(0.7 * x)
    assert value == pytest.approx((y * y).sum())
    np.testing.assert_allclose(aux["y"], y, rtol=1e-14)
    assert aux["label"] == "kept"
    assert gradient == pytest.approx((2 * y * (1 - y * y) * x).sum())
    slope, same = compiled.grad(0.7, x)
    assert slope == gradient
    np.testing.assert_array_equal(same["y"], aux["y"])


def test_static_arguments_are_part_of_the_key() -> None:
    calls = []

    @rg.compile(static_argnums=1)
    def power(x: Any, n: int) -> Any:
        calls.append(n)
        return x**n if n else x

    assert power(3.0, 2) == 9.0
    assert power(4.0, 2) == 16.0
    assert power(2.0, 3) == 8.0
    assert calls == [2, 3]
    named = rg.compile(lambda x, how: x + 1 if how == "up" else x - 1)
    assert (named(1.0, "up"), named(1.0, "down")) == (2.0, 0.0)


def test_params_of_another_structure_are_traced_anew() -> None:
    f = rg.compile(lambda p: rg.sum(list(p)))
    assert f([1.0, 2.0]) == 3.0
    assert f([1.0, 2.0, 3.0]) == 6.0
    assert f((1.0,)) == 1.0
    assert f(np.arange(4.0)) == 6.0


def test_batches_of_any_length_share_one_trace() -> None:
    calls = []

    @rg.compile(in_axes=0, reduce="sum")
    def f(x: Any) -> Any:
        calls.append(1)
        return x * 2

    for lanes in (3, 100, 5000):
        assert f(np.ones(lanes)) == 2.0 * lanes
    assert len(calls) == 1
