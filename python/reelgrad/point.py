"""A function at a point: it is run once, and derivatives of it are taken from what it recorded.

At the outermost level that is one run on the current tape, a sweep over the partials stored there, and the tape is
rewound: there is nothing to compile, branches simply run, and results are plain numbers. Inside of a function that is
itself differentiated or traced, and for arguments that are results of operations, the derivative is part of a larger
computation. Then what was recorded becomes a Program, the Program is differentiated, and that is recorded on the tape
of the arguments: results are Nodes, and any nesting is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import optree
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad._core import LengthError, Node, Program, SettingError
from reelgrad.arguments import checked_argnums
from reelgrad.arrays import Array
from reelgrad.nesting import is_nested, nested
from reelgrad.traced_arrays import elements_of, explain_objects, put_together
from reelgrad.trees import NAMESPACE, Static, Structure, StructureError, flatten_with_nodes

__all__ = ["Point", "scalar_of", "taken_apart", "trees_of", "value_and_gradient"]

Row: TypeAlias = "NDArray[Any] | list[Any]"  # of results: floats, or a list with Nodes in it


class Point:
    """A function that was run at its arguments, until the `with` block ends.

    Attributes
    ----------
    result
        What it returned, without auxiliary data.
    structures : list of Structure
        Those of the arguments that derivatives are taken for.
    """

    def __init__(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Sequence[int]
    ) -> None:
        self._function, self._args, self._kwargs = function, list(args), kwargs
        self.structures: list[Structure] = []
        self._operands: list[Any] = []
        self._nested = is_nested()
        self._argnums = argnums
        for number in argnums:
            numbers, structure = taken_apart(args[number], f"argument {number}", self._counts)
            if structure.entries and not structure.leaves:
                raise SettingError(
                    f"argument {number} is static, {args[number]!r:.80}: nothing can be differentiated for it; leave "
                    "it out of argnums, or pass a float"
                )
            self._operands += numbers
            self.structures.append(structure)
        self._symbolic = self._nested or any(type(x) is Node for x in self._operands)
        self.result: Any = None
        self.aux: Any = None

    def __enter__(self) -> Point:
        tape = next((x.tape for x in self._operands if type(x) is Node), None) or _core.current_tape()
        self._region = _core._Region(tape)
        try:
            self._inputs = self._region.inputs(self._operands)
            args = [_without_static(arg) for arg in self._args]
            for number, arg in zip(
                self._argnums, put_together(self.structures, self._inputs, self._region.tracing), strict=True
            ):
                args[number] = arg
            with nested(program=self._symbolic, inputs=self._inputs), tape:
                self.result = self._function(*args, **self._kwargs)
        except BaseException as error:
            self._region.close()
            explain_objects(error)
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._region.close()

    def take_aux(self) -> None:
        """Take the auxiliary data off the result."""
        if not (isinstance(self.result, tuple) and len(self.result) == 2):
            raise StructureError(
                f"has_aux: the function returned {type(self.result).__name__}, but a pair is needed: the value and the "
                "auxiliary data"
            )
        self.result, self.aux = self.result

    def gradient(self) -> tuple[Any, Row]:
        """Return the value and its derivatives, in a row."""
        y = scalar_of(self.result)
        if not self._symbolic:
            row = self._region.reverse([y], [1.0], self._inputs)
            if row is not None:
                self.aux = self._plain(self.aux)
                return _plain_number(y), row
        seeds = [1.0, *[0.0] * self._count_of_aux]
        (value,), slopes = self._inlined([y], lambda program, n: program.differentiate(range(n), seeds=True), seeds)
        return value, _numbers(slopes)

    def jacobian(self, outputs: list[Any], forward: bool | None) -> NDArray[Any]:
        """Return the derivatives of outputs, a row for each; the cheaper way unless it is said which."""
        if forward is None:
            forward = len(self._inputs) < len(outputs)
        if not self._symbolic:
            if forward:
                rows = self._region.forward(outputs, self._inputs, np.eye(len(self._inputs)))
                matrix = None if rows is None else rows.T
            else:
                matrix = self._region.rows(outputs, self._inputs)
            if matrix is not None:
                self.aux = self._plain(self.aux)
                return np.ascontiguousarray(matrix)
        return self._symbolic_jacobian(outputs, forward)

    def tangents(self, outputs: list[Any], directions: Sequence[Any]) -> tuple[Row, Row]:
        """Return the outputs and their derivatives along a direction."""
        if not self._symbolic and not any(type(t) is Node for t in directions):
            rows = self._region.forward(outputs, self._inputs, np.array([directions], np.float64))
            if rows is not None:
                self.aux = self._plain(self.aux)
                return np.array([_plain_number(y) for y in outputs]), rows[0]
        values, along = self._inlined(outputs, lambda program, n: program.linearise(range(n)), directions)
        return _numbers(values), _numbers(along[: len(outputs)])

    def pullback(self, outputs: list[Any]) -> tuple[Row, Callable[[Sequence[Any]], Row]]:
        """Return the outputs, and what takes seeds of them to the derivatives, as often as it is called."""
        program, operands = self._program(outputs)
        count = len(outputs) + self._count_of_aux
        if not self._symbolic and not any(type(x) is Node for x in operands):
            self.aux = self._plain(self.aux)
            values: Row = np.array([_plain_number(y) for y in outputs])
        else:
            self._region.close()
            found = _core._inline(program, operands)
            self._finish_aux(found[len(outputs) :])
            values = _numbers(found[: len(outputs)])
        adjoint = program.differentiate(range(len(self._inputs)), seeds=True)
        no_seeds = [0.0] * self._count_of_aux

        def pull(seeds: Sequence[Any]) -> Row:
            return _numbers(_core._inline(adjoint, [*operands, *seeds, *no_seeds])[count:])

        return values, pull

    # --- As part of a larger computation.

    @property
    def _count_of_aux(self) -> int:
        return sum(1 for _ in _nodes_in(self.aux))

    def _program(self, outputs: Sequence[Any]) -> tuple[Program, list[Any]]:
        """Return the Program of outputs and auxiliary Nodes, and what its inputs are."""
        program, outside = self._region.program([*outputs, *_nodes_in(self.aux)], self._inputs, self._nested)
        return program, [*self._operands, *outside]

    def _inlined(
        self, outputs: Sequence[Any], derive: Callable[[Program, int], Program], further: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Return outputs and derivatives; as Nodes, where they depend on Nodes."""
        program, operands = self._program(outputs)
        self._region.close()
        count = len(outputs)
        found = _core._inline(derive(program, len(self._inputs)), [*operands, *further])
        all_outputs = count + self._count_of_aux
        self._finish_aux(found[count:all_outputs])
        return found[:count], found[all_outputs:]

    def _symbolic_jacobian(self, outputs: list[Any], forward: bool) -> NDArray[Any]:
        n = len(self._inputs)
        matrix = np.empty((len(outputs), n), object)
        whole, operands = self._program(outputs)
        if forward:
            self._region.close()
            tangent = whole.linearise(range(n))
            for k in range(n):
                found = _core._inline(tangent, [*operands, *(float(j == k) for j in range(n))])
                matrix[:, k] = found[len(whole.outputs) : len(whole.outputs) + len(outputs)]
        else:
            parts = [self._region.program([y], self._inputs, self._nested) for y in outputs]
            self._region.close()
            for k, (program, outside) in enumerate(parts):
                matrix[k] = _core._inline(program.differentiate(range(n)), [*self._operands, *outside])[1:]
        if self._count_of_aux:
            self._finish_aux(_core._inline(whole, operands)[len(outputs) :])
        if not any(type(x) is Node for x in matrix.flat):
            return matrix.astype(np.float64)
        return matrix

    def _finish_aux(self, numbers: Sequence[Any]) -> None:
        self.aux = _with_nodes_replaced(self.aux, iter(numbers))

    def _plain(self, tree: Any) -> Any:
        """Return the tree with numbers for the Nodes that are about to go."""
        nodes = list(_nodes_in(tree))
        owned = [self._region.owns(node) for node in nodes]
        if not any(owned):
            return tree
        return _with_nodes_replaced(
            tree, iter([node.value if own else node for node, own in zip(nodes, owned, strict=True)])
        )

    def _counts(self, node: Node | Array) -> bool:
        """Whether an argument is a part of a larger computation, or a variable that stands for its value."""
        return self._nested or not node.is_variable


