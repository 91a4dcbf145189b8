"""Numbers that are settings: of the right kind, and in the range that makes sense. Others are told with both."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Real
from typing import Any

import numpy as np

from reelgrad._core import NodeTypeError, SettingError

__all__ = ["real", "whole"]


def whole(name: str, value: Any, least: int = 1, *, bits: int | None = None, kind: str = "a whole number") -> int:
    """Return a whole number that is at least `least`, and below ``2**bits`` if that is given."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise NodeTypeError(f"{name}: got {value!r:.80}, but {kind} is needed")
    if value < least:
        raise SettingError(f"{name} is {value}, but must be at least {least}")
    if bits is not None and value >= 1 << bits:
        raise SettingError(f"{name} is {value}, but must be below 2**{bits}")
    return int(value)


def real(name: str, value: Any, least: float = -inf, below: float = inf) -> float:
    """Return a finite number that is at least `least` and below `below`, as it was given."""
    if not isinstance(value, Real):
        raise NodeTypeError(f"{name}: got {value!r:.80}, but a number is needed")
    number: float = value  # type: ignore[assignment]
    if not (isfinite(number) and least <= number < below):
        limits = (f"at least {least:g} and " if isfinite(least) else "") + (
            f"below {below:g}" if isfinite(below) else "finite"
        )
        raise SettingError(f"{name} is {number!r}, but must be {limits}")
    return number
