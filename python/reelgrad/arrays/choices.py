"""NumPy's functions that choose elements, by a condition or by their order, and those that tell about values.

What is chosen keeps its derivative; which one is chosen has none. Functions that give integers or bools compute with
the values and give NumPy's own arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.protocols import implements, of_numpy, refuse
from reelgrad.arrays.rearranging import broadcast_arrays
from reelgrad.arrays.unrolled import is_traced, sorted_by_comparing

__all__ = ["shape_of", "values_of"]


def values_of(x: Any) -> Any:
    """Return the plain numbers of an Array, a Node, or of sequences of these."""
    whole = asarray(x) if isinstance(x, (list, tuple)) else x
    return whole.value if isinstance(whole, (Array, _core.Node)) else x


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of an Array, a Node, or numbers."""
    return () if isinstance(x, _core.Node) else np.shape(x)


# --- By a condition


@implements(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.where(values_of(condition))
    return _core.where(condition, *choices)


@implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    refuse("clip", out)
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return _core.clip(a, -np.inf if low is None else low, np.inf if high is None else high)


@implements(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0.0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    *choices, result = broadcast_arrays(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        result = _core.where(values_of(condition), choice, result)
    return result


@implements(np.choose)
def _choose(a: Any, choices: Sequence[Any], out: Any = None, mode: Any = "raise") -> Any:
    refuse("choose", out)
    if isinstance(a, Array):
        raise _core.NodeTypeError("numpy.choose: the first argument chooses, it must be plain integers")
    which = np.choose(a, np.arange(len(choices)).tolist(), mode=mode)
    _, *parts = broadcast_arrays(which, *choices)
    result = parts[0]
    for k, part in enumerate(parts[1:], 1):
        result = _core.where(which == k, part, result)
    return result


@implements(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    refuse("compress", out)
    return a._view(np.compress(values_of(condition), a._positions(), axis))


@implements(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return arr._view(np.extract(values_of(condition), arr._positions()))


@implements(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = np.finfo(np.float64).max
    x = _core.where(np.isnan(x), nan, x)
    x = _core.where(x == np.inf, largest if posinf is None else posinf, x)
    return _core.where(x == -np.inf, -largest if neginf is None else neginf, x)


# --- By order


@implements(np.sort)
def _sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> Any:
    if axis is None:
        a, axis = a.ravel(), -1
    if is_traced(a):
        return sorted_by_comparing(a, axis)
    indices = np.argsort(a.value, axis, kind="stable")
    return a._view(np.take_along_axis(a._positions(), indices, axis))


@implements(np.partition)
def _partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None) -> Any:
    if axis is None:
        a, axis = a.ravel(), -1
    if is_traced(a):
        return sorted_by_comparing(a, axis)
    indices = np.argpartition(a.value, kth, axis)
    return a._view(np.take_along_axis(a._positions(), indices, axis))


# --- About values


@implements(np.shape)
def _shape(a: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = a.shape
    return shape


@implements(np.ndim)
def _ndim(a: Any) -> int:
    ndim: int = a.ndim
    return ndim


@implements(np.size)
def _size(a: Any, axis: int | None = None) -> int:
    size: int = a.size if axis is None else a.shape[axis]
    return size


def _on_values(function: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(
        *map(values_of, args), **{name: values_of(value) for name, value in kwargs.items()}
    )


for _function in of_numpy(
    *("argmax", "argmin", "argsort", "argpartition", "lexsort", "nanargmax", "nanargmin", "searchsorted", "digitize"),
    *("nonzero", "flatnonzero", "argwhere", "count_nonzero", "all", "any", "isclose", "allclose", "array_equal"),
    *("array_equiv", "isin", "linalg.matrix_rank", "isreal", "iscomplex", "isposinf"),
    *("isneginf", "isrealobj", "iscomplexobj"),
):
    implements(_function)(_on_values(_function))


@implements(np.histogram)
def _histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if isinstance(weights, Array):
        raise _core.NodeTypeError(
            "numpy.histogram of an Array as weights is not supported: it would lose the derivatives. Say which bin each"
            " belongs to: numpy.bincount(numpy.digitize(a, edges) - 1, weights)"
        )
    return np.histogram(values_of(a), values_of(bins), range, density, weights)


@implements(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    bins = values_of(x)
    if not isinstance(weights, Array):
        return np.bincount(bins, weights, minlength)
    np.bincount(bins, np.zeros(weights.shape), minlength)  # which refuses what is wrong
    counts = np.bincount(bins, minlength=minlength)
    rows = np.argsort(np.asarray(bins, np.intp), kind="stable")
    places = np.full((len(counts), counts.max(initial=0)), len(rows))
    places[np.arange(places.shape[1]) < counts[:, None]] = rows
    return np.append(weights, 0.0)[places].sum(axis=1)


@implements(np.full_like)
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    shape = a.shape if shape is None else shape
    fill = asarray(fill_value)
    if isinstance(fill, _core.Node):
        fill = asarray([fill])  # shapes of no dimension are Nodes already
    if isinstance(fill, Array):
        return np.broadcast_to(fill, shape)
    return np.full(shape, fill_value, float if dtype is None else dtype)


def _of_shape(function: Any) -> Callable[..., Any]:
    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        return function(np.broadcast_to(0.0, a.shape), *args, **kwargs)

    return call


# Plain numbers of the same shape: they have no derivative.
for _function in of_numpy(
    *("zeros_like", "ones_like", "empty_like"),
    *("tril_indices_from", "triu_indices_from", "diag_indices_from"),
):
    implements(_function)(_of_shape(_function))


@implements(np.real, np.real_if_close)
def _real(val: Any, tol: Any = None) -> Any:
    return val


@implements(np.array_repr, np.array_str, np.array2string)
def _text(arr: Any, *args: Any, **kwargs: Any) -> str:
    return repr(arr)
