"""NumPy's statistics: averages, order statistics, covariances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.choices import shape_of, values_of
from reelgrad.arrays.protocols import implements, refuse
from reelgrad.arrays.rearranging import concatenate
from reelgrad.arrays.reduction_methods import Axis
from reelgrad.arrays.reductions import as_array, counts, mean_over, one_axis
from reelgrad.arrays.unrolled import is_traced


@implements(np.average)
def _average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    a = asarray(a)
    if weights is None:
        result = mean_over(a, axis, keepdims=keepdims)
        scale: Any = np.broadcast_to(np.squeeze(counts(a, axis, None)) * 1.0, shape_of(result))
    else:
        weights = asarray(weights)
        if np.shape(weights) != np.shape(a):
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            axes = [one_axis(d, a.ndim) for d in np.atleast_1d(np.asarray(axis))]
            if weights.shape != tuple(a.shape[d] for d in axes):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            order = np.argsort(axes)
            weights = np.transpose(weights, tuple(order))
            weights = np.reshape(weights, tuple(n if d in axes else 1 for d, n in enumerate(a.shape)))
            weights = np.broadcast_to(weights, a.shape)
        scale = np.sum(weights, axis=axis, keepdims=keepdims is True)
        if not (isinstance(scale, (Array, _core.Node)) and is_traced(scale)) and np.any(values_of(scale) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = np.sum(a * weights, axis=axis, keepdims=keepdims is True) / scale
    return (result, scale) if returned else result


@implements(np.ptp)
def _ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False) -> Any:
    refuse("ptp", out)
    return a.max(axis, keepdims is True) - a.min(axis, keepdims is True)


# --- By order


@implements(np.median)
def _median(a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    return _quantile(a, 0.5, axis, out, overwrite_input, keepdims=keepdims)


@implements(np.percentile)
def _percentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return _quantile(a, np.true_divide(q, 100.0), *args, **kwargs)


@implements(np.quantile)
def _quantile(
    a: Any, q: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: Any = False,
) -> Any:  # fmt: skip
    refuse("quantile", out)
    if method not in _BETWEEN:
        raise _core.NodeTypeError(
            f"numpy.quantile of an Array: method {method!r} is not supported; these are: {', '.join(_BETWEEN)}"
        )
    if isinstance(q, (Array, _core.Node)):
        raise _core.NodeTypeError("numpy.quantile: the second argument q must be plain numbers; pass its .value")
    q = np.asarray(q, np.float64)
    if np.any((q < 0.0) | (q > 1.0)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    axes = tuple(range(a.ndim)) if axis is None else tuple(one_axis(d, a.ndim) for d in np.atleast_1d(axis))
    kept = tuple(d for d in range(a.ndim) if d not in axes)
    rows = np.transpose(a, (*axes, *kept)).reshape(-1, *(a.shape[d] for d in kept))
    rows = np.sort(rows, axis=0)
    at = q * (len(rows) - 1)
    low = np.floor(at).astype(int)
    share = _BETWEEN[method](at - low, low).reshape(q.shape + (1,) * len(kept))
    high = np.minimum(low + 1, len(rows) - 1)
    below, above = (rows[index] for index in (low, high))
    result = _core.where(share == 0.0, below, _core.where(share == 1.0, above, below + share * (above - below)))
    if keepdims is True:
        result = result.reshape(*q.shape, *(1 if d in axes else n for d, n in enumerate(a.shape)))
    return result


# How far between two neighbours, from the fraction.
_BETWEEN: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda t, low: t,
    "lower": lambda t, low: np.zeros_like(t),
    "higher": lambda t, low: np.ceil(t),
    "midpoint": lambda t, low: np.where(t == 0.0, 0.0, 0.5),
    "nearest": lambda t, low: np.where((t > 0.5) | ((t == 0.5) & (low % 2 == 1)), 1.0, 0.0),
}


# --- Of several variables


@implements(np.cov)
def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    refuse("cov", None, dtype)
    if fweights is not None or aweights is not None:
        raise _core.NodeTypeError("numpy.cov of an Array takes no weights; write (w * x).sum() as wanted")
    rows = _rows(m, rowvar)
    if y is not None:
        rows = concatenate([rows, _rows(y, rowvar)], 0)
    freedom = rows.shape[1] - (ddof if ddof is not None else 0 if bias else 1)
    centered = rows - np.mean(rows, axis=1, keepdims=True)
    result = (centered @ np.transpose(centered)) / float(freedom)
    return result.reshape(()) if result.shape == (1, 1) else result


def _rows(x: Any, rowvar: bool) -> Any:
    x = as_array(x, "cov") if not isinstance(x, np.ndarray) else x
    if x.ndim < 2:
        return np.reshape(x, (1, -1))
    return x if rowvar or x.shape[0] == 1 else np.transpose(x)


@implements(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    covariance = _cov(x, y, rowvar, dtype=dtype)
    if not isinstance(covariance, Array):
        return covariance / covariance
    deviation = _core.sqrt(covariance.diagonal())
    return covariance / deviation[:, None] / deviation[None, :]
