"""NumPy's functions that only rearrange elements: they record nothing.

NumPy's own function is applied to integers that stand for the elements: to their positions in one Array, or, where
several arrays come together, to the numbers of their entries on the tape. Numbers without a derivative become entries
first; what fills (`numpy.pad`, `numpy.tril`) is one entry, many times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.protocols import implements, of_numpy

__all__ = ["broadcast_arrays", "concatenate", "joined", "stack", "with_fill"]

Entries = NDArray[np.int64]


def _by_positions(function: Any) -> Callable[..., Any]:
    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(a, Array):
            raise _core.NodeTypeError(
                f"numpy.{function.__name__}: an Array is where plain numbers are needed: pass its .value"
            )
        result = function(a._positions(), *args, **kwargs)
        if isinstance(result, (list, tuple)):
            return type(result)(a._view(part) for part in result)
        return a._view(result)

    return call


for _function in of_numpy(
    *("reshape", "ravel", "transpose", "swapaxes", "moveaxis", "rollaxis", "squeeze", "expand_dims", "broadcast_to"),
    *("matrix_transpose", "linalg.matrix_transpose", "diagonal", "linalg.diagonal", "copy", "resize"),
    *("take", "take_along_axis", "repeat", "tile", "roll", "flip", "fliplr", "flipud", "rot90", "delete", "unstack"),
    *("split", "array_split", "hsplit", "vsplit", "dsplit", "lib.stride_tricks.sliding_window_view"),
):
    implements(_function)(_by_positions(_function))


# --- Several arrays


def joined(function: Any, arrays: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Return what `function` makes of a list of arrays, Nodes and numbers, by the numbers of their entries."""
    name = function.__name__
    arrays = list(arrays)
    if not kwargs and arrays and all(type(x) is Array for x in arrays):  # the usual case
        tape = arrays[0].tape
        if all(x.tape == tape for x in arrays):
            return _of_entries(tape, function([x._entries() for x in arrays], *args))
    if kwargs.pop("out", None) is not None:
        raise _core.NodeTypeError(f"numpy.{name}(..., out=...): Arrays do not change; use the result")
    if kwargs.pop("dtype", None) not in (None, float, np.float64, np.dtype(np.float64)):
        raise _core.NodeTypeError(f"numpy.{name}(..., dtype=...): Arrays are of float64")
    arrays = [x if type(x) is Array else asarray(x) for x in arrays]
    tapes = [x.tape for x in arrays if isinstance(x, (Array, _core.Node))]
    if not tapes:
        return function(arrays, *args, **kwargs)
    if any(tape != tapes[0] for tape in tapes):
        raise _core.TapeMismatchError(f"{name}: Arrays on several tapes; the result is on one")
    made = [x if isinstance(x, (Array, _core.Node)) else _core._array_constants(tapes[0], x) for x in arrays]
    return _of_entries(tapes[0], function([_entries(x) for x in made], *args, **kwargs))


def _of_entries(tape: Any, entries: Any) -> Any:
    if isinstance(entries, (list, tuple)):
        return type(entries)(_core._array_of_entries(tape, part) for part in entries)
    return _core._array_of_entries(tape, entries)


def _entries(x: Any) -> Entries:
    """Return the numbers of entries, good until something is recorded."""
    return x._entries() if isinstance(x, Array) else np.asarray(_core._entry_of_node(x), np.int64)


def with_fill(function: Callable[[Entries, int], Entries], a: Any, fill: Any = 0.0) -> Any:
    """Return what `function` makes of the elements of an Array and of a number, given integers that stand for them."""
    placed = function(np.arange(a.size).reshape(a.shape), -1)
    filler = fill if isinstance(fill, _core.Node) else _core._array_constants(a.tape, np.asarray([float(fill)]))[0]
    return _core._array_of_entries(a.tape, np.append(a._entries(), _core._entry_of_node(filler))[placed])


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Join arrays, Nodes' lists and numbers along an axis that there is, or flattened (None).

    Examples
    --------
    >>> import reelgrad as rg
    >>> a = rg.array([1.0, 2.0])
    >>> rg.concatenate([a, [3.0]]).shape
    (3,)
    """
    return joined(np.concatenate, arrays, axis)


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays, or Nodes, of one shape along a new axis.

    Examples
    --------
    >>> import reelgrad as rg
    >>> x, y = rg.variables(1.0, 2.0)
    >>> rg.stack([x, y, 0.0])
    Array([1., 2., 0.])
    """
    return joined(np.stack, arrays, axis)


