"""Functions of lists, against mpmath: reductions with every partial, and composites, whose partials are differences.

The references stand in reference/sequences.py; that each function has its row there is tested with the operators.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import reelgrad as rg
from reference.case import INF, NAN, PRECISION, error_in_ulps
from reference.reverse import bits
from reference.sequences import COMPOSITES, REDUCTIONS

SIZES = [1, 2, 3, 7, 100]
Numbers = Sequence[float]


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


def samples(name: str) -> list[list[float]]:
    rng = random.Random(name)
    even = 2 if REDUCTIONS[name].even else 1
    lists = [[rng.gauss(0.0, spread) for _ in range(size * even)] for size in SIZES for spread in (0.1, 1.0, 30.0)]
    return [*lists, [1e200, -1e200] * 2, [1e-200, 1e-300] * 2, [3.0] * 4]


def halves(x: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    return x[: len(x) // 2], x[len(x) // 2 :]


def reduce(name: str, x: Any) -> Any:
    function = getattr(rg, name)
    return function(*halves(x)) if REDUCTIONS[name].even else function(x)


def value_and_slopes(name: str, x: Numbers) -> tuple[float, list[float]]:
    nodes = [rg.Node(v) for v in x]
    y = reduce(name, nodes)
    return (y.value, y.tape.gradient(y, nodes)) if nodes else (y, [])


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_agree_with_mpmath(name: str) -> None:
    case = REDUCTIONS[name]
    for x in samples(name):
        value, slopes = value_and_slopes(name, x)
        with mpmath.workprec(4 * PRECISION):  # 1e200 and the logarithm of 2 side by side
            exact = [mpf(v) for v in x]
            want, partials, floor = case.value(exact), case.partials(exact), float(case.value_floor(exact))
        # Each addition or multiplication may add half an ulp of what has been reached: tolerances grow with the list.
        ulps = case.value_ulps + len(x) / 2
        assert error_in_ulps(value, want, floor) <= ulps, x
        for got, partial in zip(slopes, partials, strict=True):
            assert error_in_ulps(got, partial, 1.0) <= case.partial_ulps + len(x) / 2, x


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_keep_their_edges(name: str) -> None:
    for x, want, partials in REDUCTIONS[name].edges:
        value, slopes = value_and_slopes(name, x)
        assert want is None or error_in_ulps(value, want) <= 1.0, x
        for got, partial in zip(slopes, partials, strict=True):
            assert partial is None or error_in_ulps(got, partial, 1.0) <= 1.0, x


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_give_the_same_bits_for_nodes_numbers_and_arrays(name: str) -> None:
    rng = random.Random(name)
    for x in samples(name):
        value, slopes = value_and_slopes(name, x)
        numbers = [reduce(name, x), reduce(name, tuple(x)), reduce(name, np.array(x))]
        assert {type(y) for y in numbers} == {float}
        assert {bits(y) for y in numbers} == {bits(value)}
        places = sorted(rng.sample(range(len(x)), (len(x) + 1) // 2))  # the rest are constants
        mixed: list[Any] = list(x)
        for k in places:
            mixed[k] = rg.Node(x[k])
        y = reduce(name, mixed)
        assert bits(y.value) == bits(value)
        assert list(map(bits, y.tape.gradient(y, [mixed[k] for k in places]))) == [bits(slopes[k]) for k in places]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_element_may_come_several_times(name: str) -> None:
    x = rg.Node(1.5)
    y = reduce(name, [x, x, 2.0, x])
    apart = value_and_slopes(name, [1.5, 1.5, 2.0, 1.5])[1]
    assert y.tape.gradient(y, x) == pytest.approx(apart[0] + apart[1] + apart[3], rel=1e-15)
    assert len(y.tape) == 2


# --- Composites: operands, and the number of the first operand's elements that are probabilities and the like

RNG = random.Random(1)
SCORES = [RNG.gauss(0.0, 2.0) for _ in range(12)]
TARGETS = [RNG.gauss(0.0, 2.0) for _ in range(12)]
SIGNS = [RNG.choice([-1.0, 1.0]) for _ in range(12)]
PROBABILITIES = [RNG.uniform(0.05, 0.95) for _ in range(12)]
SHARES = [p / math.fsum(PROBABILITIES) for p in PROBABILITIES]

CALLS: dict[str, list[tuple[Any, ...]]] = {
    "mean": [(SCORES,), ([3.0],)],
    "softmax": [(SCORES[:7],), ([1000.0, 999.0, -1000.0],), ([1e6 + 0.5, 1e6],)],
    "silu": [(x,) for x in (-30.0, -1.3, 0.0, 0.49, 2.0, 40.0)],
    "gelu": [(x,) for x in (-10.0, -1.3, 0.0, 0.49, 2.0, 40.0)],
    "mse": [(SCORES, TARGETS)],
    "half_mse": [(SCORES, TARGETS)],
    "mae": [(SCORES, TARGETS)],
    "huber": [(SCORES, TARGETS), (SCORES, TARGETS, 0.3), (SCORES, TARGETS, 5.0)],
    "hinge": [(SCORES, SIGNS)],
    "bce": [(PROBABILITIES, SHARES), ([0.25, 0.5], [0.0, 1.0])],
    "bce_with_logits": [(SCORES, PROBABILITIES), ([50.0, -50.0, 800.0], [1.0, 0.0, 1.0])],
    "cross_entropy": [(SCORES, 3), (SCORES, SHARES), ([1000.0, 1.0, -1000.0], 0), ([1e6 + 0.5, 1e6], 1)],
}
NORMALISED = {"softmax", "cross_entropy"}  # what all logits have in common has no part in them, nor in their errors
assert set(CALLS) == set(COMPOSITES)
every_call = pytest.mark.parametrize(("name", "operands"), [(name, x) for name, calls in CALLS.items() for x in calls])


def as_list(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def reference(name: str, operands: tuple[Any, ...]) -> Callable[[list[mpf]], Any]:
    """The composite as a function of all elements of its first operand, and of its second if that has elements."""

    def call(elements: list[mpf]) -> Any:
        first = elements[: len(as_list(operands[0]))]
        second = elements[len(first) :]
        if len(operands) == 1:
            return COMPOSITES[name](first)
        return COMPOSITES[name](first, second or operands[1], *operands[2:])

    return call


@every_call
def test_composites_and_their_gradients_agree_with_mpmath(name: str, operands: tuple[Any, ...]) -> None:
    lists = [x for x in operands[:2] if isinstance(x, list)] or [[operands[0]]]
    nodes = [[rg.Node(v) for v in x] for x in lists]
    arguments = [*(nodes if isinstance(operands[0], list) else nodes[0]), *operands[len(lists) :]]
    outputs = getattr(rg, name)(*arguments)
    variables = [v for x in nodes for v in x]
    function = reference(name, operands)
    for k, y in enumerate(as_list(outputs)):
        slopes = y.tape.gradient(y, variables)
        with mpmath.workprec(2 * PRECISION):
            point = [mpf(v.value) for v in variables]
            at = lambda x, k=k: as_list(function(x))[k]  # noqa: E731
            want, step = at(point), mpf(2) ** -150
            # Rounding errors are of the size of the terms that are added, some of either sign; each has a handful.
            size = 1.0 if name in NORMALISED else max(1.0, *(abs(v.value) for v in variables))
            assert error_in_ulps(y.value, want, size if name != "bce_with_logits" else 0.0) <= 8.0
            for i, slope in enumerate(slopes):
                up, down = ([x + s * step * (j == i) for j, x in enumerate(point)] for s in (1, -1))
                partial = (at(up) - at(down)) / (2 * step)
                assert error_in_ulps(slope, partial, size) <= 8.0, i


@every_call
def test_composites_of_numbers_give_the_bits_of_nodes(name: str, operands: tuple[Any, ...]) -> None:
    function = getattr(rg, name)
    first = operands[0]
    nodes = [rg.Node(v) for v in first] if isinstance(first, list) else rg.Node(first)
    of_nodes = as_list(function(nodes, *operands[1:]))
    of_numbers = as_list(function(*operands))
    assert {type(y) for y in of_numbers} == {float}
    assert [bits(y.value) for y in of_nodes] == list(map(bits, of_numbers))


@pytest.mark.parametrize("name", ["silu", "swish", "gelu"])
def test_composites_of_one_number_work_elementwise_on_arrays(name: str) -> None:
    x = np.linspace(-3.0, 3.0, 12).reshape(3, 4)
    y = getattr(rg, name)(x)
    assert y.shape == x.shape
    assert [bits(v) for v in y.ravel().tolist()] == [bits(getattr(rg, name)(v)) for v in x.ravel().tolist()]


def test_losses_of_good_predictions_stay_exact() -> None:
    p = rg.Node(0.0)
    loss = rg.bce([p, 1.0], [0.0, 1.0])
    assert loss.value == 0.0
    assert loss.tape.gradient(loss, p) == 0.5
    assert rg.bce_with_logits([50.0], [1.0]) == pytest.approx(math.exp(-50.0), rel=1e-15)
    assert rg.cross_entropy([800.0, 0.0, -INF], [1.0, 0.0, 0.0]) == 0.0
    assert rg.softmax([1e300, 1e300, -INF]) == [0.5, 0.5, 0.0]
    assert rg.cross_entropy([1e300, 1e300], 0) == math.log(2.0)


def test_nan_is_not_hidden_by_reductions_and_losses() -> None:
    for function in (rg.sum, rg.prod, rg.logsumexp, rg.norm, rg.mean):
        assert math.isnan(function([1.0, NAN, 2.0]))
    for loss in (rg.mse, rg.half_mse, rg.mae, rg.huber, rg.hinge, rg.bce_with_logits):
        assert math.isnan(loss([1.0, NAN], [1.0, 1.0]))
