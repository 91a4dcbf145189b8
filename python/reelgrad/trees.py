"""Arguments and results as trees: what in them is a number, what is static, and how to put them together again.

Lists, tuples, named tuples, dicts and whatever else `optree` has registered (in the global namespace or in "reelgrad")
are branches; so is an `rg.nn.Module`, whose leaves are its parameters. Numbers are leaves: floats, ints, NumPy's real
scalars, variables (by their value), and arrays of real numbers and Arrays of variables, each of which is one leaf with
many elements. Text, bools, None and `rg.static(v)` are static: part of the structure, and so of the key under which a
traced function is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cached_property
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np
import optree
from numpy.typing import NDArray

from reelgrad._core import Condition, Node, ReelgradError
from reelgrad.arrays import Array

__all__ = [
    "Static",
    "Structure",
    "StructureError",
    "flatten",
    "flatten_with_nodes",
    "plain_leaves",
    "static",
    "with_axes",
]

NAMESPACE = "reelgrad"
Leaf: TypeAlias = "float | NDArray[Any]"
_TRACKED = frozenset({Node, Condition})


class StructureError(ReelgradError, TypeError):
    """An argument or a result is built of something that cannot be taken apart into numbers."""

    __module__ = "reelgrad"


class Static:
    """A value that is no number to differentiate or to vary: see `static`."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def _key(self) -> tuple[object, object]:
        if type(self.value) is float:
            return float, self.value.hex()  # which tells -0.0 from 0.0, and takes nan for nan
        return type(self.value), self.value if isinstance(self.value, Hashable) else id(self.value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static):
            return NotImplemented
        try:
            return bool(self._key() == other._key())
        except Exception:  # what compares strangely is compared by identity
            return self.value is other.value

    def __hash__(self) -> int:
        try:
            return hash(self._key())
        except TypeError:  # a tuple of lists, say
            return hash(type(self.value))

    def __repr__(self) -> str:
        return f"static({self.value!r})"


def static(value: object) -> Static:
    """Mark an argument as static: a traced function gets the value itself, and is traced anew for another value.

    Values are compared by ``==`` where they can be hashed, else by identity.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.static(2) == rg.static(2)
    True
    """
    return Static(value)


