"""Whether a function is being differentiated or traced right now.

At the outermost level variables are arguments like numbers, by their values. Inside of a function that is itself
differentiated or traced, every Node is a part of that computation, and has to stay one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reelgrad import _core

__all__ = ["is_nested", "nested"]


class _Depth(threading.local):
    count = 0


_depth = _Depth()


def is_nested() -> bool:
    """Return whether a function is being differentiated or traced on this thread: then all Nodes count."""
    return _depth.count > 0 or _core._is_tracing()


@contextmanager
def nested() -> Iterator[None]:
    """Let all Nodes count until the `with` block ends."""
    _depth.count += 1
    try:
        yield
    finally:
        _depth.count -= 1
