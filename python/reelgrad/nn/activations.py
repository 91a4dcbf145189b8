"""Activations: operators of the table by name, or functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias, cast

from reelgrad import _core
from reelgrad._core import NodeTypeError, SettingError

__all__ = ["Activation", "resolved"]

Activation: TypeAlias = Callable[[Any], Any]


@cache
def _operators_of_one() -> dict[str, Activation]:
    """Operators of the table that one Node is enough for, by name and alias."""
    of_numbers = {"silu", "gelu"}  # the composites that do not reduce a sequence
    return {
        name: cast(Activation, getattr(_core, name))
        for row in _core.operator_table()
        if (row["kind"] == "primitive" and len(row["operands"]) == 1 + (row["default"] is not None))
        or row["name"] in of_numbers
        for name in (row["name"], *row["aliases"])
    }


def resolved(activation: str | Activation) -> tuple[Activation | None, str]:
    """Return the function (None for the identity) and what the repr calls it."""
    if callable(activation):
        return activation, _title(getattr(activation, "__name__", type(activation).__name__))
    if not isinstance(activation, str):
        raise NodeTypeError(f"activation: got {activation!r}, but the name of an operator or a function is needed")
    if activation == "linear":
        return None, "Linear"
    if activation not in _operators_of_one():
        raise SettingError(
            f"activation: {activation!r} is not an operator of one operand; give 'relu', 'tanh', 'sigmoid' or another "
            "such name, 'linear', or a function from Node to Node"
        )
    return _operators_of_one()[activation], "ReLU" if activation == "relu" else _title(activation)


def _title(name: str) -> str:
    return name.title().replace("_", "")
