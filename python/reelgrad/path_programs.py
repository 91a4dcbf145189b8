"""What is made of a function's paths to be run: a Program for each path, and each lane runs that of its own.

The engine stops at a lane that leaves the known paths at a guard. Its path is then traced, a Program made of it, and
the run begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad._core import Program
from reelgrad.paths import Path, PathTree

__all__ = ["PathPrograms"]


class PathPrograms:
    """The Programs that `make` makes of the paths of a tree, in a set that the engine runs.

    `per_lane` tells for each output, or for all of them, whether it has a number for each lane or one in all.
    """

    def __init__(self, tree: PathTree, make: Callable[[Path], Program], per_lane: Sequence[bool] | bool) -> None:
        first = make(tree.first)
        self.per_lane = [per_lane] * len(first.outputs) if isinstance(per_lane, bool) else list(per_lane)
        self.set = _core._PathSet(self.per_lane)
        self._tree, self._make = tree, make
        self._paths: list[Path] = []  # by the numbers that the set gave them
        self._add(None, None, tree.first, first)

    def run(
        self,
        uniforms: NDArray[np.float64],
        columns: Sequence[NDArray[Any]],
        lanes: int,
        threads: int,
        uniform_out: NDArray[np.float64],
        varying_out: Sequence[NDArray[np.float64]],
        sample: Callable[[int], Sequence[Any]],
    ) -> None:
        """Run lanes and write the outputs; `sample` gives the leaves of a lane whose path is to be traced."""
        while True:
            unknown = self.set.run(uniforms, columns, lanes, threads, uniform_out, varying_out)
            if unknown is None:
                return
            self.learn(unknown, sample(unknown[2]))

    def learn(self, unknown: tuple[int, int, int], sample: Sequence[Any]) -> None:
        """Trace the path on which a sample, given by its leaves, leaves a known one at a guard."""
        parent, guard, _ = unknown
        with self._tree.lock:
            path = self._tree.child(self._paths[parent], guard, sample)
            if path not in self._paths:  # else another thread was faster
                self._add(parent, guard, path, self._make(path))

    def _add(self, parent: int | None, guard: int | None, path: Path, program: Program) -> None:
        self.set.add_path(parent, guard, path.classifier(0 if guard is None else guard + 1), program)
        self._paths.append(path)
