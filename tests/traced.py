"""Running traces and trees of paths by the reference evaluator, for tests of what was traced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.paths import Path, PathTree


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
