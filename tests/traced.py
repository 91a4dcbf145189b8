"""Running traces and trees of paths by the reference evaluator, for tests of what was traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import reelgrad as rg
from reelgrad import _core
from reelgrad.paths import Path, PathTree
from reelgrad.trees import flatten


def outputs(program: Any, numbers: Sequence[float]) -> list[float]:
    """The outputs of a Program for one lane."""
    return [values[0] for values in _core._testing.evaluate(program, [[float(x)] for x in numbers])]


def flat(leaves: Sequence[Any]) -> list[float]:
    return [float(x) for leaf in leaves for x in np.ravel(leaf)]


def path_of(tree: PathTree, leaves: Sequence[Any]) -> Path:
    """The path on which a sample ends; the tree grows where it must."""
    path, first_guard = tree.first, 0
    while True:
        classifier = path.classifier(first_guard)
        if classifier is None:
            return path
        (number,) = outputs(classifier, flat(leaves))
        guard = int(number)
        if guard == len(path.guards):
            return path
        path = tree.child(path, guard, leaves)
        first_guard = guard + 1


def computed(traced: rg.Trace, *arguments: Any) -> Any:
    """The result of the traced Program for arguments of the structure it was traced with."""
    numbers = [x for argument in arguments for x in flat(flatten(argument)[0])]
    return traced.result.unflatten_flat(np.array(outputs(traced.program, numbers)))


def same(got: Any, want: Any) -> bool:
    a, b = flatten(got), flatten(want)
    return a[1].treedef == b[1].treedef and bool(np.array_equal(flat(a[0]), flat(b[0]), equal_nan=True))


def tree_of(function: Callable[..., Any], *example: Any, **settings: Any) -> PathTree:
    parts = [flatten(argument) for argument in example]
    leaves = [leaf for found, _ in parts for leaf in found]
    structures = [structure for _, structure in parts]
    return PathTree(function, structures, leaves, varying=[True] * len(leaves), **settings)


def leaves_of(*arguments: Any) -> list[Any]:
    return [leaf for argument in arguments for leaf in flatten(argument)[0]]


def computed_on_path(tree: PathTree, *arguments: Any) -> list[float]:
    leaves = leaves_of(*arguments)
    return outputs(path_of(tree, leaves).program, flat(leaves))


def holds(condition: Any) -> bool:
    """Whether it holds, without a guard."""
    assert type(condition) is rg.Condition
    return {"Condition(True, traced)": True, "Condition(False, traced)": False}[repr(condition)]
