"""`rg.minimize` and `rg.least_squares`: SciPy's optimisers, with exact derivatives.

The function is compiled for the structure of the starting point, and SciPy gets gradients, Hessian-vector products or
Jacobians that the engine computes. SciPy is needed only when one of these is called.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import Program, SettingError
from reelgrad.compiled import CompiledFunction
from reelgrad.methods import without_object
from reelgrad.paths import Path
from reelgrad.problem import Derived, Problem
from reelgrad.specialisation import Settings, require_scalar
from reelgrad.trees import StructureError

__all__ = ["least_squares", "minimize"]

Numbers = NDArray[np.float64]
_VALUES_ONLY = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_HESSIANS = frozenset({"dogleg", "trust-exact"})


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Any = "L-BFGS-B",
    *,
    threads: int | None = None,
    **options: Any,
) -> Any:
    """Minimise a function with `scipy.optimize.minimize` and exact derivatives.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns a number. A compiled function with `in_axes` and `reduce` goes over all samples in
        `args`.
    x0
        Where to start: a number, an array, or any structure of these; an `rg.nn.Module` too.
    args : tuple
        The other arguments of `fun`.
    method : str or callable
        Any of SciPy's. Newton-CG, trust-ncg, trust-krylov and trust-constr get Hessian-vector products, dogleg and
        trust-exact Hessians, and those that use no derivatives get none.
    threads : int, optional
        How many threads large batches use; by default as for compiled functions.
    **options
        What `scipy.optimize.minimize` takes besides: `bounds`, `constraints`, `tol`, `callback`, `options`. Vectors in
        them have the numbers of `x0` in a row.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's, with `x` in the structure of `x0`.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    SettingError
        If derivatives are given, or a compiled function leaves a value for each sample.

    Examples
    --------
    >>> import reelgrad as rg
    >>> def rosenbrock(p):
    ...     return (1.0 - p["x"]) ** 2 + 100.0 * (p["y"] - p["x"] ** 2) ** 2
    >>> result = rg.minimize(rosenbrock, {"x": -1.2, "y": 1.0}, method="trust-ncg")
    >>> print({name: round(value, 4) for name, value in result.x.items()})
    {'x': 1.0, 'y': 1.0}
    """
    optimize = _scipy_optimize("minimize")
    _refuse(options, ("jac", "hess", "hessp"), "minimize")
    problem = Problem(_compiled(fun), x0, _arguments(args), "x0")
    if problem.batched and not problem.specialisation.reduces:
        raise SettingError(
            "fun was compiled without reduce, so it has a value for each sample; one in all is needed: "
            "rg.compile(..., reduce='sum')"
        )
    if problem.function.settings.has_aux:
        raise SettingError("fun was compiled with has_aux, but minimize needs the number alone: leave has_aux out")
    require_scalar(problem.specialisation.paths.first.result, False)
    kind = method.lower() if isinstance(method, str) else None
    slopes = Derived(problem, lambda path: _with_gradient(problem, path), threads)

    def value_and_grad(x: Numbers) -> tuple[float, Numbers]:
        found = slopes(x)
        return float(found[0]), found[1:]

    if kind in _VALUES_ONLY:
        values = Derived(problem, lambda path: _reduced(problem, path), threads)
        result = optimize.minimize(lambda x: float(values(x)[0]), problem.start, method=method, **options)
    else:
        if kind in _PRODUCTS:
            options["hessp"] = _products(problem, threads)
        elif kind in _HESSIANS:
            options["hess"] = _hessian(problem, threads)
        result = optimize.minimize(value_and_grad, problem.start, method=method, jac=True, **options)
    result.x = problem.params_of(np.asarray(result.x, np.float64))
    return result


def least_squares(
    residuals: Callable[..., Any], x0: Any, args: Any = (), *, threads: int | None = None, **options: Any
) -> Any:
    """Solve a nonlinear least-squares problem with `scipy.optimize.least_squares` and exact Jacobians.

    Parameters
    ----------
    residuals : callable
        ``residuals(x, *args)`` returns a list, an array or another structure of residuals. A compiled function with
        `in_axes` (and without `reduce`) gives those of one sample.
    x0
        Where to start: a number, an array, or any structure of these; an `rg.nn.Module` too.
    args : tuple
        The other arguments of `residuals`.
    threads : int, optional
        How many threads large batches use; by default as for compiled functions.
    **options
        What `scipy.optimize.least_squares` takes besides: `bounds`, `method`, `loss`, `x_scale` and so on. Vectors in
        them have the numbers of `x0` in a row.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's, with `x` in the structure of `x0`. Residuals and rows of the Jacobian go sample by sample.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    SettingError
        If a Jacobian is given, or a compiled function reduces.

    Examples
    --------
    >>> import numpy as np
    >>> import reelgrad as rg
    >>> @rg.compile(in_axes=(None, 0, 0))
    ... def residual(p, t, y):
    ...     return p["a"] * rg.exp(-p["k"] * t) - y
    >>> t = np.linspace(0.0, 2.0, 10)
    >>> result = rg.least_squares(residual, {"a": 1.0, "k": 1.0}, (t, 3.0 * np.exp(-0.5 * t)))
    >>> print({name: round(value, 6) for name, value in result.x.items()})
    {'a': 3.0, 'k': 0.5}
    """
    optimize = _scipy_optimize("least_squares")
    _refuse(options, ("jac",), "least_squares")
    problem = Problem(_compiled(residuals), x0, _arguments(args), "x0")
    if problem.specialisation.reduces or problem.function.settings.has_aux:
        raise SettingError(
            "residuals was compiled with reduce or has_aux, but all its values are residuals: leave these out"
        )
    inputs = problem.specialisation.inputs_of((0,))
    values = Derived(problem, lambda path: path.program, threads)
    if values.outputs == 0:
        raise StructureError("residuals returned no numbers: there is nothing to make small")

    if values.outputs == 1:
        by_sample = Derived(problem, lambda path: path.program.differentiate(inputs, per_lane=problem.batched), threads)

        def jacobian(x: Numbers) -> Numbers:
            return np.atleast_2d(by_sample(x))[:, 1:]
    else:
        tangents = Derived(problem, lambda path: path.program.linearise(inputs), threads)

        def jacobian(x: Numbers) -> Numbers:
            columns = [tangents(x, direction)[..., values.outputs :].ravel() for direction in np.eye(len(x))]
            return np.stack(columns, axis=1)

    result = optimize.least_squares(lambda x: values(x).ravel(), problem.start, jac=jacobian, **options)
    result.x = problem.params_of(np.asarray(result.x, np.float64))
    return result


def _reduced(problem: Problem, path: Path) -> Program:
    return path.program.reduced() if problem.specialisation.reduces else path.program


def _with_gradient(problem: Problem, path: Path) -> Program:
    return _reduced(problem, path).differentiate(problem.specialisation.inputs_of((0,)))


def _products(problem: Problem, threads: int | None) -> Callable[[Numbers, Numbers], Numbers]:
    """Return the Hessian-vector product: the derivative of the gradient in a direction."""
    inputs = problem.specialisation.inputs_of((0,))
    derived = Derived(problem, lambda path: _with_gradient(problem, path).linearise(inputs), threads)
    first = derived.outputs - len(inputs)  # value and gradient, then their tangents

    def product(x: Numbers, direction: Numbers) -> Numbers:
        return derived(x, np.ravel(direction))[first:]

    return product


def _hessian(problem: Problem, threads: int | None) -> Callable[[Numbers], Numbers]:
    product = _products(problem, threads)

    def hessian(x: Numbers) -> Numbers:
        found: Numbers = np.array([product(x, direction) for direction in np.eye(len(x))])
        symmetric: Numbers = 0.5 * (found + found.T)  # it is up to rounding; SciPy factors it
        return symmetric

    return hessian


def _compiled(function: Callable[..., Any]) -> CompiledFunction:
    function = without_object(function)
    return function if isinstance(function, CompiledFunction) else CompiledFunction(function, Settings())


def _arguments(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _refuse(options: dict[str, Any], names: tuple[str, ...], function: str) -> None:
    for name in names:
        if name in options:
            raise SettingError(f"{function}({name}=...): the exact derivative is used, leave {name} out")


def _scipy_optimize(function: str) -> ModuleType:
    try:
        from scipy import optimize  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(f"reelgrad.{function} needs SciPy: pip install 'reelgrad[scipy]'") from error
    return optimize  # type: ignore[no-any-return]
