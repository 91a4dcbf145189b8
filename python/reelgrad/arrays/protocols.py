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

__all__ = ["FUNCTIONS", "UFUNCS", "call_function", "call_ufunc", "implements", "name_of", "of_numpy", "refuse"]

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


def of_numpy(*names: str) -> list[Any]:
    """Return those of these functions that the installed NumPy has; "linalg.inv" is one of a module."""
    found = []
    for name in names:
        part: Any = np
        for step in name.split("."):
            part = getattr(part, step, None)
        if part is not None:
            found.append(part)
    return found


def refuse(name: str, out: Any = None, dtype: Any = None) -> None:
    """Refuse what NumPy's signature has and Arrays have not."""
    if out is not None:
        raise _core.NodeTypeError(f"numpy.{name}(..., out=...): Arrays do not change; use the result")
    if dtype is not None and np.dtype(dtype) != np.float64:
        raise _core.NodeTypeError(f"numpy.{name}(..., dtype={np.dtype(dtype)}): Arrays are of float64")


def call_ufunc(array: Any, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
    """Compute a ufunc of which an operand is an Array (NumPy's ``__array_ufunc__``)."""
    if method == "__call__" and not settings and ufunc in UFUNCS:  # the usual case, on the way of `numbers * array`
        return UFUNCS[ufunc](*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = settings.pop("out", None)
    if out is not None and not any(isinstance(x, _core._ArrayBase) for x in out):
        raise _core.NodeTypeError(
            f"numpy.{name}(..., out=...): an array of numbers cannot take the result, which has derivatives; make a new"
            " name: y = x + a, not x += a"
        )
    if out is not None or method == "at":
        raise _core.NodeTypeError(f"numpy.{name}{'' if out is None else '(..., out=...)'}: {_UNCHANGING}")
    if settings.get("dtype") in (None, float, np.float64):
        settings.pop("dtype", None)
    if method == "__call__" and ufunc in UFUNCS and settings.keys() <= _SETTINGS.get(ufunc, _NO_SETTINGS):
        return UFUNCS[ufunc](*inputs, **settings)
    if method == "__call__" and ufunc in _OF_VALUES:
        return ufunc(*map(_compared, inputs), **settings)
    if method == "outer" and ufunc in UFUNCS and not settings and len(inputs) == 2:
        a, b = inputs
        return UFUNCS[ufunc](np.reshape(a, (*np.shape(a), *(1,) * np.ndim(b))), b)
    like = getattr(np, _LIKE.get((ufunc, method), ""), None)
    if like is not None:
        return FUNCTIONS[like](inputs[0], **{"axis": 0, **settings})
    raise _unsupported(name, settings)


_NO_SETTINGS: frozenset[str] = frozenset()
_SETTINGS = {ufunc: frozenset({"axis"}) for ufunc in of_numpy("vecdot")}

# What gives bools tells about values.
_OF_VALUES = frozenset(
    of_numpy(
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
        *("isnan", "isinf", "isfinite", "signbit", "logical_and", "logical_or", "logical_xor", "logical_not"),
    )
)

# The functions that methods of ufuncs are.
_LIKE = {
    (np.add, "reduce"): "sum",
    (np.multiply, "reduce"): "prod",
    (np.maximum, "reduce"): "max",
    (np.minimum, "reduce"): "min",
    (np.add, "accumulate"): "cumsum",
    (np.multiply, "accumulate"): "cumprod",
}

_UNCHANGING = "an Array does not change, because what was recorded does not; build the new one with numpy.where"
_IN_PLACE = frozenset(of_numpy("copyto", "put", "place", "putmask", "put_along_axis", "fill_diagonal"))


def call_function(array: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Compute a function of NumPy of which an argument is an Array (NumPy's ``__array_function__``)."""
    known = FUNCTIONS.get(function)
    if known is not None:
        return known(*args, **kwargs)
    name = name_of(function)
    if function in _IN_PLACE:
        raise _core.NodeTypeError(f"numpy.{name}: {_UNCHANGING}")
    raise _unsupported(name, {})


def name_of(function: Any) -> str:
    """Return "linalg.inv" for `numpy.linalg.inv`."""
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__name__", str(function))
    return f"{module.removeprefix('numpy.')}.{name}" if module.startswith("numpy.") else name


def _compared(x: Any) -> Any:
    """Return the values of an Array or a Node; in a trace, where a comparison is recorded, what records it."""
    if isinstance(x, _core._ArrayBase):
        return x._compared()  # type: ignore[attr-defined]
    return x.value if isinstance(x, _core.Node) and not _core._is_tracing() else x


def _unsupported(name: str, settings: dict[str, Any]) -> Exception:
    known = sorted({name_of(f) for f in (*UFUNCS, *FUNCTIONS)})
    if name in known:
        return _core.NodeTypeError(f"numpy.{name} of an Array does not take {', '.join(sorted(settings))}")
    near = _NEAREST.get(name) or difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return _core.NodeTypeError(
        f"numpy.{name} of an Array is not supported: it would lose the derivatives. The nearest that is: "
        f"numpy.{near}; compute with .value if derivatives are not wanted"
    )


# What comes nearest in meaning, where another has the name that looks most alike.
_NEAREST = {
    "angle": "arctan2",
    "apply_over_axes": "sum",
    "fft.fft": "matmul",
    "fft.ifft": "matmul",
    "fft.rfft": "matmul",
    "frexp": "log2",
    "intersect1d": "unique",
    "ldexp": "exp2",
    "lib.scimath.log": "log",
    "lib.scimath.power": "power",
    "lib.scimath.sqrt": "sqrt",
    "modf": "trunc",
    "nanmedian": "median",
    "nanpercentile": "percentile",
    "nanquantile": "quantile",
    "piecewise": "select",
    "polyfit": "linalg.lstsq",
    "setdiff1d": "unique",
    "trim_zeros": "compress",
    "union1d": "unique",
    "unwrap": "where",
}
