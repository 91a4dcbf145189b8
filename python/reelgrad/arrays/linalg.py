"""Linear algebra of Arrays, by the names of `numpy.linalg`: one block on the tape for each call, of any batch.

Values are NumPy's, and so are errors. Derivatives are closed formulas, applied to all matrices of a batch at once
(M. Giles, An extended collection of matrix derivative results for forward and reverse mode algorithmic differentiation,
2008). As NumPy's, `cholesky` and `eigh` read one triangle of a matrix only; the other has derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays import unrolled
from reelgrad.arrays.array import Array, asarray
from reelgrad.arrays.products import matmul
from reelgrad.arrays.protocols import implements, of_numpy

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

Floats: TypeAlias = NDArray[np.float64]
_numpy: Any = np.linalg  # whose stubs differ from version to version


def _t(x: Floats) -> Floats:
    return np.swapaxes(x, -1, -2)


def _like(g: Floats, shape: tuple[int, ...]) -> Floats:
    """Return adjoints summed over what was broadcast to more than this shape."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(d for d, n in enumerate(shape) if n == 1 and g.shape[d] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


def _recorded(
    name: str, operands: Sequence[Array], value: Any, vjp: Callable[[Floats], Sequence[Floats | None]]
) -> Any:
    """Record a value as one block."""
    value = np.asarray(value, np.float64)
    tape = next(x.tape for x in operands if isinstance(x, Array))
    if value.size == 0 or all(x.size == 0 for x in operands):
        return _core._array_constants(tape, value)
    return _core._array_rule(name, operands, value, vjp)


def _operands(*arrays: Any, name: str = "") -> tuple[list[Any], list[Any]] | None:
    """Return the operands and their numbers; None if there is no Array among them.

    In a trace there are no numbers; `name` is that of a function that needs them.
    """
    made = [asarray(x) for x in arrays]
    if not any(isinstance(x, Array) for x in made):
        return None
    if any(isinstance(x, Array) and unrolled.is_traced(x) for x in made):
        if name:
            raise _core.TraceError(
                f"numpy.linalg.{name} in a traced function: a trace has no numbers, which it needs; cholesky, det, "
                "inv, slogdet and solve are there in traces"
            )
        return made, []
    return made, [x.value if isinstance(x, (Array, _core.Node)) else x for x in made]


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
    given = _operands(a)
    if given is None:
        return _numpy.inv(a)
    operands, values = given
    if not values:
        return unrolled.inverse(operands[0])
    (numbers,) = values
    inverse = _numpy.inv(numbers)
    return _recorded("inv", operands, inverse, lambda g: (-_t(inverse) @ g @ _t(inverse),))


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
    given = _operands(a, b)
    if given is None:
        return _numpy.solve(a, b)
    operands, values = given
    if not values:
        a, b = operands
        return unrolled.solution(a, b) if b.ndim > 1 else unrolled.solution(a, b[:, None])[..., 0]
    matrix, right = values
    x = _numpy.solve(matrix, right)
    is_vector = x.ndim == max(matrix.ndim - 1, right.ndim) and right.ndim < 2
    if not is_vector and np.lib.NumpyVersion(np.__version__) < "2.0.0":
        is_vector = right.ndim == matrix.ndim - 1  # before NumPy 2, a batch of vectors was one

    def vjp(g: Floats) -> Sequence[Floats]:
        columns, solution = (g[..., None], x[..., None]) if is_vector else (g, x)
        to_right = _numpy.solve(_t(matrix), columns)
        to_matrix = -to_right @ _t(solution)
        return _like(to_matrix, matrix.shape), _like(to_right[..., 0] if is_vector else to_right, right.shape)

    return _recorded("solve", operands, x, vjp)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """Return the Moore-Penrose inverses of matrices; the derivative holds while the rank stays.

    Source of the derivative: G. H. Golub and V. Pereyra, SIAM Journal on Numerical Analysis 10, 1973.
    """
    settings = {} if rcond is None else {"rcond": rcond}
    if rtol is not np._NoValue:
        settings["rtol"] = rtol
    given = _operands(a, name="pinv")
    if given is None:
        return _numpy.pinv(a, hermitian=hermitian, **settings)
    operands, (m,) = given
    p = _numpy.pinv(m, hermitian=hermitian, **settings)

    def vjp(g: Floats) -> Sequence[Floats]:
        rows, columns = np.eye(m.shape[-2]) - m @ p, np.eye(m.shape[-1]) - p @ m
        return (-_t(p) @ g @ _t(p) + rows @ _t(g) @ p @ _t(p) + _t(p) @ p @ _t(g) @ columns,)

    return _recorded("pinv", operands, p, vjp)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return the least-squares solution, the squared residuals, the rank and the singular values.

    The solution is of matrices with full rank; for others, as NumPy's, the shortest one, whose derivative holds while
    the rank stays. Singular values are plain numbers: `svdvals` has derivatives.
    """
    given = _operands(a, b, name="lstsq")
    if given is None:
        return _numpy.lstsq(a, b, rcond)
    (a, b), (matrix, right) = given
    _, squares, rank, singular = _numpy.lstsq(matrix, right, rcond)
    x = matmul(pinv(a, rcond), b)
    if squares.size:
        rest = b - matmul(a, x)
        squares = (
            np.reshape((rest * rest).sum(axis=0), squares.shape) if right.ndim > 1 else asarray([(rest * rest).sum()])
        )
    return x, squares, rank, singular


# --- Determinants


class SlogdetResult(NamedTuple):
    """The sign, which has no derivative, and the logarithm of the absolute value of a determinant."""

    sign: Any
    logabsdet: Any


def _cofactors(m: Floats) -> Floats:
    """Return the derivatives of determinants; of singular matrices too."""
    u, s, vt = _numpy.svd(m)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., None, :]).prod(-1)
    sign = _numpy.det(u) * _numpy.det(vt)
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
    given = _operands(a)
    if given is None:
        return _numpy.det(a)
    operands, values = given
    if not values:
        return unrolled.determinant(operands[0])
    (m,) = values
    return _recorded("det", operands, _numpy.det(m), lambda g: (g[..., None, None] * _cofactors(m),))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Return the signs, plain numbers, and the logarithms of the absolute values of determinants."""
    given = _operands(a)
    if given is None:
        return _numpy.slogdet(a)
    operands, values = given
    if not values:
        determinant = unrolled.determinant(operands[0])
        return SlogdetResult(_core.sign(determinant), _core.log(abs(determinant)))
    (m,) = values
    sign, logarithm = _numpy.slogdet(m)

    def vjp(g: Floats) -> Sequence[Floats]:
        regular = np.where((sign == 0.0)[..., None, None], np.nan, m)  # a singular one has no derivative
        return (g[..., None, None] * _t(_numpy.inv(regular)),)

    return SlogdetResult(sign, _recorded("slogdet", operands, logarithm, vjp))