def value_and_gradient(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Any, has_aux: bool
) -> tuple[Any, Any]:
    """Return what a function returns, a number or with `has_aux` a pair, and its gradient by these arguments."""
    with Point(function, args, kwargs, checked_argnums(argnums, len(args))) as point:
        if has_aux:
            point.take_aux()
        value, row = point.gradient()
        slopes = trees_of(point.structures, row)
        one = isinstance(argnums, (int, np.integer))
        return (value, point.aux) if has_aux else value, slopes[0] if one else slopes


# --- Trees of Nodes and numbers


def trees_of(structures: Sequence[Structure], row: Row) -> tuple[Any, ...]:
    """Return the trees of these structures, for their numbers in a row."""
    found = []
    at = 0
    for structure in structures:
        found.append(structure.unflatten_flat(row[at : at + structure.size]))
        at += structure.size
    return tuple(found)


def taken_apart(tree: Any, name: str, keeps: Callable[[Node | Array], bool]) -> tuple[list[Any], Structure]:
    """Return the numbers of a tree in a row, Nodes among them if they are to be kept, and its structure."""
    leaves, structure = flatten_with_nodes(tree, name)
    numbers: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, Array):
            numbers += (leaf if keeps(leaf) else leaf.value).ravel().tolist()
            continue
        row = [leaf] if not isinstance(leaf, np.ndarray) else _row_of(leaf)
        numbers += [x.value if type(x) is Node and not keeps(x) else x for x in row]
    return numbers, structure


