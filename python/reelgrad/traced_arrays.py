"""Arrays of Nodes as functions get them: NumPy's functions that object arrays lack, and choices without branches.

NumPy computes with objects one by one, by their operators; what it knows of numbers only (``numpy.linalg``,
``np.interp``, ``np.logaddexp``) is computed with `Array`s here and given back. In a trace, comparisons give arrays of
Conditions instead of asking for their truth, which would be a guard for each element, and ``np.maximum``, ``np.where``
and their like compute with reelgrad's operators; at ties they differentiate as those do. What meets an `Array` becomes
one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from math import inf
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays import Array, asarray
from reelgrad.arrays.protocols import _OF_VALUES, FUNCTIONS, UFUNCS, call_ufunc, of_numpy
from reelgrad.trees import Structure

__all__ = ["NodeArray", "TracedArray", "elements_of", "explain_objects", "nodes_in_array", "put_together"]

# Where the ufunc behind np.clip is: it has no public name.
_umath: Any = import_module("numpy.core.umath" if np.__version__.startswith("1.") else "numpy._core.umath")

_COMPARISONS = frozenset({np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal})

# NumPy knows these of numbers only, or goes wrong with objects.
_OF_NUMBERS = frozenset(
    of_numpy(
        *(f"linalg.{name}" for name in ("inv", "solve", "det", "slogdet", "cholesky", "pinv", "lstsq", "eigh")),
        *(f"linalg.{name}" for name in ("eigvalsh", "svd", "svdvals", "qr", "cond", "matrix_rank", "matrix_power")),
        *(f"linalg.{name}" for name in ("norm", "matrix_norm", "vector_norm", "tensorinv", "tensorsolve")),
        *("average", "std", "cov", "corrcoef", "interp", "gradient", "nan_to_num", "bincount", "sinc"),
    )
)
_OF_VALUES_ALONE = frozenset({np.histogram, np.isposinf, np.isneginf, np.isclose, np.allclose})

# Reductions of objects have no number to begin with if some are left out, and make floats of Nodes for a type.
_WITH_SETTINGS = {
    **dict.fromkeys((np.sum, np.prod, np.max, np.min), ("where", "initial", "dtype")),
    **dict.fromkeys((np.mean, np.var, np.std), ("where", "dtype")),
}

# Choices, and ufuncs that have no loop over objects, or one that calls a method of the first, maybe of a float. An
# identity lets a reduction go over several axes at once.
_OPERATORS: dict[Any, Any] = {
    **{
        ufunc: np.frompyfunc(UFUNCS[ufunc], ufunc.nin, ufunc.nout)
        for ufunc in of_numpy(
            *("arctan2", "hypot", "fmod", "copysign", "logaddexp", "logaddexp2", "float_power", "heaviside", "divmod")
        )
    },
    np.maximum: np.frompyfunc(_core.maximum, 2, 1, identity=-inf),
    np.minimum: np.frompyfunc(_core.minimum, 2, 1, identity=inf),
    np.sign: np.frompyfunc(_core.sign, 1, 1),
    _umath.clip: np.frompyfunc(_core.clip, 3, 1),
}


# In a trace, where these are Conditions.
_WITHOUT_NUMBERS: dict[Any, Any] = {
    np.isnan: np.frompyfunc(lambda x: x != x, 1, 1),
    np.isinf: np.frompyfunc(lambda x: abs(x) == inf, 1, 1),
    np.isfinite: np.frompyfunc(lambda x: x - x == 0.0, 1, 1),
    np.signbit: np.frompyfunc(lambda x: _core.copysign(1.0, x) < 0.0, 1, 1),
}

# What asks for values where there are some, and what else does not go the short way.
_VALUES = _OF_VALUES - _COMPARISONS
_OTHERWISE = frozenset({*_OPERATORS, *_VALUES})
_PLAIN = frozenset({np.ndarray, float, int, np.float64, np.int64, _core.Node})


def _holds(x: Any) -> Any:
    """Return whether a number is not 0, as a Condition if it is traced."""
    return x != 0.0 if isinstance(x, (_core.Node, float, int)) else x


# The same for these, but not reduced: what is asked for its truth is a guard.
_LOGICAL: dict[Any, Any] = {
    np.logical_and: np.frompyfunc(lambda a, b: _holds(a) & _holds(b), 2, 1),
    np.logical_or: np.frompyfunc(lambda a, b: _holds(a) | _holds(b), 2, 1),
    np.logical_xor: np.frompyfunc(lambda a, b: _holds(a) ^ _holds(b), 2, 1),
    np.logical_not: np.frompyfunc(lambda a: ~x if isinstance(x := _holds(a), _core.Condition) else not x, 1, 1),
}


class NodeArray(np.ndarray[Any, np.dtype[Any]]):
    """An object array of Nodes."""

    @classmethod
    def of(cls, nodes: Sequence[Any], shape: tuple[int, ...]) -> Self:
        """Return an array of this shape that holds the Nodes, in C order."""
        array = np.empty(len(nodes), object)
        array[:] = nodes
        return array.reshape(shape).view(cls)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        """Compute with plain arrays, and by reelgrad's operators what NumPy knows of numbers only."""
        if ufunc is np.add and method == "reduce" and type(inputs[0]) is NodeArray and "out" not in settings:
            result = np.add.reduce(inputs[0].view(np.ndarray), **settings)
            return result.view(NodeArray) if type(result) is np.ndarray else result
        if settings or method != "__call__" or ufunc in _OTHERWISE:
            return self._otherwise(ufunc, method, inputs, settings)
        plain = []
        for x in inputs:
            if type(x) is NodeArray:
                x = x.view(np.ndarray)
            elif type(x) not in _PLAIN:
                return self._otherwise(ufunc, method, inputs, settings)
            plain.append(x)
        result = ufunc(*plain)
        return result.view(NodeArray) if type(result) is np.ndarray and result.dtype == object else result

    def _otherwise(self, ufunc: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        if any(isinstance(x, Array) for x in inputs):
            return NotImplemented
        if method == "__call__" and ufunc in _VALUES:
            return call_ufunc(None, ufunc, method, *map(_with_arrays, inputs), **settings)
        return self._computed(ufunc, method, inputs, settings)

    def _computed(self, ufunc: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        if method != "reduce" or np.size(inputs[0]) > 0:  # NumPy refuses a maximum of nothing
            ufunc = _OPERATORS.get(ufunc, ufunc)
        out = settings.get("out")
        if out is not None:
            settings["out"] = tuple(map(_plain, out))
        # No warnings about the floating-point flags that partials leave: reelgrad's functions give none.
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*map(_plain, inputs), **settings)
        if out is not None and len(out) == 1:
            return out[0]
        return tuple(map(self._like, result)) if isinstance(result, tuple) else self._like(result)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """Compute by Arrays what NumPy knows of numbers only; what others make is an array of this kind again."""
        if any(issubclass(kind, Array) for kind in types):
            return NotImplemented
        if self._is_for_arrays(function) or any(name in kwargs for name in _WITH_SETTINGS.get(function, ())):
            args, kwargs = tuple(map(_with_arrays, args)), {name: _with_arrays(x) for name, x in kwargs.items()}
            recorded = any(isinstance(x, (Array, _core.Node)) for x in (*args, *kwargs.values()))
            return _with_objects((FUNCTIONS[function] if recorded else function)(*args, **kwargs))
        result = super().__array_function__(function, types, args, kwargs)
        return type(result)(map(self._like, result)) if type(result) in (tuple, list) else self._like(result)

    def std(self, *args: Any, **kwargs: Any) -> Any:
        """Return `numpy.std`, whose partials are 0 where all are equal."""
        return np.std(self, *args, **kwargs)

    @staticmethod
    def _is_for_arrays(function: Any) -> bool:
        return function in _OF_NUMBERS or function in _OF_VALUES_ALONE

    def _like(self, value: Any) -> Any:
        return value.view(type(self)) if type(value) is np.ndarray and value.dtype == object else value


class TracedArray(NodeArray):
    """An object array of traced Nodes."""

    @staticmethod
    def _is_for_arrays(function: Any) -> bool:
        return function in _OF_NUMBERS

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        """Compute with plain arrays, comparisons and choices by reelgrad's operators."""
        if any(isinstance(x, Array) for x in inputs):
            return NotImplemented
        if method in ("__call__", "outer"):
            if ufunc in _COMPARISONS:
                settings.setdefault("dtype", object)
            ufunc = _LOGICAL.get(ufunc, ufunc)
            ufunc = _WITHOUT_NUMBERS.get(ufunc, ufunc)
        return self._computed(ufunc, method, inputs, settings)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """Let ``np.where(condition, a, b)`` choose without branches."""
        if (
            function is np.where
            and len(args) == 3
            and not kwargs
            and not any(issubclass(kind, Array) for kind in types)
        ):
            return self._like(_core.where(*(np.asarray(x) if isinstance(x, list) else _plain(x) for x in args)))
        return super().__array_function__(function, types, args, kwargs)


def _with_arrays(value: Any) -> Any:
    """Return arrays of Nodes as Arrays."""
    return asarray(_plain(value)) if isinstance(value, NodeArray) else value


def _with_objects(value: Any) -> Any:
    """Return Arrays as arrays of Nodes."""
    if isinstance(value, Array):
        return value._objects()
    if not isinstance(value, (tuple, list)):
        return value
    parts = map(_with_objects, value)
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def nodes_in_array(nodes: NDArray[Any]) -> Any:
    """Return an object array as one that functions get: of traced Nodes in a trace."""
    return nodes.view(TracedArray if _core._is_tracing() else NodeArray)


_ABOUT_OBJECTS = re.compile(
    r"^Cannot cast (ufunc|array data)\b.*dtype\('O'\)|^ufunc '\w+' not supported for the input types"
)


def explain_objects(error: BaseException) -> None:
    """Add to NumPy's own error about an array of objects what to make instead."""
    if isinstance(error, TypeError) and _ABOUT_OBJECTS.search(str(error)):
        error.add_note(
            "NumPy knows this of numbers only. An array that was made of Nodes by hand, numpy.array([[a, b], [c, d]]), "
            "holds objects: make it reelgrad.asarray([[a, b], [c, d]]), which NumPy's functions take."
        )


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
                leaves.append((TracedArray if traced else NodeArray).of(part, spec.shape))
            else:
                leaves.append(part[0])
        yield structure.unflatten(leaves)


def elements_of(array: Array) -> NDArray[Any]:
    """Return the elements as an object array of Nodes."""
    nodes = np.empty(array.size, object)
    nodes[:] = array.ravel().tolist()
    return nodes.reshape(array.shape)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, NodeArray) else value
