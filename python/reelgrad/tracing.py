"""Tracing: a function is run once, on Nodes that record, and what it did becomes a Program.

The arguments' numbers become variables of a tape of its own; the results become the Program's outputs. Comparisons give
Conditions, and where the function asks whether one holds, a guard is recorded. Whatever would turn a traced number into
a plain one raises `TraceError`, because that number would be frozen in the Program.
"""

from __future__ import annotations

import copyreg
import inspect
import linecache
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad._core import Condition, LengthError, Node, Program
from reelgrad.arguments import arguments_of, static_argnums_of
from reelgrad.arrays import Array
from reelgrad.traced_arrays import explain_objects, put_together
from reelgrad.trees import LeafSpec, Structure, StructureError, flatten_with_nodes

__all__ = ["Guard", "Trace", "input_names", "record", "trace"]


@dataclass(frozen=True)
class Guard:
    """A branch that was taken: the line that asked, and the answer."""

    source: str
    taken: bool
    position: int  # how many operators were recorded before its condition

    @property
    def place(self) -> str:
        """File and line, without the folders: ``model.py:12``."""
        return FilePath(self.source).name

    @property
    def text(self) -> str:
        """The text of the line; empty if its file cannot be read."""
        file, _, line = self.source.rpartition(":")
        return linecache.getline(file, int(line)).strip() if line.isdigit() else ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text or '...'} ({self.taken})"


@dataclass(frozen=True, eq=False)
class Trace:
    """What one run of a function did: a Program, and how its inputs and outputs are arguments and results.

    Attributes
    ----------
    program : Program
        Its inputs are the numbers of the arguments in order, array elements in C order, its outputs those of the
        result.
    arguments : tuple of Structure
        For each argument its structure; of one sample, where `in_axes` says that it varies.
    result : Structure
        The structure of what the function returned.
    guards : tuple of Guard
        The branches taken, in order. The Program counts for arguments with which the function branches alike.
    """

    program: Program
    arguments: tuple[Structure, ...]
    result: Structure
    guards: tuple[Guard, ...]

    def __repr__(self) -> str:
        return (
            f"<Trace: {len(self.program.inputs)} inputs, {len(self.program)} instructions, {len(self.guards)} guards, "
            f"{len(self.program.outputs)} outputs>"
        )

    def _repr_html_(self) -> str:
        from reelgrad.show.reprs import trace_html

        return trace_html(self)


def trace(
    function: Callable[..., Any],
    /,
    *example: Any,
    in_axes: Any = None,
    static_argnums: int | Sequence[int] = (),
    has_aux: bool = False,
    forced: Sequence[tuple[bool, str]] = (),
) -> Trace:
    """Run a function once on traced numbers and return what it did.

    The function is ordinary code of numbers: loops, branches, lists, dicts, arrays, modules. It must be pure. What it
    reads from outside is read now; a Node from outside raises `TapeMismatchError`.

    Parameters
    ----------
    function : callable
        Takes the arguments, returns a number or a structure of numbers.
    *example
        Arguments to run it with: numbers, arrays of real numbers, lists, tuples, dicts, `rg.nn.Module`, nested. Text,
        bools, None and `rg.static(value)` are static.
    in_axes : int, None, or a sequence of these or of trees of these, optional
        For each argument the axis along which samples lie, as for ``jax.vmap``: the function is run with the first
        sample, and the numbers are *varying* inputs of the Program. Without it all inputs are uniform.
    static_argnums : int or sequence of int
        Arguments that are handed over as they are.
    has_aux : bool
        Whether the function returns a pair, a value and auxiliary data.
    forced : sequence of (bool, str)
        Decisions for the first guards, with their lines (or ``""``), instead of those that the values would make.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        If the function asks for a number that would be frozen, or branches elsewhere than `forced` says.
    StructureError
        If an argument or the result is built of something that is no number.
    Exception
        Whatever the function raises.

    Examples
    --------
    >>> import reelgrad as rg
    >>> def decay(x, rate):
    ...     if x < 0.0:
    ...         return 0.0
    ...     return rg.exp(-rate * x)
    >>> traced = rg.trace(decay, 1.0, 0.5)
    >>> traced
    <Trace: 2 inputs, 7 instructions, 1 guards, 1 outputs>
    >>> traced.guards[0].taken, traced.guards[0].text
    (False, 'if x < 0.0:')
    """
    arguments, batch = arguments_of(example, in_axes, static_argnums_of(static_argnums))
    if batch.lanes == 0:
        raise LengthError("the varying arguments have no samples: one at least is needed to trace with")
    varying = [axis is not None for argument in arguments for axis in argument.axes]
    structures = [argument.sample for argument in arguments]
    return record(function, structures, batch.sample(0), varying, has_aux=has_aux, forced=forced)


