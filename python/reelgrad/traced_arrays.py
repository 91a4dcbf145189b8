"""Arrays of traced Nodes: NumPy's functions that choose by value, without branches.

NumPy compares objects by asking for their truth, which would be a guard for each element. On the arrays that a traced
function gets, comparisons give arrays of Conditions instead, and ``np.maximum``, ``np.where`` and their like compute
with reelgrad's operators. At ties they differentiate as those do. Everything else is NumPy's own. What meets an `Array`
becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays import Array, asarray
from reelgrad.arrays.protocols import FUNCTIONS
from reelgrad.trees import Structure

__all__ = ["TracedArray", "elements_of", "put_together"]

# Where the ufunc behind np.clip is: it has no public name.
_umath: Any = import_module("numpy.core.umath" if np.__version__.startswith("1.") else "numpy._core.umath")

_COMPARISONS = frozenset({np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal})

# NumPy knows these of numbers only.
_OF_MATRICES = frozenset(
    getattr(np.linalg, name)
    for name in ("inv", "solve", "det", "slogdet", "cholesky", "pinv", "lstsq", "eigh", "eigvalsh", "svd", "qr", "cond")
)

# An identity lets a reduction go over several axes at once.
_OPERATORS: dict[Any, Any] = {
    np.maximum: np.frompyfunc(_core.maximum, 2, 1, identity=-inf),
    np.minimum: np.frompyfunc(_core.minimum, 2, 1, identity=inf),
    np.sign: np.frompyfunc(_core.sign, 1, 1),
    np.isnan: np.frompyfunc(lambda x: x != x, 1, 1),
    np.copysign: np.frompyfunc(_core.copysign, 2, 1),
    _umath.clip: np.frompyfunc(_core.clip, 3, 1),
}


class TracedArray(np.ndarray[Any, np.dtype[Any]]):
    """An object array of traced Nodes."""

    @classmethod
    def of(cls, nodes: Sequence[Any], shape: tuple[int, ...]) -> TracedArray:
        """Return an array of this shape that holds the Nodes, in C order."""
        array = np.empty(len(nodes), object)
        array[:] = nodes
        return array.reshape(shape).view(cls)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        """Compute with plain arrays, comparisons and choices by reelgrad's operators."""
        if any(isinstance(x, Array) for x in inputs):
            return NotImplemented
        if ufunc in _COMPARISONS and method in ("__call__", "outer"):
            settings.setdefault("dtype", object)
        out = settings.get("out")
        if out is not None:
            settings["out"] = tuple(map(_plain, out))
        # No warnings about the floating-point flags that partials leave: reelgrad's functions give none.
        with np.errstate(all="ignore"):
            result = getattr(_OPERATORS.get(ufunc, ufunc), method)(*map(_plain, inputs), **settings)
        if out is not None and len(out) == 1:
            return out[0]
        return tuple(map(_traced, result)) if isinstance(result, tuple) else _traced(result)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """Let ``np.where(condition, a, b)`` choose without branches; what others make is a traced array again."""
        if any(issubclass(kind, Array) for kind in types):
            return NotImplemented
        if function is np.where and len(args) == 3 and not kwargs:
            return _traced(_core.where(*map(_plain, args)))
        if function in _OF_MATRICES:
            return _with_objects(FUNCTIONS[function](*map(_with_arrays, args), **kwargs))
        return _traced(super().__array_function__(function, types, args, kwargs))


def _with_arrays(value: Any) -> Any:
    """Return traced arrays as Arrays."""
    return asarray(_plain(value)) if isinstance(value, TracedArray) else value


def _with_objects(value: Any) -> Any:
    """Return Arrays as traced arrays."""
    if isinstance(value, Array):
        return value._objects()
    if not isinstance(value, tuple):
        return value
    parts = map(_with_objects, value)
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def put_together(
    structures: Sequence[Structure], nodes: Sequence[Any], traced: bool, *, consecutive: bool = False
) -> Iterator[Any]:
    """Yield the tree for each of the structures, with arrays of Nodes where arrays were, and Arrays where Arrays.

    `consecutive` says that the Nodes are variables made one after the other, whose entries count down.
    """
    at = 0
    for structure in structures:
        leaves: list[Any] = []
        for spec in structure.leaves:
            part = nodes[at : at + spec.size]
            at += spec.size
            if spec.kind == "Array" and spec.size > 0:
                if consecutive:
                    entries = _core._entry_of_node(part[0]) - np.arange(spec.size)
                else:
                    entries = np.fromiter(map(_core._entry_of_node, part), np.int64, spec.size)
                leaves.append(_core._array_of_entries(part[0].tape, entries.reshape(spec.shape)))
            elif spec.is_array:
                array = TracedArray.of(part, spec.shape)
                leaves.append(array if traced else array.view(np.ndarray))
            else:
                leaves.append(part[0])
        yield structure.unflatten(leaves)


def elements_of(array: Array) -> NDArray[Any]:
    """Return the elements as an object array of Nodes."""
    nodes = np.empty(array.size, object)
    nodes[:] = array.ravel().tolist()
    return nodes.reshape(array.shape)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, TracedArray) else value


def _traced(value: Any) -> Any:
    if type(value) is np.ndarray and value.dtype == object:
        array: NDArray[Any] = value
        return array.view(TracedArray)
    return value
