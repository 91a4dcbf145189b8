"""NumPy's running sums and products, and differences of neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array_type import asarray
from reelgrad.arrays.choices import shape_of
from reelgrad.arrays.protocols import implements, of_numpy, refuse
from reelgrad.arrays.rearranging import concatenate, stack
from reelgrad.arrays.reductions import as_array, one_axis
from reelgrad.arrays.unrolled import is_traced

__all__ = ["cumsum", "diff"]


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
    axis = one_axis(axis, a.ndim)
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
    axis = one_axis(axis, a.ndim)
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
    axis = one_axis(axis, np.ndim(a))
    parts = [part for part in (prepend, a, append) if part is not np._NoValue]
    if n > 0 and len(parts) > 1:
        one = [1 if d == axis else length for d, length in enumerate(a.shape)]
        ends = [part if part is a or shape_of(part) else np.broadcast_to(_whole(part), one) for part in parts]
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
    axis = one_axis(axis, y.ndim)
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


@implements(np.nancumsum)
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    return cumsum(_core.where(np.isnan(a), 0.0, a), axis, dtype, out)
