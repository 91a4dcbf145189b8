"""Jacobians as trees: in the structure of the outputs, in each place the structure of the arguments.

A block, the derivatives of one leaf of the outputs by one leaf of an argument, has the shape of the former followed by
that of the latter; it is a float if both are numbers. Where there are derivatives for each sample, samples come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad.trees import Structure

__all__ = ["blocks_of_matrix", "blocks_of_rows"]


def blocks_of_matrix(
    matrix: NDArray[Any], outputs: Structure, inputs: Sequence[Structure], argnums: Any, per_lane: bool = False
) -> Any:
    """Return the tree for a matrix: [samples,] a row for each number of the outputs, a column for each of inputs."""
    lanes = matrix.shape[:1] if per_lane else ()
    rows: list[Any] = []
    top = 0
    for out in outputs.leaves:
        bottom = top + out.size
        trees = []
        left = 0
        for structure in inputs:
            blocks: list[Any] = []
            for spec in structure.leaves:
                block = matrix[..., top:bottom, left : left + spec.size]
                left += spec.size
                if per_lane or out.is_array or spec.is_array:
                    blocks.append(np.ascontiguousarray(block).reshape(lanes + out.shape + spec.shape))
                else:
                    blocks.append(block.item())
            trees.append(structure.unflatten(blocks))
        rows.append(_one_or_all(trees, argnums))
        top = bottom
    return outputs.unflatten(rows)


def blocks_of_rows(
    rows: Sequence[Sequence[Sequence[Any]]], outputs: Structure, inputs: Sequence[Structure], argnums: Any
) -> Any:
    """Return the tree for gradients of each number of the outputs: for each argument the leaves of its gradient."""
    found: list[Any] = []
    top = 0
    for out in outputs.leaves:
        part = rows[top : top + out.size]
        top += out.size
        trees = []
        for number, structure in enumerate(inputs):
            leaves = [[row[number][k] for row in part] for k in range(len(structure.leaves))]
            trees.append(structure.unflatten([_block(column, out.shape, out.is_array) for column in leaves]))
        found.append(_one_or_all(trees, argnums))
    return outputs.unflatten(found)


def _block(column: Sequence[Any], shape: tuple[int, ...], is_array: bool) -> Any:
    return np.stack(column).reshape(shape + np.shape(column[0])) if is_array else column[0]


def _one_or_all(trees: Sequence[Any], argnums: Any) -> Any:
    return trees[0] if isinstance(argnums, (int, np.integer)) else tuple(trees)
