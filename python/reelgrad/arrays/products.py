"""NumPy's products of Arrays: each is reshaped into matrix products, which are recorded as one block each."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.protocols import implements, of_numpy, refuse
from reelgrad.arrays.rearranging import stack, with_fill

__all__ = ["dot", "inner", "matmul", "outer", "tensordot", "vdot"]


def matmul(a: Any, b: Any) -> Any:
    """Return the matrix product by the rules of `numpy.matmul`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.matmul(rg.array([[1.0, 2.0]]), [3.0, 4.0])
    Array([11.])
    """
    a, b = asarray(a), asarray(b)
    if isinstance(a, Array) or isinstance(b, Array):
        return _core._array_matmul(a, b)
    return np.matmul(a, b)


for _function in of_numpy("linalg.matmul"):
    implements(_function)(matmul)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Return NumPy's dot product: over the last axis of `a` and the last but one of `b`."""
    refuse("dot", out)
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    last = max(_ndim(b) - 2, 0)
    if a.shape[-1] != b.shape[last]:
        raise _core.LengthError(
            f"shapes {_text(a)} and {_text(b)} not aligned: {a.shape[-1]} (dim {a.ndim - 1}) != {b.shape[last]} "
            f"(dim {last})"
        )
    if b.ndim <= 2:
        return matmul(a, b)
    # The other axes of b stand behind those of a.
    b = np.moveaxis(b, -2, 0)
    return np.reshape(matmul(a, np.reshape(b, (b.shape[0], prod(b.shape[1:])))), (*a.shape[:-1], *b.shape[1:]))


def _ndim(x: Any) -> int:
    return 0 if isinstance(x, _core.Node) else int(np.ndim(x))


def _text(x: Any) -> str:
    """Return the shape as NumPy's C code writes it in messages."""
    return "(" + ",".join(map(str, x.shape)) + ("," if x.ndim == 1 else "") + ")"


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """Return the dot product of all elements, in C order.

    Examples
    --------
    >>> import reelgrad as rg
    >>> float(rg.vdot(rg.array([[1.0, 2.0]]), [[3.0], [4.0]]).value)
    11.0
    """
    a, b = _flat(a), _flat(b)
    if a.shape != b.shape:
        raise _core.LengthError(f"cannot reshape: vdot of arrays of {a.size} and {b.size} elements")
    return matmul(a, b)


@implements(np.inner)
def inner(a: Any, b: Any) -> Any:
    """Return the products of the last axes of both."""
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise _core.LengthError(
            f"shapes {_text(a)} and {_text(b)} not aligned: {a.shape[-1]} (dim {a.ndim - 1}) != {b.shape[-1]} "
            f"(dim {b.ndim - 1})"
        )
    return tensordot(a, b, ([-1], [-1]))


@implements(*of_numpy("outer", "linalg.outer"))
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Return the products of all pairs of elements."""
    refuse("outer", out)
    return _flat(a)[:, None] * _flat(b)


def _flat(x: Any) -> Any:
    x = asarray(x)
    return asarray([x]) if isinstance(x, _core.Node) else np.ravel(x)


@implements(*of_numpy("tensordot", "linalg.tensordot"))
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Return the product over pairs of axes: the last `axes` of `a` and first of `b`, or two lists of axes."""
    a, b = asarray(a), asarray(b)
    a, b = (_flat(x).reshape(()) if isinstance(x, _core.Node) else x for x in (a, b))
    try:
        in_a, in_b = axes
    except TypeError:
        in_a, in_b = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    in_a = [int(d) % a.ndim for d in np.atleast_1d(in_a).astype(int)]
    in_b = [int(d) % b.ndim for d in np.atleast_1d(in_b).astype(int)]
    if len(in_a) != len(in_b) or any(a.shape[i] != b.shape[j] for i, j in zip(in_a, in_b, strict=True)):
        raise _core.LengthError(f"shape-mismatch for sum: {_text(a)} over {in_a} and {_text(b)} over {in_b}")
    free_a = [d for d in range(a.ndim) if d not in in_a]
    free_b = [d for d in range(b.ndim) if d not in in_b]
    length = prod(a.shape[d] for d in in_a)
    shape_a, shape_b = [a.shape[d] for d in free_a], [b.shape[d] for d in free_b]
    left = np.reshape(np.transpose(a, (*free_a, *in_a)), (prod(shape_a), length))
    right = np.reshape(np.transpose(b, (*in_b, *free_b)), (length, prod(shape_b)))
    return np.reshape(matmul(left, right), (*shape_a, *shape_b))


@implements(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    dims = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (dims - x.ndim) + x.shape for x in (a, b))
    left = np.reshape(a, [n for length in shape_a for n in (length, 1)])
    right = np.reshape(b, [n for length in shape_b for n in (1, length)])
    return np.reshape(left * right, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@implements(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(asarray(a), axisa, -1), np.moveaxis(asarray(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise _core.LengthError(
            f"numpy.cross of Arrays is of vectors of 3 elements, not of {a.shape[-1]} and {b.shape[-1]}"
        )
    first, second = np.asarray([1, 2, 0]), np.asarray([2, 0, 1])
    product = a[..., first] * b[..., second] - a[..., second] * b[..., first]
    return np.moveaxis(product, -1, axisc)


for _function in of_numpy("linalg.cross"):
    implements(_function)(lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis))


@implements(np.convolve)
def _convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = _flat(a), _flat(v)
    if len(a) == 0 or len(v) == 0:
        raise ValueError("a cannot be empty" if len(a) == 0 else "v cannot be empty")
    if len(v) > len(a):
        a, v = v, a
    return _slid(a, np.flip(v), len(v) - 1, mode)


@implements(np.correlate)
def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = _flat(a), _flat(v)
    if len(a) == 0 or len(v) == 0:
        raise ValueError(
            "first array argument cannot be empty" if len(a) == 0 else "second array argument cannot be empty"
        )
    if len(v) > len(a):
        return np.flip(_slid(v, a, len(a) - 1, mode))
    return _slid(a, v, len(v) - 1, mode)


def _slid(a: Any, v: Any, most: int, mode: Any) -> Any:
    """Return the products of `v` with each part of `a`, beyond which there are zeros."""
    before, after = {"full": (most, most), "same": ((most + 1) // 2, most // 2), "valid": (0, 0)}[mode]
    padded = np.pad(a, (before, after))
    return matmul(np.lib.stride_tricks.sliding_window_view(padded, most + 1), v)


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    p, x = asarray(p), asarray(x)
    # Of one dimension they mix with numbers as Arrays do.
    coefficients = [p[k] if _ndim(x) == 0 else p[k : k + 1] for k in range(len(p))]
    result: Any = coefficients[0] + 0.0 * x
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


@implements(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    count = len(x) if N is None else N
    ones = with_fill(lambda entries, one: np.full(entries.shape, one), x, 1.0)
    columns = [ones]
    while len(columns) < count:
        columns.append(columns[-1] * x if len(columns) > 1 else x)
    return stack(columns[:count] if increasing else columns[:count][::-1], 1)
