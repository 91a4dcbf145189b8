"""Linear algebra of Arrays, by the names of `numpy.linalg`: one block on the tape for each call, of any batch.

Values are NumPy's, and so are errors. Derivatives are closed formulas, applied to all matrices of a batch at once
(M. Giles, An extended collection of matrix derivative results for forward and reverse mode algorithmic differentiation,
2008). As NumPy's, `cholesky` and `eigh` read one triangle of a matrix only; the other has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from reelgrad import _core
from reelgrad.arrays import unrolled
from reelgrad.arrays.array_type import asarray
from reelgrad.arrays.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from reelgrad.arrays.matrix_rules import Floats, numpys, operands_of, recorded, transposed, unbroadcast
from reelgrad.arrays.norms import norm
from reelgrad.arrays.products import matmul
from reelgrad.arrays.protocols import implements, refuse

__all__ = [
    "cholesky",
    "cond",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matrix_power",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
]


# Before NumPy 2, `solve` took a right side of one dimension less than the matrices as a batch of vectors.
_IS_BEFORE_2 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


# --- Systems of equations


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    """Return the inverses of matrices.

    Examples
    --------
    >>> import reelgrad as rg
    >>> a = rg.array([[2.0, 0.0], [0.0, 4.0]])
    >>> rg.linalg.inv(a).sum().backward()
    >>> a.grad
    array([[-0.25  , -0.125 ],
           [-0.125 , -0.0625]])
    """
    given = operands_of(a)
    if given is None:
        return numpys.inv(a)
    operands, values = given
    if not values:
        return unrolled.inverse(operands[0])
    (numbers,) = values
    inverse = numpys.inv(numbers)
    return recorded("inv", operands, inverse, lambda g: (-transposed(inverse) @ g @ transposed(inverse),))


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """Return x with a @ x = b, by the rules of `numpy.linalg.solve`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> b = rg.array([2.0, 8.0])
    >>> x = rg.linalg.solve([[2.0, 0.0], [0.0, 4.0]], b)
    >>> x.sum().backward()
    >>> x.value, b.grad
    (array([1., 2.]), array([0.5 , 0.25]))
    """
    given = operands_of(a, b)
    if given is None:
        return numpys.solve(a, b)
    operands, values = given
    if not values:
        a, b = operands
        is_vector = b.ndim == (a.ndim - 1 if _IS_BEFORE_2 else 1)
        return unrolled.solution(a, b[..., None])[..., 0] if is_vector else unrolled.solution(a, b)
    matrix, right = values
    is_vector = right.ndim == (matrix.ndim - 1 if _IS_BEFORE_2 else 1)
    x = numpys.solve(matrix, right)

    def vjp(g: Floats) -> Sequence[Floats]:
        columns, solution = (g[..., None], x[..., None]) if is_vector else (g, x)
        to_right = numpys.solve(transposed(matrix), columns)
        to_matrix = -to_right @ transposed(solution)
        return unbroadcast(to_matrix, matrix.shape), unbroadcast(
            to_right[..., 0] if is_vector else to_right, right.shape
        )

    return recorded("solve", operands, x, vjp)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """Return the Moore-Penrose inverses of matrices; the derivative holds while the rank stays.

    In a trace they are those of matrices of full rank.

    Source of the derivative: G. H. Golub and V. Pereyra, SIAM Journal on Numerical Analysis 10, 1973.
    """
    settings = {} if rcond is None else {"rcond": rcond}
    if rtol is not np._NoValue:
        settings["rtol"] = rtol
    given = operands_of(a)
    if given is None:
        return numpys.pinv(a, hermitian=hermitian, **settings)
    operands, values = given
    if not values:
        return unrolled.pseudoinverse(operands[0])
    (m,) = values
    p = numpys.pinv(m, hermitian=hermitian, **settings)

    def vjp(g: Floats) -> Sequence[Floats]:
        rows, columns = np.eye(m.shape[-2]) - m @ p, np.eye(m.shape[-1]) - p @ m
        return (
            -transposed(p) @ g @ transposed(p)
            + rows @ transposed(g) @ p @ transposed(p)
            + transposed(p) @ p @ transposed(g) @ columns,
        )

    return recorded("pinv", operands, p, vjp)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return the least-squares solution, the squared residuals, the rank and the singular values.

    The solution is of matrices with full rank; for others, as NumPy's, the shortest one, whose derivative holds while
    the rank stays. Singular values are plain numbers: `svdvals` has derivatives. In a trace the rank is taken to be
    full, and the singular values are nan.
    """
    given = operands_of(a, b)
    if given is None:
        return numpys.lstsq(a, b, rcond)
    (a, b), values = given
    if not values:
        return _traced_lstsq(a, b)
    matrix, right = values
    _, squares, rank, singular = numpys.lstsq(matrix, right, rcond)
    x = matmul(pinv(a, rcond), b)
    if squares.size:
        rest = b - matmul(a, x)
        squares = (
            np.reshape((rest * rest).sum(axis=0), squares.shape) if right.ndim > 1 else asarray([(rest * rest).sum()])
        )
    return x, squares, rank, singular


