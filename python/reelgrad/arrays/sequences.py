"""Reductions and composites of the table on Arrays, along axes: what ``rg.sum(a, axis=0)`` and its like call.

Losses are not here: their terms come from the table's own templates, and ``mean`` is all that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array import Array, asarray
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
        Of shape (classes,) or (samples, classes).
    target : array_like
        For each sample the number of its class, as integers, or a probability for each class, of the shape of `logits`.
    """
    logits = asarray(logits)
    scores = log_softmax(logits, -1)
    if not isinstance(target, Array):
        target = np.asarray(target)
        if target.dtype.kind in "iu" and target.shape == logits.shape[:-1]:
            if np.any(target < 0) or np.any(target >= logits.shape[-1]):
                raise _core.LengthError(
                    f"cross_entropy: a target is no class of {logits.shape[-1]} logits; classes count from 0"
                )
            chosen = np.take_along_axis(scores, target[..., None], -1)
            return -chosen.mean()
    # A class of probability 0 does not count, even if its logit is -inf.
    weights = target.value if isinstance(target, Array) else target
    if np.shape(weights) != logits.shape:
        raise _core.LengthError(
            f"cross_entropy: targets of shape {np.shape(weights)} for logits of shape {logits.shape}: classes have the "
            f"shape {logits.shape[:-1]}, probabilities that of the logits"
        )
    terms = _core.where(weights != 0.0, -target * scores, 0.0)
    return terms.sum(-1).mean() if terms.ndim > 1 else terms.sum()


_core._use_array_functions(
    {
        "sum": _sum,
        "prod": _prod,
        "logsumexp": _logsumexp,
        "norm": _norm,
        "mean": _mean,
        "softmax": softmax,
        "dot": np.dot,
        "cross_entropy": cross_entropy,
    }
)
