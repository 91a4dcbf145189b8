"""NumPy's reductions, statistics and running sums, with NumPy's signatures: compositions of the table's reductions.

`where=` replaces what it leaves out by what changes nothing; then everything is as without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array import Array, Axis, asarray
from reelgrad.arrays.choices import values_of
from reelgrad.arrays.protocols import implements, of_numpy
from reelgrad.arrays.rearranging import concatenate, stack, with_fill
from reelgrad.arrays.unrolled import is_traced

__all__ = ["cumsum", "diff", "log_softmax", "softmax"]


def as_array(x: Any, what: str) -> Array:
    """Return Nodes and numbers as an Array of at least one dimension."""
    x = asarray(x)
    if isinstance(x, _core.Node):
        x = asarray([x])
    if not isinstance(x, Array):
        raise _core.NodeTypeError(f"{what}: none of these numbers is a Node or in an Array; use NumPy's")
    return x


def refuse(name: str, out: Any = None, dtype: Any = None) -> None:
    """Refuse what NumPy's signature has and Arrays have not."""
    if out is not None:
        raise _core.NodeTypeError(f"numpy.{name}(..., out=...): Arrays do not change; use the result")
    if dtype is not None and np.dtype(dtype) != np.float64:
        raise _core.NodeTypeError(f"numpy.{name}(..., dtype={np.dtype(dtype)}): Arrays are of float64")


def _given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


def _axis_of(axis: Any, dims: int) -> int:
    """Return one axis counted from the front."""
    if not -dims <= axis < dims:
        raise np.exceptions.AxisError(axis, dims)
    return int(axis) % dims


# --- Reductions


def _reduction(name: str, method: str, identity: float | None, combine: Any) -> Callable[..., Any]:
    def call(
        a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = np._NoValue, where: Any = np._NoValue,
    ) -> Any:  # fmt: skip
        refuse(name, out, dtype)
        if _given(where) and where is not True:
            neutral = identity
            if neutral is None:
                if not _given(initial):
                    raise ValueError(
                        f"reduction operation '{name}imum' does not have an identity, so to use a where mask one has "
                        "to specify 'initial'"
                    )
                neutral = -np.inf if name == "max" else np.inf
            a = _core.where(values_of(where), a, neutral)
        if _given(initial) and identity is None and _is_empty_along(a, axis):
            result = getattr(_replaced(a, initial, axis), method)(axis, keepdims is True)
        else:
            result = getattr(a, method)(axis, keepdims is True)
        return combine(result, initial) if _given(initial) else result

    if name in ("max", "min"):  # NumPy's have no dtype
        return lambda a, axis=None, out=None, keepdims=False, initial=np._NoValue, where=np._NoValue: call(
            a, axis, None, out, keepdims, initial, where
        )
    return call


def _is_empty_along(a: Any, axis: Axis) -> bool:
    axes = range(a.ndim) if axis is None else np.atleast_1d(np.asarray(axis))
    return any(a.shape[d] == 0 for d in axes)


def _replaced(a: Any, initial: Any, axis: Axis) -> Any:
    """Return an Array of one element, `initial`, along the axes that are reduced."""
    axes = tuple(range(a.ndim)) if axis is None else tuple(int(d) % a.ndim for d in np.atleast_1d(np.asarray(axis)))
    shape = [1 if d in axes else n for d, n in enumerate(a.shape)]
    return with_fill(lambda entries, filler: np.full(shape, filler, np.int64), a, initial)


_REDUCTIONS = {
    "sum": _reduction("sum", "sum", 0.0, _core.add),
    "prod": _reduction("prod", "prod", 1.0, _core.mul),
    "max": _reduction("max", "max", None, _core.maximum),
    "min": _reduction("min", "min", None, _core.minimum),
}
for _name, _function in _REDUCTIONS.items():
    implements(getattr(np, _name))(_function)


def _count(a: Any, axis: Axis, where: Any) -> Any:
    """Return how many elements each result is of."""
    mask = np.broadcast_to(values_of(where) if _given(where) else True, a.shape)
    counts: NDArray[Any] = np.sum(mask, axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims=True)
    return counts.astype(np.float64)


