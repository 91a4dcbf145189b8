"""Compiled functions called with Nodes: as eager code, sample by sample.

Inside of a function that is itself differentiated or traced, arguments are parts of a larger computation. There the
engine, which takes and gives plain numbers, would lose their derivatives; so what was compiled is run as what it is, a
function of one sample, and records. That is exact, and costs what eager code costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from reelgrad import _core
from reelgrad._core import LengthError, Node
from reelgrad.arguments import Argument, checked_argnums, samples_of, static_numbers
from reelgrad.arrays import Array
from reelgrad.nesting import is_nested, nested
from reelgrad.point import value_and_gradient
from reelgrad.traced_arrays import elements_of, nodes_in_array
from reelgrad.trees import NAMESPACE, Static, Structure, StructureError, flatten_with_nodes

if TYPE_CHECKING:
    from reelgrad.compiled import CompiledFunction

__all__ = ["counts_nodes", "each_on_nodes", "gradient_on_nodes", "on_nodes"]

Function = Callable[..., Any]


def counts_nodes(tree: Any) -> bool:
    """Return whether there are Nodes in a tree that cannot stand for their values.

    Variables do, but not inside of a function that is itself differentiated or traced.
    """
    inside = is_nested()
    leaves: list[Any] = optree.tree_leaves(tree, none_is_leaf=True, namespace=NAMESPACE)
    for leaf in leaves:
        if isinstance(leaf, Array) and (inside or not leaf.is_variable):
            return True
        elements = leaf.flat if isinstance(leaf, np.ndarray) and leaf.dtype == object else (leaf,)
        if any(type(element) is Node and (inside or not element.is_variable) for element in elements):
            return True
    return False


def on_nodes(function: CompiledFunction) -> Function:
    """Return what the function computes for a call, as a plain function of the same arguments."""
    settings = function.settings

    def whole(*args: Any) -> Any:
        results, arguments = _samples(function, args, function.__wrapped__)
        if not _is_batched(arguments):
            return results[0]
        columns, structure = _columns(results)
        reduced = 0 if settings.reduce is None else len((structure.first if settings.has_aux else structure).leaves)
        leaves = [
            _total(column, settings.reduce) if k < reduced else _stacked(column, 0) for k, column in enumerate(columns)
        ]
        return structure.unflatten(leaves)

    return whole


def gradient_on_nodes(function: CompiledFunction, args: Sequence[Any], argnums: Any) -> tuple[Any, Any]:
    """Return the value (with aux the pair) and the gradient, for each sample if they are not reduced."""
    has_aux = function.settings.has_aux
    if function.settings.reduce is not None:
        return value_and_gradient(on_nodes(function), args, {}, argnums, has_aux)
    results, arguments = _samples(
        function, args, lambda *sample: value_and_gradient(function.__wrapped__, sample, {}, argnums, has_aux)
    )
    if not _is_batched(arguments):
        return results[0]  # type: ignore[no-any-return]
    columns, structure = _columns(results)
    axes = [axis or 0 for number in checked_argnums(argnums, len(args)) for axis in arguments[number].axes]
    axes = [0] * (len(columns) - len(axes)) + axes
    value, gradient = structure.unflatten([_stacked(column, axis) for column, axis in zip(columns, axes, strict=True)])
    return value, gradient


def each_on_nodes(function: CompiledFunction, args: Sequence[Any], derivative: Callable[[Function], Function]) -> Any:
    """Return a derivative of the function at a call: of each sample if they are not reduced, samples first."""
    if function.settings.reduce is not None:
        return derivative(on_nodes(function))(*args)
    results, arguments = _samples(function, args, derivative(function.__wrapped__))
    if not _is_batched(arguments):
        return results[0]
    columns, structure = _columns(results)
    return structure.unflatten([_stacked(column, 0) for column in columns])


def _samples(
    function: CompiledFunction, args: Sequence[Any], of_sample: Function
) -> tuple[list[Any], tuple[Argument, ...]]:
    """Return what a function makes of each sample of a call, and what a sample of each argument is."""
    static = static_numbers(function.settings.static_argnums, len(args))
    with nested():  # all Nodes of modules are leaves
        parts = [flatten_with_nodes(Static(arg) if k in static else arg, f"argument {k}") for k, arg in enumerate(args)]
        arguments, lanes = samples_of(args, [structure for _, structure in parts], function.settings.in_axes, static)
    if lanes == 0:
        raise LengthError("an empty batch: there is no sample to run on Nodes")
    results = []
    for lane in range(lanes):
        sample = [
            argument.sample.unflatten(
                [_of_lane(leaf, axis, lane) for leaf, axis in zip(leaves, argument.axes, strict=True)]
            )
            for (leaves, _), argument in zip(parts, arguments, strict=True)
        ]
        results.append(of_sample(*sample))
    return results, arguments


def _is_batched(arguments: Sequence[Argument]) -> bool:
    return any(axis is not None for argument in arguments for axis in argument.axes)


def _of_lane(leaf: Any, axis: int | None, lane: int) -> Any:
    if axis is not None:
        leaf = leaf[(slice(None),) * axis + (lane,)]
    if isinstance(leaf, np.ndarray):
        return nodes_in_array(leaf) if leaf.dtype == object else leaf
    return leaf if isinstance(leaf, (Node, Array)) else float(leaf)


def _columns(results: Sequence[Any]) -> tuple[list[list[Any]], Structure]:
    """Return for each numeric leaf what the samples have in its place, and the structure of the first."""
    with nested():
        parts = [flatten_with_nodes(result, "result") for result in results]
    first = parts[0][1]
    for k, (_, structure) in enumerate(parts):
        if structure != first:
            raise StructureError(
                f"the function returns {structure} for sample {k}, but {first} for the first: return "
                "the same structure, shapes and static values for every sample"
            )
    return [[_of_elements(leaves[k]) for leaves, _ in parts] for k in range(len(first.leaves))], first


def _of_elements(leaf: Any) -> Any:
    return elements_of(leaf) if isinstance(leaf, Array) else leaf


def _stacked(column: Sequence[Any], axis: int) -> Any:
    """Return an array of what the samples have, along an axis: of floats, or of objects if there are Nodes."""
    shape = np.shape(column[0]) if isinstance(column[0], np.ndarray) else ()
    array = np.empty((len(column), *shape), object)
    for k, leaf in enumerate(column):
        array[k] = leaf
    array = np.moveaxis(array, 0, axis)
    if not any(type(element) is Node for element in array.flat):
        return array.astype(np.float64)
    return nodes_in_array(array)


def _total(column: Sequence[Any], reduce: str | None) -> Any:
    total = _core.mean if reduce == "mean" else _core.sum
    if not isinstance(column[0], np.ndarray):
        return total(column)
    rows = [leaf.ravel().tolist() for leaf in column]
    sums = _stacked([total(list(elements)) for elements in zip(*rows, strict=True)], 0)
    return sums.reshape(column[0].shape)
