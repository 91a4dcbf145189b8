"""A compiled function for one structure of arguments: its paths, and what was made of them to run.

A `Runner` is one thing that is asked of the function, its values or its values and gradients. It takes a `Batch`, the
numbers of one call, and fills `Result`s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import LengthError, Program, SettingError
from reelgrad.arguments import Argument, Axis, Batch, checked_argnums, static_numbers
from reelgrad.path_programs import PathPrograms
from reelgrad.paths import Path, PathTree
from reelgrad.trees import LeafSpec, Structure, StructureError

if TYPE_CHECKING:
    from reelgrad.compiled import CompiledFunction

__all__ = ["Reduce", "Result", "Runner", "Settings", "Specialisation"]

Reduce: TypeAlias = Literal["sum", "mean"] | None
Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """How a function was compiled: see `reelgrad.compile`."""

    in_axes: Any = None
    reduce: Reduce = None
    static_argnums: tuple[int, ...] = ()
    has_aux: bool = False
    max_paths: int = 64
    threads: int | None = None


class Specialisation:
    """A function for one structure of arguments: the paths that were traced, and the runners made of them."""

    def __init__(self, function: CompiledFunction, arguments: tuple[Argument, ...], sample: Sequence[Any]) -> None:
        self.settings, self.arguments = function.settings, arguments
        self.axes = [axis for argument in arguments for axis in argument.axes]
        self.batched = any(axis is not None for axis in self.axes)
        self.reduces = self.batched and self.settings.reduce is not None
        self.paths = PathTree(
            function.__wrapped__,
            [argument.sample for argument in arguments],
            sample,
            varying=[axis is not None for axis in self.axes],
            max_paths=self.settings.max_paths,
            has_aux=self.settings.has_aux,
        )
        self._runners: dict[tuple[int, ...] | None, Runner] = {}
        self.derived: dict[Any, PathPrograms] = {}  # what else was made of the paths, by what it is

    def leaves(self, number: int) -> list[tuple[LeafSpec, Axis]]:
        """Return the numeric leaves of an argument, each with its axis."""
        argument = self.arguments[number]
        return list(zip(argument.sample.leaves, argument.axes, strict=True))

    @property
    def static(self) -> Collection[int]:
        """The numbers of the arguments that `static_argnums` names."""
        return static_numbers(self.settings.static_argnums, len(self.arguments))

    def differentiated(self, argnums: int | Sequence[int]) -> tuple[int, ...]:
        """Return argnums as numbers counted from the front.

        Raises
        ------
        SettingError
            If there is no such argument, it is named twice, or nothing in it is a number.
        """
        numbers = checked_argnums(argnums, len(self.arguments), self.static)
        for number in numbers:
            entries = self.arguments[number].sample.entries
            if entries and not self.leaves(number):
                raise SettingError(
                    f"argument {number} is static, {', '.join(map(str, entries)):.80}: nothing can be differentiated "
                    "for it; leave it out of argnums, or pass a float"
                )
        return numbers

    def inputs_of(self, argnums: Sequence[int]) -> list[int]:
        """Return the numbers of the Program's inputs that belong to these arguments, in their order."""
        starts = [0, *accumulate(argument.sample.size for argument in self.arguments)]
        return [k for number in argnums for k in range(starts[number], starts[number + 1])]

    def runner(self, argnums: tuple[int, ...] | None) -> Runner:
        """Return what computes values (None), or values and the gradients by these arguments."""
        found = self._runners.get(argnums)
        if found is None:
            with self.paths.lock:
                found = self._runners.get(argnums) or Runner(self, argnums)
                self._runners[argnums] = found
        return found


@dataclass(frozen=True)
class _Place:
    """Where the numbers of a leaf of the results come from: one number each, or one for each lane."""

    leaf: LeafSpec
    per_lane: bool
    axis: int  # of the lanes
    averaged: bool  # the engine gives the sum over the lanes


