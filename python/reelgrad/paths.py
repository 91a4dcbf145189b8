"""The tree of paths through a function's branches.

A trace is one path. Arguments that disagree with a guard of it leave it there, and the function is traced again with
the decisions before that guard as they were, that one turned round, and those after it free. The paths so form a tree,
which grows as arguments ask for it. Nothing is executed here: whoever finds that a sample disagrees says where.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from threading import RLock
from typing import Any

from reelgrad import _core
from reelgrad._core import PathsError, Program, TraceError
from reelgrad.tracing import Guard, Trace, input_names, record
from reelgrad.trees import Structure, StructureError

__all__ = ["Path", "PathTree"]


class Path:
    """One way through the function: its trace, and where it left the path that it was found from."""

    def __init__(self, traced: Trace, parent: Path | None, left_at: int | None) -> None:
        self.trace = traced
        self.parent = parent
        self.left_at = left_at  # the number of the parent's guard with which it disagrees

    @property
    def program(self) -> Program:
        """What the function computes on this path."""
        return self.trace.program

    @property
    def result(self) -> Structure:
        """The structure of what the function returns."""
        return self.trace.result

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The branches taken, in order."""
        return self.trace.guards

    def classifier(self, first_guard: int = 0) -> Program | None:
        """Return the Program that tells where a sample leaves this path, or None if there are no guards.

        Its inputs are those of `program`. Its one output is the number of the first guard, from `first_guard` on, that
        is not as recorded, or the number of guards.
        """
        return _core._classifier(self.program, first_guard) if self.guards else None

    def __repr__(self) -> str:
        return f"<Path: {len(self.guards)} guards, {len(self.program)} instructions>"


