"""Trees of paths of functions that are not pure, take too many paths, or return other structures."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad.paths import instead_of
from traced import computed_on_path, tree_of


def test_a_function_that_branches_elsewhere_the_second_time_is_not_pure() -> None:
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(1)
        if len(calls) % 2:
            if x > 0.0:
                return x
        else:
            if x > 1.0:
                return x
        return -x

    tree = tree_of(function, 1.0)
    with pytest.raises(rg.TraceError, match="not pure") as raised:
        computed_on_path(tree, -1.0)
    assert "traced again" in raised.value.__notes__[0]
    assert len(tree) == 1
    with pytest.raises(rg.TraceError, match="branches 0 times, where it branched at least 1"):
        tree_of(once(), 1.0).child(tree_of(once(), 1.0).first, 0, [1.0])


def test_a_function_that_computes_otherwise_the_second_time_is_not_pure() -> None:
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(1)
        for _ in calls:
            x = x * 2.0
        return x if x > 0.0 else -x

    tree = tree_of(function, 1.0)
    with pytest.raises(
        rg.TraceError, match=r"not pure.* 2 operators before it branches .*, where it computed 1 before"
    ):
        computed_on_path(tree, -1.0)
    assert len(tree) == 1


def once() -> Callable[[Any], Any]:
    """A function that asks the first time only."""
    asked: list[bool] = []

    def function(x: Any) -> Any:
        if not asked:
            asked.append(bool(x > 0.0))
        return x

    return function


def test_an_error_on_another_path_is_the_function_s_own_and_the_tree_stays() -> None:
    def function(x: Any) -> Any:
        if x < 0.0:
            raise ValueError("no negative numbers")
        return x

    tree = tree_of(function, 1.0)
    for _ in range(2):
        with pytest.raises(ValueError, match="no negative numbers"):
            computed_on_path(tree, -1.0)
    assert len(tree) == 1
    assert computed_on_path(tree, 2.0) == [2.0]


@pytest.mark.parametrize(
    "other",
    [lambda x: (x, x), lambda x: "text", lambda x: None, lambda x: np.array([x]), lambda x: [x]],
)
def test_paths_return_one_structure(other: Callable[[Any], Any]) -> None:
    def function(x: Any) -> Any:
        return x if x > 0.0 else other(x)

    tree = tree_of(function, 1.0)
    with pytest.raises(rg.StructureError, match=r"test_paths_errors\.py:\d+ \(return x if x > 0\.0 else other\(x\)\)"):
        computed_on_path(tree, -1.0)
    assert len(tree) == 1


def test_constants_and_numbers_are_the_same_structure() -> None:
    tree = tree_of(lambda x: x if x > 0.0 else 0.0 if x > -1.0 else 2, 1.0)
    assert [computed_on_path(tree, x) for x in (1.0, -0.5, -3.0)] == [[1.0], [0.0], [2.0]]


def test_more_paths_than_allowed_tell_the_lines_and_what_to_write() -> None:
    def function(a: Any) -> Any:
        total = 0.0
        for x in a:
            total = total + max(0.0, x)
        if total > 1.0:
            total = total * 2.0
        return total

    rng = random.Random(2)
    tree = tree_of(function, np.ones(6), max_paths=10)

    def many_samples() -> None:
        for _ in range(100):
            computed_on_path(tree, np.array([rng.uniform(-1.0, 1.0) for _ in range(6)]))

    with pytest.raises(rg.PathsError) as raised:
        many_samples()
    assert isinstance(raised.value, rg.ReelgradError)
    text = str(raised.value)
    first = function.__code__.co_firstlineno
    assert "more than 10 paths" in text
    assert re.search(rf"test_paths_errors\.py:{first + 3}: \d+ of 10: total = total \+ max\(0\.0, x\)", text)
    assert "rg.relu(x)" in text
    assert "max_paths" in text
    assert len(tree) == 10
    assert tree_of(function, np.ones(6), max_paths=1).first.program is not None


@pytest.mark.parametrize(
    ("line", "operator"),
    [
        ("y = max(0.0, x)", "rg.relu"),
        ("y = max(x, 0)", "rg.relu"),
        ("return max(a, b)", "rg.maximum"),
        ("return min(a, 1.0)", "rg.minimum"),
        ("return min(max(x, lo), hi)", "rg.clip"),
        ("return max(lo, min(x, hi))", "rg.clip"),
        ("y = x if x > 0 else -x", "rg.abs"),
        ("y = -x if x < 0.0 else x", "rg.abs"),
        ("y = x if x > 0.0 else 0.0", "rg.relu"),
        ("y = a if b > c else d", "rg.where"),
        ("if x > 0:", "rg.relu"),
        ("if x * y > z:", "rg.where"),
        ("elif x > y:", "rg.where"),
        ("h = np.maximum(np.array([x, y]), 0.0)", "reelgrad's function of that name"),
        ("while abs(dx) > tol:", "fixed number of times"),
        ("ordered = sorted(xs)", "sort the data"),
        ("flag = x > 0 and y > 0", "&, |"),
        ("", "rg.where"),
        ("y = self.max(a, b) if c else d", "rg.where"),
    ],
)
def test_the_cure_fits_the_line(line: str, operator: str) -> None:
    assert operator in instead_of(line)
