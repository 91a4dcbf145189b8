"""Widths and shapes that make sense."""

from __future__ import annotations

from operator import index

from reelgrad._core import NodeTypeError, SettingError

__all__ = ["checked_width"]


def checked_width(what: str, width: int) -> int:
    """Return a whole number of at least 1."""
    try:
        width = index(width)
    except TypeError:
        raise NodeTypeError(f"{what}: got {width!r}, but a whole number of at least 1 is needed") from None
    if width < 1:
        raise SettingError(f"{what}: got {width}, but at least 1 is needed")
    return width
