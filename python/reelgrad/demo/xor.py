"""XOR with a single sigmoid neuron, which cannot learn it: the third worked example.

One line cannot separate (0, 1) and (1, 0) from (0, 0) and (1, 1). From any start the loss falls to 0.25 and all four
predictions to 0.5, which is the best that the neuron can say.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg
from reelgrad import nn, optim
from reelgrad.demo.documented import Example, Outcome, Row
from reelgrad.demo.progress import Progress

X = [[0, 0], [0, 1], [1, 0], [1, 1]]
Y = [0, 1, 1, 0]
START = [0.3, -0.2, 0.1]  # w1, w2, b
EPOCHS = 10_000
# The tutorial's start was random and is not recorded, so that its first two losses cannot be met.
PRINTED = {1: "0.29042", 1001: "0.2500074"} | dict.fromkeys(range(2001, EPOCHS, 1000), "0.25")
# It prints float32, where 0.25 stands for what is nearer to it than to the next number above.
HALF_A_FLOAT32_UNIT = 2.0**-26


def example(epochs: int = EPOCHS) -> Example:
    """Return the example, with so many epochs."""
    return Example(
        f"XOR with one sigmoid neuron, {epochs:,} epochs",
        [
            "p = sigmoid(x.w + b), loss = mean((p - y)^2) over the four samples, lr 0.1",
            f"start: w {START[:2]}, b {START[2]}",
        ],
        partial(train, epochs),
    )


def train(epochs: int) -> Outcome:
    """Train with the gradient of all four samples and a learning rate of 0.1."""
    neuron = nn.Neuron(2, activation="sigmoid")
    for parameter, value in zip(neuron.parameters(), START, strict=True):
        parameter.value = value
    optimizer = optim.SGD(neuron.parameters(), lr=0.1)

    losses = {}
    started = perf_counter()
    with Progress(epochs, "XOR", "epoch") as bar:
        for epoch in range(1, epochs + 1):
            loss = rg.mse([neuron(x) for x in X], Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if epoch in PRINTED:
                losses[epoch] = loss.value
            bar.step(epoch, loss.value)
    seconds = perf_counter() - started
    compiled, compiled_seconds = fit(epochs)

    other_start = "(its start is not recorded)"
    rows = [
        Row(f"loss, epoch {epoch:>6,}", PRINTED[epoch], [value], not_compared=other_start)
        if epoch <= 1001
        else Row(f"loss, epoch {epoch:>6,}", PRINTED[epoch], [value], tolerance=HALF_A_FLOAT32_UNIT)
        for epoch, value in losses.items()
    ]
    short = None if epochs == EPOCHS else "(short run)"
    predictions = {f"prediction for {a}, {b}": neuron([a, b]).value for a, b in X}
    rows += [Row(what, "0.5000", [value], not_compared=short) for what, value in predictions.items()]
    rows.append(Row("loss, by rg.fit", f"{loss.value:.9f}", [compiled]))
    return Outcome(
        rows,
        [
            f"{epochs:,} epochs in {seconds:.2f} s, {seconds / epochs * 1e6:.1f} microseconds each.",
            f"By rg.fit in {compiled_seconds * 1e3:.1f} ms, {seconds / compiled_seconds:.0f} times as fast.",
            "One neuron draws one line, and no line separates XOR: 0.5 for all four is its best answer.",
        ],
    )


def fit(epochs: int) -> tuple[float, float]:
    """Train the same by `rg.fit`; return the last loss, and the seconds of a run that has been compiled."""

    def misfit(p: Any, x: Any, y: Any) -> Any:
        return (rg.sigmoid(p[0] * x[0] + p[1] * x[1] + p[2]) - y) ** 2

    compiled = rg.compile(misfit, in_axes=(None, 0, 0), reduce="mean")
    data = np.array(X, float), np.array(Y, float)
    rg.fit(compiled, np.array(START), data, optimizer=optim.SGD(0.1), epochs=1)
    started = perf_counter()
    result = rg.fit(compiled, np.array(START), data, optimizer=optim.SGD(0.1), epochs=epochs)
    return result.loss, perf_counter() - started
