"""Arrays against NumPy: each function that they know, in shapes, values, errors and gradients.

The table is array_cases.py. NumPy computes what is right; gradients are compared with central differences of NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from array_cases import CALLS, cases_of_calls, operator_cases
from numpy_calls import Case, Numbers, call, function_named
from reelgrad.arrays.protocols import _OF_VALUES, FUNCTIONS, UFUNCS

MATRIX_UFUNCS = {"matmul", "vecdot", "matvec", "vecmat"}
OPERATORS = [ufunc for ufunc in UFUNCS if ufunc.__name__ not in MATRIX_UFUNCS]
OF_VALUES = sorted(_OF_VALUES, key=lambda ufunc: ufunc.__name__)
CASES = [*cases_of_calls(), *(case for ufunc in (*OPERATORS, *OF_VALUES) for case in operator_cases(ufunc))]

# Text of values is not NumPy's.
WITHOUT_CASES = {np.array_repr, np.array_str, np.array2string}


def numbers_in(tree: Any) -> list[Numbers]:
    if isinstance(tree, Numbers):
        return [tree]
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [found for branch in tree for found in numbers_in(branch)] if isinstance(tree, (list, tuple)) else []


def filled(tree: Any, numbers: Iterator[Any]) -> Any:
    """The tree with the next of these in each place of numbers."""
    if isinstance(tree, Numbers):
        return next(numbers)
    if isinstance(tree, dict):
        return {key: filled(value, numbers) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)) and numbers_in(tree):
        return type(tree)([filled(branch, numbers) for branch in tree])
    return tree


def results_of(case: Case, numbers: Sequence[Any]) -> list[Any]:
    """What the call gives: one result, or the parts of a tuple or list."""
    each = iter(numbers)
    args = filled(case.args, each)
    result = case.function(*args, **filled(case.settings, each))
    return list(result) if isinstance(result, (list, tuple)) else [result]


def drawn(case: Case) -> list[np.ndarray]:
    return [spec.draw(k) for k, spec in enumerate(numbers_in((case.args, case.settings)))]


def weights_for(results: Sequence[Any]) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.uniform(0.5, 1.5, np.shape(result)) for result in results]


def is_recorded(x: Any) -> bool:
    return isinstance(x, (rg.Array, rg.Node))


def shape_of(x: Any) -> tuple[int, ...]:
    return () if isinstance(x, rg.Node) else np.shape(x)


def loss(results: Sequence[Any], weights: Sequence[np.ndarray], counted: Sequence[bool]) -> Any:
    total: Any = 0.0
    for result, weight, counts in zip(results, weights, counted, strict=True):
        if counts:
            product = result * weight
            total = total + (product if shape_of(result) == () else product.sum())
    return total


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # from NumPy 2.5 on; still there
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_function_of_arrays_is_numpys_and_its_gradient_that_of_differences(case: Case) -> None:
    numbers = drawn(case)
    with np.errstate(all="ignore"):
        expected = results_of(case, numbers)
    arrays = [rg.array(x) for x in numbers]
    results = results_of(case, arrays)
    assert len(results) == len(expected)
    counted = [is_recorded(result) for result in results]
    for result, known, records in zip(results, expected, counted, strict=True):
        assert shape_of(result) == np.shape(known)
        if records:
            assert isinstance(result, rg.Node) == (np.shape(known) == ())
            np.testing.assert_allclose(result.value, known, rtol=1e-12, atol=1e-13)
        elif isinstance(known, (np.ndarray, np.generic)):
            assert np.asarray(result).dtype == np.asarray(known).dtype
            np.testing.assert_array_equal(result, known)
        else:
            assert result == known
    weights = weights_for(expected)
    total = loss(results, weights, counted)
    if not is_recorded(total):
        return
    total.backward()
    for k in range(len(numbers)):
        known = differences(case, numbers, k, weights, counted)
        scale = max(1.0, float(np.max(np.abs(known), initial=0.0)))
        np.testing.assert_allclose(arrays[k].grad, known, rtol=0.0, atol=2e-8 * scale, err_msg=f"argument {k}")


def differences(case: Case, numbers: Sequence[np.ndarray], k: int, weights: Any, counted: Any) -> np.ndarray:
    """Central differences of order 4 by each element of argument k."""
    step = 3e-4
    slopes = np.zeros(numbers[k].shape)
    for index in np.ndindex(slopes.shape):
        if np.isnan(numbers[k][index]):
            continue
        at = {}
        for shift in (-2, -1, 1, 2):
            moved = [x.copy() for x in numbers]
            moved[k][index] += shift * step
            with np.errstate(all="ignore"):
                at[shift] = loss(results_of(case, moved), weights, counted)
        slopes[index] = (8.0 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12.0 * step)
    return slopes


@pytest.mark.parametrize("case", [case for case in CASES if len(numbers_in((case.args, case.settings))) > 1], ids=str)
def test_arrays_mix_with_numbers_in_each_place(case: Case) -> None:
    """One operand is an Array, the others are NumPy's: values and gradient are as when all are Arrays."""
    numbers = drawn(case)
    whole = [rg.array(x) for x in numbers]
    results = results_of(case, whole)
    counted = [is_recorded(result) for result in results]
    weights = weights_for([result.value if is_recorded(result) else result for result in results])
    total = loss(results, weights, counted)
    if is_recorded(total):
        total.backward()
    for k in range(len(numbers)):
        mixed: list[Any] = list(numbers)
        mixed[k] = rg.array(numbers[k])
        parts = results_of(case, mixed)
        for part, result in zip(parts, results, strict=True):
            plain = part.value if is_recorded(part) else part
            np.testing.assert_allclose(plain, result.value if is_recorded(result) else result, rtol=1e-12, atol=1e-13)
        mine = loss(parts, weights, [is_recorded(part) for part in parts])
        if is_recorded(mine) and is_recorded(total):
            mine.backward()
            np.testing.assert_allclose(mixed[k].grad, whole[k].grad, rtol=1e-9, atol=1e-12)


