"""`rg.fit` itself: what is asked for is checked, the trainer made, run, and its state told."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from math import nan
from time import perf_counter
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad._core import LengthError, NodeTypeError, SettingError
from reelgrad.checks import real, whole
from reelgrad.compiled import CompiledFunction
from reelgrad.methods import without_object
from reelgrad.optim import Optimizer
from reelgrad.problem import Problem
from reelgrad.specialisation import Settings
from reelgrad.threads import checked_threads
from reelgrad.training.loop import Callback, native_schedule, run
from reelgrad.training.result import EarlyStopping, FitResult
from reelgrad.trees import StructureError, flatten

__all__ = ["NotFiniteWarning", "fit"]


class NotFiniteWarning(RuntimeWarning):
    """A training stopped because its loss or a gradient was not finite."""

    __module__ = "reelgrad"


def fit(
    loss: Callable[..., Any],
    params: Any = None,
    data: Any = (),
    *,
    optimizer: Optimizer | None = None,
    epochs: int,
    batch_size: int | None = None,
    shuffle: bool | None = None,
    drop_last: bool | None = None,
    seed: int | None = None,
    callback: Callback | None = None,
    callback_every: int = 1,
    tol: float | None = None,
    patience: int = 10,
    validation: Any = None,
    early_stopping: EarlyStopping | int | None = None,
    progress: bool = False,
    threads: int | None = None,
    resume: FitResult | None = None,
) -> FitResult:
    """Minimise a loss over data by gradient descent, in a loop that runs in C++.

    Parameters
    ----------
    loss : callable
        ``loss(params, *sample)``, the loss of one sample, in plain Python: see `compile`. A compiled function keeps its
        `in_axes`, `reduce`, `static_argnums`, `max_paths` and `threads`; for a plain one all of `data` varies along its
        first axes and the loss is the mean. What does not depend on the sample (a penalty) counts once in a mean, and
        once per sample in a sum.
    params
        Where to start: any structure of numbers and arrays, or an `rg.nn.Module`. It is not changed.
    data : tuple
        The other arguments of the loss, for all samples: ``(X, T)``. An array alone is one argument.
    optimizer : Optimizer
        A rule without parameters, such as ``rg.optim.SGD(0.1)``; its learning rate may be a schedule, which counts
        updates.
    epochs : int
        How many times to go through the data, counted from the very beginning where `resume` is given.
    batch_size : int, optional
        How many samples an update takes; all by default. Each batch takes the mean (or sum) over its own samples.
    shuffle : bool, optional
        Whether the samples of the batches are drawn anew, without replacement, in each epoch; by default if there are
        several batches. The draw of an epoch depends on `seed` and its number only.
    drop_last : bool
        Whether a last batch that is shorter is left out.
    seed : int
        For `shuffle`; 0 by default.
    callback : callable, optional
        ``callback(epoch, loss, params)`` is called after the updates of every `callback_every`-th epoch; epochs count
        from 1. If it returns True, training stops.
    callback_every : int
        As said.
    tol, patience : float, int
        Stop after `patience` epochs in a row whose loss is not below the lowest before by more than `tol`.
    validation : tuple, optional
        Other data, on which the loss is computed after each epoch.
    early_stopping : EarlyStopping or int, optional
        When to stop for want of progress on `validation`; an int is a patience.
    progress : bool
        Whether to show a progress bar.
    threads : int, optional
        How many threads large batches use; by default as for compiled functions. The bits of the result do not
        depend on it.
    resume : FitResult, optional
        An earlier result to go on from, with the bits of a run that was not interrupted. `params` can be left out then;
        so can `optimizer`, `batch_size`, `shuffle`, `drop_last` and `seed`, to keep them.

    Returns
    -------
    FitResult

    Raises
    ------
    LengthError
        If the data is empty, or its arrays have different numbers of samples.
    SettingError
        If a setting is out of range.
    StructureError
        If the parameters have no numbers, or others than those of `resume`.

    Warns
    -----
    NotFiniteWarning
        If the loss or a gradient is not finite; tells where. The parameters are then those before that update.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> x = np.linspace(-1.0, 1.0, 20)
    >>> def loss(line, x, t):
    ...     return (line["slope"] * x + line["offset"] - t) ** 2
    >>> start = {"slope": 0.0, "offset": 0.0}
    >>> result = rg.fit(loss, start, (x, 2.0 * x - 1.0), optimizer=rg.optim.SGD(0.5), epochs=100)
    >>> print({name: round(value, 6) for name, value in result.params.items()}, result.epoch)
    {'slope': 2.0, 'offset': -1.0} 100
    """
    started = perf_counter()
    keep = _kept(resume)
    if optimizer is None:
        optimizer = keep.get("optimizer")
    optimizer = _checked_optimizer(optimizer, resume)
    stopping = EarlyStopping(early_stopping) if isinstance(early_stopping, (int, np.integer)) else early_stopping
    if stopping is not None and not isinstance(stopping, EarlyStopping):
        raise NodeTypeError(f"early_stopping: got {stopping!r:.80}, but an int or an rg.EarlyStopping is needed")
    if callback is not None and not callable(callback):
        raise NodeTypeError(f"callback: got {callback!r:.80}, but a function of epoch, loss and params is needed")
    if stopping is not None and validation is None:
        raise SettingError("early_stopping needs validation data: validation=(X, T)")
    epochs = whole("epochs", epochs, bits=62)
    done = 0 if resume is None else resume.epoch
    if epochs <= done:
        raise SettingError(
            f"epochs is {epochs}, but the result to resume from has {done}: it counts from the beginning"
        )
    callback_every = whole("callback_every", callback_every, bits=62)
    batch_size = keep.get("batch_size") if batch_size is None else whole("batch_size", batch_size, bits=62)
    shuffle = keep.get("shuffle", batch_size is not None) if shuffle is None else bool(shuffle)
    drop_last = keep.get("drop_last", False) if drop_last is None else bool(drop_last)
    seed = whole("seed", keep.get("seed", 0) if seed is None else seed, 0, bits=64)
    if tol is not None:
        real("tol", tol, 0.0)

    data = _arguments(data)
    problem = Problem(_with_batches(loss, len(data)), _params(params, resume), data)
    if batch_size is not None and not problem.batched:
        raise SettingError(f"batch_size is {batch_size}, but no argument of the loss varies from sample to sample")
    trainer = _core._Trainer(
        problem.gradient.set,
        problem.start,
        problem.batch.lanes,
        problem.uniforms,
        problem.batch.columns,
        optimizer=optimizer.native(),
        schedule=native_schedule(optimizer, 0, 0),
        batch_size=batch_size or 0,
        drop_last=drop_last,
        mean=problem.mean,
        shuffle=shuffle,
        seed=seed,
        threads=checked_threads(problem.function.settings.threads if threads is None else threads),
        tol=tol,
        patience=whole("patience", patience, bits=62),
        min_delta=None if stopping is None else stopping.min_delta,
        validation_patience=1 if stopping is None else stopping.patience,
    )
    checked = None if validation is None else problem.validate(trainer, _like_data(_arguments(validation), data))
    if resume is not None:
        trainer.restore(resume.state)
    reason, report = run(
        problem, checked, trainer, optimizer, epochs, callback, callback_every, progress=progress, stopping=stopping
    )

    state = trainer.state()
    best = int(state["best_epoch"]) if stopping is not None and state["best_epoch"] else None
    restored = stopping is not None and stopping.restore_best and best is not None
    history = np.concatenate([keep.get("history", np.empty(0)), trainer.losses])
    before = keep.get("validation")
    result = FitResult(
        params=problem.params_of(state["best_parameters"] if restored else state["parameters"]),
        loss=float(history[-1]) if len(history) else nan,
        epoch=int(state["epoch"]),
        history=history,
        validation=None
        if validation is None
        else np.concatenate([np.empty(0) if before is None else before, trainer.validation_losses]),
        reason=reason,
        report=report,
        best_epoch=best,
        seconds=perf_counter() - started,
        optimizer=optimizer,
        seed=seed,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=drop_last,
        state=state,
    )
    if reason == "non-finite":
        warnings.warn(report, NotFiniteWarning, stacklevel=2)
    return result


def _params(params: Any, resume: FitResult | None) -> Any:
    if resume is None:
        if params is None:
            raise StructureError("params is None: give the parameters to start from, or a result to resume from")
        return params
    if params is None:
        return resume.params
    leaves, given = flatten(params, "params")
    kept_leaves, kept = flatten(resume.params, "resume.params")
    if given != kept or not all(map(np.array_equal, leaves, kept_leaves)):
        raise StructureError(
            "params are not those of the result to resume from: leave them out, or start anew without resume"
        )
    return resume.params


def _arguments(data: Any) -> tuple[Any, ...]:
    return tuple(data) if isinstance(data, (tuple, list)) else (data,)


def _like_data(validation: tuple[Any, ...], data: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(validation) != len(data):
        raise LengthError(
            f"validation: got {len(validation)} arguments of the loss, but data has {len(data)}: it needs as many"
        )
    return validation


def _kept(resume: FitResult | None) -> dict[str, Any]:
    if resume is None:
        return {}
    if not isinstance(resume, FitResult):
        raise NodeTypeError(f"resume: got {resume!r:.80}, but a FitResult is needed")
    return dict(vars(resume))


def _checked_optimizer(optimizer: object, resume: FitResult | None) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        if resume is not None and type(optimizer) is not type(resume.optimizer):
            raise SettingError(
                f"optimizer: the result to resume from was found by {type(resume.optimizer).__name__}, whose memory is "
                f"of no use to {type(optimizer).__name__}; start anew from its params, without resume"
            )
        if not optimizer.parameters:
            return optimizer
        raise SettingError(
            f"optimizer: this {type(optimizer).__name__} has parameters of its own; fit moves the ones it is given: "
            f"make the optimiser without, as rg.optim.{type(optimizer).__name__}(lr)"
        )
    if optimizer is None:
        raise SettingError("optimizer: none was given; rg.optim.SGD(0.1), rg.optim.Adam(1e-3), ...")
    raise NodeTypeError(f"optimizer: got {optimizer!r:.80}, but one of rg.optim is needed: rg.optim.SGD(0.1)")


def _with_batches(loss: Callable[..., Any], count: int) -> CompiledFunction:
    """Return the loss as a compiled function that reduces, and gives no auxiliary data."""
    loss = without_object(loss)
    if not isinstance(loss, CompiledFunction):
        return CompiledFunction(loss, Settings(in_axes=(None,) + (0,) * count, reduce="mean" if count else None))
    settings, function = loss.settings, loss.__wrapped__
    if settings.has_aux:
        with_aux = function

        @wraps(with_aux)
        def function(*args: Any) -> Any:
            return with_aux(*args)[0]

    elif settings.in_axes is None or settings.reduce is not None:
        return loss
    reduce = settings.reduce if settings.in_axes is None or settings.reduce is not None else "mean"
    return CompiledFunction(function, replace(settings, has_aux=False, reduce=reduce))
