"""rg.fit against loops written by hand in NumPy, and what it promises about restarts, stops and wrong use."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from reelgrad.optim import schedules

RNG = np.random.default_rng(3)
X = RNG.standard_normal((53, 2))
T = X @ [0.7, -0.4] + 0.3 + 0.1 * RNG.standard_normal(53)
START = {"b": 0.0, "w": np.array([1.0, 0.5])}


def squared_error(params, x, t):
    return (params["w"][0] * x[0] + params["w"][1] * x[1] + params["b"] - t) ** 2


def hand_made(epochs, lr, *, batch_size=None, shuffle=False, seed=0, drop_last=False, mean=True, momentum=0.0):
    """The same training in NumPy; lr is a function of the update."""
    p, velocity, update, losses = np.array([0.0, 1.0, 0.5]), None, 0, []
    n, size = len(T), batch_size or len(T)
    for epoch in range(1, epochs + 1):
        order = np.arange(n)
        if shuffle:
            order[_core._shuffled(seed, epoch, n)] = np.arange(n)
        total, samples = 0.0, 0
        for first in range(0, n, size):
            batch = order[first : first + size]
            if drop_last and len(batch) < size:
                break
            error = X[batch] @ p[1:] + p[0] - T[batch]
            gradient = 2 * np.array([error.sum(), *(error @ X[batch])])
            if mean:
                gradient /= len(batch)
            velocity = gradient if velocity is None else momentum * velocity + gradient
            p = p - lr(update) * velocity
            update += 1
            total += (error**2).sum()
            samples += len(batch)
        losses.append(total / samples if mean else total)
    return p, np.array(losses)


def flat(params):
    return np.array([params["b"], *params["w"]])


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


# --- Restarts.


@pytest.mark.parametrize("at", [1, 7])
@pytest.mark.parametrize(
    "optimizer",
    [
        rg.optim.SGD(0.05, momentum=0.9),
        rg.optim.Adam(schedules.cosine(0.1, 0.0, 300, warmup=20)),
        rg.optim.RMSprop(lambda update: 0.1 / (1 + update), centered=True),
    ],
    ids=["SGD", "Adam", "RMSprop"],
)
def test_a_restart_gives_the_bits_of_an_uninterrupted_run(optimizer, at):
    how = {"batch_size": 8, "seed": 11}
    through = rg.fit(squared_error, START, (X, T), optimizer=optimizer, epochs=20, validation=(X[:5], T[:5]), **how)
    first = rg.fit(squared_error, START, (X, T), optimizer=optimizer, epochs=at, validation=(X[:5], T[:5]), **how)
    second = rg.fit(squared_error, data=(X, T), epochs=20, resume=first, validation=(X[:5], T[:5]))
    np.testing.assert_array_equal(flat(second.params), flat(through.params))
    np.testing.assert_array_equal(second.history, through.history)
    np.testing.assert_array_equal(second.validation, through.validation)
    assert (second.seed, second.batch_size, second.epoch) == (11, 8, 20)
    again = rg.fit(squared_error, first.params, (X, T), optimizer=optimizer, epochs=20, resume=first)
    np.testing.assert_array_equal(flat(again.params), flat(through.params))


def test_a_result_survives_pickling_and_copying():
    first = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.Adam(0.1), epochs=5, batch_size=10)
    through = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.Adam(0.1), epochs=9, batch_size=10)
    for restored in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        result = rg.fit(squared_error, data=(X, T), epochs=9, resume=restored)
        np.testing.assert_array_equal(flat(result.params), flat(through.params))


def test_callbacks_and_threads_do_not_change_the_bits():
    many = np.tile(X, (200, 1)), np.tile(T, 200)
    how = {"optimizer": rg.optim.Adam(0.01), "epochs": 4, "batch_size": 7_000}
    one = rg.fit(squared_error, START, many, threads=1, **how)
    for threads in (2, 3, 8):
        other = rg.fit(squared_error, START, many, threads=threads, callback=lambda *_: None, **how)
        np.testing.assert_array_equal(flat(other.params), flat(one.params))


# --- Callbacks and progress.


def test_callbacks_come_after_their_epochs_with_loss_and_params():
    calls = []
    result = rg.fit(
        squared_error,
        START,
        (X, T),
        optimizer=rg.optim.SGD(0.1),
        epochs=10,
        callback=lambda epoch, loss, params: calls.append((epoch, loss, flat(params))),
        callback_every=3,
    )
    assert [epoch for epoch, _, _ in calls] == [3, 6, 9]
    assert [loss for _, loss, _ in calls] == result.history[[2, 5, 8]].tolist()
    for epoch, _, params in calls:
        np.testing.assert_array_equal(
            params, flat(rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=epoch).params)
        )


def test_a_callback_that_returns_true_stops():
    result = rg.fit(
        squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=10, callback=lambda epoch, *_: epoch == 4
    )
    assert (result.epoch, result.reason) == (4, "callback")


def test_an_error_in_a_callback_comes_through():
    def callback(epoch, loss, params):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=10, callback=callback)


def test_progress_shows_epochs_and_loss(capsys):
    result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=10, progress=True)
    shown = capsys.readouterr().err
    assert "10/10" in shown
    assert f"loss={result.loss:.6g}" in shown


def test_plot_draws_losses_over_epochs():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("Agg")
    result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=10, validation=(X[:5], T[:5]))
    axes = result.plot()
    lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["loss"], np.c_[np.arange(1, 11), result.history])
    np.testing.assert_array_equal(lines["validation loss"][:, 1], result.validation)
    assert result.plot(axes) is axes
    axes.figure.clear()


def test_the_repr_tells_loss_epochs_and_reason():
    result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=3)
    assert repr(result).startswith(f"<FitResult: loss {result.loss:.6g} after 3 epochs in ")
    assert repr(result).endswith("(epochs)>")


# --- Stops.


def test_tol_stops_after_patience_epochs_without_progress():
    result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.3), epochs=9999, tol=1e-6, patience=4)
    assert result.reason == "tol"
    progress = [k for k in range(1, result.epoch) if result.history[k] < result.history[:k].min() - 1e-6]
    assert result.epoch == max(progress) + 1 + 4


def test_early_stopping_gives_back_the_best_parameters():
    held_out = (X[:10], T[:10])
    growing = schedules.exponential(0.01, 1.1)  # in the end the steps are too large
    how = {"optimizer": rg.optim.SGD(growing), "epochs": 999, "validation": held_out}
    result = rg.fit(squared_error, START, (X, T), early_stopping=3, **how)
    best = int(np.argmin(result.validation))
    assert (result.reason, result.best_epoch, result.epoch) == ("early stopping", best + 1, best + 4)
    error = held_out[0] @ result.params["w"] + result.params["b"] - held_out[1]
    assert np.mean(error**2) == pytest.approx(result.validation[best], rel=1e-12)
    last = rg.fit(squared_error, START, (X, T), early_stopping=rg.EarlyStopping(3, restore_best=False), **how)
    assert not np.array_equal(flat(last.params), flat(result.params))
    assert last.epoch == result.epoch


@pytest.mark.parametrize("batch_size", [None, 10])
def test_a_loss_that_is_not_finite_stops_with_a_report(batch_size):
    t = T.copy()
    t[37] = np.nan
    with pytest.warns(rg.NotFiniteWarning, match="the loss is nan in epoch 1, update") as caught:
        result = rg.fit(
            squared_error, START, (X, t), optimizer=rg.optim.SGD(0.1), epochs=9, batch_size=batch_size, shuffle=False
        )
    assert result.reason == "non-finite"
    assert ("the samples 30 to 39" if batch_size else "the samples 0 to 52") in str(caught[0].message)
    assert (result.epoch, len(result.history)) == (0, 0)
    assert np.all(np.isfinite(flat(result.params)))


def test_a_gradient_that_is_not_finite_is_told_by_its_parameter():
    def loss(params, x):
        return rg.sqrt(params["scale"]) * x

    with pytest.warns(rg.NotFiniteWarning, match=r"the derivative of the loss by params\['scale'\] is inf in epoch 1"):
        result = rg.fit(loss, {"scale": 0.0}, np.ones(3), optimizer=rg.optim.SGD(0.1), epochs=2)
    assert result.params == {"scale": 0.0}


def test_a_training_that_diverges_says_so_and_keeps_finite_numbers():
    with pytest.warns(rg.NotFiniteWarning, match="lower learning rate"):
        result = rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(100.0), epochs=1000)
    assert np.all(np.isfinite(flat(result.params)))
    assert result.epoch == len(result.history) > 10


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent by os.kill")
def test_ctrl_c_interrupts_soon_and_leaves_everything_usable():
    loss = rg.compile(squared_error, in_axes=(None, 0, 0), reduce="mean")
    sent = []

    def interrupt():
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            rg.fit(loss, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=10**9)
        waited = time.perf_counter() - sent[0]
    finally:
        thread.join()
        signal.signal(signal.SIGINT, handler)
    assert waited < 5.0, "seconds, on a busy machine"
    again = rg.fit(loss, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=5)
    np.testing.assert_allclose(flat(again.params), hand_made(5, lambda update: 0.1)[0], rtol=1e-12)


# --- Wrong use.

SGD = rg.optim.SGD(0.1)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: rg.fit(squared_error, START, (X, T), epochs=1), rg.SettingError, r"none was given; rg\.optim\.SGD"),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer="sgd", epochs=1),
            rg.NodeTypeError,
            r"got 'sgd', but one of rg\.optim is needed",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD([rg.Node(1.0)]), epochs=1),
            rg.SettingError,
            "has parameters of its own",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=0),
            rg.SettingError,
            "epochs is 0, but must be at least 1",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1.5),
            rg.NodeTypeError,
            r"epochs: got 1\.5",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, batch_size=0),
            rg.SettingError,
            "batch_size is 0",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, batch_size=60, drop_last=True),
            rg.LengthError,
            "drop_last leaves nothing of 53 samples",
        ),
        (lambda: rg.fit(squared_error, START, (X, T[:-1]), optimizer=SGD, epochs=1), rg.LengthError, "52"),
        (
            lambda: rg.fit(squared_error, START, (X[:0], T[:0]), optimizer=SGD, epochs=1),
            rg.LengthError,
            "the data is empty",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, validation=(X[:0], T[:0])),
            rg.LengthError,
            "validation data is empty",
        ),
        (lambda: rg.fit(lambda p, x: x, {"name": "a"}, X, optimizer=SGD, epochs=1), TypeError, "params has no numbers"),
        (lambda: rg.fit(squared_error, None, (X, T), optimizer=SGD, epochs=1), TypeError, "params is None"),
        (lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, seed=-1), ValueError, "seed is -1"),
        (lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, tol=-1.0), ValueError, r"tol is -1\.0"),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, early_stopping=3),
            rg.SettingError,
            "early_stopping needs validation data",
        ),
        (
            lambda: rg.fit(
                squared_error, START, (X, T), optimizer=SGD, epochs=1, validation=(X, T), early_stopping="x"
            ),
            rg.NodeTypeError,
            "early_stopping: got 'x'",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, callback=3),
            rg.NodeTypeError,
            "callback: got 3",
        ),
        (lambda: rg.EarlyStopping(patience=0), rg.SettingError, "patience is 0"),
        (
            lambda: rg.fit(lambda p: p, 1.0, optimizer=SGD, epochs=1, batch_size=3),
            rg.SettingError,
            "no argument of the loss varies",
        ),
        (
            lambda: rg.fit(rg.compile(lambda p, x: p * x, in_axes=(0, 0)), T, T, optimizer=SGD, epochs=1),
            rg.SettingError,
            "must be None for them",
        ),
        (
            lambda: rg.fit(lambda p, x: [p, x], 1.0, T, optimizer=SGD, epochs=1),
            TypeError,
            "return a number",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(lambda update: -1.0), epochs=1),
            rg.SettingError,
            "learning rate of update 0 is -1",
        ),
        (lambda: rg.fit(squared_error, START, (X, T), epochs=1, resume="x"), TypeError, "a FitResult is needed"),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_resuming_with_other_parameters_or_fewer_epochs_is_refused():
    first = rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=5)
    with pytest.raises(rg.SettingError, match="epochs is 5, but the result to resume from has 5"):
        rg.fit(squared_error, data=(X, T), epochs=5, resume=first)
    with pytest.raises(rg.SettingError, match="was found by SGD, whose memory is of no use to Adam"):
        rg.fit(squared_error, data=(X, T), optimizer=rg.optim.Adam(), epochs=9, resume=first)
    with pytest.raises(rg.StructureError, match="params are not those of the result"):
        rg.fit(squared_error, START, (X, T), epochs=6, resume=first)


def test_nothing_is_warned_about_in_an_ordinary_training():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=3)
