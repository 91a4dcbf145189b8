"""`rg.nn.Module` as a branch of trees: its leaves are its parameters, and taking it apart does not touch it.

Inside of a function that is differentiated or traced, results of operations are parameters too: there a module may be
made of what was computed, and returned.

What is left of a module without its parameters is a *skeleton*: the classes, attributes and containers, with a number
where a parameter stands. A parameter that is found twice has one number, so shared weights stay shared, and containers
that hold themselves are put together again. Two modules of equal skeletons are of one structure: a function that was
traced for one serves the other.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import optree

from reelgrad._core import Node
from reelgrad.arrays import Array
from reelgrad.nesting import is_nested
from reelgrad.trees import Static, register

__all__ = ["register_module"]

_PLAIN = frozenset({int, float, bool, str, bytes, type(None), complex})


class Skeleton:
    """A module without its parameters: compared by structure, and able to make modules of it."""

    def __init__(self, root: Any) -> None:
        self.parameters: list[Node | Array] = []
        self.names: list[str] = []
        self._numbers: dict[int, int] = {}  # of parameters and of containers, by identity
        self._containers: dict[int, int] = {}
        self.shape = self._describe(root, "")
        self._hash = hash(self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Skeleton) and self.shape == other.shape

    def __hash__(self) -> int:
        return self._hash

    def filled(self, leaves: Any) -> Any:
        """Return a new module with these in place of the parameters."""
        return _build(self.shape, list(leaves), {})

    def forget(self) -> Skeleton:
        """Let go of the module it was made from."""
        self.parameters, self._numbers, self._containers = [], {}, {}
        return self

    def _describe(self, value: Any, path: str, searched: bool = True) -> Hashable:
        if isinstance(value, (Node, Array)):
            if not searched or not (value.is_variable or is_nested()):
                return ("kept", Static(value))
            number = self._numbers.get(id(value))
            if number is None:
                number = self._numbers[id(value)] = len(self.parameters)
                self.parameters.append(value)
                self.names.append(path)
            return ("parameter", number)
        if type(value) in _PLAIN:
            return ("kept", Static(value))
        entries = _entries(value) if searched else None
        if entries is None:
            return ("kept", Static(value))
        if id(value) in self._containers:
            return ("again", self._containers[id(value)])
        number = self._containers[id(value)] = len(self._containers)
        described = tuple(
            (key, self._describe(entry, _joined(path, key), _is_searched(value, key))) for key, entry in entries
        )
        shape = value.shape if isinstance(value, np.ndarray) else None
        return ("container", number, type(value), shape, described)


_modules: set[type[Any]] = set()


def _is_module(value: Any) -> bool:
    return type(value) in _modules


def _entries(value: Any) -> list[tuple[Hashable, Any]] | None:
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, np.ndarray) and value.dtype == object:
        return list(np.ndenumerate(value))
    if _is_module(value):
        return list(vars(value).items())
    return None


def _is_searched(container: Any, key: Hashable) -> bool:
    """Attributes whose name begins with an underscore hold no parameters: see `rg.nn.Module`."""
    return not (_is_module(container) and isinstance(key, str) and key[:1] == "_")


def _joined(path: str, key: Hashable) -> str:
    name = ".".join(map(str, key)) if isinstance(key, tuple) else str(key)
    return f"{path}.{name}" if path else name


def _build(shape: Any, leaves: list[Any], made: dict[int, Any]) -> Any:
    match shape:
        case ("parameter", number):
            return leaves[number]
        case ("kept", kept):
            return kept.value
        case ("again", number):
            return made[number]
    _, number, kind, array_shape, entries = shape
    if issubclass(
        kind, tuple
    ):  # a tuple cannot be filled after it is made, and so cannot hold itself but through others
        values = [_build(entry, leaves, made) for _, entry in entries]
        made[number] = kind(*values) if hasattr(kind, "_fields") else kind(values)
        return made[number]
    if issubclass(kind, np.ndarray):
        container = made[number] = np.empty(array_shape, object)
        for key, entry in entries:
            container[key] = _build(entry, leaves, made)
    elif issubclass(kind, list):
        container = made[number] = kind()
        container.extend(_build(entry, leaves, made) for _, entry in entries)
    elif issubclass(kind, dict):
        container = made[number] = kind.__new__(kind)
        for key, entry in entries:
            container[key] = _build(entry, leaves, made)
    else:
        container = made[number] = object.__new__(kind)
        for key, entry in entries:
            vars(container)[key] = _build(entry, leaves, made)
    return container


def _take_apart(module: Any) -> tuple[tuple[Node | Array, ...], Skeleton, tuple[str, ...]]:
    skeleton = Skeleton(module)
    parameters, names = tuple(skeleton.parameters), tuple(skeleton.names)
    return parameters, skeleton.forget(), names


class _Parameter(optree.PyTreeEntry):
    """The way from a module to a parameter, whose name is that of `named_parameters`."""

    def codify(self, node: str = "") -> str:
        return node + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in self.entry.split("."))


def register_module(kind: type[Any]) -> None:
    """Make a class of modules a branch of trees."""
    _modules.add(kind)
    register(kind, _take_apart, lambda skeleton, leaves: skeleton.filled(leaves), _Parameter)
