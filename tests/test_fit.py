"""rg.fit against loops written by hand, in NumPy and on Nodes."""

from __future__ import annotations

import numpy as np
import pytest

import reelgrad as rg
from fit_problem import START, T, X, flat, hand_made, squared_error
from reelgrad import _core
from reelgrad.optim import schedules


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"batch_size": 10},
        {"batch_size": 10, "shuffle": False},
        {"batch_size": 10, "drop_last": True, "seed": 7},
        {"batch_size": 1, "seed": 2},
        {"batch_size": 53},
    ],
    ids=str,
)
def test_fit_does_what_the_loop_in_numpy_does(how):
    lr = schedules.linear(0.05, 0.01, 100)
    result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(lr, momentum=0.5), epochs=12, **how)
    by_hand = {"shuffle": how.get("batch_size", 53) < 53} | how
    p, losses = hand_made(12, lr, momentum=0.5, **by_hand)
    np.testing.assert_allclose(flat(result.params), p, rtol=1e-12)
    np.testing.assert_allclose(result.history, losses, rtol=1e-12)
    assert (result.epoch, result.reason, result.loss) == (12, "epochs", result.history[-1])
    assert START | {"w": START["w"].tolist()} == {"b": 0.0, "w": [1.0, 0.5]}, "the inputs are as they were"


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize("samples", [1, 7, 8, 53, 5_000])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_the_bits_do_not_depend_on_how_the_data_lies_in_memory(dtype, samples, batch_size):
    rng = np.random.default_rng(samples)
    x, t = (5 * rng.standard_normal((samples, 2))).astype(dtype), rng.standard_normal(samples)

    def trained(x, t):
        result = rg.fit(squared_error, START, (x, t), optimizer=rg.optim.SGD(1e-3), epochs=3, batch_size=batch_size)
        return flat(result.params).tobytes()

    padded = np.full((samples + 3, 4), 99, dtype)
    padded[:samples, ::2] = x
    plain = np.ascontiguousarray(x.astype(np.float64).T).T
    assert trained(x, t) == trained(padded[:samples, ::2], np.repeat(t, 2)[::2]) == trained(plain, t)
    assert trained(x[::-1], t[::-1]) == trained(np.ascontiguousarray(x[::-1]), np.ascontiguousarray(t[::-1]))


def test_a_loss_compiled_with_sum_adds_up():
    loss = rg.compile(squared_error, in_axes=(None, 0, 0), reduce="sum")
    result = rg.fit(loss, START, (X, T), optimizer=rg.optim.SGD(1e-3), epochs=5, batch_size=20, shuffle=False)
    p, losses = hand_made(5, lambda update: 1e-3, batch_size=20, mean=False)
    np.testing.assert_allclose(flat(result.params), p, rtol=1e-12)
    np.testing.assert_allclose(result.history, losses, rtol=1e-12)


def test_other_axes_and_uniform_data_come_from_the_compiled_loss():
    @rg.compile(in_axes=(None, 1, 0, None))
    def loss(params, x, t, factor):
        return factor * squared_error(params, x, t)

    result = rg.fit(loss, START, (X.T.astype(np.float32), T, 2.0), optimizer=rg.optim.SGD(0.05), epochs=5)
    exact = rg.fit(
        squared_error, START, (X.astype(np.float32), T), optimizer=rg.optim.SGD(schedules.constant(0.1)), epochs=5
    )
    np.testing.assert_allclose(flat(result.params), flat(exact.params), rtol=1e-12)


def test_a_uniform_penalty_counts_once_in_a_mean_and_once_per_sample_in_a_sum():
    def loss(w, x):
        return w * x + 0.5 * w * w

    x = np.array([1.0, 2.0, 6.0])
    for reduce, times in (("mean", 1), ("sum", 3)):
        compiled = rg.compile(loss, in_axes=(None, 0), reduce=reduce)
        result = rg.fit(compiled, 2.0, x, optimizer=rg.optim.SGD(0.1), epochs=1)
        assert result.params == pytest.approx(2.0 - 0.1 * (3.0 + 2.0) * times)
        assert result.loss == pytest.approx((2.0 * 3.0 + 2.0) * times)


