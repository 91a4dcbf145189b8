"""The table of calls in compiled functions: what is traced computes and differentiates as what is recorded eagerly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from numpy_calls import Case
from test_array_numpy import CASES, drawn, is_recorded, loss, results_of, shape_of, weights_for

# What needs the numbers, which a trace has not: these raise TraceError.
NEEDS_NUMBERS = {
    *("linalg.eigh", "linalg.eigvalsh", "linalg.svd", "linalg.svdvals"),
    "unique",
    # with some of their arguments
    *("linalg.norm", "linalg.matrix_norm", "linalg.cond"),
}


def flattened(case: Case) -> tuple[Any, np.ndarray, list[bool]]:
    """The call as a function of one vector, where that is, and which results have a derivative when it is eager."""
    numbers = drawn(case)
    ends = np.cumsum([x.size for x in numbers])[:-1].tolist()
    flat = np.concatenate([x.ravel() for x in numbers])

    def results(p: Any) -> list[Any]:
        parts = np.split(rg.asarray(p), ends)
        return results_of(case, [part.reshape(x.shape) for part, x in zip(parts, numbers, strict=True)])

    with np.errstate(all="ignore"):
        counted = [is_recorded(result) for result in results(rg.array(flat))]

    def function(p: Any) -> Any:
        found = results(p)
        return loss(found, weights_for([np.zeros(shape_of(result)) for result in found]), counted)

    return function, flat, counted


COMPILED = [case for case in CASES if sum(x.size for x in drawn(case)) > 0]


@pytest.mark.parametrize("case", COMPILED, ids=str)
def test_a_call_in_a_compiled_function_is_that_of_eager_code(case: Case) -> None:
    function, point, counted = flattened(case)
    if not any(counted):
        return
    with np.errstate(all="ignore"):
        a = rg.array(point)
        y = function(a)
        if not is_recorded(y):
            return
        y.backward()
        compiled = rg.compile(function)
        if case.name in NEEDS_NUMBERS:
            try:
                compiled(point)
            except rg.TraceError:
                return
        value, gradient = compiled(point), rg.grad(compiled)(point)
    np.testing.assert_allclose(value, y.value, rtol=1e-11)
    np.testing.assert_allclose(gradient, a.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", sorted({case.name for case in CASES} & NEEDS_NUMBERS))
def test_what_needs_numbers_says_so_in_a_trace(name: str) -> None:
    refused = 0
    for case in CASES:
        if case.name == name:
            function, point, _ = flattened(case)
            try:
                rg.compile(function)(point)
            except rg.TraceError:
                refused += 1
    assert refused > 0