# --- Decompositions


def _of_triangle(symmetric: Floats, lower: bool) -> Floats:
    """Return the derivatives by the elements of one triangle, of which the other is the mirror."""
    keep = np.tril if lower else np.triu
    doubled: Floats = keep(symmetric + _t(symmetric))
    n = symmetric.shape[-1]
    return np.where(np.eye(n, dtype=bool), symmetric, doubled)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Return the lower triangular L with L @ L.T = a, or its transpose if `upper`.

    As NumPy's it reads one triangle of `a`: derivatives by the other are 0, those by what is read count for both.

    Examples
    --------
    >>> import reelgrad as rg
    >>> a = rg.array([[4.0, 2.0], [2.0, 5.0]])
    >>> rg.linalg.cholesky(a).value
    array([[2., 0.],
           [1., 2.]])
    """
    given = _operands(a)
    settings = {"upper": True} if upper else {}
    if given is None:
        return _numpy.cholesky(a, **settings)
    operands, values = given
    if not values:
        (a,) = operands
        return np.swapaxes(unrolled.cholesky(np.swapaxes(a, -1, -2)), -1, -2) if upper else unrolled.cholesky(a)
    (m,) = values
    value = _numpy.cholesky(m, **settings)
    factor = _t(value) if upper else value

    def vjp(g: Floats) -> Sequence[Floats]:
        g = _t(g) if upper else g
        inner = np.tril(_t(factor) @ g)
        inner = np.where(np.eye(inner.shape[-1], dtype=bool), 0.5 * inner, inner)
        s = _numpy.solve(_t(factor), _t(_numpy.solve(_t(factor), _t(inner))))
        return (_of_triangle(0.5 * (s + _t(s)), not upper),)

    return _recorded("cholesky", operands, value, vjp)


class EighResult(NamedTuple):
    """Eigenvalues in rising order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


def _parts(name: str, operand: Any, values: Sequence[Floats], vjp: Callable[..., Floats]) -> list[Any]:
    """Record several values as one block."""
    sizes = np.cumsum([value.size for value in values])[:-1].tolist()

    def joint(g: Floats) -> Sequence[Floats]:
        parts = np.split(g, sizes)
        return (vjp(*(part.reshape(value.shape) for part, value in zip(parts, values, strict=True))),)

    flat = _recorded(name, [operand], np.concatenate([value.ravel() for value in values]), joint)
    return [part.reshape(value.shape) for part, value in zip(np.split(flat, sizes), values, strict=True)]


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues and eigenvectors of symmetric matrices, of which one triangle is read.

    Derivatives of eigenvectors need eigenvalues that differ.
    """
    given = _operands(a, name="eigh")
    if given is None:
        return _numpy.eigh(a, UPLO)
    (a,), (m,) = given
    w, v = _numpy.eigh(m, UPLO)

    def vjp(to_w: Floats, to_v: Floats) -> Floats:
        inner = to_w[..., None] * np.eye(w.shape[-1])
        if to_v.any():
            inner = inner + _over_differences(w) * (_t(v) @ to_v)
        s = v @ inner @ _t(v)
        return _of_triangle(0.5 * (s + _t(s)), UPLO.upper() == "L")

    return EighResult(*_parts("eigh", a, [w, v], vjp))


def _over_differences(w: Floats) -> Floats:
    """Return 1 / (w[j] - w[i]), 0 on the diagonal."""
    differences = w[..., None, :] - w[..., :, None]
    eye = np.eye(w.shape[-1], dtype=bool)
    with np.errstate(divide="ignore"):
        return np.where(eye, 0.0, 1.0 / np.where(eye, 1.0, differences))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of symmetric matrices, of which one triangle is read."""
    return _numpy.eigvalsh(a, UPLO) if _operands(a) is None else eigh(a, UPLO).eigenvalues