def _without(x: Any, axis: Axis, keepdims: Any) -> Any:
    """Return a result without the axes, of length 1, that were reduced."""
    if keepdims is True:
        return x
    if axis is None:
        return x.reshape(())
    return np.squeeze(x, axis if isinstance(axis, (int, np.integer)) else tuple(axis))


@implements(np.mean)
def _mean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = np._NoValue
) -> Any:
    refuse("mean", out, dtype)
    total = _REDUCTIONS["sum"](a, axis, keepdims=True, where=where)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _without(total / _count(a, axis, where), axis, keepdims)


@implements(np.var)
def _var(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, *,
    where: Any = np._NoValue, mean: Any = np._NoValue, correction: Any = np._NoValue,
) -> Any:  # fmt: skip
    refuse("var", out, dtype)
    if _given(correction):
        ddof = correction
    center = mean if _given(mean) else _mean(a, axis, keepdims=True, where=where)
    total = _REDUCTIONS["sum"](_core.square(a - center), axis, keepdims=True, where=where)
    return _without(total / np.maximum(_count(a, axis, where) - ddof, 0.0), axis, keepdims)


@implements(np.std)
def _std(*args: Any, **kwargs: Any) -> Any:
    return _core.sqrt(_var(*args, **kwargs))


@implements(np.average)
def _average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    a = asarray(a)
    if weights is None:
        result = _mean(a, axis, keepdims=keepdims)
        scale: Any = np.broadcast_to(np.squeeze(_count(a, axis, None)) * 1.0, np.shape(values_of(result)))
    else:
        weights = asarray(weights)
        if np.shape(weights) != np.shape(a):
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            axes = [_axis_of(d, a.ndim) for d in np.atleast_1d(np.asarray(axis))]
            if weights.shape != tuple(a.shape[d] for d in axes):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            order = np.argsort(axes)
            weights = np.transpose(weights, tuple(order))
            weights = np.reshape(weights, tuple(n if d in axes else 1 for d, n in enumerate(a.shape)))
            weights = np.broadcast_to(weights, a.shape)
        scale = np.sum(weights, axis=axis, keepdims=keepdims is True)
        if np.any(values_of(scale) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = np.sum(a * weights, axis=axis, keepdims=keepdims is True) / scale
    return (result, scale) if returned else result


@implements(np.ptp)
def _ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False) -> Any:
    refuse("ptp", out)
    return a.max(axis, keepdims is True) - a.min(axis, keepdims is True)


@implements(*of_numpy("trace", "linalg.trace"))
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    refuse("trace", out, dtype)
    return a.diagonal(offset, axis1, axis2).sum(-1)


if hasattr(np.linalg, "trace"):  # of the last two axes

    @implements(np.linalg.trace)
    def _matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
        return _trace(x, offset, -2, -1, dtype)

    @implements(np.linalg.diagonal)
    def _matrix_diagonal(x: Any, /, *, offset: int = 0) -> Any:
        return x.diagonal(offset, -2, -1)


# --- Without nan


def _ignoring_nan(name: str, whole: Callable[..., Any], **defaults: Any) -> None:
    def call(a: Any, axis: Axis = None, **settings: Any) -> Any:
        valid = ~np.isnan(a.value)
        if _given(settings.get("where")):
            valid &= values_of(settings["where"])
        settings["where"] = valid
        return whole(a, axis, **{**defaults, **settings})

    for function in of_numpy(name):
        implements(function)(call)


_ignoring_nan("nansum", _REDUCTIONS["sum"])
_ignoring_nan("nanprod", _REDUCTIONS["prod"])
_ignoring_nan("nanmax", _REDUCTIONS["max"], initial=-np.inf)
_ignoring_nan("nanmin", _REDUCTIONS["min"], initial=np.inf)
_ignoring_nan("nanmean", _mean)
_ignoring_nan("nanvar", _var)
_ignoring_nan("nanstd", _std)


@implements(np.nancumsum)
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    return cumsum(_core.where(np.isnan(a), 0.0, a), axis, dtype, out)


# --- Running


