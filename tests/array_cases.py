"""The table of calls that tests compare with NumPy: for each function, arguments of many shapes and settings.

A function that is registered in `reelgrad.arrays.protocols` and has no case here fails a test, and so does a case of a
function that is not registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from numpy_calls import SPD, A, Case, L, M, N, Numbers, P, S, function_named
from numpy_calls import call as c

nan, inf = np.nan, np.inf


AXES = [c(A(2, 3)), c(A(2, 3), axis=0), c(A(2, 3), axis=1), c(A(2, 3), axis=-1), c(A(4)), c(A(4), axis=0)]
MORE_AXES = [
    *AXES, c(A(2, 3), keepdims=True), c(A(2, 3), axis=0, keepdims=True), c(A(2, 3, 2), axis=(0, 2)),
    c(A(2, 3, 2), (1,)),
    c(A(2, 3, 2), axis=(0, 2), keepdims=True), c(A(2, 1, 3), axis=1), c(A(1), axis=0), c(A(2, 3, 2), axis=(-1, 0)),
]  # fmt: skip
MASK = np.array([[True, False, True], [True, True, False]])
VECTORS = [c(A(3), A(3)), c(A(1), A(1))]

CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    # Reductions
    "sum": [*MORE_AXES, c(A(2, 3), where=MASK), c(A(2, 3), axis=0, initial=2.0), c(A(0, 3), axis=0), c(A(0)),
        c(A(2, 0)),
            c(A(2, 3), 1, None, None, True), c(A(2, 3), dtype=float), c(A(2, 3), axis=()),
            c(A(2, 3), axis=2 - 3)],
    "prod": [*MORE_AXES, c(A(2, 3), axis=1, where=MASK), c(A(2, 3), initial=3.0), c(A(0, 2), axis=0)],
    "max": [*MORE_AXES, c(A(2, 3), axis=0, initial=0.1), c(A(2, 3), axis=1, where=MASK, initial=-9.0),
        c(A(0, 2), axis=0, initial=1.0)],
    "min": [*MORE_AXES, c(A(2, 3), axis=0, initial=0.1), c(A(2, 3), axis=1, where=MASK, initial=9.0)],
    "mean": [*MORE_AXES, c(A(2, 3), axis=0, where=MASK), c(A(2, 3), axis=1, where=MASK, keepdims=True)],
    "var": [*MORE_AXES, c(A(2, 3), ddof=1), c(A(2, 3), axis=1, ddof=1), c(A(2, 3), axis=1, where=MASK)],
    "std": [*AXES, c(A(2, 3), ddof=1), c(A(2, 3), axis=1, ddof=1, keepdims=True), c(A(2, 3, 2), axis=(0, 2))],
    "average": [*AXES, c(A(2, 3), weights=P(2, 3)), c(A(2, 3), axis=1, weights=P(3)), c(A(2, 3), axis=0, weights=P(2)),
                c(A(2, 3), 1, P(3), True), c(A(2, 3), axis=0, returned=True),
                c(A(2, 3), axis=1, weights=P(2, 3), keepdims=True)],
    "ptp": [*AXES, c(A(2, 3), axis=1, keepdims=True)],
    "nansum": [c(N(2, 3)), c(N(2, 3), axis=0), c(N(4), axis=0, keepdims=True)],
    "nanprod": [c(N(2, 3)), c(N(2, 3), axis=1)],
    "nanmax": [c(N(2, 3)), c(N(2, 3), axis=1)],
    "nanmin": [c(N(2, 3)), c(N(2, 3), axis=1)],
    "nanmean": [c(N(2, 3)), c(N(2, 3), axis=1), c(N(2, 3), axis=1, keepdims=True)],
    "nanvar": [c(N(2, 3)), c(N(2, 3), axis=1)],
    "nanstd": [c(N(2, 3)), c(N(3, 4), axis=0)],
    "nancumsum": [c(N(4)), c(N(2, 3), axis=1)],
    "median": [*AXES, c(A(3, 5), axis=1, keepdims=True), c(A(2, 3, 2), axis=(0, 2))],
    "quantile": [c(A(5), 0.3), c(A(5), [0.1, 0.5, 1.0]), c(A(2, 4), 0.6, axis=1), c(A(2, 4), [[0.0, 0.25]], axis=0),
                 c(A(5), 0.3, method="lower"), c(A(5), 0.3, method="higher"), c(A(5), 0.3, method="midpoint"),
                 c(A(5), 0.3, method="nearest"), c(A(6), 0.5, method="nearest"),
                 c(A(2, 4), [0.2, 0.8], axis=1, keepdims=True)],
    "percentile": [c(A(5), 30), c(A(2, 4), [25, 75], axis=1), c(A(2, 4), 50)],
    "trace": [c(A(3, 3)), c(A(2, 3)), c(A(3, 4), 1), c(A(2, 3, 3), axis1=1, axis2=2), c(A(2, 2, 3), -1, 0, 2)],
    "cumsum": [*AXES, c(A(2, 3, 2), 1), c(A(0)), c(A(2, 1), axis=1)],
    "cumprod": [*AXES, c(A(2, 3, 2), 1), c(A(0))],
    "cumulative_sum": [c(A(4)), c(A(2, 3), axis=1), c(A(2, 3), axis=0, include_initial=True)],
    "cumulative_prod": [c(A(4)), c(A(2, 3), axis=1), c(A(2, 3), axis=0, include_initial=True)],
    "diff": [c(A(5)), c(A(5), 2), c(A(5), n=0), c(A(2, 4)), c(A(2, 4), axis=0), c(A(4), prepend=0.0),
        c(A(2, 3), append=A(2, 1)),
             c(A(2, 3), axis=0, prepend=A(2, 3), append=1.0), c(A(3), 5), c(A(2, 3, 4), 2, axis=-2)],
    "ediff1d": [c(A(4)), c(A(2, 3)), c(A(3), to_end=A(2)), c(A(3), to_begin=[1.0], to_end=2.0)],
    "trapezoid": [c(A(4)), c(A(4), P(4)), c(A(2, 4), dx=0.5), c(A(3, 2), axis=0), c(A(2, 3), A(3)),
        c(A(3, 2), A(3), axis=0)],
    "cov": [c(A(3, 4)), c(A(4), A(4)), c(A(4, 3), rowvar=False), c(A(3, 4), bias=True), c(A(3, 4), ddof=0), c(A(4)),
        c(A(2, 4), A(2, 4))],
    "corrcoef": [c(A(3, 4)), c(A(4), A(4)), c(A(5, 2), rowvar=False)],
    # Products
    "dot": [*VECTORS, c(A(2, 3), A(3)), c(A(3), A(3, 2)), c(A(2, 3), A(3, 2)), c(A(2, 3), A(2, 3, 2)),
        c(A(2, 2, 3), A(3)),
            c(A(3), A(2, 3, 4)), c(A(2, 3), 2.5), c(1.5, A(3)), c(A(2, 2, 3), A(2, 3, 2))],
    "vdot": [*VECTORS, c(A(2, 3), A(2, 3)), c(A(2, 3), A(3, 2)), c(A(2, 3), A(6))],
    "inner": [*VECTORS, c(A(2, 3), A(3)), c(A(2, 3), A(4, 3)), c(A(2, 2, 3), A(3)), c(A(2, 3), 2.0)],
    "outer": [*VECTORS, c(A(2), A(3)), c(A(2, 2), A(3)), c(A(1), A(4))],
    "tensordot": [c(A(2, 3), A(3, 2), 1), c(A(2, 3, 2), A(3, 2, 2)), c(A(2, 3), A(2, 3), 2), c(A(2), A(3), 0),
        c(A(2, 3, 4), A(4, 3), ([1, 2], [1, 0])),
                  c(A(2, 3), A(4, 2), (0, 1)), c(A(3), A(3), 1)],
    "kron": [c(A(2), A(3)), c(A(2, 2), A(2, 3)), c(A(2), A(2, 2)), c(A(2, 1, 2), A(2, 2))],
    "cross": [c(A(3), A(3)), c(A(2, 3), A(2, 3)), c(A(2, 3), A(3)), c(A(3, 2), A(3, 2), axis=0),
        c(A(3, 2), A(2, 3), axisa=0, axisc=0)],
    "convolve": [c(A(5), A(3)), c(A(3), A(5)), c(A(5), A(3), "same"), c(A(5), A(2), "same"), c(A(5), A(3), "valid"),
        c(A(3), A(5), "valid"),
                 c(A(4), A(4), "same"), c(A(1), A(1))],
    "correlate": [c(A(5), A(3)), c(A(5), A(3), "full"), c(A(5), A(3), "same"), c(A(5), A(2), "same"),
        c(A(3), A(5), "full"), c(A(2), A(5), "same"), c(A(3), A(5))],
    "polyval": [c(A(3), A(4)), c(A(4), A(2, 2)), c(A(1), A(3)), c(A(3), 2.0)],
    "vander": [c(A(3)), c(A(3), 2), c(A(3), 4, True), c(A(2), 1)],
    "einsum": [c("ij,jk->ik", A(2, 3), A(3, 2)), c("ij,jk", A(2, 3), A(3, 2)), c("ij->ji", A(2, 3)),
        c("ij->", A(2, 3)), c("ij->j", A(2, 3)),
               c("ii", A(3, 3)), c("ii->i", A(3, 3)), c("i,i", A(3), A(3)), c("i,j->ij", A(2), A(3)),
               c("i,j->ji", A(2), A(3)), c("ba", A(2, 3)),
               c("bij,bjk->bik", A(2, 2, 3), A(2, 3, 2)), c("...ij,...jk->...ik", A(2, 2, 3), A(3, 2)),
               c("...i->...", A(2, 3)),
               c("...,...", A(2, 3), A(3)), c("ij,j,k->ik", A(2, 3), A(3), A(2)),
               c("ab,bc,cd->ad", A(2, 3), A(3, 2), A(2, 4)),
               c("i,ij,j", A(2), A(2, 3), A(3)), c("bi,bi->b", A(4, 3), A(4, 3)),
               c("ijk,ilm,njm,nlk,abc->", A(2, 2, 2), A(2, 2, 2), A(2, 2, 2), A(2, 2, 2), A(1, 2, 2)),
               c("iij->j", A(2, 2, 3)), c("iijj->ij", A(2, 2, 3, 3)), c("ij,ij->ij", A(2, 3), A(2, 3)),
               c("ij,kj->ki", A(2, 3), A(4, 3)), c(",i->i", 2.0, A(3)),
               c("i,i->i", A(1), A(3)), c("ij,jk->ik", A(2, 1), A(3, 2)), c("ab,ab,c->", A(2, 2), A(2, 2), A(3)),
               c("i->", A(3)), c("a...b,b...->...a", A(2, 3, 4), A(4, 3)),
               c(A(2, 3), [0, 1], A(3, 2), [1, 2], [0, 2]), c(A(2, 3), [0, 1], A(3, 2), [1, 2]), c(A(3, 3), [0, 0]),
               c("ij,jk->ik", A(2, 3), A(3, 2), optimize=False), c("ik,jk->j", A(2, 3), A(4, 3))],
    # Linear algebra
    "linalg.inv": [c(M(1, 1)), c(M(2, 2)), c(M(3, 3)), c(M(2, 3, 3)), c(M(2, 1, 2, 2)), c(M(0, 2, 2))],
    "linalg.solve": [c(M(3, 3), A(3)), c(M(3, 3), A(3, 2)), c(M(2, 3, 3), A(2, 3, 1)), c(M(3, 3), A(2, 3, 2)),
        c(M(2, 3, 3), A(3, 2)), c(M(1, 2, 2), A(4, 2, 1)), c(M(2, 2, 2), A(2))],
    "linalg.det": [c(M(1, 1)), c(M(2, 2)), c(M(3, 3)), c(M(4, 4)), c(M(2, 3, 3)), c(M(2, 2, 2, 2)), c(M(0, 0)),
        c(M(2, 0, 0)), c(M(0, 2, 2))],
    "linalg.slogdet": [c(M(2, 2)), c(M(3, 3)), c(M(2, 3, 3)), c(A(3, 3))],
    "linalg.cholesky": [c(SPD(1, 1)), c(SPD(2, 2)), c(SPD(3, 3)), c(SPD(2, 3, 3)), c(SPD(3, 3), upper=True),
        c(SPD(2, 1, 2, 2))],
    "linalg.pinv": [c(M(2, 2)), c(M(3, 2)), c(M(2, 3)), c(M(2, 3, 2)), c(M(3, 2), 1e-10)],
    "linalg.lstsq": [
        c(M(4, 2), A(4), None), c(M(4, 2), A(4, 3), None), c(M(2, 2), A(2), None), c(M(2, 3), A(2), rcond=None),
    ],
    "linalg.eigh": [c(SPD(2, 2)), c(SPD(3, 3)), c(SPD(3, 3), "U"), c(SPD(2, 3, 3)), c(M(3, 3))],
    "linalg.eigvalsh": [c(SPD(3, 3)), c(SPD(2, 2, 2)), c(SPD(3, 3), "U")],
    "linalg.svd": [c(M(3, 3)), c(M(3, 2), False), c(M(2, 4), full_matrices=False), c(M(2, 3, 3)),
        c(M(3, 2), compute_uv=False), c(M(2, 3, 2), False, False)],
    "linalg.svdvals": [c(M(3, 3)), c(M(2, 3, 2))],
    "linalg.qr": [c(M(2, 2)), c(M(4, 2)), c(M(3, 3), "r"), c(M(2, 3, 2))],
    "linalg.norm": [c(A(3)), c(A(2, 3)), c(A(2, 3), axis=0), c(A(2, 3), axis=1, keepdims=True), c(A(3), 1),
        c(A(3), inf), c(A(3), -inf), c(A(3), 3), c(A(3), 0),
                    c(A(2, 3), "fro"), c(A(2, 3), 1), c(A(2, 3), -1), c(A(2, 3), inf), c(A(2, 3), -inf),
                    c(A(2, 3), 2), c(A(2, 3), -2), c(A(2, 3), "nuc"),
                    c(A(2, 3, 2), axis=(0, 2)), c(A(2, 3, 2), 1, axis=(2, 1)), c(A(2, 3, 2), 2, (0, 1), True),
                    c(A(2, 3), 1, 0), c(A(2, 3), keepdims=True), c(A(2, 2, 2)),
                    c(A(2, 3), -3.5, 1), c(A(2, 3), inf, (0, 1), keepdims=True)],
    "linalg.matrix_norm": [c(A(2, 3)), c(A(2, 2, 3), ord="nuc"), c(A(2, 2, 3), keepdims=True)],
    "linalg.vector_norm": [c(A(3)), c(A(2, 3)), c(A(2, 3), axis=1, ord=1), c(A(2, 3), keepdims=True),
        c(A(2, 3, 2), axis=(0, 2), ord=3)],
    "linalg.cond": [c(M(3, 3)), c(M(3, 3), "fro"), c(M(2, 2), 1), c(M(2, 2, 2)), c(M(3, 2)), c(M(3, 3), -2),
        c(M(3, 3), inf)],
    "linalg.matrix_power": [c(M(2, 2), 3), c(M(3, 3), 1), c(M(2, 2), -2), c(M(2, 2), 6), c(M(2, 2, 2), 2),
        c(M(2, 2), 0)],
    "linalg.multi_dot": [c([A(2, 3), A(3, 4), A(4, 2)]), c([A(3), A(3, 4), A(4)]), c([A(2, 3), A(3)]),
        c([A(2, 3), A(3, 1), A(1, 4), A(4, 2)])],
    "linalg.matrix_transpose": [c(A(2, 3)), c(A(2, 3, 4))],
    "linalg.diagonal": [c(A(3, 3)), c(A(2, 3, 4), offset=1)],
    "linalg.trace": [c(A(3, 3)), c(A(2, 3, 4), offset=1)],
    "linalg.outer": [c(A(2), A(3))],
    "linalg.matmul": [c(A(2, 3), A(3, 2))],
    "linalg.tensordot": [c(A(2, 3), A(3, 2), axes=1)],
    "linalg.cross": [c(A(3), A(3)), c(A(2, 3), A(2, 3))],
    "linalg.vecdot": [c(A(3), A(3)), c(A(2, 3), A(3)), c(A(3, 2), A(3, 2), axis=0)],
    "linalg.tensorsolve": [c(M(4, 4), A(4)), c(A(2, 2, 2, 2), A(2, 2)), c(A(2, 3, 6), A(2, 3))],
    "linalg.tensorinv": [c(A(2, 2, 4)), c(A(2, 2, 2, 2)), c(A(4, 2, 2), ind=1)],
    "linalg.matrix_rank": [c(M(3, 3)), c(M(2, 3, 2))],
    # Element by element
    "round": [c(A(4)), c(A(5), 1), c(A(2, 3), decimals=2)],
    "around": [c(A(4), 1)],
    "fix": [c(L(4))],
    "sinc": [c(A(4)), c(A(2, 3))],
    "imag": [c(A(2, 3))],
    "interp": [
        c(A(4), [-0.5, 0.0, 0.5], A(3)), c(A(2, 3), [-2.0, 0.1, 2.0], A(3)), c(0.05, [-1.0, 0.0, 1.0], A(3)),
        c(A(4), np.array([-0.3, 0.3]), A(2), -5.0, 7.0), c([0.5], [0.0, 1.0], A(2)),
    ],
    "linspace": [c(A(3), A(3), 4), c(A(2), 1.0, 3, False), c(0.0, A(2), num=3, axis=1), c(A(2), A(2), 3, retstep=True)],
    "gradient": [
        c(A(5)), c(A(5), 0.5), c(A(5), [0.0, 0.5, 2.0, 2.5, 4.0]), c(A(3, 4)), c(A(3, 4), axis=1),
        c(A(3, 4), 2.0, axis=(0,)), c(A(3, 4), 0.5, 2.0),
        c(A(5), edge_order=2), c(A(5), [0.0, 0.5, 2.0, 2.5, 4.0], edge_order=2), c(A(2, 3), axis=-1), c(A(2)),
    ],
    "apply_along_axis": [c(np.sum, 0, A(2, 3)), c(np.cumsum, 1, A(2, 3)), c(np.sort, 1, A(2, 3, 2)),
        c(np.diag, 0, A(2, 3)), c(np.max, -1, A(4))],
    "unique": [c(A(4)), c(A(2, 3)), c(A(4), return_index=True), c(A(4), True, True, True)],
    "tril_indices_from": [c(A(3, 3)), c(A(3, 3), 1)],
    "triu_indices_from": [c(A(3, 3))],
    "diag_indices_from": [c(A(3, 3))],
    "amax": [c(A(2, 3)), c(A(2, 3), axis=0)],
    "amin": [c(A(2, 3)), c(A(2, 3), axis=0)],
    # Rearranging
    "reshape": [c(A(2, 3), (3, 2)), c(A(2, 3), -1), c(A(6), (2, -1)), c(A(2, 3), (3, 2), order="F"),
        c(A(0, 3), (3, 0))],
    "ravel": [c(A(2, 3)), c(A(2, 3), "F"), c(A(3))],
    "transpose": [c(A(2, 3)), c(A(2, 3, 4)), c(A(2, 3, 4), (1, 0, 2)), c(A(3))],
    "swapaxes": [c(A(2, 3, 4), 0, 2), c(A(2, 3), 0, -1)],
    "moveaxis": [c(A(2, 3, 4), 0, -1), c(A(2, 3, 4), [0, 1], [-1, 0])],
    "rollaxis": [c(A(2, 3, 4), 2), c(A(2, 3, 4), 1, 3)],
    "matrix_transpose": [c(A(2, 3)), c(A(2, 3, 4))],
    "squeeze": [c(A(1, 3, 1)), c(A(1, 3, 1), 0), c(A(1, 3, 1), axis=(0, 2)), c(A(1, 1))],
    "expand_dims": [c(A(3), 0), c(A(3), -1), c(A(2, 3), (0, 2))],
    "broadcast_to": [c(A(3), (2, 3)), c(A(2, 1), (4, 2, 3)), c(A(1), (3,))],
    "broadcast_arrays": [c(A(3), A(2, 1)), c(A(2, 3), 1.0)],
    "diagonal": [c(A(3, 3)), c(A(3, 4), 1), c(A(2, 3, 4), 0, 1, 2), c(A(3, 2), -1)],
    "copy": [c(A(2, 3))],
    "resize": [c(A(2, 3), (4, 2)), c(A(3), 2)],
    "take": [c(A(4), [0, 2, 2]), c(A(2, 3), [[0, 1], [5, 2]]), c(A(2, 3), [2, 0], axis=1), c(A(2, 3), 1, axis=0),
        c(A(4), 2), c(A(4), [5], mode="wrap"), c(A(4), -1)],
    "take_along_axis": [c(A(2, 3), np.array([[2, 0], [1, 1]]), 1), c(A(2, 3), np.array([[1, 0, 1]]), 0)],
    "repeat": [c(A(3), 2), c(A(2, 3), 2, axis=0), c(A(2, 3), [1, 0, 2], axis=1), c(A(2, 3), 2)],
    "tile": [c(A(3), 2), c(A(2, 3), (2, 1)), c(A(3), (2, 2))],
    "roll": [c(A(4), 1), c(A(2, 3), 1), c(A(2, 3), -1, axis=1), c(A(2, 3), (1, 2), axis=(0, 1))],
    "flip": [c(A(3)), c(A(2, 3)), c(A(2, 3), 1), c(A(2, 3), (0, 1))],
    "fliplr": [c(A(2, 3))],
    "flipud": [c(A(2, 3))],
    "rot90": [c(A(2, 3)), c(A(2, 3), 2), c(A(2, 3, 2), 1, (1, 2))],
    "delete": [c(A(4), 1), c(A(2, 3), [0, 2], axis=1), c(A(2, 3), 0, 0), c(A(5), slice(1, 3))],
    "split": [c(A(4), 2), c(A(2, 4), [1, 3], axis=1)],
    "array_split": [c(A(5), 2), c(A(3, 2), 2, axis=0)],
    "hsplit": [c(A(2, 4), 2)],
    "vsplit": [c(A(4, 2), 2)],
    "dsplit": [c(A(1, 2, 4), 2)],
    "unstack": [c(A(2, 3)), c(A(2, 3), axis=1)],
    "lib.stride_tricks.sliding_window_view": [c(A(5), 3), c(A(3, 4), (2, 2))],
    "concatenate": [c([A(2), A(3)]), c([A(2, 3), A(1, 3)]), c([A(2, 3), A(2, 1)], axis=1),
        c([A(2, 3), A(2)], axis=None), c((A(2, 2), A(0, 2)))],
    "stack": [c([A(3), A(3)]), c([A(2, 3), A(2, 3)], 1), c([A(3), A(3), A(3)], axis=-1)],
    "vstack": [c([A(3), A(3)]), c([A(2, 3), A(3)])],
    "hstack": [c([A(3), A(2)]), c([A(2, 3), A(2, 1)])],
    "dstack": [c([A(3), A(3)]), c([A(2, 3), A(2, 3)])],
    "column_stack": [c([A(3), A(3)]), c([A(3, 2), A(3)])],
    "append": [c(A(3), A(2)), c(A(2, 3), A(1, 3), axis=0), c(A(2, 3), A(2)), c(A(3), 1.0),
        c(A(2, 3), [[1.0], [2.0]], 1)],
    "insert": [c(A(3), 1, 5.0), c(A(3), [0, 2], A(2)), c(A(2, 3), 1, A(3), axis=0), c(A(2, 3), 1, A(2), axis=1)],
    "block": [c([A(2), A(3)]), c([[A(2, 2), A(2, 1)], [A(1, 2), A(1, 1)]]), c([[A(2, 2), np.zeros((2, 1))]])],
    "meshgrid": [c(A(2), A(3)), c(A(2), A(3), indexing="ij"), c(A(2), A(3), sparse=True)],
    "atleast_1d": [c(A(3)), c(A(2, 3), A(2))],
    "atleast_2d": [c(A(3)), c(A(2, 3)), c(A(3), A(1, 2))],
    "atleast_3d": [c(A(3)), c(A(2, 3)), c(A(2, 3, 1))],
    "pad": [c(A(3), 1), c(A(3), (0, 2), constant_values=4.0), c(A(2, 3), ((1, 0), (0, 2))), c(A(3), 2, "edge"),
        c(A(4), (1, 2), mode="reflect"),
            c(A(3), 2, "symmetric"), c(A(2, 3), 1, "wrap")],
    "tril": [c(A(3, 3)), c(A(2, 3), 1), c(A(2, 3, 3), -1), c(A(3))],
    "triu": [c(A(3, 3)), c(A(2, 3), 1), c(A(2, 3, 3), -1)],
    "diag": [c(A(3)), c(A(2), 1), c(A(2), -2), c(A(3, 3)), c(A(2, 3), 1)],
    "diagflat": [c(A(3)), c(A(2, 2)), c(A(2), 1)],
    # Choices
    "where": [c(MASK, A(2, 3), A(2, 3)), c(MASK, A(3), 1.0), c([True, False], A(2), A(2)), c(True, A(3), A(3)),
        c(MASK, 0.0, A(2, 1)), c(A(3))],
    "clip": [c(A(2, 3), -0.5, 0.5), c(A(4), 0.0, None), c(A(4), None, 0.1), c(A(2, 3), -0.4, P(3)),
        c(A(4), min=-0.3) if np.__version__ >= "2.1" else c(A(4), -0.3, 1.0)],
    "select": [c([MASK, ~MASK], [A(2, 3), A(2, 3)]),
        c([np.array([True, False, False]), np.array([True, True, False])], [A(3), A(3)], 7.0),
        c([MASK[0]], [A(3)], default=2.0)],
    "choose": [c([0, 1, 1], [A(3), A(3)]), c(np.array([2, 0]), [A(2), A(2), A(2)]),
        c([0, 3], [A(2), A(2)], mode="wrap")],
    "compress": [c([True, False, True], A(3)), c([False, True], A(2, 3), axis=0),
        c([True, False, True], A(2, 3), axis=1)],
    "extract": [c(MASK, A(2, 3)), c([True, False], A(2))],
    "nan_to_num": [c(N(4)), c(N(2, 3), nan=3.0)],
    "sort": [c(A(5)), c(A(2, 4)), c(A(2, 4), axis=0), c(A(2, 4), axis=None)],
    "partition": [c(A(3), 1), c(A(2, 4), 1, axis=0)],
    # About values
    "argmax": [c(A(4)), c(A(2, 3), axis=1), c(A(2, 3), axis=0, keepdims=True)],
    "argmin": [c(A(4)), c(A(2, 3), axis=1)],
    "argsort": [c(A(4)), c(A(2, 3), axis=0)],
    "argpartition": [c(A(4), 1)],
    "lexsort": [c((A(4), A(4)))],
    "nanargmax": [c(N(5))],
    "nanargmin": [c(N(5))],
    "searchsorted": [c([-0.5, 0.0, 0.5], A(3)), c(A(1), [0.1, -3.0])],
    "digitize": [c(A(3), [-0.5, 0.0, 0.5])],
    "nonzero": [c(A(2, 2))],
    "flatnonzero": [c(A(2, 2))],
    "argwhere": [c(A(2, 2))],
    "count_nonzero": [c(A(2, 3)), c(A(2, 3), axis=0)],
    "all": [c(A(2, 3)), c(A(2, 3), axis=1)],
    "any": [c(A(2, 3)), c(A(2, 3), axis=1, keepdims=True)],
    "isclose": [c(A(3), A(3)), c(A(3), 0.5)],
    "allclose": [c(A(3), A(3)), c(A(3), 9.0)],
    "array_equal": [c(A(3), A(3)), c(A(3), A(2))],
    "array_equiv": [c(A(3), A(1))],
    "isin": [c(A(3), [0.5])],
    "histogram": [c(A(5), 3)],
    "bincount": [c([0, 1, 1], A(3))],
    "isreal": [c(A(3))],
    "iscomplex": [c(A(3))],
    "isposinf": [c(A(3))],
    "isneginf": [c(A(3))],
    "isrealobj": [c(A(3))],
    "iscomplexobj": [c(A(3))],
    "shape": [c(A(2, 3))],
    "ndim": [c(A(2, 3))],
    "size": [c(A(2, 3)), c(A(2, 3), 1)],
    "zeros_like": [c(A(2, 3))],
    "ones_like": [c(A(2, 3))],
    "full_like": [c(A(2, 3), 2.5)],
    "empty_like": [c(A(0, 3))],
    "real": [c(A(2, 3))],
    "real_if_close": [c(A(2, 3))],
    # Operators of several operands that are not element by element
    "matmul": [*VECTORS, c(A(2, 3), A(3)), c(A(3), A(3, 2)), c(A(2, 3), A(3, 2)), c(A(2, 2, 3), A(3, 2)),
        c(A(2, 3), A(2, 3, 2)), c(A(2, 1, 2, 3), A(3, 3, 2)),
               c(A(3), A(2, 3, 2)), c(A(2, 2, 3), A(3)), c(A(0, 3), A(3, 2)), c(A(2, 0), A(0, 3)), c(A(1, 1), A(1, 1))],
    "vecdot": [c(A(3), A(3)), c(A(2, 3), A(3)), c(A(3, 2), A(3, 2), axis=0)],
    "matvec": [c(A(2, 3), A(3)), c(A(2, 2, 3), A(2, 3))],
    "vecmat": [c(A(3), A(3, 2)), c(A(2, 3), A(2, 3, 2))],
    "add.reduce": [c(A(2, 3)), c(A(2, 3), axis=1), c(A(2, 3), axis=1, keepdims=True), c(A(2, 3), where=MASK),
        c(A(2, 3), axis=None, initial=1.0)],
    "multiply.reduce": [c(A(2, 3)), c(A(2, 3), axis=1)],
    "maximum.reduce": [c(A(2, 3)), c(A(2, 3), axis=None)],
    "minimum.reduce": [c(A(2, 3)), c(A(2, 3), axis=1)],
    "add.accumulate": [c(A(4)), c(A(2, 3), axis=1), c(A(2, 3))],
    "multiply.accumulate": [c(A(4)), c(A(2, 3), axis=1)],
    "add.outer": [c(A(2), A(3)), c(A(2, 2), A(3)), c(A(2), 1.0)],
    "multiply.outer": [c(A(2), A(3))],
}  # fmt: skip

# Where operators are smooth: elsewhere than the numbers of any size and sign.
KINDS = {
    "arccosh": L, "acosh": L, "arctanh": S, "atanh": S, "arcsin": S, "asin": S, "arccos": S, "acos": S, "rint": S,
    "log": P, "log2": P, "log10": P, "log1p": P, "sqrt": P, "power": P, "float_power": P, "pow": P, "cbrt": P,
}  # fmt: skip
# What NumPy 2 changed in functions that were there before.
if np.lib.NumpyVersion(np.__version__) < "2.0.0":
    CALLS["linalg.cholesky"] = [case for case in CALLS["linalg.cholesky"] if not case[1]]
    CALLS["linalg.solve"] = [c(M(3, 3), A(3)), c(M(3, 3), A(3, 2)), c(M(2, 3, 3), A(2, 3)), c(M(2, 3, 3), A(2, 3, 1))]
    CALLS["trapz"] = CALLS["trapezoid"]

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (3,)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((1,), (2, 3)),
    ((2, 1, 3), (4, 1)),
    ((0, 3), (3,)),
]


def operator_cases(ufunc: Any) -> Iterator[Case]:
    """Yield the cases of a function element by element: one operand of each shape, or pairs that broadcast."""
    numbers = KINDS.get(ufunc.__name__, A)
    if ufunc.nin == 1:
        for shape in [(3,), (2, 3), (2, 1, 2), (0,), (1,)]:
            yield Case(ufunc.__name__, (numbers(*shape),))
        return
    for a, b in SHAPES:
        first = numbers(*a) if a else 0.75
        second = Numbers(b, "large") if b else 1.25
        yield Case(ufunc.__name__, (first, second))


def cases_of_calls() -> Iterator[Case]:
    """Yield the cases of the table whose function the installed NumPy has."""
    for name, calls in CALLS.items():
        if function_named(name) is not None:
            for args, settings in calls:
                yield Case(name, args, settings)
