"""Whether a function is being differentiated or traced right now.

At the outermost level variables are arguments like numbers, by their values. Inside of a function that is itself
differentiated or traced, every Node is a part of that computation, and has to stay one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reelgrad import _core

__all__ = ["becomes_program", "is_nested", "nested"]


class _Depth(threading.local):
    count = 0
    programs = 0


_depth = _Depth()


def is_nested() -> bool:
    """Return whether a function is being differentiated or traced on this thread: then all Nodes count."""
    return _depth.count > 0 or _core._is_tracing()


def becomes_program() -> bool:
    """Return whether what is recorded now becomes a Program: in a trace, or a derivative inside of a derivative."""
    return _depth.programs > 0 or _core._is_tracing()


@contextmanager
def nested(program: bool = False) -> Iterator[None]:
    """Let all Nodes count until the `with` block ends; `program` if what is recorded meanwhile becomes one."""
    _depth.count += 1
    _depth.programs += program
    try:
        yield
    finally:
        _depth.count -= 1
        _depth.programs -= program
