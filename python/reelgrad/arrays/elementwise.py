"""NumPy's functions element by element that are no operators of the table: compositions of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.choices import shape_of, values_of
from reelgrad.arrays.protocols import UFUNCS, implements, of_numpy, refuse
from reelgrad.arrays.rearranging import concatenate, stack
from reelgrad.arrays.reductions import one_axis
from reelgrad.arrays.running import diff
from reelgrad.arrays.unrolled import is_traced

__all__: list[str] = []


# --- Ufuncs


def _fitting(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Let a composition raise what a ufunc raises, before anything is recorded."""

    def call(a: Any, b: Any) -> Any:
        shapes = [shape_of(x) for x in (a, b)]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            words = " ".join(str(shape).replace(" ", "") for shape in shapes)
            raise _core.LengthError(f"operands could not be broadcast together with shapes {words}") from None
        return function(a, b)

    return call


def _ignoring_nan(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def call(a: Any, b: Any) -> Any:
        chosen = _core.where(b != b, a, choose(a, b))
        return _core.where(a != a, b, chosen)

    return _fitting(call)


@_fitting
def _heaviside(a: Any, b: Any) -> Any:
    return _core.where(a == 0.0, b, 0.5 + 0.5 * _core.sign(a))


@_fitting
def _logaddexp2(a: Any, b: Any) -> Any:
    return _core.logaddexp(a * np.log(2.0), b * np.log(2.0)) / np.log(2.0)


UFUNCS[np.fmax] = _ignoring_nan(_core.maximum)
UFUNCS[np.fmin] = _ignoring_nan(_core.minimum)
UFUNCS[np.float_power] = _core.pow
UFUNCS[np.deg2rad] = UFUNCS[np.radians] = lambda x: x * (np.pi / 180.0)
UFUNCS[np.rad2deg] = UFUNCS[np.degrees] = lambda x: x * (180.0 / np.pi)
UFUNCS[np.logaddexp2] = _logaddexp2
UFUNCS[np.conjugate] = lambda x: x
UFUNCS[np.heaviside] = _heaviside
UFUNCS[np.divmod] = lambda a, b: (a // b, a % b)


# --- Functions


@implements(*of_numpy("round", "around"))
def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    refuse("round", out)
    if decimals == 0:
        return _core.round(a)
    return _core.round(a * 10.0**decimals) / 10.0**decimals


@implements(np.fix)
def _fix(x: Any, out: Any = None) -> Any:
    refuse("fix", out)
    return _core.trunc(x)


@implements(np.sinc)
def _sinc(x: Any) -> Any:
    angle = np.pi * x
    return _core.where(x == 0.0, 1.0, _core.sin(angle) / angle)


@implements(np.imag)
def _imag(val: Any) -> Any:
    return np.zeros(val.shape)


@implements(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        raise _core.NodeTypeError("numpy.interp of Arrays takes no period; reduce x by % before")
    x, xp, fp = asarray(x), asarray(xp), asarray(fp)
    if len(xp) != len(fp):
        raise _core.LengthError("fp and xp are not of the same length.")
    if len(xp) < 2:
        raise _core.LengthError("numpy.interp of Arrays needs two points at least")
    if any(isinstance(part, (Array, _core.Node)) and is_traced(part) for part in (x, xp)):
        slopes = diff(fp) / diff(xp)
        result: Any = fp[0] + slopes[0] * (x - xp[0])
        for k in range(1, len(xp) - 1):
            result = _core.where(x >= xp[k], fp[k] + slopes[k] * (x - xp[k]), result)
    else:
        places = values_of(xp)
        index = np.clip(np.searchsorted(places, values_of(x), "right") - 1, 0, len(places) - 2)
        x0, x1, y0, y1 = xp[index], xp[index + 1], fp[index], fp[index + 1]
        result = y0 + (y1 - y0) * ((x - x0) / (x1 - x0))
    result = _core.where(x < xp[0], fp[0] if left is None else left, result)
    return _core.where(x > xp[-1], fp[-1] if right is None else right, result)


@implements(np.linspace)
def _linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    refuse("linspace", None, dtype)
    start, stop = asarray(start), asarray(stop)
    span = stop - start
    shares = np.linspace(0.0, 1.0, num, endpoint).reshape(-1, *(1,) * len(shape_of(span)))
    result = np.moveaxis(start + span * shares, 0, axis)
    return (result, span / float(num - 1 if endpoint else num)) if retstep else result


@implements(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = asarray(f)
    axes = range(f.ndim) if axis is None else [one_axis(d, f.ndim) for d in np.atleast_1d(axis)]
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("invalid number of arguments")
    spacings = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    results = [_slope(f, d, spacing, edge_order) for d, spacing in zip(axes, spacings, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slope(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """Return second-order differences inside, and differences of the order asked for at the ends."""
    y = np.moveaxis(f, axis, 0)
    if len(y) < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
            "required."
        )
    h = diff(spacing) if len(shape_of(spacing)) == 1 else np.broadcast_to(asarray([spacing]), (len(y) - 1,))
    if len(h) != len(y) - 1:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    h = np.reshape(h, (-1,) + (1,) * (y.ndim - 1))
    p, q = h[:-1], h[1:]
    inside = -q / (p * (p + q)) * y[:-2] + (q - p) / (p * q) * y[1:-1] + p / (q * (p + q)) * y[2:]
    if edge_order == 1:
        first, last = (y[1:2] - y[:1]) / h[:1], (y[-1:] - y[-2:-1]) / h[-1:]
    else:
        p, q = h[:1], h[1:2]
        first = -(2.0 * p + q) / (p * (p + q)) * y[:1] + (p + q) / (p * q) * y[1:2] - p / (q * (p + q)) * y[2:3]
        p, q = h[-2:-1], h[-1:]
        last = q / (p * (p + q)) * y[-3:-2] - (p + q) / (p * q) * y[-2:-1] + (2.0 * q + p) / (q * (p + q)) * y[-1:]
    return np.moveaxis(concatenate([first, inside, last]), 0, axis)


@implements(np.apply_along_axis)
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    axis = one_axis(axis, arr.ndim)
    rows = np.moveaxis(arr, axis, -1)
    made = [func1d(rows[index], *args, **kwargs) for index in np.ndindex(rows.shape[:-1])]
    result = stack(made)
    shape = result.shape[1:]
    result = np.reshape(result, (*rows.shape[:-1], *shape))
    if isinstance(result, _core.Node):
        return result
    before, inserted = tuple(range(axis)), tuple(range(rows.ndim - 1, result.ndim))
    return np.transpose(result, (*before, *inserted, *range(axis, rows.ndim - 1)))


@implements(np.unique)
def _unique(ar: Any, return_index: bool = False, *further: Any, axis: int | None = None, **settings: Any) -> Any:
    if axis is not None:
        raise _core.NodeTypeError("numpy.unique of an Array takes no axis")
    _, index, *others = np.unique(ar.value, True, *further, **settings)
    found = ar.ravel()[index]
    results = (found, *((index,) if return_index else ()), *others)
    return results[0] if len(results) == 1 else results