@pytest.mark.parametrize(
    "make",
    [
        lambda *p: rg.optim.SGD(*p, lr=0.1),
        lambda *p: rg.optim.SGD(*p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda *p: rg.optim.Adam(*p, lr=0.1),
        lambda *p: rg.optim.AdamW(*p, lr=0.1),
        lambda *p: rg.optim.RMSprop(*p, lr=0.05, momentum=0.3, centered=True),
        lambda *p: rg.optim.Adam(*p, lr=lambda update: 0.1 / (1 + update)),
    ],
)
def test_the_same_optimiser_in_a_loop_on_nodes_agrees(make):
    result = rg.fit(squared_error, START, (X, T), optimizer=make(), epochs=20)
    b, w0, w1 = rg.variables(0.0, 1.0, 0.5)
    optimizer = make([b, w0, w1])
    for _ in range(20):
        loss = rg.mean([squared_error({"w": [w0, w1], "b": b}, x, t) for x, t in zip(X, T, strict=True)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(flat(result.params), [b.value, w0.value, w1.value], rtol=1e-9)


# --- Structures.


def test_params_come_back_in_their_own_structure():
    def loss(params, x):
        (a, pair), deep = params
        return (a * x + pair[0] + pair[1] - 1.0) ** 2 + (deep["m"][1, 0] - deep["k"]) ** 2

    start = ((1.0, [2, np.float32(0.5)]), {"m": np.ones((2, 2)), "k": 3.0, "name": "kept"})
    result = rg.fit(loss, start, np.linspace(0, 1, 5), optimizer=rg.optim.SGD(0.1), epochs=3)
    (a, pair), deep = result.params
    assert (type(a), type(pair), type(pair[0]), deep["name"]) == (float, list, float, "kept")
    assert deep["m"].shape == (2, 2)
    assert deep["m"][0, 0] == 1.0 != deep["m"][1, 0]
    assert np.all(start[1]["m"] == 1.0)


def test_a_module_comes_back_as_a_new_one():
    model = rg.nn.MLP(2, [3, 1], activation="tanh")
    before = [p.value for p in model.parameters()]

    def loss(model, x, t):
        return (model(x) - t) ** 2

    result = rg.fit(loss, model, (X, T), optimizer=rg.optim.Adam(0.05), epochs=50)
    assert type(result.params) is rg.nn.MLP
    assert result.params is not model
    assert [p.value for p in model.parameters()] == before
    after = np.mean([(result.params(x).value - t) ** 2 for x, t in zip(X.tolist(), T, strict=True)])
    assert after < 0.5 * result.history[0]
    (result.params(X[0].tolist()) * 1.0).backward()
    assert any(p.grad != 0.0 for p in result.params.parameters()), "its parameters are variables"


def test_a_loss_of_the_parameters_alone_needs_no_data():
    result = rg.fit(lambda p: (p[0] - 3.0) ** 2 + p[1] ** 2, [0.0, 1.0], optimizer=rg.optim.SGD(0.25), epochs=100)
    np.testing.assert_allclose(result.params, [3.0, 0.0], atol=1e-12)


def test_auxiliary_data_of_a_compiled_loss_are_left_alone():
    @rg.compile(in_axes=(None, 0, 0), reduce="mean", has_aux=True)
    def loss(params, x, t):
        return squared_error(params, x, t), x[0]

    result = rg.fit(loss, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=3)
    np.testing.assert_array_equal(
        result.history, rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=3).history
    )


# --- Branches.


def test_paths_that_training_reaches_are_traced_on_the_way():
    def loss(w, x):
        if w * x > 2.0:
            return 1.0 - w * x
        if x > 0.5:
            return -0.25 * (w * x) ** 2
        return -((w - 1.0) ** 2)

    x = np.linspace(0.0, 2.0, 41)
    for how in ({}, {"batch_size": 8}, {"batch_size": 1, "seed": 4}):
        result = rg.fit(loss, 0.25, x, optimizer=rg.optim.SGD(0.1), epochs=8, **how)  # w grows across the branches
        w, n, size = 0.25, len(x), how.get("batch_size", 41)
        for epoch in range(1, 9):
            order = np.arange(n)
            if size < n:
                order[_core._shuffled(how.get("seed", 0), epoch, n)] = np.arange(n)
            for first in range(0, n, size):
                batch = x[order[first : first + size]]
                slope = np.where(w * batch > 2.0, batch, np.where(batch > 0.5, 0.5 * w * batch**2, 2 * (w - 1.0)))
                w += 0.1 * slope.mean()
        assert result.params == pytest.approx(w, rel=1e-12)
