"""Methods of Arrays that reduce axes: the table's reductions, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from reelgrad import _core

__all__ = ["Axis", "ReductionMethods"]

Axis: TypeAlias = int | Sequence[int] | None


class ReductionMethods:
    """What an Array has that makes one number, or one for each place along the other axes, of its elements."""

    __slots__ = ()

    def sum(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the sum over axes, by default over all."""
        return _core._array_reduce("sum", self, axis, keepdims)

    def prod(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the product over axes, by default over all."""
        return _core._array_reduce("prod", self, axis, keepdims)

    def logsumexp(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return log(sum(exp(x))) over axes, by default over all; never overflows."""
        return _core._array_reduce("logsumexp", self, axis, keepdims)

    def norm(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the Euclidean norm over axes, by default over all; at the origin the partials are 0."""
        return _core._array_reduce("norm", self, axis, keepdims)

    def mean(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the mean over axes, by default over all."""
        total = self.sum(axis, keepdims)
        return total / (self.size / (total.size if isinstance(total, _core._ArrayBase) else 1))

    def max(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the largest element over axes, by default over all; at ties, halves as `reelgrad.maximum`."""
        return _extreme(_core.maximum, self, axis, keepdims)

    def min(self: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        """Return the smallest element over axes, by default over all; at ties, halves as `reelgrad.minimum`."""
        return _extreme(_core.minimum, self, axis, keepdims)

    def var(self: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """Return the variance over axes, by default over all."""
        deviation = self - self.mean(axis, keepdims=True)
        total = deviation.square().sum(axis, keepdims)
        return total / (self.size / (total.size if isinstance(total, _core._ArrayBase) else 1) - ddof)

    def std(self: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """Return the standard deviation over axes, by default over all; where all are equal the partials are 0."""
        deviation = self - self.mean(axis, keepdims=True)
        total = deviation.norm(axis, keepdims)
        count = self.size / (total.size if isinstance(total, _core._ArrayBase) else 1)
        return total / _core.sqrt(max(count - ddof, 0.0))


def _normalized_axes(axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """Return the axes as numbers from 0; raises NumPy's AxisError for those that there are not."""
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(a, ndim)
    axes = tuple(a % ndim for a in axes)
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate value in 'axis'")
    return axes


def _extreme(choose: Any, array: Any, axis: Axis, keepdims: bool) -> Any:
    """Halve the reduced elements with an operator of two until one is left."""
    axes = tuple(range(array.ndim)) if axis is None else _normalized_axes(axis, array.ndim)
    kept = tuple(d for d in range(array.ndim) if d not in axes)
    shape = tuple(1 if d in axes else n for d, n in enumerate(array.shape))
    positions = array._positions().transpose((*axes, *kept))
    x = array._view(positions.reshape(-1, *(array.shape[d] for d in kept)))
    if len(x) == 0:
        raise _core.LengthError("zero-size array to reduction operation, which has no identity")
    while len(x) > 1:
        half = len(x) // 2
        y = choose(x[:half], x[half : 2 * half])
        x = np.concatenate([y, x[2 * half :]]) if len(x) % 2 else y
    return x.reshape(shape) if keepdims else x[0]
