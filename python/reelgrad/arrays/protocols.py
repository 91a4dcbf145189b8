"""NumPy's protocols: which of NumPy's functions Arrays know, from one table.

A ufunc is found by the name of the operator of the table, or of an alias of it; a function by `implements`. What
neither knows raises TypeError, which names the nearest that is known: nothing becomes a plain number by itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from reelgrad import _core

__all__ = ["FUNCTIONS", "UFUNCS", "call_function", "call_ufunc", "implements"]

# The ufuncs that operators of the table are, by ufunc.
UFUNCS: dict[Any, Callable[..., Any]] = {}
# Other functions, by NumPy's.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _enter_operators() -> None:
    for operator in _core.operator_table():
        for name in (operator["name"], *operator["aliases"]):
            ufunc = getattr(np, name, None)
            if operator["kind"] == "primitive" and isinstance(ufunc, np.ufunc):
                UFUNCS.setdefault(ufunc, getattr(_core, operator["name"]))


_enter_operators()
UFUNCS[np.matmul] = _core._array_matmul
UFUNCS[np.positive] = lambda x: x


def implements(*numpy_functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that makes a function what NumPy's functions do with Arrays."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for numpy_function in numpy_functions:
            FUNCTIONS[numpy_function] = function
        return function

    return enter


def call_ufunc(array: Any, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
    """Compute a ufunc of which an operand is an Array (NumPy's ``__array_ufunc__``)."""
    if settings.get("out") is not None:
        raise _core.NodeTypeError(f"numpy.{ufunc.__name__}(..., out=...): Arrays do not change; use the result")
    if method == "__call__" and ufunc in UFUNCS and not settings:
        return UFUNCS[ufunc](*inputs)
    if method == "__call__" and ufunc in _COMPARISONS and not settings:
        return getattr(inputs[0].value if _is_array(inputs[0]) else inputs[0], _COMPARISONS[ufunc])(
            inputs[1].value if _is_array(inputs[1]) else inputs[1]
        )
    if method == "reduce" and ufunc in _REDUCTIONS:
        return _REDUCTIONS[ufunc](*inputs, **{k: v for k, v in settings.items() if k in ("axis", "keepdims")})
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    raise _unsupported(name, settings)


_COMPARISONS = {
    np.less: "__lt__",
    np.less_equal: "__le__",
    np.greater: "__gt__",
    np.greater_equal: "__ge__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
}
_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: lambda x, axis=0, keepdims=False: x.sum(axis, keepdims),
    np.multiply: lambda x, axis=0, keepdims=False: x.prod(axis, keepdims),
    np.maximum: lambda x, axis=0, keepdims=False: x.max(axis, keepdims),
    np.minimum: lambda x, axis=0, keepdims=False: x.min(axis, keepdims),
}


def call_function(array: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Compute a function of NumPy of which an argument is an Array (NumPy's ``__array_function__``)."""
    known = FUNCTIONS.get(function)
    if known is None:
        raise _unsupported(getattr(function, "__name__", str(function)), {})
    return known(*args, **kwargs)


def _is_array(x: Any) -> bool:
    return isinstance(x, _core._ArrayBase)


def _unsupported(name: str, settings: dict[str, Any]) -> Exception:
    known = sorted({f.__name__ for f in (*UFUNCS, *FUNCTIONS)})
    if name in known:
        return _core.NodeTypeError(f"numpy.{name} of an Array does not take {', '.join(sorted(settings))}")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return _core.NodeTypeError(
        f"numpy.{name} of an Array is not supported: it would lose the derivatives. The nearest that is: "
        f"numpy.{near[0]}; compute with .value if derivatives are not wanted"
    )
