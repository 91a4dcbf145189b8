"""`rg.compile`: a scalar function, traced once for each path through it, run over batches by the engine.

A `CompiledFunction` looks at the arguments of a call, finds or makes the `Specialisation` for their structure, and lets
its runners do the work. Calls with plain floats and contiguous arrays take a shorter way, which is set up here and runs
in C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from functools import update_wrapper
from threading import RLock
from typing import Any, overload

import numpy as np

from reelgrad import _core
from reelgrad._core import NodeTypeError, Program, SettingError
from reelgrad.arguments import Argument, Batch, arguments_of, static_argnums_of
from reelgrad.checks import whole
from reelgrad.methods import BoundFunction
from reelgrad.nesting import is_nested
from reelgrad.on_nodes import counts_nodes, gradient_on_nodes, on_nodes
from reelgrad.paths import Path
from reelgrad.specialisation import Reduce, Runner, Settings, Specialisation
from reelgrad.threads import checked_threads
from reelgrad.trees import Structure, StructureError, flatten, plain_leaves

__all__ = ["CompiledFunction", "compile"]

_MOST_KNOWN = 256  # structures of plain arguments that are told by a look at their shapes
_SHORT_WAY = 20_000  # instructions up to which a call may keep the GIL: some 40 microseconds


class CompiledFunction:
    """A function that was compiled: see `compile`, which makes it.

    Calling it gives the values; `value_and_grad` and `grad` give derivatives. It is traced at the first call with
    arguments of a new structure, and for each new path that a lane takes.
    """

    __wrapped__: Callable[..., Any]
    #: ``value_and_grad(*args, argnums=0, out=None, threads=None)``: the value, and the gradient by the arguments
    #: ``argnums``, in their structure. Gradients of uniform arguments are reduced like the value, those of varying ones
    #: have a number for each lane. ``out`` takes the gradient: arrays in the same structure, written and returned.
    value_and_grad: Callable[..., Any]
    #: The same without the value.
    grad: Callable[..., Any]

    def __init__(self, function: Callable[..., Any], settings: Settings) -> None:
        if not callable(function):
            raise NodeTypeError(f"compile(function): got {function!r}, which cannot be called")
        update_wrapper(self, function, updated=())
        self.settings = settings
        self._specialisations: dict[tuple[Argument, ...], Specialisation] = {}
        self._known: dict[Hashable, tuple[Specialisation, int]] = {}  # by plain arguments: with the number of lanes
        self._last: Specialisation | None = None
        self._lock = RLock()
        self._call = _core._FastCall(self._values)
        self.value_and_grad = _core._FastCall(self._value_and_grad)
        self.grad = _core._FastCall(self._grad)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Return the values, reduced or a number for each lane; `out` and `threads` as for `value_and_grad`."""
        return self._call(*args, **settings)

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        return self if instance is None else BoundFunction(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle by name, as functions are, or else as the function it was made of; it is traced anew there."""
        found: Any = sys.modules.get(getattr(self.__wrapped__, "__module__", ""))
        name = getattr(self.__wrapped__, "__qualname__", "")
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (CompiledFunction, (self.__wrapped__, self.settings))

    def __repr__(self) -> str:
        name = getattr(self.__wrapped__, "__qualname__", repr(self.__wrapped__))
        return f"<compiled {name}: {sum(len(s.paths) for s in self._specialisations.values())} paths>"

    def _repr_html_(self) -> str:
        from reelgrad.show.reprs import compiled_html

        return compiled_html(self)

    @property
    def program(self) -> Program:
        """The Program of the path traced first, for the structure of arguments met last."""
        return self.programs[0]

    @property
    def programs(self) -> list[Program]:
        """The Programs of all known paths, for the structure of arguments met last."""
        return [path.program for path in self.paths]

    @property
    def paths(self) -> list[Path]:
        """All known paths through the function's branches, for the structure of arguments met last."""
        if self._last is None:
            raise SettingError("this function has not been traced yet: call it once, then its program is known")
        return list(self._last.paths)

    def specialise(self, args: Sequence[Any]) -> tuple[Specialisation, Batch]:
        """Return what the function is for arguments of this structure (traced if need be), and their numbers."""
        plain = None if self.settings.static_argnums else plain_leaves(args)
        if plain is not None:
            leaves, key = plain
            known = self._known.get(key)
            if known is not None:
                self._last = known[0]
                return known[0], Batch(leaves, known[0].axes, known[1])
        arguments, batch = arguments_of(args, self.settings.in_axes, self.settings.static_argnums)
        found = self._specialisations.get(arguments)
        if found is None:
            with self._lock:
                found = self._specialisations.get(arguments)
                if found is None:
                    found = self._specialisations[arguments] = Specialisation(self, arguments, batch.sample(0))
        self._last = found
        if plain is not None:
            if len(self._known) >= _MOST_KNOWN:  # every number of lanes is another
                self._known.clear()
            self._known[plain[1]] = found, batch.lanes
        return found, batch

    # --- What the short ways call where they do not apply.

    def _values(self, *args: Any, out: Any = None, threads: int | None = None, **unknown: Any) -> Any:
        _require_known(self, unknown, "out, threads")
        found = self._on_numbers(args)
        if found is None:
            _require_no_out(out)
            return on_nodes(self)(*args)
        specialisation, batch = found
        runner = specialisation.runner(None)
        result = specialisation.paths.first.result
        leaves = runner.run(batch, self._threads(threads), () if out is None else _out_leaves([out], [result]))
        self._shorten(self._call, specialisation, runner, args, by=None)
        return out if out is not None else result.unflatten(leaves)

    def _value_and_grad(
        self,
        *args: Any,
        argnums: int | Sequence[int] = 0,
        out: Any = None,
        threads: int | None = None,
        **unknown: Any,
    ) -> Any:
        """Return the value and the gradient by the arguments `argnums`; arrays in `out` take the gradient."""
        _require_known(self, unknown, "argnums, out, threads")
        value, gradient = self._derivatives(args, argnums, out, threads, self.value_and_grad)
        return value, gradient

    def _grad(
        self,
        *args: Any,
        argnums: int | Sequence[int] = 0,
        out: Any = None,
        threads: int | None = None,
        **unknown: Any,
    ) -> Any:
        """Return the gradient by the arguments `argnums`; arrays in `out` take it."""
        _require_known(self, unknown, "argnums, out, threads")
        value, gradient = self._derivatives(args, argnums, out, threads, self.grad)
        return (gradient, value[1]) if self.settings.has_aux else gradient

    def _derivatives(self, args: Any, argnums: Any, out: Any, threads: int | None, short: Any) -> tuple[Any, Any]:
        found = self._on_numbers(args)
        if found is None:
            _require_no_out(out)
            return gradient_on_nodes(self, args, argnums)
        specialisation, batch = found
        numbers = specialisation.differentiated(argnums)
        one = isinstance(argnums, (int, np.integer))
        runner = specialisation.runner(numbers)
        structures = [specialisation.arguments[k].sample for k in numbers]
        trees = [out] if one else out
        given = () if out is None else _out_leaves(trees, structures)
        leaves = runner.run(batch, self._threads(threads), given)
        result = specialisation.paths.first.result
        value = result.unflatten(leaves[: len(result.leaves)])
        if argnums == 0:
            self._shorten(short, specialisation, runner, args, by=0)
        if out is not None:
            return value, out
        gradients = []
        at = len(result.leaves)
        for structure in structures:
            gradients.append(structure.unflatten(leaves[at : at + len(structure.leaves)]))
            at += len(structure.leaves)
        return value, gradients[0] if one else tuple(gradients)

    def _on_numbers(self, args: Sequence[Any]) -> tuple[Specialisation, Batch] | None:
        """Return what the engine is to run, or None if there are Nodes that it would lose the derivatives of."""
        if is_nested() and counts_nodes(args):
            return None
        try:
            return self.specialise(args)
        except StructureError:
            if counts_nodes(args):
                return None
            raise

    def _threads(self, threads: int | None) -> int:
        return checked_threads(self.settings.threads if threads is None else threads)

    def _shorten(self, call: Any, specialisation: Specialisation, runner: Runner, args: Any, by: int | None) -> None:
        """Let the call take the short way from now on, if arguments like these allow it."""
        first = specialisation.paths.first
        shapes = tuple(arg.shape if type(arg) is np.ndarray else None for arg in args)
        plain = all(type(arg) is float or (type(arg) is np.ndarray and arg.dtype == np.float64) for arg in args)
        if not plain or call.planned == shapes or specialisation.batched or first.program.guards:
            return
        if self.settings.static_argnums:  # one plan would be for all values of these
            return
        if not _is_number(first.result) or len(first.program) > _SHORT_WAY:
            return
        call.set_plan(_core.Executable(runner.program(first)), shapes, call is not self.grad, by)


def _out_leaves(trees: Any, structures: Sequence[Structure]) -> list[Any]:
    found: list[Any] = []
    if not isinstance(trees, (list, tuple)) or len(trees) != len(structures):
        raise StructureError(f"out: {len(structures)} trees of arrays are needed, one for each of argnums")
    for tree, structure in zip(trees, structures, strict=True):
        leaves, given = flatten(tree, "out")
        if given.treedef != structure.treedef:
            raise StructureError(f"out: got the structure {given}, but {structure} is needed")
        for leaf in leaves:
            if not isinstance(leaf, np.ndarray):
                raise StructureError(f"out: got the number {leaf!r}, but only arrays can be written into")
        found += leaves
    if len({leaf.__array_interface__["data"][0] for leaf in found if leaf.size}) < sum(leaf.size > 0 for leaf in found):
        raise StructureError("out: two of its arrays are the same memory, of which each result needs its own")
    return found


def _require_known(function: CompiledFunction, unknown: dict[str, Any], known: str) -> None:
    if unknown:
        raise NodeTypeError(
            f"{function!r} got the keyword {next(iter(unknown))!r}: the arguments of a compiled function are passed by "
            f"position, and keywords are its settings: {known}"
        )


def _require_no_out(out: Any) -> None:
    if out is not None:
        raise SettingError("out: an argument is a Node, so that results are Nodes, which out cannot take; leave it out")


def _is_number(result: Structure) -> bool:
    return result.treedef.num_leaves == 1 and result.treedef.num_nodes == 1 and result.leaves != () and result.size == 1


@overload
def compile(
    function: None = None,
    *,
    in_axes: Any = None,
    reduce: Reduce = None,
    static_argnums: int | Sequence[int] = (),
    has_aux: bool = False,
    max_paths: int = 64,
    threads: int | None = None,
) -> Callable[[Callable[..., Any]], CompiledFunction]: ...
@overload
def compile(
    function: Callable[..., Any],
    *,
    in_axes: Any = None,
    reduce: Reduce = None,
    static_argnums: int | Sequence[int] = (),
    has_aux: bool = False,
    max_paths: int = 64,
    threads: int | None = None,
) -> CompiledFunction: ...
def compile(
    function: Callable[..., Any] | None = None,
    *,
    in_axes: Any = None,
    reduce: Reduce = None,
    static_argnums: int | Sequence[int] = (),
    has_aux: bool = False,
    max_paths: int = 64,
    threads: int | None = None,
) -> CompiledFunction | Callable[[Callable[..., Any]], CompiledFunction]:
    """Compile a scalar function: trace it, and run it and its derivatives over batches at the speed of C++.

    The function is ordinary code of numbers, of one sample: loops, branches, lists, dicts, arrays, modules. It must be
    pure: it is run with traced numbers when arguments of a new structure come, and again for each path that a sample
    takes which none took before; what it reads from outside is read then.

    Parameters
    ----------
    function : callable
        From positional arguments to a number, or a structure of numbers. Left out, a decorator is returned.
    in_axes : int, None, or a sequence of these or of trees of these, optional
        For each argument the axis along which its samples lie (they *vary*), or None if it is the same for all
        (*uniform*); as for ``jax.vmap``. Without it a call is one sample.
    reduce : {"sum", "mean", None}
        What becomes of the samples' values: their sum, their mean, or all of them.
    static_argnums : int or sequence of int
        Arguments that are no numbers; the function is traced anew for each value.
    has_aux : bool
        The function returns a pair: the value, and more results that are neither reduced nor differentiated.
    max_paths : int
        How many paths it may have.
    threads : int, optional
        How many threads a call uses, if it does not say; otherwise `get_num_threads()`.

    Returns
    -------
    CompiledFunction

    Raises
    ------
    SettingError
        If `reduce` is given without `in_axes`, or a setting is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> @rg.compile(in_axes=(None, 0, 0), reduce="mean")
    ... def loss(params, x, t):
    ...     y = params["w"] * x + params["b"]
    ...     return (y - t) ** 2
    >>> value, slopes = loss.value_and_grad({"w": 2.0, "b": 0.0}, np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    >>> value, slopes
    (1.0, {'w': 1.0, 'b': 0.0})
    """
    if reduce not in (None, "sum", "mean"):
        raise SettingError(f"reduce: got {reduce!r}, but 'sum', 'mean' or None is needed")
    if reduce is not None and in_axes is None:
        raise SettingError(
            f"reduce={reduce!r} needs in_axes: without it a call is one sample, and there is nothing to reduce"
        )
    static = static_argnums_of(static_argnums)
    settings = Settings(
        in_axes,
        reduce,
        static,
        has_aux,
        whole("max_paths", max_paths),
        None if threads is None else checked_threads(threads),
    )
    if function is None:
        return lambda function: CompiledFunction(function, settings)
    return CompiledFunction(function, settings)
