"""NumPy's reductions, with NumPy's signatures: compositions of the table's reductions.

`where=` replaces what it leaves out by what changes nothing; then everything is as without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.choices import values_of
from reelgrad.arrays.protocols import implements, of_numpy, refuse
from reelgrad.arrays.rearranging import with_fill
from reelgrad.arrays.reduction_methods import Axis

__all__ = ["as_array", "counts", "log_softmax", "mean_over", "one_axis", "softmax"]


def as_array(x: Any, what: str) -> Array:
    """Return Nodes and numbers as an Array of at least one dimension."""
    x = asarray(x)
    if isinstance(x, _core.Node):
        x = asarray([x])
    if not isinstance(x, Array):
        raise _core.NodeTypeError(f"{what}: none of these numbers is a Node or in an Array; use NumPy's")
    return x


def _given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


def one_axis(axis: Any, dims: int) -> int:
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
    implements(*of_numpy(_name, f"a{_name}" if _name in ("max", "min") else _name))(_function)


def counts(a: Any, axis: Axis, where: Any) -> Any:
    """Return how many elements each result is of, with the axes kept: numbers, or an Array if a trace decides."""
    mask = values_of(where) if _given(where) else True
    if isinstance(mask, np.ndarray) and mask.dtype == np.dtype(object):
        return asarray(_core.where(mask, 1.0, 0.0)).sum(axis, keepdims=True)
    axes: Any = axis if axis is None or isinstance(axis, int) else tuple(axis)
    number: NDArray[Any] = np.sum(np.broadcast_to(mask, a.shape), axes, keepdims=True)
    return number.astype(np.float64)


def _without(x: Any, axis: Axis, keepdims: Any) -> Any:
    """Return a result without the axes, of length 1, that were reduced."""
    if keepdims is True:
        return x
    if axis is None:
        return x.reshape(())
    return np.squeeze(x, axis if isinstance(axis, (int, np.integer)) else tuple(axis))


@implements(np.mean)
def mean_over(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = np._NoValue
) -> Any:
    """Return NumPy's mean."""
    refuse("mean", out, dtype)
    if not _given(where) and a.size:
        return a.mean(axis, keepdims is True)
    total = _REDUCTIONS["sum"](a, axis, keepdims=True, where=where)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _without(total / counts(a, axis, where), axis, keepdims)


@implements(np.var)
def _var(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, *,
    where: Any = np._NoValue, mean: Any = np._NoValue, correction: Any = np._NoValue,
) -> Any:  # fmt: skip
    refuse("var", out, dtype)
    if _given(correction):
        ddof = correction
    if not _given(where) and not _given(mean) and a.size > 1:
        return a.var(axis, ddof, keepdims is True)
    center = mean if _given(mean) else mean_over(a, axis, keepdims=True, where=where)
    total = _REDUCTIONS["sum"](_core.square(a - center), axis, keepdims=True, where=where)
    return _without(total / np.maximum(counts(a, axis, where) - ddof, 0.0), axis, keepdims)


@implements(np.std)
def _std(a: Any, *args: Any, **kwargs: Any) -> Any:
    if not args and kwargs.keys() <= {"axis", "ddof"} and a.size > 1:
        return a.std(**kwargs)
    variance = _var(a, *args, **kwargs)
    return _core.where(variance > 0.0, _core.sqrt(variance), variance)  # at 0 the root has no derivative


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
        valid = a == a
        if _given(settings.get("where")):
            valid = np.logical_and(valid, values_of(settings["where"]))
        settings["where"] = valid
        return whole(a, axis, **{**defaults, **settings})

    for function in of_numpy(name):
        implements(function)(call)


_ignoring_nan("nansum", _REDUCTIONS["sum"])
_ignoring_nan("nanprod", _REDUCTIONS["prod"])
_ignoring_nan("nanmax", _REDUCTIONS["max"], initial=-np.inf)
_ignoring_nan("nanmin", _REDUCTIONS["min"], initial=np.inf)
_ignoring_nan("nanmean", mean_over)
_ignoring_nan("nanvar", _var)
_ignoring_nan("nanstd", _std)


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
    shifted = _below_largest(as_array(x, "log_softmax"), axis)
    return shifted - shifted.logsumexp(axis, keepdims=True)


def _below_largest(x: Any, axis: Axis) -> Any:
    """Return the elements less the largest along the axes, which counts as a constant and keeps their digits."""
    limit = float(np.finfo(np.float64).max)
    if _core._is_tracing():
        return x - _core.stop_gradient(x).max(axis, keepdims=True).clip(-limit, limit)
    axes = axis if axis is None or isinstance(axis, int) else tuple(axis)
    return x - np.clip(x.value.max(axes, keepdims=True), -limit, limit)