def _row_of(array: NDArray[Any]) -> list[Any]:
    numbers: list[Any] = (array if array.dtype == object else array.astype(np.float64)).ravel().tolist()
    return numbers


def scalar_of(result: Any) -> Any:
    """Return the number that a function returned, a Node or a float.

    Raises
    ------
    StructureError
        If it is something else; says what.
    """
    if type(result) is Node or type(result) is float:
        return result
    if isinstance(result, np.ndarray) and result.shape == () and result.dtype.kind in "fiuO":
        return scalar_of(result.item())
    if isinstance(result, (float, int, np.floating, np.integer)) and not isinstance(result, bool):
        return float(result)
    cure = "; for derivatives of every element use reelgrad.jacobian, or return a number, their sum say"
    if isinstance(result, (np.ndarray, Array)):
        what = f"an array of shape {result.shape}"
    elif result is None:
        what, cure = "None", ": is there a return missing?"
    elif isinstance(result, (list, tuple, dict)):
        what = f"a {type(result).__name__} of {len(result)}"
        if isinstance(result, tuple) and len(result) == 2:
            cure += "; if the second is auxiliary data, pass has_aux=True"
    else:
        what, cure = f"{type(result).__name__} {result!r:.80}", ""
    raise StructureError(f"a gradient is that of one number, but the function returned {what}{cure}")


def numbers_like(tree: Any, structure: Structure, name: str, kind: str) -> list[Any]:
    """Return the numbers of a tree that has to have a structure: tangents of it, or seeds.

    Raises
    ------
    StructureError, LengthError
        If it has another structure, or arrays of other shapes.
    """
    numbers, given = taken_apart(tree, name, lambda node: True)
    if given.treedef != structure.treedef or len(given.leaves) != len(structure.leaves):
        raise StructureError(f"{name}: got the structure {given}, but {kind} have {structure}")
    for got, needed, path in zip(given.leaves, structure.leaves, structure.paths(name), strict=True):
        if got.shape != needed.shape:
            raise LengthError(f"{path}: got the shape {got.shape}, but {kind} have {needed.shape}")
    return numbers


def _numbers(row: list[Any]) -> Row:
    """Return an array if there are numbers only."""
    return row if any(type(x) is Node for x in row) else np.array(row, np.float64)


def _plain_number(x: Any) -> float:
    return x.value if type(x) is Node else float(x)


def _without_static(arg: Any) -> Any:
    if type(arg) is Static:
        return arg.value
    if type(arg) in (list, tuple, dict):
        leaves, treedef = optree.tree_flatten(arg, none_is_leaf=True, namespace=NAMESPACE)
        if any(type(leaf) is Static for leaf in leaves):
            return treedef.unflatten([leaf.value if type(leaf) is Static else leaf for leaf in leaves])
    return arg


def _nodes_in(tree: Any) -> Iterator[Node]:
    if tree is None:
        return
    with nested():
        leaves: list[Any] = optree.tree_leaves(tree, none_is_leaf=True, namespace=NAMESPACE)
    for leaf in leaves:
        if type(leaf) is Node:
            yield leaf
        elif isinstance(leaf, Array):
            yield from leaf.ravel()
        elif isinstance(leaf, np.ndarray) and leaf.dtype == object:
            yield from (element for element in leaf.flat if type(element) is Node)


def _with_nodes_replaced(tree: Any, numbers: Iterator[Any]) -> Any:
    def replaced(leaf: Any) -> Any:
        if type(leaf) is Node:
            return next(numbers)
        if isinstance(leaf, Array):
            leaf = elements_of(leaf)
        if isinstance(leaf, np.ndarray) and leaf.dtype == object:
            row = [next(numbers) if type(element) is Node else element for element in leaf.flat]
            array = np.empty(len(row), object)
            array[:] = row
            array = array.reshape(leaf.shape)
            return array.astype(np.float64) if all(type(element) is float for element in row) else array
        return leaf

    with nested():
        return optree.tree_map(replaced, tree, none_is_leaf=True, namespace=NAMESPACE)
