"""The arguments of a call, as a function of samples sees them: what one sample of each is, and the numbers of all.

`arguments_of` is the one place that reads `in_axes` and `static_argnums`. It gives for each argument an `Argument`, by
which a traced function is found again, and the numbers of the call as a `Batch`.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import LengthError, SettingError
from reelgrad.trees import LeafSpec, Static, Structure, flatten, with_axes

__all__ = [
    "Argument",
    "Axis",
    "Batch",
    "arguments_of",
    "checked_argnums",
    "samples_of",
    "static_argnums_of",
    "static_numbers",
]

Array: TypeAlias = NDArray[Any]
Axis: TypeAlias = int | None


@dataclass(frozen=True)
class Argument:
    """An argument without its numbers: the structure of one sample of it, and the axis of each numeric leaf."""

    sample: Structure
    axes: tuple[Axis, ...]


class Batch:
    """The numbers of one call, as the engine takes them: uniform ones in a row, arrays with the lanes first."""

    def __init__(self, leaves: Sequence[Any], axes: Sequence[Axis], lanes: int) -> None:
        self.lanes = lanes
        self._leaves, self._axes = leaves, axes
        uniform = [leaf for leaf, axis in zip(leaves, axes, strict=True) if axis is None]
        if all(type(leaf) is float for leaf in uniform):
            self.uniforms = np.array(uniform, np.float64)
        else:
            self.uniforms = np.concatenate([np.ravel(leaf) for leaf in uniform], dtype=np.float64, casting="unsafe")
        self.columns = [_lanes_first(leaf, axis) for leaf, axis in zip(leaves, axes, strict=True) if axis is not None]

    def sample(self, lane: int) -> list[Any]:
        """Return the leaves of one lane; of zeros if there are no lanes."""
        return [
            leaf
            if axis is None
            else np.take(leaf, lane, axis)[()]
            if self.lanes
            else np.zeros(leaf.shape[:axis] + leaf.shape[axis + 1 :])[()]
            for leaf, axis in zip(self._leaves, self._axes, strict=True)
        ]

    def apart_from(self, written: Sequence[Array]) -> Batch:
        """Return it with copies of what varies and may share memory with arrays that a run writes meanwhile."""
        leaves = [
            leaf.copy() if axis is not None and any(np.may_share_memory(leaf, array) for array in written) else leaf
            for leaf, axis in zip(self._leaves, self._axes, strict=True)
        ]
        if all(copy is leaf for copy, leaf in zip(leaves, self._leaves, strict=True)):
            return self
        return Batch(leaves, self._axes, self.lanes)


_CONVERTED = frozenset({"float16", "longdouble", "float128", "float96"})  # what the engine does not read itself


def _lanes_first(leaf: Array, axis: int) -> Array:
    dtype = leaf.dtype
    if not (dtype.isnative and leaf.flags.aligned) or (dtype != np.float64 and dtype.name in _CONVERTED):
        leaf = leaf.astype(np.float64)
    return leaf if axis == 0 else np.moveaxis(leaf, axis, 0)


def arguments_of(
    args: Sequence[Any], in_axes: Any, static_argnums: Sequence[int]
) -> tuple[tuple[Argument, ...], Batch]:
    """Take the arguments of a call apart.

    Raises
    ------
    LengthError
        If `in_axes` is for another number of arguments, an argument has no such axis, or they have different numbers of
        samples.
    SettingError
        If `in_axes` or `static_argnums` name what there is not.
    StructureError
        If an argument is no tree of numbers, or its axes do not fit it.
    """
    static = static_numbers(static_argnums, len(args))
    parts = [flatten(Static(arg) if k in static else arg, f"argument {k}") for k, arg in enumerate(args)]
    arguments, lanes = samples_of(args, [structure for _, structure in parts], in_axes, static)
    leaves = [leaf for found, _ in parts for leaf in found]
    return arguments, Batch(leaves, [axis for argument in arguments for axis in argument.axes], lanes)


def samples_of(
    args: Sequence[Any], structures: Sequence[Structure], in_axes: Any, static: Collection[int]
) -> tuple[tuple[Argument, ...], int]:
    """Return what one sample of each argument is, and how many samples there are."""
    axes = _axes(args, structures, in_axes, static)
    lanes = _lanes(structures, axes)
    return tuple(map(_without_lanes, structures, axes)), lanes


def static_argnums_of(given: Any) -> tuple[int, ...]:
    """Return the setting `static_argnums`, a whole number or several, as a tuple.

    Raises
    ------
    SettingError
        If it is anything else.
    """
    several = (given,) if isinstance(given, (int, np.integer)) else given
    if not isinstance(several, (tuple, list)) or any(
        isinstance(k, bool) or not isinstance(k, (int, np.integer)) for k in several
    ):
        raise SettingError(f"static_argnums: got {given!r}, but a whole number or a tuple of some is needed")
    return tuple(map(int, several))


def static_numbers(static_argnums: Sequence[int], count: int) -> Collection[int]:
    """Return the static ones of `count` arguments, counted from the front."""
    return _from_the_front(static_argnums, count, "static_argnums") if static_argnums else ()


def checked_argnums(argnums: Any, count: int, static: Collection[int] = ()) -> tuple[int, ...]:
    """Return argnums as numbers counted from the front.

    Raises
    ------
    SettingError
        If there is no such argument, it is named twice, or it is static.
    """
    given = (argnums,) if isinstance(argnums, (int, np.integer)) else argnums
    numbers = _from_the_front(given, count, "argnums")
    for number in numbers:
        if number in static:
            raise SettingError(f"argnums: argument {number} is static, nothing can be differentiated for it")
    if len(set(numbers)) != len(numbers):
        raise SettingError(f"argnums: {argnums!r} names an argument twice")
    return numbers


def _from_the_front(numbers: Sequence[Any], count: int, name: str) -> tuple[int, ...]:
    found = []
    for number in numbers:
        number = operator.index(number)
        if not -count <= number < count:
            raise SettingError(f"{name}: {number} is no argument of a call with {count} positional arguments")
        found.append(number % count)
    return tuple(found)


def _axes(
    args: Sequence[Any], structures: Sequence[Structure], in_axes: Any, static: Collection[int]
) -> list[list[Axis]]:
    """Return the axis for each numeric leaf of each argument, as it was given."""
    if in_axes is None or type(in_axes) is int:
        in_axes = (in_axes,) * len(args)
    elif not isinstance(in_axes, (tuple, list)):
        raise SettingError(
            f"in_axes: got {in_axes!r:.80}, but an int, None, or a tuple of one for each argument is needed"
        )
    elif len(in_axes) != len(args):
        raise LengthError(f"in_axes is {in_axes!r}, for {len(in_axes)} arguments, but the function got {len(args)}")
    found: list[list[Axis]] = []
    for k, (arg, axes) in enumerate(zip(args, in_axes, strict=True)):
        if k in static:
            found.append([])
        elif axes is None or type(axes) is int:  # without a walk through the argument
            found.append([axes] * len(structures[k].leaves))
        else:
            found.append(with_axes(arg, structures[k], axes, f"argument {k}"))
    return found


def _lanes(structures: Sequence[Structure], axes: list[list[Axis]]) -> int:
    """Return how many lanes the arguments have; makes axes count from the front."""
    lanes: int | None = None
    whose = ""
    for k, structure in enumerate(structures):
        for position, (leaf, axis) in enumerate(zip(structure.leaves, axes[k], strict=True)):
            if axis is None:
                continue
            if not leaf.is_array or not -len(leaf.shape) <= axis < len(leaf.shape):
                path = _path(structure, k, position)
                what = f"an array of {len(leaf.shape)} dimensions" if leaf.is_array else "a number"
                cure = "" if leaf.is_array else "; make an array of the samples' numbers: numpy.asarray(...)"
                raise LengthError(f"{path} has axis {axis} in in_axes, but it is {what}{cure}")
            axis %= len(leaf.shape)
            axes[k][position] = axis
            if lanes is None:
                lanes, whose = leaf.shape[axis], f"{_path(structure, k, position)}, axis {axis}"
            elif leaf.shape[axis] != lanes:
                raise LengthError(
                    f"{_path(structure, k, position)} has {leaf.shape[axis]} samples along axis {axis}, but {whose} "
                    f"has {lanes}: all varying arguments need as many"
                )
    return 1 if lanes is None else lanes


def _path(structure: Structure, argument: int, position: int) -> str:
    paths: Iterator[str] = structure.paths(f"argument {argument}")
    return list(paths)[position]


def _without_lanes(structure: Structure, axes: Sequence[Axis]) -> Argument:
    """Return the argument without its numbers and without the axes of the lanes."""
    rest = iter(axes)
    entries: list[LeafSpec | Static] = []
    for entry in structure.entries:
        if isinstance(entry, LeafSpec):
            axis = next(rest)
            if axis is not None:
                shape = entry.shape[:axis] + entry.shape[axis + 1 :]
                entry = LeafSpec("array" if shape else "number", shape)
        entries.append(entry)
    return Argument(Structure(structure.treedef, tuple(entries)), tuple(axes))
