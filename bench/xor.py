"""W2: XOR with one sigmoid layer, mean squared error over the four samples, 10,000 epochs at rate 0.1.

It cannot be learnt: the loss falls to 0.25 and the predictions to 0.5. Some 45 operators per epoch: the cost of a small
step.
"""

from collections.abc import Sequence
from typing import Any

import reelgrad as rg
from bench.engines import Engine
from bench.training import Task

INPUTS = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
TARGETS = [0.0, 1.0, 1.0, 0.0]
START = [0.3, -0.2, 0.1]
RATE = 0.1
EPOCHS = 10_000
FINAL_LOSS = 0.25


def _loss_by_formula(parameters: Sequence[Any], engine: Engine) -> tuple[Any, list[Any]]:
    w0, w1, b = parameters
    exp = engine.exp
    total: Any = 0.0
    predictions = []
    for (x0, x1), target in zip(INPUTS, TARGETS, strict=True):
        p = 1.0 / (1.0 + exp(-(w0 * x0 + w1 * x1 + b)))
        d = p - target
        total = total + d * d
        predictions.append(p)
    return total * 0.25, predictions


def _loss_by_sigmoid(parameters: Sequence[rg.Node], _: Engine) -> tuple[rg.Node, list[rg.Node]]:
    w0, w1, b = parameters
    predictions = [(w0 * x0 + w1 * x1 + b).sigmoid() for x0, x1 in INPUTS]
    return rg.mse(predictions, TARGETS), predictions


def _rate(_: int) -> float:
    return RATE


XOR = Task(START, EPOCHS, _loss_by_formula, _rate)
# The same with reelgrad's own words; not for plain floats or peers.
XOR_IN_REELGRAD = Task(START, EPOCHS, _loss_by_sigmoid, _rate)
