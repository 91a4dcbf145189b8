"""A compiled function whose first argument is to be moved to where it is best, with the other arguments at hand.

Fitting, minimising and solving least squares all work on the numbers of that argument in a row; here they are taken out
of its structure and put back, and the paths that the function takes on the way are traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import optree
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad._core import LengthError, Node, Program, SettingError
from reelgrad.arguments import Batch
from reelgrad.arrays import Array, array
from reelgrad.arrays.copies import shared_variables
from reelgrad.compiled import CompiledFunction
from reelgrad.path_programs import PathPrograms
from reelgrad.paths import Path
from reelgrad.threads import checked_threads
from reelgrad.tracing import input_names
from reelgrad.trees import NAMESPACE, Structure, StructureError

__all__ = ["Derived", "Problem"]

Numbers = NDArray[np.float64]


class Problem:
    """A function for these parameters and data, made ready."""

    def __init__(self, function: CompiledFunction, params: Any, data: tuple[Any, ...], name: str = "params") -> None:
        self.function = function
        self._params = params
        self.specialisation, self.batch = function.specialise((params, *data))
        first = self.specialisation.arguments[0]
        if any(axis is not None for axis in first.axes):
            raise SettingError(f"in_axes says that {name} vary from sample to sample: it must be None for them")
        self.structure = first.sample
        if self.structure.size == 0:
            raise StructureError(f"{name} has no numbers: {params!r:.80}; there is nothing to move")
        if self.batch.lanes == 0:
            raise LengthError("the data is empty: there is no sample")
        if any(leaf.kind in ("node", "Array") for leaf in self.structure.leaves):
            self._require_apart(name)
        self.batched = self.specialisation.batched
        self.mean = self.specialisation.reduces and self.specialisation.settings.reduce == "mean"
        self.start: Numbers = self.batch.uniforms[: self.structure.size].copy()

    def _require_apart(self, name: str) -> None:
        found = optree.tree_leaves(self._params, none_is_leaf=True, namespace=NAMESPACE)
        shared = shared_variables([leaf for leaf in found if isinstance(leaf, (Node, Array))])
        if shared is None:
            return
        leaves = zip(self.structure.paths(name), self.structure.leaves, strict=True)
        paths = [path for path, leaf in leaves if leaf.kind in ("node", "Array")]
        one, other = (paths[number] for number in shared)
        if one == other:
            raise StructureError(
                f"{one} has one variable in several places, which would be moved apart: give what it was broadcast from"
            )
        raise StructureError(
            f"{one} and {other} are the same variables, which would be moved apart: keep one, and make the other of it "
            "where it is used"
        )

    @cached_property
    def gradient(self) -> PathPrograms:
        """What computes the value and the gradient, summed over the samples."""
        return self.specialisation.runner((0,)).programs

    @property
    def uniforms(self) -> Numbers:
        """The numbers that are the same for all samples and no parameters."""
        return self.batch.uniforms[len(self.start) :]

    def params_of(self, numbers: Numbers) -> Any:
        """Return parameters of the structure of those given, variables where those were."""
        leaves: list[Any] = []
        for spec, leaf in zip(self.structure.leaves, _split(self.structure, numbers), strict=True):
            leaves.append(Node(leaf) if spec.kind == "node" else array(leaf) if spec.kind == "Array" else leaf)
        return self.structure.unflatten(leaves)

    def validate(self, trainer: _core._Trainer, data: tuple[Any, ...]) -> tuple[PathPrograms, Batch]:
        """Let the trainer compute the loss on these data after each epoch."""
        specialisation, batch = self.function.specialise((self._params, *data))
        programs = specialisation.runner(None).programs
        trainer.validate_with(programs.set, batch.lanes, batch.uniforms[len(self.start) :], batch.columns)
        return programs, batch

    def sample(self, batch: Batch, lane: int, numbers: Numbers) -> list[Any]:
        """Return the leaves of all arguments of a lane, with these parameters."""
        present = _split(self.structure, numbers)
        return [*present, *batch.sample(lane)[len(present) :]]

    def name_of(self, parameter: int) -> str:
        """Return the expression that leads to a parameter."""
        structures = [argument.sample for argument in self.specialisation.arguments]
        return input_names(self.function.__wrapped__, structures)[parameter]


class Derived:
    """Programs made of those of a problem's paths, for values at many parameters: a row of outputs, or one per sample.

    `make` may append inputs to those of the path's Program; what these are is given to each call.
    """

    def __init__(self, problem: Problem, make: Callable[[Path], Program], threads: int | None = None) -> None:
        self._problem = problem
        self._threads = checked_threads(problem.function.settings.threads if threads is None else threads)
        specialisation = problem.specialisation
        self._per_lane = specialisation.batched and not specialisation.reduces
        self._programs = PathPrograms(specialisation.paths, make, self._per_lane)
        self.outputs = len(self._programs.per_lane)

    def __call__(self, x: Sequence[float] | Numbers, *more: Sequence[float] | Numbers) -> Numbers:
        """Return the outputs at these parameters, with more inputs; for each sample a row if they are not reduced."""
        batch = self._problem.batch
        x = np.asarray(x, np.float64)
        columns = np.empty((self.outputs, batch.lanes)).T if self._per_lane else None
        numbers = np.empty(0 if self._per_lane else self.outputs)
        self._programs.run(
            np.concatenate([x, self._problem.uniforms, *more]),
            batch.columns,
            batch.lanes,
            self._threads,
            numbers,
            [] if columns is None else [columns],
            lambda lane: self._problem.sample(batch, lane, x),
        )
        if columns is not None:
            return columns
        return numbers / batch.lanes if self._problem.mean else numbers


def _split(structure: Structure, numbers: NDArray[np.float64]) -> list[Any]:
    """Return the leaves of a structure from its numbers in a row."""
    leaves: list[Any] = []
    at = 0
    for spec in structure.leaves:
        part = numbers[at : at + spec.size]
        at += spec.size
        leaves.append(part.reshape(spec.shape).copy() if spec.is_array else float(part[0]))
    return leaves
