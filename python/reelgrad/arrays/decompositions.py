"""Decompositions of matrices, with derivatives by closed formulas: see linalg.py, which has them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from reelgrad import _core
from reelgrad.arrays import unrolled
from reelgrad.arrays.matrix_rules import Floats, numpys, operands_of, recorded, transposed
from reelgrad.arrays.protocols import implements, of_numpy

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]


def _of_triangle(symmetric: Floats, lower: bool) -> Floats:
    """Return the derivatives by the elements of one triangle, of which the other is the mirror."""
    keep = np.tril if lower else np.triu
    doubled: Floats = keep(symmetric + transposed(symmetric))
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
    given = operands_of(a)
    if given is None:
        return _factor(np.asarray(a), upper)
    operands, values = given
    if not values:
        (a,) = operands
        return np.swapaxes(unrolled.cholesky(np.swapaxes(a, -1, -2)), -1, -2) if upper else unrolled.cholesky(a)
    (m,) = values
    value = _factor(m, upper)
    factor = transposed(value) if upper else value

    def vjp(g: Floats) -> Sequence[Floats]:
        g = transposed(g) if upper else g
        inner = np.tril(transposed(factor) @ g)
        inner = np.where(np.eye(inner.shape[-1], dtype=bool), 0.5 * inner, inner)
        s = numpys.solve(transposed(factor), transposed(numpys.solve(transposed(factor), transposed(inner))))
        return (_of_triangle(0.5 * (s + transposed(s)), not upper),)

    return recorded("cholesky", operands, value, vjp)


def _factor(m: Any, upper: bool) -> Any:
    """Return NumPy's, which has no `upper` before version 2."""
    return transposed(numpys.cholesky(transposed(m))) if upper else numpys.cholesky(m)


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

    flat = recorded(name, [operand], np.concatenate([value.ravel() for value in values]), joint)
    return [part.reshape(value.shape) for part, value in zip(np.split(flat, sizes), values, strict=True)]


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues and eigenvectors of symmetric matrices, of which one triangle is read.

    Derivatives of eigenvectors need eigenvalues that differ.
    """
    given = operands_of(a, name="eigh")
    if given is None:
        return numpys.eigh(a, UPLO)
    (a,), (m,) = given
    w, v = numpys.eigh(m, UPLO)

    def vjp(to_w: Floats, to_v: Floats) -> Floats:
        inner = to_w[..., None] * np.eye(w.shape[-1])
        if to_v.any():
            inner = inner + _over_differences(w) * (transposed(v) @ to_v)
        s = v @ inner @ transposed(v)
        return _of_triangle(0.5 * (s + transposed(s)), UPLO.upper() == "L")

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
    return numpys.eigvalsh(a, UPLO) if operands_of(a) is None else eigh(a, UPLO).eigenvalues


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
    given = operands_of(a, name="svd")
    if given is None:
        return numpys.svd(a, full_matrices, compute_uv, hermitian)
    (a,), (m,) = given
    if compute_uv and full_matrices and m.shape[-1] != m.shape[-2]:
        raise _core.NodeTypeError(
            f"numpy.linalg.svd of an Array of shape {a.shape}: the vectors that full_matrices=True adds are not "
            "determined and have no derivative; pass full_matrices=False"
        )
    u, s, vt = numpys.svd(m, full_matrices=False)
    if not compute_uv:
        return recorded("svd", [a], s, lambda g: ((u * g[..., None, :]) @ vt,))
    v, n = transposed(vt), s.shape[-1]

    def vjp(to_u: Floats, to_s: Floats, to_vt: Floats) -> Floats:
        to_v = transposed(to_vt)
        inner = to_s[..., None] * np.eye(n)
        over = _over_differences(s * s)  # [i, j]: 1 / (s[j]**2 - s[i]**2)
        in_u, in_v = transposed(u) @ to_u, transposed(v) @ to_v
        inner = (
            inner
            + (over * (in_u - transposed(in_u))) * s[..., None, :]
            + s[..., :, None] * (over * (in_v - transposed(in_v)))
        )
        result: Floats = u @ inner @ vt + ((to_u - u @ in_u) / s[..., None, :]) @ vt
        result += (u / s[..., None, :]) @ transposed(to_v - v @ in_v)
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
    given = operands_of(a)
    if given is None:
        return numpys.qr(a, mode)
    (a,), values = given
    if mode not in ("reduced", "r") or a.shape[-2] < a.shape[-1]:
        raise _core.NodeTypeError(
            f"numpy.linalg.qr of an Array of shape {a.shape} in mode '{mode}': there are derivatives for modes "
            "'reduced' and 'r' and at least as many rows as columns"
        )
    if not values:
        result = QRResult(*unrolled.orthogonal_triangular(a))
        return result if mode == "reduced" else result.R
    q, r = numpys.qr(values[0])

    def vjp(to_q: Floats, to_r: Floats) -> Floats:
        inner = r @ transposed(to_r) - transposed(to_q) @ q
        mirrored = np.tril(inner) + transposed(np.tril(inner, -1))
        return transposed(numpys.solve(r, transposed(to_q + q @ mirrored)))

    result = QRResult(*_parts("qr", a, [q, r], vjp))
    return result if mode == "reduced" else result.R
