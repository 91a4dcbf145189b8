"""Whether a function is being differentiated or traced right now.

At the outermost level variables are arguments like numbers, by their values. Inside of a function that is itself
differentiated or traced, every Node is a part of that computation, and has to stay one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reelgrad import _core

__all__ = ["becomes_program", "is_nested", "is_part_of_a_function", "nested"]


class _Depth(threading.local):
    count = 0
    programs = 0

    def __init__(self) -> None:
        self.inputs: list[Sequence[_core.Node]] = []


_depth = _Depth()


def is_nested() -> bool:
    """Return whether a function is being differentiated or traced on this thread: then all Nodes count."""
    return _depth.count > 0 or _core._is_tracing()


def becomes_program() -> bool:
    """Return whether what is recorded now becomes a Program: in a trace, or a derivative inside of a derivative."""
    return _depth.programs > 0 or _core._is_tracing()


def is_part_of_a_function(x: Any) -> bool:
    """Return whether a Node, or an Array, is an argument of a function that is differentiated or traced, or a result.

    Results of operations count wherever they come from; variables only if they are the function's arguments.
    """
    if _core._is_tracing() and x.tape is _core.current_tape():
        return True
    if not _depth.inputs:
        return False
    if not x.is_variable:
        return True
    places = {_core._entry_of_node(x)} if isinstance(x, _core.Node) else set(x._entries().ravel().tolist())
    return any(
        places <= {_core._entry_of_node(node) for node in inputs}
        for inputs in _depth.inputs
        if inputs and inputs[0].tape == x.tape
    )


@contextmanager
def nested(program: bool = False, inputs: Sequence[_core.Node] = ()) -> Iterator[None]:
    """Let all Nodes count until the `with` block ends.

    `program` if what is recorded meanwhile becomes one; `inputs` are the arguments of the function that is run.
    """
    _depth.count += 1
    _depth.programs += program
    _depth.inputs.append(inputs)
    try:
        yield
    finally:
        _depth.count -= 1
        _depth.programs -= program
        _depth.inputs.pop()
