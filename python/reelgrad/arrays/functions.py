"""NumPy's functions for Arrays, with NumPy's signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array import Array, asarray
from reelgrad.arrays.protocols import implements

__all__ = ["dot", "outer", "vdot"]


# --- What only rearranges elements


def _rearranging(*functions: Any) -> None:
    """Let functions of one array work on positions."""

    def by_positions(function: Any) -> Callable[..., Any]:
        def call(a: Any, *args: Any, **kwargs: Any) -> Any:
            return a._view(function(a._positions(), *args, **kwargs))

        return call

    for function in functions:
        implements(function)(by_positions(function))


_rearranging(
    np.reshape,
    np.ravel,
    np.transpose,
    np.swapaxes,
    np.moveaxis,
    np.squeeze,
    np.expand_dims,
    np.broadcast_to,
    np.take,
    np.repeat,
    np.tile,
    np.roll,
    np.flip,
    np.fliplr,
    np.flipud,
    np.rot90,
    np.diagonal,
    np.delete,
    np.take_along_axis,
)


def joined(function: Any, arrays: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Return what `function` makes of a sequence of arrays, Nodes and numbers, by the numbers of their entries."""
    arrays = [asarray(x) for x in arrays]
    tapes = [x.tape for x in arrays if isinstance(x, Array)]
    if any(tape != tapes[0] for tape in tapes):
        raise _core.TapeMismatchError(f"{function.__name__}: Arrays on several tapes; the result is on one")
    arrays = [x if isinstance(x, Array) else _core._array_constants(tapes[0], x) for x in arrays]
    entries: NDArray[np.int64] = function([x._entries() for x in arrays], *args, **kwargs)
    return _core._array_of_entries(tapes[0], entries)


def _joining(*functions: Any) -> None:
    def by_entries(function: Any) -> Callable[..., Any]:
        return lambda arrays, *args, **kwargs: joined(function, arrays, *args, **kwargs)

    for function in functions:
        implements(function)(by_entries(function))


_joining(np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack)


# --- Methods under NumPy's names


def _method(name: str) -> Callable[..., Any]:
    return lambda a, *args, **kwargs: getattr(a, name)(*args, **kwargs)


for _name in ("sum", "prod", "mean", "max", "min", "var", "std", "trace"):
    implements(getattr(np, _name))(_method(_name))


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


# --- Choices


@implements(np.where)
def _where(condition: Any, a: Any, b: Any) -> Any:
    return _core.where(condition, a, b)


@implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    return _core.clip(a, -np.inf if low is None else low, np.inf if high is None else high)


# --- Products


@implements(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Return NumPy's dot product: over the last axis of `a` and the last but one of `b`."""
    a, b = asarray(a), asarray(b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if b.ndim <= 2:
        return _core._array_matmul(a, b)
    # The other axes of b stand behind those of a.
    last = np.moveaxis(b, -2, 0)
    product = _core._array_matmul(a, np.reshape(last, (last.shape[0], -1)))
    return np.reshape(product, (*a.shape[:-1], *last.shape[1:]))


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """Return the dot product of all elements, in C order."""
    return _core._array_matmul(_flat(a), _flat(b))


@implements(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Return the products of all pairs of elements."""
    return _flat(a)[:, None] * _flat(b)


def _flat(x: Any) -> Any:
    x = asarray(x)
    return asarray([x]) if isinstance(x, _core.Node) else np.ravel(x)