class PathTree:
    """The known paths of a function for one structure of arguments.

    Parameters
    ----------
    function : callable
        A pure function.
    arguments : sequence of Structure
        The structure of each argument.
    sample : sequence
        The numeric leaves of all arguments with which the first path is traced.
    varying : sequence of bool
        For each of these leaves whether its numbers are varying inputs.
    max_paths : int
        How many paths there may be.
    has_aux : bool
        Whether the function returns a pair, a value and auxiliary data.

    Attributes
    ----------
    lock : RLock
        To be held while a path is sought and what it is sought for is made.
    first : Path
        The one traced first.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Structure],
        sample: Sequence[Any],
        *,
        varying: Sequence[bool],
        max_paths: int = 64,
        has_aux: bool = False,
    ) -> None:
        self._function, self._arguments, self._varying = function, tuple(arguments), tuple(varying)
        self.max_paths, self._has_aux = max_paths, has_aux
        self._names = input_names(function, self._arguments)
        self._children: dict[tuple[Path, int], Path] = {}
        self.lock = RLock()
        self.first = Path(self._traced(sample, ()), None, None)
        self._paths = [self.first]

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths)

    def known_child(self, path: Path, guard: int) -> Path | None:
        """Return the path that leaves `path` at this guard, if it is known."""
        return self._children.get((path, guard))

    def child(self, path: Path, guard: int, sample: Sequence[Any]) -> Path:
        """Return the path that leaves `path` at this guard; a new one is traced, with the leaves of a sample that does.

        Raises
        ------
        PathsError
            If there are as many paths as allowed; tells which lines branch, and what to write instead.
        TraceError
            If the function branches elsewhere now than when `path` was traced: it is not pure.
        StructureError
            If it returns another structure than on the first path.
        """
        known = self.known_child(path, guard)
        if known is not None:
            return known
        if len(self._paths) >= self.max_paths:
            raise PathsError(self._too_many(path, guard))
        before = [(g.taken, g.source) for g in path.guards[:guard]]
        turned = path.guards[guard]
        traced = self._traced(sample, [*before, (not turned.taken, turned.source)])
        for was, now in zip(path.guards[: guard + 1], traced.guards, strict=False):
            if was.position != now.position:
                raise TraceError(
                    f"the function is not pure: traced again with the same decisions, it computes {now.position} "
                    f"operators before it branches at {now.place} ({now.text or '...'}), where it computed "
                    f"{was.position} before; what it does may depend on its arguments only"
                )
        if traced.result != self.first.result:
            raise StructureError(
                f"the function returns {traced.result} where it branches at {turned.place} "
                f"({turned.text or '...'}), but {self.first.result} on its first path: return the same "
                "structure, shapes and static values on every path"
            )
        found = self._children[path, guard] = Path(traced, path, guard)
        self._paths.append(found)
        return found

    def _traced(self, sample: Sequence[Any], forced: Sequence[tuple[bool, str]]) -> Trace:
        try:
            return record(
                self._function,
                self._arguments,
                sample,
                self._varying,
                has_aux=self._has_aux,
                forced=forced,
                names=self._names,
            )
        except TraceError as error:
            if forced:
                error.add_note("This was met while the function was traced again for a sample that branches otherwise.")
            raise

    def _too_many(self, path: Path, guard: int) -> str:
        lines = Counter(
            child.parent.guards[child.left_at]
            for child in self._paths
            if child.parent is not None and child.left_at is not None
        )
        by_source: Counter[str] = Counter()
        for where, count in lines.items():
            by_source[where.source] += count
        by_source[path.guards[guard].source] += 1
        known = {g.source: g for p in self._paths for g in p.guards}
        message = [
            f"the function takes more than {self.max_paths} paths through its branches (max_paths). The lines at which "
            "paths part, the busiest first:"
        ]
        for source, count in by_source.most_common(8):
            where = known[source]
            message.append(f"  {where.place}: {count} of {len(self._paths)}: {where.text or '(no source)'}")
            message.append(f"    {instead_of(where.text)}")
        if len(by_source) > 8:
            message.append(f"  and {len(by_source) - 8} other lines")
        message.append("If the paths are as many as the function has by its nature, allow more: max_paths=...")
        return "\n".join(message)


# What to write for a line that branches: the first pattern that is found in it.
_CURES: tuple[tuple[str, str], ...] = (
    (r"(?<![\w.])(max\(.*(?<![\w.])min\(|min\(.*(?<![\w.])max\()", "write rg.clip(x, lo, hi), which does not branch"),
    (r"(?<![\w.])max\(\s*0(\.0*)?\s*,|(?<![\w.])max\(.*,\s*0(\.0*)?\s*\)", "write rg.relu(x), which does not branch"),
    (
        r"\b(np|numpy)\.(maximum|minimum|clip|where|sign|max|min)\(",
        "an array made in the function branches at each element: write reelgrad's function of that name, or make the "
        "array from the arguments' arrays",
    ),
    (r"(?<![\w.])max\(", "write rg.maximum(a, b), which does not branch"),
    (r"(?<![\w.])min\(", "write rg.minimum(a, b), which does not branch"),
    (r"(?<![\w.])(\w+) if \1 (>=?) 0(\.0*)? else -\1(?!\w)", "write rg.abs(x), which does not branch"),
    (r"(?<![\w.])-(\w+) if \1 (<=?) 0(\.0*)? else \1(?!\w)", "write rg.abs(x), which does not branch"),
    (r"(?<![\w.])(\w+) if \1 (>=?) 0(\.0*)? else 0", "write rg.relu(x), which does not branch"),
    (r"(?<![\w.])(sorted|sort)\(", "sorting takes a path for every order: sort the data before the call"),
    (r"^while\b", "a loop takes a path for each number of rounds: go round a fixed number of times, with rg.where"),
    (
        r"^if (\w+) (>=?|<=?) 0(\.0*)?:",
        "write rg.relu(x), rg.abs(x), rg.sign(x) or rg.where(x > 0, a, b), which do not branch",
    ),
    (r"^(if|elif)\b|\bif\b.*\belse\b", "write rg.where(condition, a, b), which does not branch: it computes both"),
    (r"\b(and|or|not)\b", "write &, | and rg.where with the conditions, which do not branch"),
)


def instead_of(line: str) -> str:
    """Return what to write instead of a line that branches."""
    for pattern, cure in _CURES:
        if re.search(pattern, line):
            return cure
    return "write rg.where(condition, a, b) or another operator that does not branch"
