"""Value and gradient in one call: what W4, W5 and the replay of one sample have in common.

A maker prepares everything (it compiles, moves the data to where the library wants them) and returns the work: a
function of nothing that does the whole computation and returns the value and the gradient in the library's own types.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Work = Callable[[], tuple[Any, Any]]
Makers = Sequence[tuple[str, Callable[[], Work]]]

# Sums over 100,000 samples in another order differ by this much, relative to the largest derivative.
TOLERANCE = 1e-10


class Answer(NamedTuple):
    """What everyone should find."""

    value: float
    gradient: FloatArray


def require_same_gradient(name: str, work: Work, expected: Answer, tolerance: float = TOLERANCE) -> None:
    """Raise AssertionError unless the work finds the value and the gradient."""
    value, gradient = work()
    np.testing.assert_allclose(float(value), expected.value, rtol=tolerance, err_msg=f"{name}: value")
    size = float(np.abs(expected.gradient).max())
    np.testing.assert_allclose(
        np.asarray(gradient, dtype=np.float64),
        expected.gradient,
        rtol=0.0,
        atol=tolerance * size,
        err_msg=f"{name}: gradient",
    )


def aligned(array: FloatArray) -> FloatArray:
    """Return a copy that begins at a cache line and is contiguous."""
    memory = np.empty(array.size + 8)
    start = (-memory.ctypes.data % 64) // 8
    copy = memory[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy
