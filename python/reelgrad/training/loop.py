"""The trainer's runs, and what Python does between them.

It comes back for callbacks, for the progress bar, for new paths through the loss's branches, for more learning rates of
a Python function, and every 50 ms so that Ctrl-C works; it then goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad._core import NodeTypeError
from reelgrad.arguments import Batch
from reelgrad.optim import Optimizer
from reelgrad.optim.schedules import Schedule
from reelgrad.path_programs import PathPrograms
from reelgrad.problem import Problem
from reelgrad.training.progress import TrainingProgress
from reelgrad.training.result import EarlyStopping

__all__ = ["Callback", "native_schedule", "run"]

Callback = Callable[[int, float, Any], object]
_SLICE = 0.05  # seconds between looks at signals
_RATES = 10_000  # learning rates that a Python function is asked for at once


def run(
    problem: Problem,
    validation: tuple[PathPrograms, Batch] | None,
    trainer: _core._Trainer,
    optimizer: Optimizer,
    epochs: int,
    callback: Callback | None,
    callback_every: int,
    *,
    progress: bool,
    stopping: EarlyStopping | None,
) -> tuple[str, str]:
    """Train until it is over; return the reason, and in words."""
    if callable(optimizer.schedule):
        trainer.set_schedule(native_schedule(optimizer, trainer.update, trainer.batches))
    called = trainer.epoch
    with TrainingProgress(trainer, epochs, shown=progress) as bar:
        while True:
            due = epochs if callback is None else min(epochs, (trainer.epoch // callback_every + 1) * callback_every)
            reason, details = trainer.run(due, _SLICE)
            bar.show()
            epoch = trainer.epoch
            if callback is not None and epoch > called and epoch % callback_every == 0:
                called = epoch
                answer = callback(epoch, trainer.last_loss, problem.params_of(trainer.parameters))
                if isinstance(answer, (bool, np.bool_)) and answer:
                    return "callback", f"the callback asked to stop after epoch {epoch}"
            if reason == "epochs" and epoch == epochs:
                return reason, f"all {epochs} epochs are done"
            if reason == "tol":
                return reason, f"the loss made no more progress than tol up to epoch {epoch}"
            if reason == "validation" and stopping is not None:
                return "early stopping", (
                    f"the validation loss made no progress for {stopping.patience} epochs up to epoch {epoch}; it was "
                    f"lowest after epoch {trainer.state()['best_epoch']}"
                )
            if reason == "non-finite":
                return reason, _not_finite(problem, trainer, details)
            if reason == "rates":
                trainer.set_schedule(native_schedule(optimizer, trainer.update, trainer.batches))
            elif reason == "path":
                problem.gradient.learn(details, problem.sample(problem.batch, details[2], trainer.parameters))
            elif reason == "validation path" and validation is not None:
                programs, batch = validation
                programs.learn(details, problem.sample(batch, details[2], trainer.parameters))


def _not_finite(problem: Problem, trainer: _core._Trainer, details: tuple[int | None, float, int, int]) -> str:
    parameter, value, first, last = details
    what = "the loss" if parameter is None else f"the derivative of the loss by {problem.name_of(parameter)}"
    samples = f"sample {first}" if first == last else f"the samples {first} to {last}"
    return (
        f"{what} is {value} in epoch {trainer.epoch + 1}, update {trainer.update + 1}, on {samples}: training stopped "
        "before that update. Look at the data there, or take a lower learning rate; rg.detect_anomaly() finds the "
        "operator in an eager evaluation"
    )


def native_schedule(optimizer: Optimizer, update: int, batches: int) -> _core._Schedule:
    """Return the learning rates as the engine takes them; those of a Python function from this update on."""
    lr = optimizer.schedule
    if isinstance(lr, Schedule):
        return lr.native
    if not callable(lr):
        return _core._Schedule("constant", [lr])
    count = max(_RATES, batches) if batches else 0
    return _core._Schedule("table", [update, *(_rate(lr, k) for k in range(update, update + count))])


def _rate(lr: Callable[[int], float], update: int) -> float:
    rate = lr(update)
    if not isinstance(rate, (float, int, np.floating, np.integer)):
        raise NodeTypeError(f"lr: the schedule gave {rate!r:.80} for update {update}, but a number is needed")
    return float(rate)