def _traced_lstsq(a: Any, b: Any) -> Any:
    if a.ndim != 2 or b.ndim not in (1, 2) or len(a) != len(b):
        raise _core.LengthError(f"lstsq: a of shape {a.shape} and b of shape {b.shape} do not fit")
    m, n = a.shape
    columns = b if b.ndim == 2 else b[:, None]
    x = unrolled.nearest_solution(a, columns) if m >= n else matmul(unrolled.pseudoinverse(a), columns)
    squares = (matmul(a, x) - columns).square().sum(axis=0) if m > n else np.empty(0)
    return x if b.ndim == 2 else x[:, 0], squares, min(m, n), np.full(min(m, n), np.nan)


# --- Determinants


class SlogdetResult(NamedTuple):
    """The sign, which has no derivative, and the logarithm of the absolute value of a determinant."""

    sign: Any
    logabsdet: Any


def _cofactors(m: Floats) -> Floats:
    """Return the derivatives of determinants; of singular matrices too."""
    u, s, vt = numpys.svd(m)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., None, :]).prod(-1)
    sign = numpys.det(u) * numpys.det(vt)
    cofactors: Floats = np.rint(sign)[..., None, None] * ((u * others[..., None, :]) @ vt)
    return cofactors


@implements(np.linalg.det)
def det(a: Any) -> Any:
    """Return the determinants of matrices; the derivative is right for singular ones too.

    Examples
    --------
    >>> import reelgrad as rg
    >>> a = rg.array([[1.0, 2.0], [2.0, 4.0]])
    >>> rg.linalg.det(a).backward()
    >>> a.grad.round(12)
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    given = operands_of(a)
    if given is None:
        return numpys.det(a)
    operands, values = given
    if not values:
        return unrolled.determinant(operands[0])
    (m,) = values
    return recorded("det", operands, numpys.det(m), lambda g: (g[..., None, None] * _cofactors(m),))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Return the signs, plain numbers, and the logarithms of the absolute values of determinants."""
    given = operands_of(a)
    if given is None:
        return numpys.slogdet(a)
    operands, values = given
    if not values:
        return SlogdetResult(*unrolled.sign_and_logarithm(operands[0]))
    (m,) = values
    sign, logarithm = numpys.slogdet(m)

    def vjp(g: Floats) -> Sequence[Floats]:
        regular = np.where((sign == 0.0)[..., None, None], np.nan, m)  # a singular one has no derivative
        return (g[..., None, None] * transposed(numpys.inv(regular)),)

    return SlogdetResult(sign, recorded("slogdet", operands, logarithm, vjp))


# --- Powers and products


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition numbers of matrices."""
    if operands_of(x) is None:
        return numpys.cond(x, p)
    x = asarray(x)
    if p in (None, 2, -2):
        singular = svdvals(x)
        largest, smallest = singular[..., 0], singular[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Return the n-th powers of square matrices, by repeated squaring."""
    if operands_of(a) is None:
        return numpys.matrix_power(a, n)
    a = asarray(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if n < 0:
        a, n = inv(a), -n
    if n == 0:
        return _core._array_constants(a.tape, np.broadcast_to(np.eye(a.shape[-1]), a.shape).copy())
    result = None
    while n:
        if n & 1:
            result = a if result is None else matmul(result, a)
        n >>= 1
        if n:
            a = matmul(a, a)
    return result


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Any:
    """Return the product of several matrices, in the order of the fewest multiplications."""
    refuse("linalg.multi_dot", out)
    made = [asarray(x) for x in arrays]
    if len(made) < 2:
        raise ValueError("Expecting at least two arrays.")
    made[0] = made[0][None, :] if (row := made[0].ndim == 1) else made[0]
    made[-1] = made[-1][:, None] if (column := made[-1].ndim == 1) else made[-1]
    for left, right in pairwise(made):
        if left.shape[1] != right.shape[0]:
            raise _core.LengthError(f"multi_dot: shapes {left.shape} and {right.shape} not aligned")
    sizes = [made[0].shape[0], *(x.shape[1] for x in made)]
    count = len(made)
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Any:
        if i == j:
            return made[i]
        k = best[i, j][1]
        return matmul(product(i, k), product(k + 1, j))

    result = product(0, count - 1)
    return result.reshape([n for n, gone in zip(result.shape, (row, column), strict=True) if not gone])


@implements(np.linalg.tensorsolve)
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = asarray(a), asarray(b)
    if axes is not None:
        moved = [int(k) % a.ndim for k in axes]
        a = np.transpose(a, [k for k in range(a.ndim) if k not in moved] + moved)
    shape = a.shape[b.ndim :]
    size = int(np.prod(shape))
    if a.size != size**2:
        raise np.linalg.LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(b.shape)")
    return solve(np.reshape(a, (size, size)), np.ravel(b)).reshape(shape)


@implements(np.linalg.tensorinv)
def _tensorinv(a: Any, ind: int = 2) -> Any:
    rows = int(np.prod(a.shape[ind:]))
    return inv(np.reshape(a, (rows, -1))).reshape((*a.shape[ind:], *a.shape[:ind]))