def _scan(combine: Any, a: Any, axis: int) -> Any:
    """Return a running combination along an axis, one operator for each place of it."""
    rows = np.moveaxis(a, axis, 0)
    made = [rows[0]]
    for k in range(1, len(rows)):
        made.append(combine(made[-1], rows[k]))
    return np.moveaxis(stack(made), 0, axis)


@implements(np.cumsum)
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return the running sums along an axis, by default of all elements in C order.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.cumsum(rg.array([1.0, 2.0, 3.0]))
    Array([1., 3., 6.])
    """
    refuse("cumsum", out, dtype)
    a = as_array(a, "cumsum")
    if axis is None:
        a, axis = a.ravel(), 0
    axis = _axis_of(axis, a.ndim)
    if a.size == 0:
        return a
    if is_traced(a):
        return _scan(_core.add, a, axis)

    def vjp(g: NDArray[np.float64]) -> tuple[NDArray[np.float64]]:
        return (np.flip(np.cumsum(np.flip(g, axis), axis), axis),)

    return _core._array_rule("cumsum", [a], np.cumsum(a.value, axis), vjp)


@implements(np.cumprod)
def _cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    refuse("cumprod", out, dtype)
    if axis is None:
        a, axis = a.ravel(), 0
    axis = _axis_of(axis, a.ndim)
    return a if a.size == 0 else _scan(_core.mul, a, axis)


def _cumulative(scan: Callable[..., Any], start: float) -> Callable[..., Any]:
    def call(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        if axis is None:
            if x.ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        result = scan(x, axis, dtype, out)
        if not include_initial:
            return result
        first = list(x.shape)
        first[axis] = 1
        return concatenate([np.full(first, start), result], axis)

    return call


for _function in of_numpy("cumulative_sum"):
    implements(_function)(_cumulative(cumsum, 0.0))
for _function in of_numpy("cumulative_prod"):
    implements(_function)(_cumulative(_cumprod, 1.0))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """Return the differences of neighbours along an axis, `n` times.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.diff(rg.array([1.0, 4.0, 9.0]))
    Array([3., 5.])
    """
    if n < 0:
        raise ValueError("order must be non-negative but got " + repr(n))
    a = asarray(a)
    axis = _axis_of(axis, np.ndim(a))
    parts = [part for part in (prepend, a, append) if part is not np._NoValue]
    if n > 0 and len(parts) > 1:
        one = [1 if d == axis else length for d, length in enumerate(a.shape)]
        ends = [part if part is a or np.ndim(values_of(part)) else np.broadcast_to(_whole(part), one) for part in parts]
        a = concatenate(ends, axis)
    before, after = [slice(None)] * np.ndim(a), [slice(None)] * np.ndim(a)
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    for _ in range(n):
        a = a[tuple(after)] - a[tuple(before)]
    return a


def _whole(x: Any) -> Any:
    return asarray([x]) if isinstance(x, _core.Node) else x


@implements(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ends = [to_begin, diff(np.ravel(ary)), to_end]
    parts = [np.ravel(_whole(part)) for part in ends if part is not None]
    return parts[0] if len(parts) == 1 else concatenate(parts)


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = asarray(y)
    axis = _axis_of(axis, y.ndim)
    if x is not None:
        x = asarray(x)
        dx = diff(x, axis=axis if x.ndim > 1 else 0)
        if dx.ndim == 1:
            dx = np.reshape(dx, [-1 if d == axis else 1 for d in range(y.ndim)])
    before, after = [slice(None)] * y.ndim, [slice(None)] * y.ndim
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    return (dx * (y[tuple(after)] + y[tuple(before)]) / 2.0).sum(axis)


for _function in of_numpy("trapezoid", "trapz")[:1]:
    implements(_function)(_trapezoid)


# --- Exponentials


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Return exp(x) / sum(exp(x)) along axes; never overflows.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.arrays.reductions.softmax(rg.array([0.0, 0.0])).value
    array([0.5, 0.5])
    """
    return _core.exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Return x - log(sum(exp(x))) along axes; never overflows."""
    x = as_array(x, "log_softmax")
    return x - x.logsumexp(axis, keepdims=True)


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
    axes = tuple(range(a.ndim)) if axis is None else tuple(_axis_of(d, a.ndim) for d in np.atleast_1d(axis))
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
