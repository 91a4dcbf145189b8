"""Trees of paths: whatever branch a sample takes, the path on which it ends computes what the function does.

Nothing of the engine runs here: samples walk the tree by the reference evaluator, and the function itself, run on plain
floats, is the reference.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from reelgrad.paths import PathTree
from reelgrad.trees import flatten
from traced import computed_on_path, flat, leaves_of, outputs, tree_of

# --- Functions that branch


def newton(x: Any) -> Any:
    """The square root of x, as many rounds as it takes."""
    y = x if x > 1.0 else 1.0
    while abs(y * y - x) > 1e-12 * x:
        y = 0.5 * (y + x / y)
    return y


def payoff(s: Any, strike: Any) -> Any:
    return min(max(s - strike, 0.0), 20.0)


def piecewise(x: Any) -> Any:
    if x < -1.0:
        return -x
    if x < 0.0:
        return x * x
    if not (x >= 1.0 and x != 1.5):
        return 2.0 * x
    return x**3 if x < 2.0 or x > 5.0 else 1.0 / x


def sorting(a: Any) -> Any:
    return [k * x for k, x in enumerate(sorted(a))]


def irregular(x: Any, w: Any) -> Any:
    """A network whose neurons are skipped where they are off."""
    h = [x * w[k] - w[k + 1] for k in range(0, 6, 2)]
    total = 0.0
    for value in h:
        if value > 0.0:
            total = total + value * value
    return total if total else x


def bisection(target: Any) -> Any:
    low, high = 0.0, 4.0
    for _ in range(8):
        middle = 0.5 * (low + high)
        if middle * middle * middle > target:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high) + 0.0 * target


def collatz(x: Any) -> Any:
    steps = 0
    while x != 1.0:
        x = x / 2.0 if x % 2.0 == 0.0 else 3.0 * x + 1.0
        steps += 1
    return x + steps


def draw(rng: random.Random, *ranges: tuple[float, float]) -> list[float]:
    return [rng.uniform(low, high) for low, high in ranges]


SAMPLES: dict[str, tuple[Callable[..., Any], Callable[[random.Random], Sequence[Any]]]] = {
    "newton": (newton, lambda r: draw(r, (0.01, 1000.0))),
    "payoff": (payoff, lambda r: draw(r, (50.0, 150.0), (90.0, 110.0))),
    "piecewise": (piecewise, lambda r: [r.choice([-1.0, 0.0, -0.0, 1.0, 1.5, 2.0, 5.0, *draw(r, (-3.0, 8.0))])]),
    "piecewise at nan": (piecewise, lambda r: [r.choice([math.nan, math.inf, -math.inf, 0.5])]),
    "sorting": (sorting, lambda r: [draw(r, *[(0.0, 1.0)] * 4)]),
    "irregular": (irregular, lambda r: [r.uniform(-2.0, 2.0), np.array(draw(r, *[(-1.0, 1.0)] * 6))]),
    "bisection": (bisection, lambda r: draw(r, (0.0, 64.0))),
    "collatz": (collatz, lambda r: [float(r.randint(1, 30))]),
    "truth of numbers": (
        lambda x, y: x if x else y or 3.0,
        lambda r: [r.choice([0.0, -0.0, 1.0, math.nan]), r.choice([0.0, 2.0])],
    ),
    "uniform branch": (lambda x, y: x * y if x > 0.0 else y, lambda r: draw(r, (-1.0, 1.0), (-1.0, 1.0))),
    "max of many": (lambda a: max(a), lambda r: [np.array(draw(r, *[(0.0, 1.0)] * 5))]),
    "equal and unequal": (
        lambda x, y: 1.0 if x == y else 2.0 if x != -y else x,
        lambda r: [r.choice([0.0, -0.0, 1.0, -1.0]), r.choice([0.0, 1.0])],
    ),
    "the same question twice": (
        lambda x: (x if x > 0.0 else -x) + (1.0 if x > 0.0 else 2.0),
        lambda r: draw(r, (-1.0, 1.0)),
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_ends_on_a_path_that_computes_what_the_function_does(name: str) -> None:
    function, sample = SAMPLES[name]
    rng = random.Random(name)
    samples = [sample(rng) for _ in range(150)]
    tree = tree_of(function, *samples[0], max_paths=200)
    for arguments in samples:
        want = flat(leaves_of(function(*arguments)))
        np.testing.assert_array_equal(computed_on_path(tree, *arguments), want)
    assert len(tree) > 1
    # A second walk finds every path.
    paths = len(tree)
    for arguments in samples:
        computed_on_path(tree, *arguments)
    assert len(tree) == paths


@pytest.mark.parametrize("name", SAMPLES)
def test_the_order_of_the_samples_does_not_matter(name: str) -> None:
    function, sample = SAMPLES[name]
    rng = random.Random(name)
    samples = [sample(rng) for _ in range(60)]
    trees = [tree_of(function, *order[0], max_paths=200) for order in (samples, samples[::-1])]
    for tree, order in zip(trees, (samples, samples[::-1]), strict=True):
        for arguments in order:
            computed_on_path(tree, *arguments)
    assert len(trees[0]) == len(trees[1])
    decisions = [{tuple(g.taken for g in path.guards) for path in tree} for tree in trees]
    assert decisions[0] == decisions[1]
    for arguments in samples:
        np.testing.assert_array_equal(computed_on_path(trees[0], *arguments), computed_on_path(trees[1], *arguments))


def test_a_child_shares_the_decisions_before_the_guard_and_turns_that_one() -> None:
    tree = tree_of(piecewise, -3.0)
    for x in (-0.5, 0.5, 1.5, 1.75, 3.0, 6.0):
        computed_on_path(tree, x)
    assert tree.first.parent is None
    for path in tree:
        if path.parent is None:
            continue
        k = path.left_at
        assert k is not None
        before, after = path.parent.guards, path.guards
        assert before[:k] == after[:k]
        assert (before[k].source, before[k].taken) == (after[k].source, not after[k].taken)
        assert tree.child(path.parent, k, leaves_of(0.0)) is path
        assert tree.known_child(path.parent, k) is path
    assert tree.known_child(tree.first, 0) is not None
    assert next(iter(tree)) is tree.first


def test_a_function_without_branches_is_one_path_without_a_classifier() -> None:
    tree = tree_of(lambda x: x * x, 3.0)
    assert (len(tree), tree.first.classifier()) == (1, None)
    assert computed_on_path(tree, 5.0) == [25.0]


# --- The classifier


def test_the_classifier_gives_the_first_guard_that_disagrees() -> None:
    def function(a: Any) -> Any:
        for k in range(5):
            if a[k] > 0.5:
                a = a * 1.0
        return a[0]

    rng = random.Random(5)
    decisions = [rng.random() > 0.5 for _ in range(5)]
    path = tree_of(function, np.array([1.0 if d else 0.0 for d in decisions])).first
    assert [g.taken for g in path.guards] == decisions
    for bits in itertools.product([False, True], repeat=5):
        for start in range(6):
            classifier = path.classifier(start)
            differing = [k for k in range(start, 5) if bits[k] != decisions[k]]
            assert outputs(classifier, [1.0 if b else 0.0 for b in bits]) == [differing[0] if differing else 5.0]


def test_the_classifier_has_all_inputs_and_only_what_the_guards_need() -> None:
    def function(x: Any, y: Any) -> Any:
        for _ in range(100):
            y = rg.sin(y)
        return y if x * 2.0 > 1.0 else x

    path = tree_of(function, 1.0, 2.0).first
    classifier = path.classifier()
    assert classifier is not None
    assert classifier.inputs == path.program.inputs
    assert classifier.guards == []
    assert len(classifier) < 10 < len(path.program)
    assert classifier.outputs == [("guard", "varying", False)]
    with pytest.raises(rg.ProgramError, match="there is no guard 2: the Program has 1"):
        path.classifier(2)


def test_guards_of_uniform_inputs_make_a_uniform_classifier() -> None:
    found = [flatten(argument) for argument in (1.0, 2.0)]
    tree = PathTree(
        lambda x, y: y if x > 0.0 else -y,
        [structure for _, structure in found],
        [leaf for leaves, _ in found for leaf in leaves],
        varying=[False, True],
    )
    classifier = tree.first.classifier()
    assert classifier is not None
    assert classifier.outputs == [("guard", "uniform", False)]


def test_the_classifier_of_many_guards_is_linear_in_them() -> None:
    def function(x: Any) -> Any:
        count = 0
        for _ in range(2000):
            x = x + 1.0
            if x > 0.0:
                count += 1
        return x + count

    path = tree_of(function, 1.0, max_paths=1).first
    classifier = path.classifier()
    assert classifier is not None
    assert len(classifier) < 5 * 2000
    assert outputs(classifier, [1.0]) == [2000.0]
    assert outputs(classifier, [-1500.5]) == [0.0]
    assert outputs(path.classifier(1600), [-1500.5]) == [2000.0]  # type: ignore[arg-type]


# --- At the boundary


def test_decisions_of_the_program_are_forced_even_against_the_values() -> None:
    """Where the engine rounds otherwise than Python, a lane's path is the one that the Program decides."""
    tree = tree_of(lambda x: x * 2.0 if x > 0.0 else x * 3.0, 1.0)
    path = tree.child(tree.first, 0, [1.0])  # told that this sample, 1.0, disagrees
    assert [g.taken for g in path.guards] == [False]
    assert outputs(path.program, [1.0]) == [3.0]


