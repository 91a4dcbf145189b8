"""W3: the demo of micrograd. A network 2-16-16-1 with ReLU on 100 points of two moons, hinge loss and L2, 100 steps.

Some 65,000 operators per step: the cost of a network written with scalars. From these data the loss after 100 steps is
0.0132907307 and every point is on its side.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.engines import Engine
from bench.training import Task

POINTS = 100
STEPS = 100
PENALTY = 1e-4
FINAL_LOSS = 0.0132907307  # to the digits given

Floats2D = NDArray[np.float64]


def _data() -> tuple[Floats2D, Floats2D, Floats2D]:
    rng = np.random.default_rng(1337)
    t = np.linspace(0.0, np.pi, POINTS // 2)
    upper = np.column_stack([np.cos(t), np.sin(t)])
    points = np.vstack([upper, [1.0, 0.5] - upper]) + 0.1 * rng.standard_normal((POINTS, 2))
    sides = np.repeat([-1.0, 1.0], POINTS // 2)
    w1, w2, w3 = (rng.uniform(-1.0, 1.0, size) for size in (32, 256, 16))
    return points, sides, np.concatenate([w1, np.zeros(16), w2, np.zeros(16), w3, np.zeros(1)])


# Points (100, 2), their sides -1 or 1, and the parameters to start from in the order W1 b1 W2 b2 W3 b3, row by row.
INPUTS, SIDES, START = _data()
_ROWS: list[list[float]] = INPUTS.tolist()
_SIDES: list[float] = SIDES.tolist()

Layer = tuple[list[Sequence[Any]], Sequence[Any]]


def layers(p: Sequence[Any]) -> tuple[Layer, Layer, Layer]:
    """Return rows of weights and the biases of each layer."""
    return (
        ([p[2 * j : 2 * j + 2] for j in range(16)], p[32:48]),
        ([p[48 + 16 * j : 64 + 16 * j] for j in range(16)], p[304:320]),
        ([p[320:336]], p[336:337]),
    )


def dense(layer: Layer, x: Sequence[Any]) -> list[Any]:
    """Return a layer's outputs before the activation."""
    return [sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in zip(*layer, strict=True)]


def score(network: tuple[Layer, Layer, Layer], x: Sequence[float], relu: Callable[[Any], Any]) -> Any:
    """Return the network's output."""
    h = [relu(z) for z in dense(network[0], x)]
    h = [relu(z) for z in dense(network[1], h)]
    return dense(network[2], h)[0]


def _loss(parameters: Sequence[Any], engine: Engine) -> tuple[Any, list[Any]]:
    relu = engine.relu
    network = layers(parameters)
    scores = [score(network, x, relu) for x in _ROWS]
    hinge = sum(relu(1.0 - s * side) for s, side in zip(scores, _SIDES, strict=True)) * (1.0 / POINTS)
    return hinge + sum(q * q for q in parameters) * PENALTY, scores


def rate(k: int) -> float:
    """Return the learning rate of step k: from 1 down to 0.1."""
    return 1.0 - 0.9 * k / 100.0


def accuracy(scores: Sequence[float]) -> float:
    """Return the share of points on their side."""
    return float(np.mean((np.asarray(scores) > 0.0) == (SIDES > 0.0)))


MOONS = Task(START.tolist(), STEPS, _loss, rate)
