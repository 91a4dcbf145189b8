"""What the nodes of a graph are called: the caller's names, the variables' own, else x0, x1 ... and v0, v1 ..."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from reelgrad._core import Node, NodeTypeError, StaleNodeError
from reelgrad.arrays import Array
from reelgrad.nn import Module

__all__ = ["Names", "named_nodes"]

_MOST_NODES = 100_000  # that are looked at for a name
_MOST_ELEMENTS = 10_000  # of an Array
_DEEPEST = 3
_LONGEST = 40
_PLAIN = re.compile(r"[\w.,…\[\]']+")


def named_nodes(names: Mapping[str, Any] | None) -> dict[Node, str]:
    """Return the Nodes in `names`, in lists, dicts, Arrays, arrays and Modules too, with what to call them.

    A Node with several names goes by the one that is least nested, and then by the first.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise NodeTypeError(
            f"names: got {type(names).__name__}, but a mapping of names to Nodes is needed: {{'y': y}}, or locals()"
        )
    found: dict[Node, str] = {}
    level = [(str(name), value) for name, value in names.items() if not str(name).startswith("_")]
    for _ in range(_DEEPEST):
        inside: list[tuple[str, Any]] = []
        for name, value in level:
            if isinstance(value, Node):
                found.setdefault(value, name)
            elif len(inside) < _MOST_NODES:
                inside.extend(_parts(name, value))
        level = inside
    return found


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Module):
        for inner, node in value.named_parameters():
            yield f"{name}.{inner}", node
    elif isinstance(value, Array) or (isinstance(value, np.ndarray) and value.dtype == object):
        with suppress(StaleNodeError):
            for place in islice(np.ndindex(value.shape), _MOST_ELEMENTS):
                yield f"{name}[{','.join(map(str, place))}]", value[place]
    elif isinstance(value, dict):
        for key, part in list(value.items())[:_MOST_NODES]:
            yield f"{name}[{key!r}]", part
    elif isinstance(value, (list, tuple)):
        for k, part in enumerate(value[:_MOST_NODES]):
            yield f"{name}[{k}]", part


class Names:
    """A name for each node of one graph: no two have the same."""

    def __init__(self) -> None:
        self._of: dict[int, str] = {}
        self._used: set[str] = set()

    def give(self, node: int, name: str) -> None:
        """Call a node so, unless it has a name."""
        if node in self._of or not name:
            return
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
        if len(text) > _LONGEST:
            text = text[: _LONGEST - 1] + "…"
        self._take(node, text)

    def __getitem__(self, node: int) -> str:
        if node not in self._of:
            self._take(node, f"v{node}" if node >= 0 else f"x{-1 - node}")
        return self._of[node]

    def in_formula(self, node: int) -> str:
        """Return the name as an operand: set apart if it could be taken for more than one word."""
        name = self[node]
        return name if _PLAIN.fullmatch(name) else f"⟨{name}⟩"

    def _take(self, node: int, name: str) -> None:
        unique, count = name, 1
        while unique in self._used:
            count += 1
            unique = f"{name}_{count}"
        self._used.add(unique)
        self._of[node] = unique
