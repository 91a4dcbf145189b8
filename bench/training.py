"""Gradient descent on a task, written once for every scalar engine, and the same forward passes on plain floats."""

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from bench.engines import Engine, Floats, Reelgrad

Loss = Callable[[Sequence[Any], Engine], tuple[Any, list[Any]]]


@cache
def own_code(loss: Loss, user: str) -> Loss:
    """Return the loss function out of a copy of its module that only `user` runs.

    CPython specialises code for the types it meets. Shared by floats and other numbers it would be slow for both; in
    use, a program computes with one kind. A loss may be a partial() of such a function, with its data.
    """
    if isinstance(loss, partial):
        return partial(own_code(loss.func, user), *loss.args)
    spec = importlib.util.find_spec(loss.__module__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    copy: Loss = getattr(module, loss.__name__)
    return copy


class Result(NamedTuple):
    """What the last forward pass gave: the loss before the last update, and the model's outputs."""

    loss: float
    scores: list[float]


@dataclass(frozen=True)
class Task:
    """A loss to be minimised by plain gradient descent.

    `loss` takes parameters and the engine that made them and returns the loss and the model's outputs; `rate` gives the
    learning rate of step k.
    """

    start: list[float]
    steps: int
    loss: Loss
    rate: Callable[[int], float]


class Path(NamedTuple):
    """Where training led: the parameters before each step, and the loss there."""

    parameters: list[list[float]]
    losses: list[float]


def train(engine: Engine, task: Task, steps: int) -> Result:
    """Train from the start in a session of its own: forward, backward and update, `steps` times, with no reset."""
    loss_of = own_code(task.loss, engine.name)
    with engine.session():
        parameters = engine.variables(task.start)
        for k in range(steps):
            loss, scores = loss_of(parameters, engine)
            parameters = engine.descend(loss, parameters, task.rate(k))
        return Result(engine.value(loss), [engine.value(s) for s in scores])


def path_of(task: Task) -> Path:
    """Train with reelgrad and note the way."""
    engine = Reelgrad()
    path = Path([], [])
    with engine.session():
        parameters: Sequence[Any] = engine.variables(task.start)
        for k in range(task.steps):
            path.parameters.append([q.value for q in parameters])
            loss, _ = task.loss(parameters, engine)
            path.losses.append(loss.value)
            parameters = engine.descend(loss, parameters, task.rate(k))
    return path


def forward_only(task: Task, path: Path) -> Result:
    """Repeat the forward passes along the path on plain floats: the same arithmetic, no gradient, no update."""
    engine = Floats()
    loss_of = own_code(task.loss, engine.name)
    for parameters in path.parameters:
        loss, scores = loss_of(parameters, engine)
    return Result(loss, scores)


def require_same_loss(name: str, result: Result, path: Path, steps: int) -> None:
    """Raise AssertionError unless a run of `steps` steps ended with the loss that reelgrad has there.

    The tolerance is what rounding in another order grows to on the way.
    """
    expected = path.losses[steps - 1]
    if not math.isclose(result.loss, expected, rel_tol=1e-9):
        raise AssertionError(f"{name}: loss {result.loss!r} after {steps} steps, expected {expected!r}")
