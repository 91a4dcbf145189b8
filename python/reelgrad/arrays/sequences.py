"""Reductions and composites of the table on Arrays, along axes: what ``rg.sum(a, axis=0)`` and its like call.

Losses but one are not here: their terms come from the table's own templates. Here their operands are made alike, and
the mean is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, array, asarray
from reelgrad.arrays.reductions import log_softmax, softmax

__all__ = ["cross_entropy"]

Axis = int | Sequence[int] | None


def _sum(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.sum(axis, keepdims)


def _prod(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.prod(axis, keepdims)


def _logsumexp(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.logsumexp(axis, keepdims)


def _norm(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.norm(axis, keepdims)


def _mean(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Any:
    return x.mean(axis, keepdims) if isinstance(x, Array) else x


def cross_entropy(logits: Any, target: Any) -> Any:
    """Return the mean over samples of ``logsumexp(logits) - logits[target]``.

    Parameters
    ----------
    logits : Array
        Of shape (..., classes).
    target : array_like
        For each sample the number of its class, as integers, or a probability for each class, of the shape of `logits`.
    """
    logits = asarray(logits)
    classes = np.asarray(target) if isinstance(target, (int, np.integer, list, tuple)) else target
    if isinstance(classes, np.ndarray) and classes.dtype.kind in "iu" and classes.shape == logits.shape[:-1]:
        return _of_classes(logits, classes)
    target = asarray(target)
    if np.shape(target) != logits.shape:
        raise _core.LengthError(
            f"cross_entropy: targets of shape {np.shape(target)} for logits of shape {logits.shape}: classes have the "
            f"shape {logits.shape[:-1]}, probabilities that of the logits"
        )
    _require_elements("cross_entropy", target)
    if not isinstance(logits, Array):
        if not isinstance(target, Array):
            return _mean_of_rows(logits, target.reshape(-1, target.shape[-1]))
        logits = _core._array_constants(target.tape, logits)
    # A class of probability 0 does not count, even if its logit is -inf.
    terms = _core.where(target != 0.0, -target * log_softmax(logits, -1), 0.0)
    return terms.sum(-1).mean() if terms.ndim > 1 else terms.sum()


def _of_classes(logits: Any, classes: Any) -> Any:
    count = logits.shape[-1]
    wrong = classes[(classes < 0) | (classes >= count)]
    if wrong.size:
        raise _core.LengthError(f"cross_entropy: target {wrong[0]} is no class of {count} logits; classes count from 0")
    _require_elements("cross_entropy", classes)
    if not isinstance(logits, Array):
        return _mean_of_rows(logits, classes.ravel().tolist())
    chosen = np.take_along_axis(log_softmax(logits, -1), classes[..., None], -1)
    return -chosen.mean()


def _mean_of_rows(logits: Any, targets: Any) -> Any:
    rows = logits.reshape(-1, logits.shape[-1])
    return _core.mean([_core.cross_entropy(row, target) for row, target in zip(rows, targets, strict=True)])


def _of_ndarray(name: str, x: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Return the function of a NumPy array of numbers, which has no derivative, or of numbers and Nodes."""
    entries = asarray(x)
    if isinstance(entries, Array):
        return _FUNCTIONS[name](entries, *args, **kwargs)
    with _core.Tape():
        return _FUNCTIONS[name](array(entries), *args, **kwargs).value


def _operands_of_a_loss(loss: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Return the operands as Arrays or as numbers in a row, if they have one shape."""
    a, b = asarray(a), asarray(b)
    if np.shape(a) != np.shape(b):
        first, second = next(row["operands"][:2] for row in _core.operator_table() if row["name"] == loss)
        raise _core.LengthError(
            f"{loss}: '{first}' has shape {np.shape(a)} and '{second}' has shape {np.shape(b)}; they must have the "
            "same: reshape one, or index an axis of length 1 away, a[:, 0]"
        )
    _require_elements(loss, a)
    return (a, b) if isinstance(a, Array) or isinstance(b, Array) else (np.ravel(a), np.ravel(b))


def _require_elements(loss: str, x: Any) -> None:
    if 0 in np.shape(x):
        raise _core.LengthError(f"{loss} of no elements: it has no value; pass at least one")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "prod": _prod,
    "logsumexp": _logsumexp,
    "norm": _norm,
    "mean": _mean,
    "softmax": softmax,
    "dot": np.dot,
    "cross_entropy": cross_entropy,
    "operands of a loss": _operands_of_a_loss,
    "of an ndarray": _of_ndarray,
}
_core._use_array_functions(_FUNCTIONS)
