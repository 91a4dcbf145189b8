"""`copy.copy` and `copy.deepcopy` of Nodes inside of a function that is differentiated or traced.

A simulator that copies its state copies Nodes with it. There the copy of an argument, or of what was computed from it,
is the Node itself: it does not change, and anything else would drop its derivative. Elsewhere the copy of a variable is
a new one, and that of an intermediate is refused, as `Node.__reduce__` says.
"""

from __future__ import annotations

import copy
from typing import Any

from reelgrad._core import Node
from reelgrad.nesting import is_part_of_a_function

__all__: list[str] = []


def _copied(node: Node, memo: dict[int, Any] | None = None) -> Node:
    if is_part_of_a_function(node):
        return node
    make, arguments = node.__reduce__()
    made: Node = make(*arguments)
    return made


# The tables in which `copy` keeps what it does with types that cannot say it themselves. Where a version of Python has
# none, the copy of an argument is refused by `Node.__reduce__`.
for _table in ("_copy_dispatch", "_deepcopy_dispatch"):
    getattr(copy, _table, {})[Node] = _copied
