"""Ctrl-C in long compiled calls and trainings: it is honoured while they run, and leaves everything usable.

Each of these would take minutes or more, so that whoever sees KeyboardInterrupt sees that the work was broken off.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent by os.kill")

MANY = np.broadcast_to(np.full(1, 0.5), (1 << 35,))  # lanes without memory: minutes of any function
MILLIONS = np.broadcast_to(np.full(1, 0.5), (5_000_000,))  # where each lane's path is noted
FEW = np.linspace(-1.0, 1.0, 11)
LOTS = np.linspace(-1.0, 1.0, 1_000_000)


def sample(w: Any, x: Any) -> Any:
    y = rg.tanh(w * x) + rg.exp(-x * x)
    return y * y


def branching(w: Any, x: Any) -> Any:
    y = w * x
    for _ in range(10_000):
        y = rg.tanh(w * y) + rg.exp(-x * x)
    return y * y if y > 0.0 else y


def squared(w: Any, x: Any) -> Any:
    return (w * x - 1.0) ** 2


summed = rg.compile(sample, in_axes=(None, 0), reduce="sum")
on_paths = rg.compile(branching, in_axes=(None, 0), reduce="sum")
LONG: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {  # what takes long, and what has to work afterwards
    "values": (lambda: summed(0.5, MANY), lambda: summed(0.5, FEW)),
    "value and gradient": (lambda: summed.value_and_grad(0.5, MANY), lambda: summed.value_and_grad(0.5, FEW)),
    "two threads": (lambda: summed.grad(0.5, MANY, threads=2), lambda: summed.grad(0.5, FEW, threads=2)),
    "telling paths apart": (lambda: on_paths(0.5, MILLIONS), lambda: on_paths(0.5, FEW)),
    "hvp": (
        lambda: rg.hvp(summed, (0.5, MANY), (1.0, None)),
        lambda: rg.hvp(summed, (0.5, FEW), (1.0, None)),
    ),
    "a Program": (
        lambda: rg.trace(squared, 0.5, FEW, in_axes=(None, 0)).program.reduced()(0.5, MANY),
        lambda: rg.trace(squared, 0.5, FEW, in_axes=(None, 0)).program.reduced()(0.5, FEW),
    ),
    "many epochs": (
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(1e-9), epochs=10**9),
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=3).params,
    ),
    "long epochs": (
        lambda: rg.fit(squared, 0.0, LOTS, optimizer=rg.optim.SGD(1e-9), epochs=10**7),
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=3).params,
    ),
    "epochs of many updates": (
        lambda: rg.fit(squared, 0.0, LOTS, optimizer=rg.optim.Adam(1e-9), epochs=10**6, batch_size=1),
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.Adam(0.1), epochs=3, batch_size=1).params,
    ),
    "callbacks": (
        lambda: rg.fit(
            squared, 0.0, FEW, optimizer=rg.optim.SGD(1e-9), epochs=10**9, callback=lambda *_: None, callback_every=7
        ),
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=3).params,
    ),
    "validation": (
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(1e-9), epochs=10**6, validation=LOTS),
        lambda: rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=3, validation=FEW).params,
    ),
}


@pytest.fixture
def sent() -> Iterator[list[float]]:
    """Presses Ctrl-C in a fifth of a second; the moment is in the list."""
    moments: list[float] = []

    def press() -> None:
        time.sleep(0.2)
        moments.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield moments
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_breaks_off_what_takes_minutes(name: str, sent: list[float], record_property: Any) -> None:
    long, short = LONG[name]
    expected = short()
    with pytest.raises(KeyboardInterrupt):
        long()
    record_property("waited", time.perf_counter() - sent[0])
    assert short() == expected


def test_ctrl_c_while_a_path_is_traced_leaves_the_function_usable() -> None:
    """The second path is being traced when the interrupt comes; traced again, it is the same."""
    interrupts = True

    @rg.compile(in_axes=0)
    def f(x: Any) -> Any:
        if x > 0.0:
            return x * x
        if interrupts:
            raise KeyboardInterrupt
        return -x

    assert f(np.array([2.0])).tolist() == [4.0]
    with pytest.raises(KeyboardInterrupt):
        f(np.array([2.0, -3.0]))
    interrupts = False
    assert f(np.array([2.0, -3.0])).tolist() == [4.0, 3.0]
    assert rg.grad(lambda x: x * x)(3.0) == 6.0  # and nothing is being traced any more


def test_ctrl_c_in_a_callback_ends_the_training() -> None:
    def press(epoch: int, loss: float, params: float) -> None:
        if epoch == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=10**9, callback=press)
    assert rg.fit(squared, 0.0, FEW, optimizer=rg.optim.SGD(0.1), epochs=5).epoch == 5
