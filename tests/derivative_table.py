"""The table of functions in reelgrad's terms, for tests of derivatives: what to call and what must come out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import optree

import reelgrad as rg
from reference.functions import Row, numbers_in, reference_hessian, reference_jacobian

TOLERANCE = 2e-13  # relative to the largest derivative of a row: some hundred roundings


class Reelgrad:
    """reelgrad's functions under the table's names."""

    def __getattr__(self, name: str) -> Any:
        return getattr(rg, name)

    sum = staticmethod(lambda x: rg.sum(np.ravel(x)))
    prod = staticmethod(lambda x: rg.prod(np.ravel(x)))
    softmax = staticmethod(lambda x: np.array(rg.softmax(x)))


class Jax:
    """JAX's functions under the table's names."""

    def __init__(self) -> None:
        import jax
        import jax.numpy
        import jax.scipy.special as special

        self._homes = [jax.numpy, jax.nn, special, jax.numpy.linalg]

    def lgamma(self, x: Any) -> Any:
        return self._homes[2].gammaln(x)

    def __getattr__(self, name: str) -> Any:
        return next(getattr(home, name) for home in self._homes if hasattr(home, name))


M = Reelgrad()
jacobian_of = lru_cache(maxsize=None)(reference_jacobian)
hessian_of = lru_cache(maxsize=None)(reference_hessian)


def over(row: Row, m: Any = M) -> Any:
    return lambda *args: row.function(m, *args)


def argnums_of(row: Row) -> tuple[int, ...]:
    return tuple(range(len(row.args)))


def agree(got: Any, expected: Any) -> None:
    found, known = np.array(numbers_in(got), float), np.ravel(np.asarray(expected, float))
    assert found.shape == known.shape
    assert np.abs(found - known).max(initial=0.0) <= TOLERANCE * max(1.0, np.abs(known).max(initial=0.0))


def direction(row: Row) -> tuple[Any, ...]:
    """Return tangents for the arguments: numbers without a pattern."""
    leaves, treedef = optree.tree_flatten(row.args)
    rng = np.random.default_rng(7)
    found = [rng.normal(size=leaf.shape) if isinstance(leaf, np.ndarray) else float(rng.normal()) for leaf in leaves]
    tangents: tuple[Any, ...] = treedef.unflatten(found)
    return tangents


def assembled(blocks: Any, row: Row) -> np.ndarray[Any, Any]:
    """Return the Hessian over all numbers from its blocks by arguments."""
    sizes = [np.size(leaf) for leaf in optree.tree_leaves(row.args)]
    parts = optree.tree_leaves(blocks)
    grid = [[parts[i * len(sizes) + j] for j in range(len(sizes))] for i in range(len(sizes))]
    return np.block(
        [[np.reshape(grid[i][j], (sizes[i], sizes[j])) for j in range(len(sizes))] for i in range(len(sizes))]
    ).astype(float)
