"""What rg.fit does around its updates: restarts, callbacks, progress, stops, interrupts; the bits stay the same."""

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
from fit_problem import START, T, X, flat, hand_made, squared_error
from reelgrad.optim import schedules

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


def test_nothing_is_warned_about_in_an_ordinary_training():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(0.1), epochs=3)
