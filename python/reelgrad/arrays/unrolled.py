"""Linear algebra and sorting in what becomes a Program, such as a trace: the operations of the algorithms themselves.

Branches are out of the question, and so is pivoting: systems are reduced by Householder reflections, which are stable
without it (G. H. Golub and C. F. Van Loan, Matrix Computations, 5.2). What is wrong with a matrix shows in the numbers,
as nan or inf, instead of an error. All of it is differentiated like any other operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.rearranging import concatenate, stack
from reelgrad.nesting import becomes_program

__all__ = ["cholesky", "determinant", "inverse", "is_traced", "solution", "sorted_by_comparing"]


def is_traced(x: Any) -> bool:
    """Return whether an Array is part of what becomes a Program."""
    return becomes_program() and x.tape == _core.current_tape()


def _square(a: Any) -> int:
    if a.ndim < 2:
        raise np.linalg.LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return int(a.shape[-1])


def _reduced(rest: Any, n: int) -> list[Any]:
    """Return the rows of a triangle, each from its diagonal on, with what stands beyond column `n`."""
    rows = []
    for _ in range(n - 1):
        column = rest[..., :, 0]
        length = _core.sqrt((column * column).sum(-1, keepdims=True))
        first = column[..., :1]
        mirror = concatenate([first + _core.copysign(length, first), column[..., 1:]], -1)
        scale = 1.0 / (length * (length + abs(first)))  # 2 / (mirror @ mirror)
        products = (mirror[..., :, None] * rest).sum(-2, keepdims=True)
        rest = rest - mirror[..., :, None] * (products * scale[..., :, None])
        rows.append(rest[..., 0, :])
        rest = rest[..., 1:, 1:]
    rows.append(rest[..., 0, :])
    return rows


def solution(a: Any, b: Any) -> Any:
    """Return x with a @ x = b; b has columns."""
    n = _square(a)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if b.shape[-2] != n:
        raise _core.LengthError(f"solve: a of shape {a.shape} and b of shape {b.shape} do not fit")
    right = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    rows = _reduced(concatenate([np.broadcast_to(a, (*batch, n, n)), right], -1), n)
    found: list[Any] = []  # the last unknowns first
    for row in reversed(rows):
        k = len(found)
        known = row[..., k + 1 :]
        if found:
            solved = stack(found[::-1], -2)
            known = known - (row[..., 1 : k + 1, None] * solved).sum(-2)
        found.append(known / row[..., :1])
    return stack(found[::-1], -2)


def inverse(a: Any) -> Any:
    """Return the inverses of matrices."""
    return solution(a, np.eye(_square(a)))


def determinant(a: Any) -> Any:
    """Return the determinants of matrices."""
    n = _square(a)
    diagonal = stack([row[..., 0] for row in _reduced(a, n)], -1)
    return diagonal.prod(-1) * (-1.0) ** (n - 1)


def cholesky(a: Any) -> Any:
    """Return the lower triangular factors of matrices, whose upper triangles are not read."""
    n = _square(a)
    columns, rest = [], a
    for k in range(n):
        column = rest[..., :, 0] / _core.sqrt(rest[..., :1, 0])
        columns.append(np.pad(column, [(0, 0)] * (a.ndim - 2) + [(k, 0)]))
        below = column[..., 1:]
        rest = rest[..., 1:, 1:] - below[..., :, None] * below[..., None, :] if k < n - 1 else None
    return stack(columns, -1)


def sorted_by_comparing(a: Any, axis: int) -> Any:
    """Return the elements sorted along an axis, by a network of minima and maxima (K. E. Batcher, 1968)."""
    rows = list(np.moveaxis(a, axis, 0))
    n = len(rows)
    size = 1
    while size < n:
        step = size
        while step:
            for start in range(step % size, n - step, 2 * step):
                for low in range(start, min(start + step, n - step)):
                    if low // (2 * size) == (low + step) // (2 * size):
                        x, y = rows[low], rows[low + step]
                        rows[low], rows[low + step] = _core.minimum(x, y), _core.maximum(x, y)
            step //= 2
        size *= 2
    return np.moveaxis(stack(rows), 0, axis)
