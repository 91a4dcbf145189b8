"""micrograd's demo: a network of 337 parameters learns to tell two half-moons apart.

An MLP 2-16-16-1 with ReLU, the hinge loss over 100 points plus 1e-4 times the sum of the squared parameters, and 100
steps of gradient descent with a learning rate that falls from 1 to 0.1. It is trained in scalar form: each product and
each sum in the network is an operator on Nodes.
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

STEPS = 100
POINTS = 100
# Loss and accuracy after so many steps of the same training with the gradients written by hand in NumPy. Errors do not
# grow on the way: with the start moved by 1e-13 of its size, the last loss moves by 5e-15.
BY_HAND = {
    1: ("0.7155713425", "0.77"),
    20: ("0.1101093020", "0.95"),
    40: ("0.0604967616", "0.97"),
    60: ("0.0244159548", "1.00"),
    80: ("0.0185928711", "1.00"),
    100: ("0.0132907307", "1.00"),
}


def example(steps: int = STEPS) -> Example:
    """Return the example, with so many steps."""
    return Example(
        f"micrograd's two moons, {steps} steps",
        [
            "MLP 2-16-16-1 with ReLU, 337 parameters; 100 points",
            "loss = hinge + 1e-4 * (sum of the squared parameters); lr from 1 down to 0.1",
        ],
        partial(train, steps),
    )


def train(steps: int) -> Outcome:
    """Train for `steps` of the 100 steps."""
    rng = np.random.default_rng(1337)
    X, Y = two_moons(rng)
    model = nn.MLP(2, [16, 16, 1])
    draw_weights(model, rng)
    parameters = model.parameters()
    compiled, compiled_seconds = fit(model, X, Y, steps)
    optimizer = optim.SGD(parameters)

    rows = []
    started = perf_counter()
    with Progress(steps, "Moons", "step") as bar:
        for step in range(1, steps + 1):
            optimizer.lr = 1.0 - 0.9 * (step - 1) / STEPS
            scores = [model(x) for x in X]
            loss = rg.hinge(scores, Y) + 1e-4 * rg.dot(parameters, parameters)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step in BY_HAND:
                right = sum((score > 0) == (y > 0) for score, y in zip(scores, Y, strict=True))
                rows.append(
                    Row(f"loss, accuracy, step {step:>3}", " ".join(BY_HAND[step]), [loss.value, right / POINTS])
                )
            bar.step(step, loss.value)
    seconds = perf_counter() - started
    each = f"{seconds / steps * 1e3:.1f} milliseconds each"
    if steps in BY_HAND:
        rows.append(Row("loss, by rg.fit", BY_HAND[steps][0], [compiled]))
    return Outcome(
        rows,
        [
            f"{steps} steps in {seconds:.2f} s, {each}, in plain Python loops.",
            f"By rg.fit in {compiled_seconds * 1e3:.1f} ms, {seconds / compiled_seconds:.0f} times as fast.",
        ],
        reference="by hand, in NumPy",
    )


def fit(model: nn.MLP, X: list[list[float]], Y: list[float], steps: int) -> tuple[float, float]:
    """Train a copy by `rg.fit`; return the last loss, and the seconds of a run that has been compiled."""

    def penalised_hinge(model: Any, x: Any, y: Any) -> Any:
        parameters = model.parameters()
        return rg.relu(1.0 - y * model(list(x))) + 1e-4 * rg.dot(parameters, parameters)

    compiled = rg.compile(penalised_hinge, in_axes=(None, 0, 0), reduce="mean")
    data = np.array(X), np.array(Y)
    rate = optim.schedules.linear(1.0, 0.1, STEPS)
    rg.fit(compiled, model, data, optimizer=optim.SGD(rate), epochs=1)
    result = rg.fit(compiled, model, data, optimizer=optim.SGD(rate), epochs=steps)
    return result.loss, result.seconds


def two_moons(rng: np.random.Generator) -> tuple[list[list[float]], list[float]]:
    """Return points on two half-circles, with noise, and their classes, -1 and 1."""
    angle = np.linspace(0, np.pi, POINTS // 2)
    upper = np.c_[np.cos(angle), np.sin(angle)]
    lower = np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
    X = np.vstack([upper, lower]) + 0.1 * rng.standard_normal((POINTS, 2))
    return X.tolist(), [-1.0] * (POINTS // 2) + [1.0] * (POINTS // 2)


def draw_weights(model: nn.MLP, rng: np.random.Generator) -> None:
    """Draw the weights of one layer after the other, uniformly from -1 to 1; biases are 0."""
    for layer in model.layers:
        for neuron in layer.neurons:
            for w in neuron.w:
                w.value = rng.uniform(-1, 1)
