"""Derivatives of functions, under JAX's names: grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp.

They take plain functions of numbers, lists, dicts, arrays and modules, and functions that `rg.compile` made. Results
have the structure of the arguments: floats for numbers, arrays for arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from reelgrad._core import LengthError, NodeTypeError, SettingError
from reelgrad.arguments import checked_argnums
from reelgrad.blocks import blocks_of_matrix
from reelgrad.compiled import CompiledFunction
from reelgrad.compiled_derivatives import Compiled
from reelgrad.nesting import nested
from reelgrad.on_nodes import counts_nodes, each_on_nodes, on_nodes
from reelgrad.point import Point, numbers_like, taken_apart, trees_of, value_and_gradient
from reelgrad.trees import Structure

__all__ = ["grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates the gradient of `fun`.

    Parameters
    ----------
    fun : callable
        Returns a number. A plain function is run once per call, on Nodes, and differentiated in one reverse sweep: any
        Python will do, and its branches are those that the arguments take.
    argnums : int or sequence of int
        The arguments to differentiate for. The others are passed on as they are.
    has_aux : bool
        Whether `fun` returns a pair, the number and auxiliary data; then so does the gradient.

    Returns
    -------
    callable
        With the arguments of `fun`. The gradient has the structure of the argument; for several it is a tuple.
        Variables count by their values, as for `rg.compile`. For arguments that are results of operations, and inside
        of a function that is itself differentiated or traced, the gradient is made of Nodes, so that it can be
        differentiated again.

    Raises
    ------
    StructureError
        If `fun` returns something else than one number, or an argument is no tree of numbers.
    SettingError
        If an argument does not exist, or is static.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.grad(lambda x: x**3)(2.0)
    12.0
    >>> rg.grad(lambda p: p["a"] * rg.exp(p["b"][0]))({"a": 2.0, "b": [0.0, 1.0]})
    {'a': 1.0, 'b': [2.0, 0.0]}
    >>> rg.grad(rg.grad(lambda x: x**3))(2.0)
    12.0
    """
    value_and_slopes = value_and_grad(fun, argnums, has_aux)

    @_described(fun, "Gradient")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, slopes = value_and_slopes(*args, **kwargs)
        return (slopes, value[1]) if has_aux else slopes

    return gradient


