"""Norms of vectors and of matrices, by the rules of `numpy.linalg.norm`."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.decompositions import svdvals
from reelgrad.arrays.matrix_rules import numpys
from reelgrad.arrays.protocols import implements, of_numpy

__all__ = ["norm"]


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return norms of vectors or matrices, by the rules of `numpy.linalg.norm`; at the origin the partials are 0.

    Examples
    --------
    >>> import reelgrad as rg
    >>> x = rg.array([3.0, 4.0])
    >>> rg.linalg.norm(x).backward()
    >>> x.grad
    array([0.6, 0.8])
    """
    x = asarray(x)
    if not isinstance(x, Array):
        return abs(x) if isinstance(x, _core.Node) else numpys.norm(x, ord, axis, keepdims)
    if axis is None:
        if ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1):
            return x.norm(None, keepdims)
        axis = tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise np.exceptions.AxisError(a, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, (axes[0] % x.ndim, axes[1] % x.ndim), keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _vector_norm(x: Any, ord: Any, axes: Any, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == 2:
        return x.norm(axes, keepdims)
    if ord == np.inf:
        return abs(x).max(axes, keepdims)
    if ord == -np.inf:
        return abs(x).min(axes, keepdims)
    if ord == 0:  # a count: no derivative
        return np.sum(asarray(_core.where(x != 0.0, 1.0, 0.0)), axis=axes, keepdims=keepdims)
    if ord == 1:
        return abs(x).sum(axes, keepdims)
    return (abs(x) ** ord).sum(axes, keepdims) ** (1.0 / ord)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    if ord in ("fro", "f"):
        return x.norm(axes, keepdims)
    rows = np.moveaxis(x, axes, (-2, -1))
    if ord in (1, -1, np.inf, -np.inf):
        sums = abs(rows).sum(-2 if abs(ord) == 1 else -1)
        result = sums.max(-1) if ord > 0 else sums.min(-1)
    elif ord in (2, -2, "nuc"):
        singular = svdvals(rows)
        result = singular.sum(-1) if ord == "nuc" else singular[..., 0 if ord == 2 else -1]
    else:
        raise ValueError("Invalid norm order for matrices.")
    if not keepdims:
        return result
    shape = tuple(1 if d in axes else n for d, n in enumerate(x.shape))
    return asarray([result]).reshape(shape) if isinstance(result, _core.Node) else result.reshape(shape)


for _function in of_numpy("linalg.matrix_norm"):
    implements(_function)(lambda x, /, *, keepdims=False, ord="fro": norm(x, ord, (-2, -1), keepdims))


def _norm_of_all(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return _vector_norm(x, ord, axes, keepdims)


for _function in of_numpy("linalg.vector_norm"):
    implements(_function)(_norm_of_all)
