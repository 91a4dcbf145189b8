"""A compiled function whose first argument is to be moved to where it is best, with the other arguments at hand.

Fitting, minimising and solving least squares all work on the numbers of that argument in a row; here they are taken out
of its structure and put back, and the paths that the function takes on the way are traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad._core import LengthError, Node, Program, SettingError
from reelgrad.arguments import Batch
from reelgrad.arrays import array
from reelgrad.compiled import CompiledFunction
from reelgrad.paths import Path
from reelgrad.specialisation import Runner, Specialisation
from reelgrad.threads import checked_threads
from reelgrad.tracing import input_names
from reelgrad.trees import Structure, StructureError

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
        self.batched = self.specialisation.batched
        self.mean = self.specialisation.reduces and self.specialisation.settings.reduce == "mean"
        self.start: Numbers = self.batch.uniforms[: self.structure.size].copy()

    @cached_property
    def gradient(self) -> Runner:
        """What computes the value and the gradient, summed over the samples."""
        return self.specialisation.runner((0,))

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

    def validate(self, trainer: _core._Trainer, data: tuple[Any, ...]) -> tuple[Runner, Batch]:
        """Let the trainer compute the loss on these data after each epoch."""
        specialisation, batch = self.function.specialise((self._params, *data))
        runner = specialisation.runner(None)
        trainer.validate_with(runner.set, batch.lanes, batch.uniforms[len(self.start) :], batch.columns)
        return runner, batch

    def learn(self, runner: Runner | Derived, batch: Batch, numbers: Numbers, unknown: tuple[int, int, int]) -> None:
        """Trace the path that a lane takes with these parameters."""
        leaves = batch.sample(unknown[2])
        present = _split(self.structure, numbers)
        runner.learn(unknown, [*present, *leaves[len(present) :]])

    def name_of(self, parameter: int) -> str:
        """Return the expression that leads to a parameter."""
        structures = [argument.sample for argument in self.specialisation.arguments]
        return input_names(self.function.__wrapped__, structures)[parameter]


class Derived:
    """Programs made of those of a problem's paths, for values at many parameters: a row of outputs, or one per sample.

    `make` may append inputs to those of the path's Program; what these are is given to each call.
    """

    def __init__(self, problem: Problem, make: Callable[[Path], Program], threads: int | None = None) -> None:
        self._problem, self._make = problem, make
        self._threads = checked_threads(problem.function.settings.threads if threads is None else threads)
        specialisation = problem.specialisation
        self._per_lane = specialisation.batched and not specialisation.reduces
        self._paths: list[Path] = []
        first = make(specialisation.paths.first)
        self.outputs = len(first.outputs)
        self.set = _core._PathSet([self._per_lane] * self.outputs)
        self._add(None, None, specialisation.paths.first, first)

    def __call__(self, x: Sequence[float] | Numbers, *more: Sequence[float] | Numbers) -> Numbers:
        """Return the outputs at these parameters, with more inputs; for each sample a row if they are not reduced."""
        batch = self._problem.batch
        x = np.asarray(x, np.float64)
        uniforms = np.concatenate([x, self._problem.uniforms, *more])
        columns = np.empty((self.outputs, batch.lanes)).T if self._per_lane else None
        numbers = np.empty(0 if self._per_lane else self.outputs)
        out = [] if columns is None else [columns]
        while True:
            unknown = self.set.run(uniforms, batch.columns, batch.lanes, self._threads, numbers, out)
            if unknown is None:
                break
            self._problem.learn(self, batch, x, unknown)
        if columns is not None:
            return columns
        return numbers / batch.lanes if self._problem.mean else numbers

    def learn(self, unknown: tuple[int, int, int], sample: Sequence[Any]) -> None:
        """Trace the path on which a sample, given by its leaves, leaves a known one at a guard."""
        parent, guard, _ = unknown
        specialisation: Specialisation = self._problem.specialisation
        with specialisation.lock:
            path = specialisation.paths.child(self._paths[parent], guard, sample)
            self._add(parent, guard, path, self._make(path))

    def _add(self, parent: int | None, guard: int | None, path: Path, program: Program) -> None:
        self.set.add_path(parent, guard, path.classifier(0 if guard is None else guard + 1), program)
        self._paths.append(path)


def _split(structure: Structure, numbers: NDArray[np.float64]) -> list[Any]:
    """Return the leaves of a structure from its numbers in a row."""
    leaves: list[Any] = []
    at = 0
    for spec in structure.leaves:
        part = numbers[at : at + spec.size]
        at += spec.size
        leaves.append(part.reshape(spec.shape).copy() if spec.is_array else float(part[0]))
    return leaves