class Result:
    """The numbers of a run: an array for each leaf that has a number per lane, the others in a row."""

    def __init__(self, places: Sequence[_Place], lanes: int, out: Sequence[Array | None]) -> None:
        self._places, self._lanes, self._out = places, lanes, out
        self.numbers = np.empty(sum(place.leaf.size for place in places if not place.per_lane))
        self._arrays: list[Array | None] = []
        for place, given in zip(places, out, strict=True):
            shape = _with_lanes(place, lanes)
            if given is not None:
                _require_writeable(given, shape)
            self._arrays.append(None if not place.per_lane else given if given is not None else np.empty(shape))
        self.columns = [
            array if place.axis == 0 else np.moveaxis(array, place.axis, 0)
            for place, array in zip(places, self._arrays, strict=True)
            if array is not None
        ]

    def leaves(self) -> list[Any]:
        """Return what was computed, leaf by leaf: floats and arrays."""
        found: list[Any] = []
        at = 0
        for place, array, given in zip(self._places, self._arrays, self._out, strict=True):
            leaf: Any = array
            if leaf is None:
                part = self.numbers[at : at + place.leaf.size]
                at += place.leaf.size
                if place.averaged:
                    part = part / self._lanes
                if given is not None:
                    given[...] = part.reshape(place.leaf.shape)
                leaf = part.reshape(place.leaf.shape) if place.leaf.is_array else float(part[0])
            elif place.averaged:
                leaf /= self._lanes
            found.append(leaf)
        return found


def _require_writeable(given: Array, shape: tuple[int, ...]) -> None:
    if given.shape != shape or given.dtype != np.float64 or not given.flags.writeable:
        raise StructureError(
            f"out: got an array of {given.dtype} and shape {given.shape}"
            f"{'' if given.flags.writeable else ', read-only'}, but a writeable one of float64 "
            f"and shape {shape} is needed"
        )


def _with_lanes(place: _Place, lanes: int) -> tuple[int, ...]:
    shape = place.leaf.shape
    return (*shape[: place.axis], lanes, *shape[place.axis :]) if place.per_lane else shape


class Runner:
    """What is asked of a specialisation, made ready: Programs, and the places of their outputs in the results."""

    def __init__(self, specialisation: Specialisation, argnums: tuple[int, ...] | None) -> None:
        self.specialisation, self.argnums = specialisation, argnums
        settings, batched, reduces = specialisation.settings, specialisation.batched, specialisation.reduces
        first = specialisation.paths.first
        if argnums is not None:
            require_scalar(first.result, settings.has_aux)
        leaves = first.result.leaves
        summed = 0 if not reduces else 1 if settings.has_aux else len(leaves)
        averages = reduces and settings.reduce == "mean"
        self.places = [
            _Place(leaf, per_lane=batched and k >= summed, axis=0, averaged=averages and k < summed)
            for k, leaf in enumerate(leaves)
        ]
        for number in argnums or ():
            for leaf, axis in specialisation.leaves(number):
                per_lane = batched and (axis is not None or not reduces)
                self.places.append(_Place(leaf, per_lane, axis or 0, averages))
        self._summed = sum(leaf.size for leaf in leaves[:summed])
        self.programs = PathPrograms(
            specialisation.paths,
            self.program,
            [place.per_lane for place in self.places for _ in range(place.leaf.size)],
        )

    def program(self, path: Path) -> Program:
        """Return what is asked for, as a Program for one path."""
        program = path.program
        if self.specialisation.reduces:
            program = program.reduced(self._summed)
        if self.argnums is None:
            return program
        per_lane = self.specialisation.batched and not self.specialisation.reduces
        return program.differentiate(self.specialisation.inputs_of(self.argnums), per_lane=per_lane, outputs=1)

    def run(self, batch: Batch, threads: int, out: Sequence[Array] = ()) -> list[Any]:
        """Run the batch and return the leaves of the result: values, then gradients."""
        if batch.lanes == 0 and self.specialisation.reduces and self.specialisation.settings.reduce == "mean":
            raise LengthError("an empty batch has no mean: give at least one lane, or compile with reduce='sum'")
        given = [None] * (len(self.places) - len(out)) + list(out)
        result = Result(self.places, batch.lanes, given)
        if out:
            written = zip(out, self.places[-len(out) :], strict=True)
            batch = batch.apart_from([array for array, place in written if place.per_lane])
        self.programs.run(
            batch.uniforms, batch.columns, batch.lanes, threads, result.numbers, result.columns, batch.sample
        )
        return result.leaves()


def require_scalar(result: Structure, has_aux: bool) -> None:
    """Raise if a function's result is not one number, or with `has_aux` does not begin with one."""
    children = result.treedef.children()
    if has_aux and len(children) != 2:
        raise StructureError("has_aux=True: the function must return a pair, the value and the auxiliary data")
    first = result.entries[0] if result.entries else None
    one = children[0].num_leaves == 1 if has_aux else result.treedef.num_leaves == 1
    if not one or not isinstance(first, LeafSpec) or first.shape != ():
        what = (
            "no number" if not isinstance(first, LeafSpec) else f"an array of shape {first.shape}" if one else "a tree"
        )
        raise StructureError(
            f"a gradient is that of a number, but the function returns {what}: return a number, or take a Jacobian"
        )