def test_every_function_that_is_registered_has_cases() -> None:
    tested = {id(function_named(name)) for name in CALLS} | {id(ufunc) for ufunc in OPERATORS}
    known = [f for f in (*FUNCTIONS, *UFUNCS) if f not in WITHOUT_CASES]
    assert [f.__name__ for f in known if id(f) not in tested] == []
    registered = {id(f) for f in known}
    names = [name for name in CALLS if function_named(name) is not None and "." not in name.replace("linalg.", "")]
    assert [name for name in names if id(function_named(name)) not in registered] == []
    assert len(CASES) >= 300


# --- Methods

METHODS: dict[str, list[Any]] = {
    "all": [call(), call(axis=0), call(axis=1, keepdims=True)],
    "any": [call(), call(axis=0)],
    "argmax": [call(), call(axis=1), call(0, keepdims=True)],
    "argmin": [call(), call(axis=1)],
    "argpartition": [call(1)],
    "argsort": [call(), call(axis=0)],
    "astype": [call(float), call("f8")],
    "clip": [call(-0.5, 0.5)],
    "compress": [call([False, True], axis=0)],
    "conj": [call()],
    "conjugate": [call()],
    "copy": [call()],
    "cumprod": [call(), call(axis=0)],
    "cumsum": [call(), call(axis=1)],
    "diagonal": [call(), call(1)],
    "dot": [call(np.ones(3))],
    "flatten": [call()],
    "max": [call(), call(axis=0), call(1, keepdims=True)],
    "mean": [call(), call(axis=0), call(axis=(0, 1), keepdims=True)],
    "min": [call(), call(axis=0)],
    "nonzero": [call()],
    "prod": [call(), call(axis=1)],
    "ravel": [call()],
    "repeat": [call(2), call(2, axis=1)],
    "reshape": [call(3, 2), call((3, 2)), call(-1)],
    "round": [call()],
    "std": [call(), call(axis=0), call(axis=1, ddof=1)],
    "sum": [call(), call(axis=0), call(axis=0, keepdims=True)],
    "swapaxes": [call(0, 1)],
    "squeeze": [call()],
    "take": [call([0, 2], axis=1), call([0, 5])],
    "trace": [call(), call(1)],
    "transpose": [call(), call(1, 0), call((1, 0))],
    "var": [call(), call(axis=0), call(axis=1, ddof=1)],
}
ATTRIBUTES = ["T", "dtype", "itemsize", "mT", "nbytes", "ndim", "real", "shape", "size"]
# What changes an array in place or looks into its memory, and what needs one that is sorted or of integers.
NOT_METHODS = {
    *(
        "base",
        "byteswap",
        "choose",
        "ctypes",
        "data",
        "device",
        "dump",
        "dumps",
        "flags",
        "getfield",
        "imag",
        "itemset",
    ),
    *("newbyteorder", "partition", "ptp", "put", "resize", "setfield", "setflags", "strides", "to_device"),
    *("tobytes", "tofile", "tostring", "view"),
}


@pytest.mark.parametrize(("name", "arguments"), [(name, given) for name, calls in METHODS.items() for given in calls])
def test_a_method_gives_what_numpys_gives(name: str, arguments: Any) -> None:
    numbers = Numbers((2, 3)).draw(0)
    args, settings = arguments
    expected = getattr(numbers, name)(*args, **settings)
    a = rg.array(numbers)
    result = getattr(a, name)(*args, **settings)
    assert shape_of(result) == np.shape(expected)
    np.testing.assert_allclose(result.value if is_recorded(result) else result, expected, rtol=1e-13)
    assert is_recorded(result) == (np.asarray(expected).dtype == np.float64)


def test_attributes_are_numpys() -> None:
    numbers = Numbers((2, 3)).draw(0)
    a = rg.array(numbers)
    for name in ATTRIBUTES:
        ours, theirs = getattr(a, name), getattr(numbers, name, None)
        if is_recorded(ours):
            np.testing.assert_array_equal(ours.value, numbers.T if name == "mT" else theirs)
        else:
            assert ours == theirs
    assert [node.value for node in a.flat] == list(numbers.flat)
    assert np.searchsorted(rg.array([1.0, 2.0]), 1.5) == rg.array([1.0, 2.0]).searchsorted(1.5) == 1


def test_every_method_of_numpys_arrays_is_there_or_named_here_as_missing() -> None:
    public = {name for name in dir(np.ndarray) if not name.startswith("_")}
    assert sorted(name for name in public - NOT_METHODS if not hasattr(rg.Array, name)) == []
    a = rg.array([3.0, 1.0])
    for change in (lambda: a.sort(), lambda: a.fill(0.0), lambda: a.astype(int), lambda: a.astype(complex)):
        with pytest.raises(rg.NodeTypeError):
            change()
    with pytest.raises(ValueError, match="matrix transpose"):
        _ = a.mT