def test_programs_of_paths_have_the_same_inputs_and_outputs() -> None:
    tree = tree_of(irregular, 0.5, np.arange(6.0))
    rng = random.Random(8)
    for _ in range(30):
        computed_on_path(tree, rng.uniform(-2.0, 2.0), np.array(draw(rng, *[(-1.0, 1.0)] * 6)))
    assert len(tree) > 4
    assert len({tuple(path.program.inputs) for path in tree}) == 1
    assert len({tuple(name for name, _, _ in path.program.outputs) for path in tree}) == 1


def test_shared_guards_have_the_same_conditions_on_all_paths() -> None:
    """So that every classifier gives the same bits for a guard that paths share."""
    tree = tree_of(newton, 30.0, max_paths=100)
    for x in (0.5, 2.0, 700.0, 1e-3):
        computed_on_path(tree, x)
    for path in tree:
        if path.parent is None or path.left_at is None:
            continue
        ours, theirs = (str(p.program).split("guard(")[0].splitlines() for p in (path, path.parent))
        condition = re.search(r"guard\((v\d+)", str(path.program))
        assert condition is not None
        upto = int(condition.group(1)[1:])
        assert ours[: upto + 1] == theirs[: upto + 1]


def test_the_classifier_is_a_program_of_the_engine() -> None:
    path = tree_of(piecewise, 1.75).first
    classifier = path.classifier()
    assert classifier is not None
    assert _core.Program.parse(str(classifier)) == classifier