def _parsed(text: str) -> Program:
    return Program.parse(text)


copyreg.pickle(Program, lambda program: (_parsed, (str(program),)))


def record(
    function: Callable[..., Any],
    arguments: Sequence[Structure],
    sample: Sequence[Any],
    varying: Sequence[bool],
    *,
    has_aux: bool = False,
    forced: Sequence[tuple[bool, str]] = (),
    names: Sequence[str] | None = None,
) -> Trace:
    """Do what `trace` does, for arguments taken apart: `sample` and `varying` go by the numeric leaves of all.

    `names` are those of the inputs, `input_names(function, arguments)`, where they are known already.
    """
    numbers = np.concatenate([np.empty(0), *(np.ravel(leaf) for leaf in sample)], dtype=np.float64, casting="unsafe")
    specs = [spec for structure in arguments for spec in structure.leaves]
    with _core._Recording(forced) as recording:
        nodes = recording.inputs(numbers)
        try:
            result = function(*put_together(arguments, nodes, True, consecutive=True))
        except (TypeError, IndexError, KeyError) as error:
            _explain_index(error)
            explain_objects(error)
            raise
        values, structure = _taken_apart(result, has_aux)
        outputs = [
            name
            for path, spec in zip(structure.paths("result"), structure.leaves, strict=True)
            for name in _elements(path, spec)
        ]
        program = recording.program(
            input_names(function, arguments) if names is None else list(names),
            list(chain.from_iterable([rate] * spec.size for rate, spec in zip(varying, specs, strict=True))),
            outputs,
            values,
        )
        guards = tuple(
            Guard(source, taken, position)
            for (taken, source), position in zip(recording.guards, recording.positions, strict=True)
        )
    return Trace(program, tuple(arguments), structure, guards)


def _taken_apart(result: Any, has_aux: bool) -> tuple[list[Any], Structure]:
    """Return the result's numbers, traced or not, in a row, and its structure."""
    if has_aux and not (isinstance(result, tuple) and len(result) == 2):
        raise StructureError(
            f"has_aux: the function returned {type(result).__name__}, but a pair is needed: the value and the "
            "auxiliary data"
        )
    leaves, structure = flatten_with_nodes(result, "result")
    values: list[Any] = []
    for leaf in leaves:
        values += leaf.ravel().tolist() if isinstance(leaf, (np.ndarray, Array)) else [leaf]
    return values, structure


# --- Names of inputs and outputs


def input_names(function: Callable[..., Any], arguments: Sequence[Structure]) -> list[str]:
    """Return the name of each input: the expression that leads to it from the function's parameters."""
    names: list[str] = []
    for name, structure in zip(_argument_names(function, len(arguments)), arguments, strict=True):
        for path, spec in zip(structure.paths(name), structure.leaves, strict=True):
            names += _elements(path, spec)
    return names


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    names: list[str] = []
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C
        parameters = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{k}]" for k in range(count - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return names[:count] + [f"argument[{k}]" for k in range(len(names), count)]


def _elements(path: str, spec: LeafSpec) -> list[str]:
    if not spec.is_array:
        return [path]
    if not spec.shape:
        return [f"{path}[]"]
    rows = [f"{path}[" + "".join(f"{k}, " for k in row) for row in product(*map(range, spec.shape[:-1]))]
    ends = [f"{k}]" for k in range(spec.shape[-1])]
    return [row + end for row in rows for end in ends]


# --- Python's own errors


_ABOUT_INDICES = re.compile(
    r"(integer|non-int|indices)\b.*\bNode|\bNode\b.*integer|__index__ method|^only integers, slices|"
    "^arrays used as indices must be"
)


def _explain_index(error: Exception) -> None:
    as_key = isinstance(error, KeyError) and any(isinstance(key, (Node, Condition)) for key in error.args)
    if as_key or _ABOUT_INDICES.search(str(error)):
        error.add_note(
            "In a traced function a number that varies cannot choose an element, as it would be frozen: choose with "
            "reelgrad.where(condition, a, b), branch (if x < 1.0: ...), or make the argument static: "
            "reelgrad.static(value), static_argnums."
        )
