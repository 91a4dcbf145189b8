"""W3: the demo of micrograd. A network 2-16-16-1 with ReLU on 100 points of two moons, hinge loss and L2, 100 steps.

Some 65,000 operators per step: the cost of a network written with scalars. From these data the loss after 100 steps is
0.0132907307 and every point is on its side.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.engines import Engine
from bench.training import Task

POINTS = 100
STEPS = 100
PENALTY = 1e-4
FINAL_LOSS = 0.0132907307  # to the digits given

Floats2D = NDArray[np.float64]


class Moons(NamedTuple):
    """Points, an array (n, 2), and their sides, -1 or 1."""

    inputs: Floats2D
    sides: Floats2D


def two_moons(points: int, rng: np.random.Generator) -> Moons:
    """Return so many points, one half on either moon."""
    halves = points - points // 2, points // 2
    upper, lower = (np.column_stack([np.cos(t), np.sin(t)]) for t in (np.linspace(0.0, np.pi, n) for n in halves))
    inputs = np.vstack([upper, [1.0, 0.5] - lower]) + 0.1 * rng.standard_normal((points, 2))
    return Moons(inputs, np.repeat([-1.0, 1.0], halves))


def _data() -> tuple[Moons, Floats2D]:
    rng = np.random.default_rng(1337)
    data = two_moons(POINTS, rng)
    w1, w2, w3 = (rng.uniform(-1.0, 1.0, size) for size in (32, 256, 16))
    return data, np.concatenate([w1, np.zeros(16), w2, np.zeros(16), w3, np.zeros(1)])


# The data, and the parameters to start from in the order W1 b1 W2 b2 W3 b3, row by row.
DATA, START = _data()
INPUTS, SIDES = DATA

Layer = tuple[list[Sequence[Any]], Sequence[Any]]


def width(parameters: int) -> int:
    """Return h for a network 2-h-h-1 that has so many parameters, which are h^2 + 5h + 1."""
    return (isqrt(4 * parameters + 21) - 5) // 2


def layers(p: Sequence[Any]) -> tuple[Layer, Layer, Layer]:
    """Return rows of weights and the biases of each layer of a network 2-h-h-1."""
    h = width(len(p))
    second, last = 3 * h, (h + 4) * h
    return (
        ([p[2 * j : 2 * j + 2] for j in range(h)], p[2 * h : second]),
        ([p[second + h * j : second + h * (j + 1)] for j in range(h)], p[last - h : last]),
        ([p[last : last + h]], p[last + h :]),
    )


def dense(layer: Layer, x: Sequence[Any]) -> list[Any]:
    """Return a layer's outputs before the activation."""
    return [sum((wi * xi for wi, xi in zip(w, x, strict=True)), b) for w, b in zip(*layer, strict=True)]


def score(network: tuple[Layer, Layer, Layer], x: Sequence[float], relu: Callable[[Any], Any]) -> Any:
    """Return the network's output."""
    h = [relu(z) for z in dense(network[0], x)]
    h = [relu(z) for z in dense(network[1], h)]
    return dense(network[2], h)[0]


def _loss(
    rows: list[list[float]], sides: list[float], parameters: Sequence[Any], engine: Engine
) -> tuple[Any, list[Any]]:
    relu = engine.relu
    network = layers(parameters)
    scores = [score(network, x, relu) for x in rows]
    hinge = sum(relu(1.0 - s * side) for s, side in zip(scores, sides, strict=True)) * (1.0 / len(rows))
    return hinge + sum(q * q for q in parameters) * PENALTY, scores


def rate(k: int) -> float:
    """Return the learning rate of step k: from 1 down to 0.1."""
    return 1.0 - 0.9 * k / 100.0


def accuracy(scores: Sequence[float]) -> float:
    """Return the share of points on their side."""
    return float(np.mean((np.asarray(scores) > 0.0) == (SIDES > 0.0)))


def task_on(data: Moons) -> Task:
    """Return the training on these points."""
    return Task(START.tolist(), STEPS, partial(_loss, data.inputs.tolist(), data.sides.tolist()), rate)


MOONS = task_on(DATA)
