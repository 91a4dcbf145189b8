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

__all__ = [
    "cholesky",
    "determinant",
    "inverse",
    "is_traced",
    "nearest_solution",
    "orthogonal_triangular",
    "pseudoinverse",
    "sign_and_logarithm",
    "solution",
    "sorted_by_comparing",
]


def is_traced(x: Any) -> bool:
    """Return whether an Array is part of what becomes a Program."""
    return becomes_program() and x.tape == _core.current_tape()


def _square(a: Any) -> int:
    if a.ndim < 2:
        raise np.linalg.LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return int(a.shape[-1])


def _reduced(rest: Any, n: int, tails: list[Any] | None = None) -> list[Any]:
    """Return the rows of a triangle, each from its diagonal on, with what stands beyond column `n`.

    `tails` takes the squared length of what each reflection removes.
    """
    rows = []
    for _ in range(min(n, rest.shape[-2] - 1)):
        column = rest[..., :, 0]
        tail = (column[..., 1:] * column[..., 1:]).sum(-1, keepdims=True)
        first = column[..., :1]
        length = _core.sqrt(first * first + tail)
        mirror = concatenate([first + _core.copysign(length, first), column[..., 1:]], -1)
        # Of length 1, as partials by the square of its length would underflow long before the numbers do.
        unit = (mirror / _core.sqrt(2.0 * (length * (length + abs(first)))))[..., :, None]
        rest = rest - unit * (2.0 * (unit * rest).sum(-2, keepdims=True))
        rows.append(rest[..., 0, :])
        rest = rest[..., 1:, 1:]
        if tails is not None:
            tails.append(tail)
    if len(rows) < n:
        rows.append(rest[..., 0, :])
    return rows


def _with_columns(a: Any, b: Any) -> Any:
    """Return the columns of both, of one batch."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return concatenate([np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b)], -1)


def solution(a: Any, b: Any) -> Any:
    """Return x with a @ x = b; b has columns."""
    n = _square(a)
    if b.shape[-2] != n:
        raise _core.LengthError(f"solve: a of shape {a.shape} and b of shape {b.shape} do not fit")
    return nearest_solution(a, b)


def nearest_solution(a: Any, b: Any) -> Any:
    """Return x with the least squares a @ x - b, for a of full rank and with at least as many rows as columns."""
    found: list[Any] = []  # the last unknowns first
    for row in reversed(_reduced(_with_columns(a, b), a.shape[-1])):
        k = len(found)
        known = row[..., k + 1 :]
        if found:
            solved = stack(found[::-1], -2)
            known = known - (row[..., 1 : k + 1, None] * solved).sum(-2)
        found.append(known / row[..., :1])
    return stack(found[::-1], -2)


def pseudoinverse(a: Any) -> Any:
    """Return the Moore-Penrose inverses of matrices of full rank."""
    m, n = a.shape[-2:]
    if m < n:
        return np.swapaxes(pseudoinverse(np.swapaxes(a, -1, -2)), -1, -2)
    return nearest_solution(a, np.eye(m))


def orthogonal_triangular(a: Any) -> tuple[Any, Any]:
    """Return the QR decompositions of matrices with at least as many rows as columns, with LAPACK's signs."""
    m, n = a.shape[-2:]
    tails: list[Any] = []
    rows = _reduced(_with_columns(a, np.eye(m)), n, tails)
    for k, tail in enumerate(tails):  # LAPACK does not reflect a column that is reduced already
        rows[k] = _core.where(tail == 0.0, -1.0, 1.0) * rows[k]
    triangle = [np.pad(row[..., : n - k], [(0, 0)] * (a.ndim - 2) + [(k, 0)]) for k, row in enumerate(rows)]
    return stack([row[..., n - k :] for k, row in enumerate(rows)], -1), stack(triangle, -2)


def inverse(a: Any) -> Any:
    """Return the inverses of matrices."""
    return solution(a, np.eye(_square(a)))


def determinant(a: Any) -> Any:
    """Return the determinants of matrices."""
    return _diagonal(a).prod(-1)


def sign_and_logarithm(a: Any) -> tuple[Any, Any]:
    """Return the signs of determinants, and the logarithms of their absolute values, which do not overflow."""
    diagonal = _diagonal(a)
    return _core.sign(diagonal).prod(-1), _core.log(abs(diagonal)).sum(-1)


def _diagonal(a: Any) -> Any:
    """Return numbers whose product is the determinant."""
    n = _square(a)
    rows = _reduced(a, n)
    return stack([row[..., 0] * (-1.0 if k < n - 1 else 1.0) for k, row in enumerate(rows)], -1)


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
