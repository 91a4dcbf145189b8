"""Derivatives of compiled functions that they have no methods for: Jacobians, Hessians, and along directions.

Each is a Program made of a path's own: differentiated, linearised, or one after the other. For a function of one sample
the lanes of a run are the directions. For a batch that is reduced there is one run for each direction, and so there is
for a batch without `reduce`, whose derivatives come sample by sample, as from ``jax.vmap``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import LengthError, Program, SettingError
from reelgrad.arguments import Batch
from reelgrad.blocks import blocks_of_matrix, blocks_of_rows
from reelgrad.compiled import CompiledFunction
from reelgrad.path_programs import PathPrograms
from reelgrad.paths import Path
from reelgrad.specialisation import require_scalar
from reelgrad.threads import checked_threads
from reelgrad.trees import LeafSpec, Structure, StructureError, flatten

__all__ = ["Compiled"]

Numbers = NDArray[Any]
Results = list[Any]  # numbers, or arrays of a number for each lane
Argnums = int | Sequence[int]


class Compiled:
    """A call of a compiled function, to take derivatives at."""

    def __init__(self, function: CompiledFunction, args: Sequence[Any]) -> None:
        self.args = args
        self._specialisation, self._batch = function.specialise(args)
        self._static = self._specialisation.static
        settings = function.settings
        self._threads = checked_threads(settings.threads)
        self._batched, self._reduces = self._specialisation.batched, self._specialisation.reduces
        self._mean = self._reduces and settings.reduce == "mean"
        self._has_aux = has_aux = settings.has_aux
        self._result = self._specialisation.paths.first.result
        self.value_structure = self._result.first if has_aux else self._result
        self._count = self._result.size
        self._values = self.value_structure.size
        self._lanes = self._batch.lanes
        if self._lanes == 0:
            raise LengthError("an empty batch: there is no sample to take derivatives at")

    # --- What can be asked

    def jacobian(self, argnums: Argnums, forward: bool | None) -> tuple[Any, Any]:
        """Return the derivatives of the values by the arguments, and the aux; the cheaper way unless it is said which.

        There is a run for each input or for each value; for a function of one sample these are the lanes of one run.
        """
        numbers = self._specialisation.differentiated(argnums)
        axes = self._axes_of(numbers)
        if forward is None:
            by_sample = self._reduces and any(axis is not None for axis in axes)
            forward = not by_sample and (len(axes) <= self._values or self._values == 0)
        rows = self._forward_rows(numbers) if forward else self._reverse_rows(numbers)
        inputs = self.structures(argnums)
        if self._reduces and not forward:
            leaves = [self._leaves_by(row[self._count :], numbers) for row in rows]
            found = blocks_of_rows(leaves, self.value_structure, inputs, argnums)
        else:
            matrix = self._matrix(rows, self._count, 0, self._values if forward else len(axes))
            if not forward:
                matrix = np.swapaxes(matrix, -1, -2)
            found = blocks_of_matrix(matrix, self.value_structure, inputs, argnums, self.is_per_lane)
        return found, self._aux(rows)

    def _forward_rows(self, numbers: tuple[int, ...]) -> list[Results]:
        inputs = self._specialisation.inputs_of(numbers)
        return self._along_all(
            ("jacobian", numbers),
            numbers,
            lambda program, varying: program.linearise(inputs, varying_tangents=varying),
            self._value_flags(),
        )

    def _reverse_rows(self, numbers: tuple[int, ...]) -> list[Results]:
        """Return for each of the values the outputs, then the derivatives of that one."""
        inputs = self._specialisation.inputs_of(numbers)
        m, by_lane = self._values, not self._reduces
        flags = self._gradient_flags(numbers) if self._batched else [(True, False)] * len(inputs)
        flags = self._value_flags() + flags
        derived = self._derived(
            ("jacrev", numbers),
            lambda p: self._reduced(p).differentiate(inputs, seeds=True, per_lane=by_lane, outputs=m),
            flags,
        )
        if not self._batched:
            return _directions(self._run(derived, (), list(np.eye(m)), lanes=m), m)
        ones = np.ones(self._lanes)
        found = []
        for k in range(m):
            seeds = [float(j == k) for j in range(m)]
            columns = [seed * ones for seed in seeds] if by_lane else []
            row = self._run(derived, () if by_lane else seeds, columns)
            found.append(self._averaged(row, flags))
        return found

    def hessian(self, argnums: Argnums) -> tuple[Numbers, Any]:
        """Return the second derivatives of the value, lanes first if there are any, and the aux."""
        require_scalar(self._result, self._has_aux)
        numbers = self._specialisation.differentiated(argnums)
        inputs = self._specialisation.inputs_of(numbers)
        gradient = self._gradient(numbers)
        found = self._along_all(
            ("hessian", numbers),
            numbers,
            lambda program, varying: gradient(program).linearise(inputs, varying_tangents=varying),
            self._value_flags() + self._gradient_flags(numbers),
        )
        outputs = self._count + len(inputs)
        return self._matrix(found, outputs, self._count, outputs), self._aux(found)

    def jvp(self, tangents: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Return the values, their tangents, and the aux."""
        numbers, along = self._tangents(tangents)
        inputs = self._specialisation.inputs_of(numbers)
        flags = self._value_flags()
        derived = self._derived(("jvp", numbers), lambda p: self._reduced(p).linearise(inputs), flags * 2)
        found = self._averaged(self._run(derived, along.uniforms, along.columns), flags * 2)
        values = self._tree(self._result, found[: self._count])
        slopes = self._tree(self.value_structure, found[self._count : self._count + self._values])
        return (values[0] if self._has_aux else values), slopes, values[1] if self._has_aux else None

    def hvp(self, tangents: Sequence[Any], argnums: Argnums) -> Any:
        """Return the derivative of the gradient by the arguments along the tangents."""
        require_scalar(self._result, self._has_aux)
        by = self._specialisation.differentiated(argnums)
        numbers, along = self._tangents(tangents)
        inputs = self._specialisation.inputs_of(numbers)
        gradient = self._gradient(by)
        flags = (self._value_flags() + self._gradient_flags(by)) * 2
        derived = self._derived(("hvp", by, numbers), lambda p: gradient(self._reduced(p)).linearise(inputs), flags)
        found = self._averaged(self._run(derived, along.uniforms, along.columns), flags)
        return self._by_arguments(found[len(flags) // 2 + self._count :], by, argnums)

    def vjp(self) -> tuple[Any, Callable[[Any], tuple[Any, ...]], Any]:
        """Return the values, what takes seeds to derivatives by each argument (None for static ones), and the aux."""
        numbers = tuple(k for k in range(len(self.args)) if k not in self._static)
        inputs = self._specialisation.inputs_of(numbers)
        flags = self._value_flags()
        values = self._run(self._derived(("values",), self._reduced, flags))
        tree = self._tree(self._result, self._averaged(values, flags))
        flags = flags + [(axis is not None, self._mean) for axis in self._axes_of(numbers)]
        m = self._values
        derived = self._derived(
            ("vjp",), lambda p: self._reduced(p).differentiate(inputs, seeds=True, outputs=m), flags
        )
        out = tree[0] if self._has_aux else tree

        def pull(seeds: Any) -> tuple[Any, ...]:
            leaves, _ = _like(seeds, out, "seeds", "the outputs")
            rows: list[Any] = []
            for leaf, (per_lane, _) in zip(leaves, self._leaf_flags(), strict=False):
                leaf = np.asarray(leaf, np.float64)
                rows += list(leaf.reshape(self._lanes, -1).T) if per_lane else leaf.ravel().tolist()
            found = self._run(
                derived,
                [row for row in rows if not isinstance(row, np.ndarray)],
                [row for row in rows if isinstance(row, np.ndarray)],
            )
            by_argument = iter(self._by_arguments(self._averaged(found, flags)[self._count :], numbers, numbers))
            return tuple(None if k in self._static else next(by_argument) for k in range(len(self.args)))

        return out, pull, tree[1] if self._has_aux else None

    def structures(self, argnums: Argnums) -> list[Structure]:
        """Return the structures of one sample of the arguments."""
        return [
            self._specialisation.arguments[number].sample for number in self._specialisation.differentiated(argnums)
        ]

    @property
    def is_per_lane(self) -> bool:
        """Whether there are derivatives for each sample."""
        return self._batched and not self._reduces

    # --- Programs

    def _reduced(self, path: Path) -> Program:
        return path.program.reduced(self._values) if self._reduces else path.program

    def _gradient(self, numbers: tuple[int, ...]) -> Callable[[Program], Program]:
        inputs = self._specialisation.inputs_of(numbers)
        return lambda program: program.differentiate(inputs, per_lane=self.is_per_lane, outputs=1)

    def _derived(self, key: Any, make: Callable[[Path], Program], flags: Sequence[tuple[bool, bool]]) -> PathPrograms:
        known = self._specialisation.derived
        if key not in known:
            known[key] = PathPrograms(self._specialisation.paths, make, [per_lane for per_lane, _ in flags])
        return known[key]

    def _run(
        self,
        programs: PathPrograms,
        uniforms: Sequence[float] | Numbers = (),
        columns: Sequence[Numbers] = (),
        lanes: int | None = None,
    ) -> Results:
        """Return a row of all outputs, each with a number for every lane, or with one for all of them.

        Inputs that were appended to the function's come as further uniforms and columns.
        """
        batch, per_lane = self._batch, programs.per_lane
        lanes = self._lanes if lanes is None else lanes
        numbers = np.empty(per_lane.count(False))
        by_lane = np.empty((per_lane.count(True), lanes))
        programs.run(
            np.concatenate([batch.uniforms, uniforms]),
            [*batch.columns, *columns],
            lanes,
            self._threads,
            numbers,
            [by_lane.T] if len(by_lane) else [],
            batch.sample,
        )
        wide, narrow = iter(by_lane), iter(numbers.tolist())
        return [next(wide) if wanted else next(narrow) for wanted in per_lane]

    def _along_all(
        self,
        key: Any,
        numbers: tuple[int, ...],
        derive: Callable[[Program, bool], Program],
        flags: list[tuple[bool, bool]],
    ) -> list[Results]:
        """Return what a linearised Program gives along each direction: outputs, then tangents."""
        axes = self._axes_of(numbers)
        n = len(axes)
        if n == 0:
            return []
        if not self._batched:
            flags = flags + [(True, False)] * len(flags)
            derived = self._derived(key, lambda p: derive(p.program, True), flags)
            return _directions(self._run(derived, (), list(np.eye(n)), lanes=n), n)
        if self._reduces and any(axis is not None for axis in axes):
            raise SettingError(
                "this would have a block for each pair of samples: the function is reduced, but an argument of argnums "
                "varies from sample to sample; leave it out of argnums, or compile without reduce"
            )
        derived = self._derived(key, lambda p: derive(self._reduced(p), False), flags * 2)
        one, none = np.ones(self._lanes), np.zeros(self._lanes)
        return [
            self._averaged(
                self._run(
                    derived,
                    [float(j == k) for j, axis in enumerate(axes) if axis is None],
                    [one if j == k else none for j, axis in enumerate(axes) if axis is not None],
                ),
                flags * 2,
            )
            for k in range(n)
        ]

    # --- Outputs: for each number whether it is one per lane, and whether the engine gives a sum to be averaged.

    def _leaf_flags(self) -> list[tuple[bool, bool]]:
        reduced = len(self.value_structure.leaves) if self._reduces else 0
        return [(self._batched and k >= reduced, self._mean and k < reduced) for k in range(len(self._result.leaves))]

    def _value_flags(self) -> list[tuple[bool, bool]]:
        return [
            flag for leaf, flag in zip(self._result.leaves, self._leaf_flags(), strict=True) for _ in range(leaf.size)
        ]

    def _gradient_flags(self, numbers: Sequence[int]) -> list[tuple[bool, bool]]:
        return [
            (self._batched and (axis is not None or not self._reduces), self._mean) for axis in self._axes_of(numbers)
        ]

    def _axes_of(self, numbers: Sequence[int]) -> list[int | None]:
        """Return the axis of each number of these arguments."""
        return [
            axis for number in numbers for leaf, axis in self._specialisation.leaves(number) for _ in range(leaf.size)
        ]

    def _averaged(self, row: Results, flags: Sequence[tuple[bool, bool]]) -> Results:
        if self._mean:
            for k, (_, averaged) in enumerate(flags):
                if averaged:
                    row[k] = row[k] / self._lanes
        return row

    # --- Arguments and results

    def _tangents(self, tangents: Sequence[Any]) -> tuple[tuple[int, ...], Batch]:
        numbers = self._specialisation.differentiated([k for k, tangent in enumerate(tangents) if tangent is not None])
        leaves: list[Any] = []
        for number in numbers:
            leaves += _like(tangents[number], self.args[number], f"tangents[{number}]", "the argument")[0]
        axes = [axis for number in numbers for axis in self._specialisation.arguments[number].axes]
        if not leaves:
            raise SettingError("tangents are all None: there is no direction")
        return numbers, Batch(leaves, axes, self._lanes)

    def _tree(self, structure: Structure, row: Results) -> Any:
        return structure.unflatten(_leaves(structure.leaves, [0] * len(structure.leaves), row))

    def _by_arguments(self, row: Results, numbers: Sequence[int], argnums: Argnums) -> Any:
        leaves = self._leaves_by(row, numbers)
        trees = [
            self._specialisation.arguments[number].sample.unflatten(part)
            for number, part in zip(numbers, leaves, strict=True)
        ]
        return trees[0] if isinstance(argnums, (int, np.integer)) else tuple(trees)

    def _leaves_by(self, row: Results, numbers: Sequence[int]) -> list[list[Any]]:
        """Return for each of these arguments the leaves of a gradient."""
        found = []
        at = 0
        for number in numbers:
            argument = self._specialisation.arguments[number]
            axes = [axis or 0 for axis in argument.axes]
            found.append(_leaves(argument.sample.leaves, axes, row[at : at + argument.sample.size]))
            at += argument.sample.size
        return found

    def _matrix(self, rows: list[Results], outputs: int, first: int, last: int) -> Numbers:
        """Return the tangents of some outputs: [lanes,] outputs, directions."""
        shape = (last - first, len(rows), *([self._lanes] if self.is_per_lane else []))
        matrix = np.empty(shape)
        for k, row in enumerate(rows):
            for j in range(last - first):
                matrix[j, k] = row[outputs + first + j]
        return np.moveaxis(matrix, -1, 0) if self.is_per_lane else matrix

    def _aux(self, rows: list[Results]) -> Any:
        if not self._has_aux:
            return None
        if not rows:  # no directions
            rows = [self._run(self._derived(("values",), self._reduced, self._value_flags()))]
        return self._tree(self._result, rows[0][: self._count])[1]


def _directions(columns: Results, count: int) -> list[Results]:
    """Return a row for each direction where the lanes of a run were directions."""
    return [[column[k] if isinstance(column, np.ndarray) else column for column in columns] for k in range(count)]


def _leaves(specs: Sequence[LeafSpec], axes: Sequence[int], row: Results) -> list[Any]:
    """Return leaves for numbers in a row, or for arrays of a number per lane, which come along the axis."""
    leaves: list[Any] = []
    at = 0
    for spec, axis in zip(specs, axes, strict=True):
        part = row[at : at + spec.size]
        at += spec.size
        if any(isinstance(number, np.ndarray) for number in part):
            by_lane = np.stack(list(part), axis=1).reshape(-1, *spec.shape)
            leaves.append(np.ascontiguousarray(np.moveaxis(by_lane, 0, axis)))
        elif spec.is_array:
            leaves.append(np.array(part, np.float64).reshape(spec.shape))
        else:
            leaves.append(float(part[0]))
    return leaves


def _like(tree: Any, example: Any, name: str, what: str) -> tuple[list[Any], Structure]:
    leaves, given = flatten(tree, name)
    _, needed = flatten(example, what)
    if given.treedef != needed.treedef or len(given.leaves) != len(needed.leaves):
        raise StructureError(f"{name}: got the structure {given}, but {what} has {needed}")
    for got, of, path in zip(given.leaves, needed.leaves, needed.paths(name), strict=True):
        if got.shape != of.shape:
            raise LengthError(f"{path}: got the shape {got.shape}, but {what} has {of.shape}")
    return leaves, needed