class SVDResult(NamedTuple):
    """Singular vectors and values with U @ diag(S) @ Vh = a."""

    U: Any
    S: Any
    Vh: Any


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return the singular value decompositions of matrices.

    Derivatives of singular vectors need singular values that differ and are not 0; those of a matrix that is not square
    need ``full_matrices=False``, since the further vectors are not determined.

    Source of the derivative: J. Townsend, Differentiating the singular value decomposition, 2016.
    """
    given = _operands(a, name="svd")
    if given is None:
        return _numpy.svd(a, full_matrices, compute_uv, hermitian)
    (a,), (m,) = given
    if compute_uv and full_matrices and m.shape[-1] != m.shape[-2]:
        raise _core.NodeTypeError(
            f"numpy.linalg.svd of an Array of shape {a.shape}: the vectors that full_matrices=True adds are not "
            "determined and have no derivative; pass full_matrices=False"
        )
    u, s, vt = _numpy.svd(m, full_matrices=False)
    if not compute_uv:
        return _recorded("svd", [a], s, lambda g: ((u * g[..., None, :]) @ vt,))
    v, n = _t(vt), s.shape[-1]

    def vjp(to_u: Floats, to_s: Floats, to_vt: Floats) -> Floats:
        to_v = _t(to_vt)
        inner = to_s[..., None] * np.eye(n)
        over = _over_differences(s * s)  # [i, j]: 1 / (s[j]**2 - s[i]**2)
        in_u, in_v = _t(u) @ to_u, _t(v) @ to_v
        inner = inner + (over * (in_u - _t(in_u))) * s[..., None, :] + s[..., :, None] * (over * (in_v - _t(in_v)))
        result: Floats = u @ inner @ vt + ((to_u - u @ in_u) / s[..., None, :]) @ vt
        result += (u / s[..., None, :]) @ _t(to_v - v @ in_v)
        return result

    return SVDResult(*_parts("svd", a, [u, s, vt], vjp))


def svdvals(x: Any, /) -> Any:
    """Return the singular values of matrices, largest first."""
    return svd(x, compute_uv=False)


for _function in of_numpy("linalg.svdvals"):
    implements(_function)(svdvals)


class QRResult(NamedTuple):
    """An orthogonal and an upper triangular matrix with Q @ R = a."""

    Q: Any
    R: Any


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Return the QR decompositions of matrices with at least as many rows as columns (modes "reduced" and "r")."""
    given = _operands(a, name="qr")
    if given is None:
        return _numpy.qr(a, mode)
    (a,), (m,) = given
    if mode not in ("reduced", "r") or m.shape[-2] < m.shape[-1]:
        raise _core.NodeTypeError(
            f"numpy.linalg.qr of an Array of shape {a.shape} in mode '{mode}': there are derivatives for modes "
            "'reduced' and 'r' and at least as many rows as columns"
        )
    q, r = _numpy.qr(m)

    def vjp(to_q: Floats, to_r: Floats) -> Floats:
        inner = r @ _t(to_r) - _t(to_q) @ q
        mirrored = np.tril(inner) + _t(np.tril(inner, -1))
        return _t(_numpy.solve(r, _t(to_q + q @ mirrored)))

    result = QRResult(*_parts("qr", a, [q, r], vjp))
    return result if mode == "reduced" else result.R


# --- Norms and powers


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
        return abs(x) if isinstance(x, _core.Node) else _numpy.norm(x, ord, axis, keepdims)
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
        return np.sum(x.value != 0.0, axis=axes, keepdims=keepdims).astype(np.float64)
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


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition numbers of matrices."""
    if _operands(x) is None:
        return _numpy.cond(x, p)
    x = asarray(x)
    if p in (None, 2, -2):
        singular = svdvals(x)
        largest, smallest = singular[..., 0], singular[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Return the n-th powers of square matrices, by repeated squaring."""
    if _operands(a) is None:
        return _numpy.matrix_power(a, n)
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
    if out is not None:
        raise _core.NodeTypeError("numpy.linalg.multi_dot(..., out=...): Arrays do not change; use the result")
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