@dataclass(frozen=True)
class LeafSpec:
    """What a numeric leaf is: a plain number, a variable, an array and its shape, or an Array of variables and its."""

    kind: Literal["number", "node", "array", "Array"]
    shape: tuple[int, ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether it has elements, and is not one number."""
        return self.kind in ("array", "Array")

    @cached_property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


class _Word:
    def __init__(self, leaf: LeafSpec) -> None:
        self.text = f"array of shape {leaf.shape}" if leaf.is_array else "number"

    def __repr__(self) -> str:
        return self.text


_SHOWN = 200  # characters of a structure in a message


@dataclass(frozen=True)
class Structure:
    """A tree without its numbers: equal structures take equally many numbers in the same places."""

    treedef: optree.PyTreeSpec
    entries: tuple[LeafSpec | Static, ...]

    def __str__(self) -> str:
        """Show it as Python shows the tree, with words for the numbers: ``{'w': array of shape (2,), 'b': number}``."""
        try:
            text = repr(self.unflatten([_Word(leaf) for leaf in self.leaves]))
        except Exception:  # of a class of trees that takes apart what it holds
            text = str(self.treedef)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

    @cached_property
    def leaves(self) -> tuple[LeafSpec, ...]:
        """The numeric leaves, in order."""
        return tuple(entry for entry in self.entries if isinstance(entry, LeafSpec))

    @cached_property
    def size(self) -> int:
        """How many numbers there are in all."""
        return sum(leaf.size for leaf in self.leaves)

    @property
    def first(self) -> Structure:
        """The structure of the first of the root's branches."""
        branch = self.treedef.children()[0]
        return Structure(branch, self.entries[: branch.num_leaves])

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """Return the tree with these leaves, which may be anything, and the static values in their places."""
        rest = iter(leaves)
        filled = [entry.value if isinstance(entry, Static) else next(rest) for entry in self.entries]
        return self.treedef.unflatten(filled)

    def unflatten_flat(self, numbers: Sequence[Any] | NDArray[Any]) -> Any:
        """Return the tree for its numbers in a row; arrays are object arrays, or float64 if `numbers` is an array."""
        leaves: list[Any] = []
        at = 0
        for leaf in self.leaves:
            part: Any = numbers[at : at + leaf.size]
            at += leaf.size
            if not leaf.is_array:
                leaves.append(part[0] if not isinstance(numbers, np.ndarray) else float(part[0]))
            elif isinstance(numbers, np.ndarray):
                leaves.append(part.reshape(leaf.shape).copy())
            else:
                from reelgrad.traced_arrays import nodes_in_array  # it needs the classes defined here

                array = np.empty(leaf.size, object)
                array[:] = part
                leaves.append(nodes_in_array(array.reshape(leaf.shape)))
        return self.unflatten(leaves)

    def paths(self, name: str) -> Iterator[str]:
        """Yield for each numeric leaf the expression that leads to it from `name`, as in ``params['w'][0]``."""
        for accessor, entry in zip(self.treedef.accessors(), self.entries, strict=True):
            if isinstance(entry, LeafSpec):
                yield accessor.codify(name)


def flatten(tree: Any, name: str = "argument") -> tuple[list[Leaf], Structure]:
    """Take a tree apart into its numeric leaves and its structure.

    Numbers become floats, arrays stay as they are if their numbers are real (arrays of objects become float64).

    Raises
    ------
    StructureError
        If something in it is neither a number nor static nor a known container; says where.
    """
    found, treedef = optree.tree_flatten(tree, none_is_leaf=True, namespace=NAMESPACE)
    leaves: list[Leaf] = []
    entries: list[LeafSpec | Static] = []
    for position, value in enumerate(found):
        leaf, entry = entry_of(value, treedef, position, name)
        entries.append(entry)
        if leaf is not None:
            leaves.append(leaf)
    return leaves, Structure(treedef, tuple(entries))


def plain_leaves(tree: Any) -> tuple[list[Leaf], Hashable] | None:
    """Return the leaves of a tree of floats and arrays of real numbers, and what trees of its structure share.

    None if anything else is in it: `flatten` tells what. This takes a fifth of the time that `flatten` takes.
    """
    leaves, treedef = optree.tree_flatten(tree, none_is_leaf=True, namespace=NAMESPACE)
    shapes: list[tuple[int, ...] | None] = []
    for leaf in leaves:
        if type(leaf) is np.ndarray and leaf.dtype.kind in "fiub":
            shapes.append(leaf.shape)
        elif type(leaf) is float:
            shapes.append(None)
        else:
            return None
    return leaves, (treedef, *shapes)


def flatten_with_nodes(tree: Any, name: str) -> tuple[list[Any], Structure]:
    """Do what `flatten` does, but leave Nodes, Conditions and Arrays as they are, and arrays that hold some."""
    found, treedef = optree.tree_flatten(tree, none_is_leaf=True, namespace=NAMESPACE)
    leaves: list[Any] = []
    entries: list[LeafSpec | Static] = []
    for position, value in enumerate(found):
        if type(value) in _TRACKED:
            leaves.append(value)
            entries.append(LeafSpec("number"))
            continue
        if isinstance(value, Array):
            leaves.append(value)
            entries.append(LeafSpec("Array", value.shape))
            continue
        if _holds_nodes(value):
            leaves.append(value)
            entries.append(LeafSpec("array", value.shape))
            continue
        leaf, entry = entry_of(value, treedef, position, name)
        entries.append(entry)
        if leaf is not None:
            leaves.append(leaf)
    return leaves, Structure(treedef, tuple(entries))


def _holds_nodes(value: Any) -> bool:
    """Return whether a value is an array of objects with Nodes or Conditions among them."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype == object
        and any(type(element) in _TRACKED for element in value.flat)
    )


def entry_of(value: Any, treedef: optree.PyTreeSpec, position: int, name: str) -> tuple[Leaf | None, LeafSpec | Static]:
    """Return the number that stands at this position of a tree, None if it is static, and what it is."""
    try:
        return _entry(value)
    except _Refused as refused:
        raise StructureError(f"{treedef.accessors()[position].codify(name)}: {refused}") from None


def with_axes(tree: Any, structure: Structure, axes: Any, name: str) -> list[Any]:
    """Return the axis for each numeric leaf of `tree`, of this structure, from `axes`, a tree prefix of ints and None.

    Raises
    ------
    StructureError
        If `axes` is no prefix of the tree.
    """
    try:
        spread = optree.broadcast_prefix(axes, tree, none_is_leaf=True, namespace=NAMESPACE)
    except (ValueError, TypeError) as error:
        raise StructureError(
            f"in_axes of {name} is {axes!r}, which does not fit its structure: give an int, None, or a tree with the "
            f"same containers ({error})"
        ) from None
    for axis in spread:
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)):
            raise StructureError(
                f"in_axes of {name} has {axis!r}, but an axis is an int, or None for a uniform argument"
            )
    return [axis for axis, entry in zip(spread, structure.entries, strict=True) if isinstance(entry, LeafSpec)]


class _Refused(Exception):
    pass


_SCALARS = (np.floating, np.integer)
_STATIC_TYPES = (str, bytes, bool, type(None), np.bool_, np.str_, Enum)


def _entry(value: Any) -> tuple[Leaf | None, LeafSpec | Static]:
    kind = type(value)
    if kind is float or (kind is int and abs(value) < 1 << 1023):
        return float(value), LeafSpec("number")
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Array):
        if not value.is_variable:
            raise _Refused(
                f"got {value!r:.80}, the result of an operation: variables and numbers can be arguments; pass its "
                ".value"
            )
        return value.value, LeafSpec("Array", value.shape)
    if kind is Static:
        return None, value
    if isinstance(value, _STATIC_TYPES):
        return None, Static(bool(value) if isinstance(value, np.bool_) else value)
    if kind is Node:
        if not value.is_variable:
            raise _Refused(
                f"got {value!r}, the result of an operation: variables and numbers can be arguments; pass its .value"
            )
        return value.value, LeafSpec("node")
    if isinstance(value, (float, int, *_SCALARS)) and not isinstance(value, np.timedelta64):
        try:
            return float(value), LeafSpec("number")
        except OverflowError:
            raise _Refused(f"got an int of {int(value).bit_length()} bits, which is too large for a float") from None
    if hasattr(kind, "__array__") and not isinstance(value, np.generic):  # a column of pandas, an array of JAX
        return _array(np.asarray(value))
    if is_dataclass(value):
        raise _Refused(
            f"got the dataclass {kind.__name__}, which is not registered as a tree of its fields: decorate it with "
            "optree.dataclasses.dataclass(namespace='reelgrad'); or wrap what is to be static: rg.static(...)"
        )
    raise _Refused(
        f"got {kind.__name__} {value!r:.80}, which is no number; numbers, arrays of real numbers, lists, tuples, dicts "
        "and rg.nn.Modules are traced; wrap what is to be static: rg.static(...), or name the argument in "
        "static_argnums"
    )


def _array(value: NDArray[Any]) -> tuple[Leaf, LeafSpec]:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise _Refused("got a masked array, whose mask would be lost: pass .filled(...) or .compressed()")
    if value.dtype.kind in "fiub":
        return value, LeafSpec("array", value.shape)
    if value.dtype.kind != "O":
        raise _Refused(f"got an array of {value.dtype}, but only arrays of real numbers are traced")
    numbers = np.empty(value.shape, np.float64)
    for position, element in np.ndenumerate(value):
        leaf, entry = _entry(element)
        if isinstance(entry, Static) or not isinstance(leaf, float):
            raise _Refused(f"element {position} is {element!r:.80}, which is no number")
        numbers[position] = leaf
    return numbers, LeafSpec("array", value.shape)


def register(
    kind: type[Any],
    take_apart: Callable[[Any], tuple[Any, Any, Any]],
    put_together: Callable[[Any, Any], Any],
    entry_kind: type[optree.PyTreeEntry],
) -> None:
    """Make a class a branch of trees, in this package's namespace of optree."""
    optree.register_pytree_node(kind, take_apart, put_together, path_entry_type=entry_kind, namespace=NAMESPACE)
