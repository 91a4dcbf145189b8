"""Settings in the range that makes sense."""

from __future__ import annotations

import numpy as np

from reelgrad._core import NodeTypeError, SettingError

__all__ = ["checked_count", "checked_least", "checked_seed"]


def checked_count(name: str, count: int) -> int:
    """Return a whole number of at least 1."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
        raise NodeTypeError(f"{name}: got {count!r}, but a whole number is needed")
    if not 1 <= count < 1 << 62:
        raise SettingError(f"{name} is {count}, but must be at least 1" + (" and below 2**62" if count > 0 else ""))
    return int(count)


def checked_least(name: str, number: float) -> None:
    """Raise unless the number is finite and at least 0."""
    if not isinstance(number, (float, int, np.floating, np.integer)):
        raise NodeTypeError(f"{name}: got {number!r:.80}, but a number is needed")
    if not 0.0 <= number < float("inf"):
        raise SettingError(f"{name} is {number!r}, but must be at least 0 and finite")


def checked_seed(seed: int) -> int:
    """Return a whole number of 64 bits."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise NodeTypeError(f"seed: got {seed!r}, but a whole number is needed")
    if not 0 <= seed < 1 << 64:
        raise SettingError(f"seed is {seed}, but must be at least 0 and below 2**64")
    return int(seed)