def value_and_grad(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates `fun` and its gradient in one pass.

    Parameters and errors are those of `grad`. With `has_aux` the value is the pair that `fun` returns.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.value_and_grad(lambda w, x: (w * x - 1.0) ** 2, argnums=(0, 1))(0.5, 3.0)
    (0.25, (3.0, 0.5))
    """
    _require_callable(fun, "value_and_grad")

    @_described(fun, "Value and gradient")
    def both(*args: Any, **kwargs: Any) -> Any:
        if isinstance(fun, CompiledFunction):
            _require_same_aux(fun, has_aux)
            return fun.value_and_grad(*args, argnums=argnums, **kwargs)
        return value_and_gradient(fun, args, kwargs, argnums, has_aux)

    return both


def jacobian(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates the Jacobian of `fun`: the derivative of each output by each input.

    By forward sweeps if there are fewer inputs than outputs, else by reverse sweeps; `jacfwd` and `jacrev` say which.
    So it is for plain and for compiled functions. Of a compiled function that reduces a batch, derivatives by arguments
    that vary from sample to sample take reverse sweeps.

    Returns
    -------
    callable
        Its result has the structure of the outputs, and in each place that of the argument: an array of the output's
        shape followed by the input's, or a float if both are numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> rg.jacobian(lambda v: [v[0] * v[1], rg.sin(v[0])])(np.array([0.0, 2.0]))
    [array([2., 0.]), array([1., 0.])]
    >>> rg.jacobian(lambda v: v**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(fun, argnums, has_aux, None)


def jacfwd(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates the Jacobian by forward sweeps, one for each input: see `jacobian`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.jacfwd(lambda x: (x, x**2, x**3))(2.0)
    (1.0, 4.0, 12.0)
    """
    return _jacobian(fun, argnums, has_aux, True)


def jacrev(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates the Jacobian by reverse sweeps, one for each output: see `jacobian`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.jacrev(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (3.0, 2.0)
    """
    return _jacobian(fun, argnums, has_aux, False)


def _jacobian(fun: Function, argnums: Argnums, has_aux: bool, forward: bool | None) -> Function:
    _require_callable(fun, "jacobian")

    @_described(fun, "Jacobian")
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        if isinstance(fun, CompiledFunction):
            _require_same_aux(fun, has_aux)
            if counts_nodes(args):
                return each_on_nodes(fun, args, lambda plain: _jacobian(plain, argnums, has_aux, forward))
            found, aux = Compiled(fun, args).jacobian(argnums, forward)
            return (found, aux) if has_aux else found
        with Point(fun, args, kwargs, checked_argnums(argnums, len(args))) as point:
            if has_aux:
                point.take_aux()
            outputs, structure = _outputs(point)
            matrix = point.jacobian(outputs, forward)
            blocks = blocks_of_matrix(matrix, structure, point.structures, argnums)
            return (blocks, point.aux) if has_aux else blocks

    return jacobian_of


def hessian(fun: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that evaluates the Hessian of `fun`, which returns a number: forward sweeps over the gradient.

    Returns
    -------
    callable
        Its result has the structure of the argument, and in each place that structure again: for arrays an array of
        both shapes, for numbers a float.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> rg.hessian(lambda v: v[0] ** 2 * v[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    plain = _jacobian(grad(fun, argnums, has_aux), argnums, has_aux, True)
    if not isinstance(fun, CompiledFunction):
        return plain

    @_described(fun, "Hessian")
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        _require_same_aux(fun, has_aux)
        if counts_nodes(args):
            return each_on_nodes(fun, args, lambda plain: hessian(plain, argnums, has_aux))
        call = Compiled(fun, args)
        matrix, aux = call.hessian(argnums)
        structures = call.structures(argnums)
        found = []
        top = 0
        for structure in structures:
            rows = matrix[..., top : top + structure.size, :]
            found.append(blocks_of_matrix(rows, structure, structures, argnums, call.is_per_lane))
            top += structure.size
        blocks = found[0] if isinstance(argnums, (int, np.integer)) else tuple(found)
        return (blocks, aux) if has_aux else blocks

    return hessian_of


def jvp(fun: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Evaluate `fun` and its derivative along a direction, in one forward sweep.

    Parameters
    ----------
    fun : callable
        From the primals to a tree of numbers.
    primals, tangents : sequence
        The arguments, and for each a tangent of its structure. A tangent of None is one of zeros: the argument is
        passed on as it is.
    has_aux : bool
        Whether `fun` returns a pair, the outputs and auxiliary data.

    Returns
    -------
    tuple
        The outputs and their tangents; with `has_aux` the auxiliary data too.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    _require_callable(fun, "jvp")
    _require_sequences("jvp", primals, tangents)
    argnums = [k for k, tangent in enumerate(tangents) if tangent is not None]
    if isinstance(fun, CompiledFunction):
        _require_same_aux(fun, has_aux)
        if not counts_nodes([primals, tangents]):
            values, slopes, aux = Compiled(fun, primals).jvp(tangents)
            return (values, slopes, aux) if has_aux else (values, slopes)
        fun = on_nodes(fun)
    with Point(fun, primals, {}, argnums) as point:
        if has_aux:
            point.take_aux()
        outputs, structure = _outputs(point)
        directions = [
            number
            for number, of in zip(argnums, point.structures, strict=True)
            for number in numbers_like(tangents[number], of, f"tangents[{number}]", f"tangents of argument {number}")
        ]
        values, along = point.tangents(outputs, directions)
        result = (structure.unflatten_flat(values), structure.unflatten_flat(along))
        return (*result, point.aux) if has_aux else result


def hvp(fun: Function, primals: Sequence[Any], tangents: Sequence[Any], argnums: Argnums = 0) -> Any:
    """Evaluate the product of the Hessian of `fun` and a vector, at the cost of a few evaluations.

    It is the derivative of the gradient along the tangents.

    Parameters
    ----------
    fun : callable
        From the primals to a number.
    primals, tangents : sequence
        The arguments, and for each a tangent of its structure, or None for zeros.
    argnums : int or sequence of int
        The arguments that the gradient is taken for.

    Returns
    -------
    tree
        Of the structure of the argument; a tuple for several.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> rg.hvp(lambda v: v[0] ** 2 * v[1], (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([4., 2.])
    """
    _require_callable(fun, "hvp")
    _require_sequences("hvp", primals, tangents)
    has_aux = False
    if isinstance(fun, CompiledFunction):
        if not counts_nodes([primals, tangents]):
            return Compiled(fun, primals).hvp(tangents, argnums)
        has_aux = fun.settings.has_aux
    return jvp(grad(fun, argnums, has_aux), primals, tangents, has_aux)[1]


def vjp(fun: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate `fun`, and return what gives the derivatives of any seeded sum of its outputs.

    Returns
    -------
    tuple
        The outputs and a function of seeds, a tree of their structure, that returns a tuple with the derivatives by
        each of the primals; with `has_aux` the auxiliary data too.

    Examples
    --------
    >>> import reelgrad as rg
    >>> out, pull = rg.vjp(lambda x, y: (x * y, x + y), 2.0, 3.0)
    >>> out
    (6.0, 5.0)
    >>> pull((1.0, 0.0)), pull((0.0, 1.0))
    ((3.0, 2.0), (1.0, 1.0))
    """
    _require_callable(fun, "vjp")
    if isinstance(fun, CompiledFunction):
        _require_same_aux(fun, has_aux)
        if not counts_nodes(primals):
            out, pull_compiled, aux = Compiled(fun, primals).vjp()
            return (out, pull_compiled, aux) if has_aux else (out, pull_compiled)
        fun = on_nodes(fun)
    with Point(fun, primals, {}, range(len(primals))) as point:
        if has_aux:
            point.take_aux()
        outputs, structure = _outputs(point)
        values, pull = point.pullback(outputs)
    structures = point.structures

    def pullback(seeds: Any) -> tuple[Any, ...]:
        row = pull(numbers_like(seeds, structure, "seeds", "the outputs"))
        return trees_of(structures, row)

    result = (structure.unflatten_flat(values), pullback)
    return (*result, point.aux) if has_aux else result


# --- Structures of results


def _outputs(point: Point) -> tuple[list[Any], Structure]:
    with nested():  # all Nodes of modules are outputs
        return taken_apart(point.result, "the result", lambda node: True)


# --- Wrong use


def _require_callable(fun: Any, name: str) -> None:
    if not callable(fun):
        raise NodeTypeError(f"{name}(fun): got {fun!r:.80}, which cannot be called; pass the function, not its result")


def _require_same_aux(function: CompiledFunction, has_aux: bool) -> None:
    if has_aux != function.settings.has_aux:
        raise SettingError(
            f"has_aux={has_aux} here, but {function!r} was compiled with has_aux={function.settings.has_aux}: both "
            "must say the same"
        )


def _require_sequences(name: str, primals: Any, tangents: Any) -> None:
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise NodeTypeError(f"{name}: {what} is {type(given).__name__}, but a tuple is needed, of one per argument")
    if len(primals) != len(tangents):
        raise LengthError(f"{name}: {len(primals)} primals need as many tangents, not {len(tangents)}")


def _described(fun: Function, what: str) -> Callable[[Function], Function]:
    def describe(derivative: Function) -> Function:
        name = getattr(fun, "__name__", "a function")
        wraps(fun, assigned=("__module__",), updated=())(derivative)
        derivative.__name__ = derivative.__qualname__ = f"{what.lower().replace(' ', '_')}_of_{name}"
        derivative.__doc__ = f"{what} of {name}."
        return derivative

    return describe