def _by_entries(function: Any) -> Callable[..., Any]:
    return lambda arrays, *args, **kwargs: joined(function, arrays, *args, **kwargs)


for _function in of_numpy("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"):
    implements(_function)(_by_entries(_function))


@implements(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, values, axis = np.ravel(_at_least_1d(arr)), np.ravel(_at_least_1d(values)), 0
    return concatenate([arr, values], axis)


@implements(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    return joined(_named(np.insert, lambda both: np.insert(both[0], obj, both[1], axis)), [arr, values])


@implements(np.meshgrid)
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    return joined(_named(np.meshgrid, lambda xs: np.meshgrid(*xs, sparse=sparse, indexing=indexing)), xi)


@implements(np.block)
def _block(arrays: Any) -> Any:
    leaves: list[Any] = []

    def number(tree: Any) -> Any:
        if isinstance(tree, list):
            return [number(branch) for branch in tree]
        leaves.append(tree)
        return len(leaves) - 1

    def place(tree: Any, entries: Sequence[Entries]) -> Any:
        return [place(branch, entries) for branch in tree] if isinstance(tree, list) else entries[tree]

    numbered = number(arrays)
    return joined(_named(np.block, lambda entries: np.block(place(numbered, entries))), leaves)


def _named(function: Any, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    call.__name__ = function.__name__
    return call


def _at_least(function: Any) -> Callable[..., Any]:
    def call(*arys: Any) -> Any:
        made = tuple(_by_positions(function)(a) if isinstance(a, Array) else function(a) for a in map(asarray, arys))
        return made[0] if len(made) == 1 else made

    return call


for _function in of_numpy("atleast_1d", "atleast_2d", "atleast_3d"):
    implements(_function)(_at_least(_function))


def _at_least_1d(x: Any) -> Any:
    x = asarray(x)
    return asarray([x]) if isinstance(x, _core.Node) else np.atleast_1d(x)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    """Return the arrays as views of the shape to which they broadcast."""
    arrays = [asarray(x) for x in args]
    shape = np.broadcast_shapes(*(np.shape(x) if not isinstance(x, _core.Node) else () for x in arrays))
    return tuple(
        _core._array_of_entries(x.tape, np.broadcast_to(_entries(x), shape))
        if isinstance(x, _core.Node)
        else np.broadcast_to(x, shape)
        for x in arrays
    )


# --- With a fill


@implements(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0.0, **kwargs: Any) -> Any:
    if mode == "constant":
        if np.size(constant_values) != 1 or isinstance(constant_values, Array):
            raise _core.NodeTypeError("numpy.pad of an Array: constant_values must be one number or Node")
        fill = constant_values if isinstance(constant_values, _core.Node) else np.ravel(constant_values)[0]
        return with_fill(
            lambda entries, filler: np.pad(entries, pad_width, "constant", constant_values=filler), array, fill
        )
    if mode not in ("edge", "reflect", "symmetric", "wrap") or kwargs.get("reflect_type", "even") != "even":
        raise _core.NodeTypeError(
            f"numpy.pad of an Array: mode {mode!r} is not supported; these are: constant, edge, reflect, symmetric, "
            "wrap, with reflect_type='even'"
        )
    return array._view(np.pad(array._positions(), pad_width, mode))


def _masked(mask_of: Callable[..., Any]) -> Callable[..., Any]:
    def call(m: Any, k: int = 0) -> Any:
        mask = mask_of(np.ones(m.shape[-2:] if m.ndim > 1 else (m.size, m.size), bool), k)
        return with_fill(lambda entries, zero: np.where(mask, entries, zero), m)

    return call


implements(np.tril)(_masked(np.tril))
implements(np.triu)(_masked(np.triu))


@implements(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return v.diagonal(k)
    return with_fill(lambda entries, zero: _on_diagonal(entries, k, zero), v)


@implements(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> Any:
    return _diag(v.ravel(), k)


def _on_diagonal(entries: Entries, k: int, zero: int) -> Entries:
    if entries.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    present = np.diag(np.ones(len(entries), bool), k)
    result = np.full(present.shape, zero, np.int64)
    result[present] = entries
    return result
