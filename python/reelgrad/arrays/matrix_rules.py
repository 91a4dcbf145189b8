"""What functions of linear algebra have in common: operands, their numbers, a block with its own derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.array_type import Array, asarray
from reelgrad.arrays.unrolled import is_traced

__all__ = ["Floats", "numpys", "operands_of", "recorded", "transposed", "unbroadcast"]

Floats: TypeAlias = NDArray[np.float64]
numpys: Any = np.linalg  # whose stubs differ from version to version


def transposed(x: Floats) -> Floats:
    """Return matrices with their rows as columns."""
    return np.swapaxes(x, -1, -2)


def unbroadcast(g: Floats, shape: tuple[int, ...]) -> Floats:
    """Return adjoints summed over what was broadcast to more than this shape."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(d for d, n in enumerate(shape) if n == 1 and g.shape[d] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


def recorded(name: str, operands: Sequence[Array], value: Any, vjp: Callable[[Floats], Sequence[Floats | None]]) -> Any:
    """Record a value as one block."""
    value = np.asarray(value, np.float64)
    tape = next(x.tape for x in operands if isinstance(x, Array))
    if value.size == 0 or all(x.size == 0 for x in operands):
        return _core._array_constants(tape, value)

    def quiet(g: Floats) -> Sequence[Floats | None]:
        with np.errstate(all="ignore"):  # what is not defined is nan, as everywhere
            return vjp(g)

    return _core._array_rule(name, operands, value, quiet)


def operands_of(*arrays: Any, name: str = "") -> tuple[list[Any], list[Any]] | None:
    """Return the operands and their numbers; None if there is no Array among them.

    In a trace there are no numbers; `name` is that of a function that needs them.
    """
    made = [asarray(x) for x in arrays]
    if not any(isinstance(x, Array) for x in made):
        return None
    if any(isinstance(x, Array) and is_traced(x) for x in made):
        if name:
            raise _core.TraceError(
                f"numpy.linalg.{name} in a traced function: a trace has no numbers, which it needs; cholesky, det, "
                "inv, lstsq, pinv, qr, slogdet and solve are there in traces"
            )
        return made, []
    return made, [x.value if isinstance(x, (Array, _core.Node)) else x for x in made]
