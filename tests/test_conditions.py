"""Conditions: what comparisons of traced Nodes are, what takes a branch, and what a trace refuses.

Traces are recorded here by hand, with the class that `reelgrad.trace` drives.
"""

from __future__ import annotations

import itertools
import math
import operator
import pickle
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from traced import holds

NAN, INF = math.nan, math.inf
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
NUMBERS = [-1.5, -0.0, 0.0, 2.0, INF, NAN]
every_comparison = pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)


@pytest.fixture
def recording() -> Iterator[Any]:
    with _core._Recording() as recording:
        yield recording


# --- Comparisons


@every_comparison
def test_a_comparison_is_recorded_with_its_value_and_without_a_guard(recording: Any, compare: Any) -> None:
    for x, y in itertools.product(NUMBERS, NUMBERS):
        a, b = recording.inputs([x, y])
        before = recording.operators
        for condition in (
            compare(a, b),
            compare(a, y),
            compare(x, b),
            compare(np.float64(x), b),
            compare(a, np.float32(y)),
        ):
            assert holds(condition) == compare(x, y)
        assert recording.operators == before + 5
    assert recording.guards == []


@every_comparison
def test_ints_compare_as_they_do_outside(recording: Any, compare: Any) -> None:
    (x,) = recording.inputs([2.0])
    for number in (2, 3, -1, True, 2**53, 10**15):
        assert holds(compare(x, number)) == compare(2.0, number)
        assert holds(compare(number, x)) == compare(number, 2.0)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**400])
def test_an_int_that_no_float_equals_is_refused(recording: Any, number: int) -> None:
    (x,) = recording.inputs([2.0])
    with pytest.raises(rg.TraceError, match="no float equals"):
        x < number  # noqa: B015


@pytest.mark.parametrize("other", [None, "2.0", 2j, Fraction(2), [2.0], object], ids=str)
def test_what_is_no_number_is_unequal_and_has_no_order(recording: Any, other: Any) -> None:
    (x,) = recording.inputs([2.0])
    assert (x == other) is False
    assert (x != other) is True
    with pytest.raises(TypeError):
        x < other  # noqa: B015
    assert recording.operators == 0


def test_outside_of_a_trace_comparisons_are_plain_bools() -> None:
    x, y = rg.variables(1.0, 2.0)
    assert [type(compare(x, y)) for compare in COMPARISONS] == [bool] * 6
    with _core._Recording():
        pass
    assert (x < y) is True


def test_a_tape_made_inside_compares_by_value(recording: Any) -> None:
    with rg.Tape():
        x = rg.variable(1.0)
        assert (x < 2.0) is True
        y = x * x
        y.backward()
        assert x.grad == 2.0
    assert recording.guards == []


def test_a_variable_made_inside_is_of_the_trace(recording: Any) -> None:
    assert holds(rg.Node(1.0) < 2.0)
    assert holds(rg.variable(1.0) != rg.Node(2.0))


# --- Guards

HERE = __file__


def line_of(function: Callable[..., Any], offset: int = 1) -> str:
    return f"{HERE}:{function.__code__.co_firstlineno + offset}"


def test_truth_is_a_guard_with_its_line(recording: Any) -> None:
    def branching(x: Any) -> Any:
        if x > 0.0:
            return 1
        return 2

    (x,) = recording.inputs([0.5])
    assert branching(x) == 1
    assert recording.guards == [(True, line_of(branching))]
    assert branching(-x) == 2
    assert recording.guards[1] == (False, line_of(branching))


TRUTH: dict[str, tuple[Callable[[Any, Any], Any], Callable[[float, float], Any], int]] = {
    "not": (lambda x, y: not x > y, lambda x, y: not x > y, 1),
    "and": (lambda x, y: bool(x > 0.0 and y > 0.0), lambda x, y: x > 0.0 and y > 0.0, 2),
    "or": (lambda x, y: bool(x > 0.0 or y > 0.0), lambda x, y: x > 0.0 or y > 0.0, 1),
    "chained": (lambda x, y: bool(0.0 < x < 1.0), lambda x, y: 0.0 < x < 1.0, 2),
    "conditional": (lambda x, y: 1 if x < y else 2, lambda x, y: 1 if x < y else 2, 1),
    "truth of a Node": (lambda x, y: bool(x), lambda x, y: bool(x), 1),
    "while": (lambda x, y: len(list(itertools.takewhile(lambda k: k < x, itertools.count()))), lambda x, y: 1, 2),
    "all": (lambda x, y: all(v > 0.0 for v in (x, y)), lambda x, y: False, 2),
    "any": (lambda x, y: any(v > 0.0 for v in (x, y)), lambda x, y: True, 1),
    "in": (lambda x, y: x * 1.0 in [y, x], lambda x, y: True, 2),
    "isnan": (lambda x, y: bool(x != x), lambda x, y: False, 1),
    "index": (lambda x, y: [-1.0, 0.5].index(x), lambda x, y: 1, 2),
}


@pytest.mark.parametrize("name", TRUTH)
def test_python_s_ways_to_ask_are_guards(recording: Any, name: str) -> None:
    traced, plain, guards = TRUTH[name]
    x, y = recording.inputs([0.5, -1.0])
    assert traced(x, y) == plain(0.5, -1.0)
    assert len(recording.guards) == guards


def test_max_min_and_sorted_choose_by_guards(recording: Any) -> None:
    x, y, z = recording.inputs([0.5, -1.0, 3.0])
    assert max(x, y) is x
    assert min(x, y, z) is y
    assert [repr(v) for v in sorted([x, y, z])] == ["Node(-1.0, traced)", "Node(0.5, traced)", "Node(3.0, traced)"]
    assert len(recording.guards) >= 5


def test_operators_without_a_choice_need_no_guard(recording: Any) -> None:
    x, y = recording.inputs([0.5, -1.0])
    for node in (abs(x), rg.maximum(x, y), rg.relu(y), rg.clip(x, 0.0, 1.0), x % 1.0, round(x), rg.sign(y), -y):
        assert type(node) is rg.Node
    assert recording.guards == []


def test_the_truth_of_a_condition_asked_again_is_the_same_guard(recording: Any) -> None:
    (x,) = recording.inputs([0.5])
    condition = x > 0.0
    assert condition
    assert condition
    assert len(recording.guards) == 1
    assert x > 0.0
    assert len(recording.guards) == 2


def test_forced_decisions_win_against_values() -> None:
    def branching(x: Any) -> list[bool]:
        return [bool(x > 0.0), bool(x > 1.0), bool(x > 2.0)]

    with _core._Recording() as recording:
        assert branching(*recording.inputs([1.5])) == [True, True, False]
    forced = [(False, recording.guards[0][1]), (False, "")]
    with _core._Recording(forced) as again:
        assert branching(*again.inputs([1.5])) == [False, False, False]
    assert [taken for taken, _ in again.guards] == [False, False, False]


def test_a_forced_decision_of_another_line_is_refused() -> None:
    with _core._Recording([(True, "elsewhere.py:3")]) as recording, pytest.raises(rg.TraceError, match="not pure"):
        bool(recording.inputs([1.0])[0] > 0.0)


# --- Logic without guards


@pytest.mark.parametrize("logic", [operator.and_, operator.or_, operator.xor], ids=lambda f: f.__name__)
def test_logic_of_conditions_needs_no_guard(recording: Any, logic: Any) -> None:
    for a, b in itertools.product([True, False], [True, False]):
        x, y = recording.inputs([float(a), float(b)])
        p, q = x > 0.5, y > 0.5
        for condition in (logic(p, q), logic(p, b), logic(a, q), logic(np.bool_(a), q), logic(p, np.bool_(b))):
            assert holds(condition) == logic(a, b)
    assert recording.guards == []


def test_negation_needs_no_guard(recording: Any) -> None:
    (x,) = recording.inputs([0.5])
    assert not holds(~(x > 0.0))
    assert holds(~~(x > 0.0))
    assert recording.guards == []


def test_equality_of_conditions_is_a_condition(recording: Any) -> None:
    (x,) = recording.inputs([0.5])
    p, q = x > 0.0, x > 1.0
    expected = {
        (p == q): False,
        (p != q): True,
        (p == True): True,  # noqa: E712
        (p == False): False,  # noqa: E712
        (q != True): True,  # noqa: E712
        (True == p): True,  # noqa: E712, SIM300
        (p == 1): True,
        (p == 2): False,
        (p == np.bool_(True)): True,
        (p == x): False,
    }
    assert {condition: holds(condition) for condition in expected} == expected
    assert (p == None) is False  # noqa: E711
    assert (p == "True") is False
    assert recording.guards == []


def test_where_takes_a_condition_without_a_guard(recording: Any) -> None:
    x, y = recording.inputs([0.5, -1.0])
    for a, b in [(x, y), (x, 1.0), (1.0, y), (1.0, 2.0), (np.float64(1.0), 2)]:
        for condition, chosen in ((x > y, a), (x < y, b)):
            node = rg.where(condition, a, b)
            assert node.operator == "where"
            assert repr(node) == (repr(chosen) if isinstance(chosen, rg.Node) else f"Node({float(chosen)}, traced)")
    assert recording.guards == []
    assert rg.where(True, x, y).operator == "where"
    assert rg.where(condition=x > y, a=1.0, b=2.0).operator == "where"


def test_where_broadcasts_over_conditions_and_arrays(recording: Any) -> None:
    x, y = recording.inputs([0.5, -1.0])
    conditions = np.array([x > 0.0, y > 0.0])
    for result in (rg.where(conditions, x, y), rg.where(conditions, np.array([1.0, 2.0]), 3.0)):
        assert result.shape == (2,)
        assert {node.operator for node in result} == {"where"}
    assert rg.where(x > 0.0, np.array([1.0, 2.0]), y).shape == (2,)
    assert rg.where(x > 0.0, np.array([1.0, 2.0]), 3.0).shape == (2,)
    assert recording.guards == []


REFUSED_OF_CONDITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "c + 1": lambda c, x: c + 1,
    "1 - c": lambda c, x: 1 - c,
    "c * x": lambda c, x: c * x,
    "x * c": lambda c, x: x * c,
    "np.float64 * c": lambda c, x: np.float64(2.0) * c,
    "c / c": lambda c, x: c / c,
    "c ** 2": lambda c, x: c**2,
    "c // 2": lambda c, x: c // 2,
    "c % 2": lambda c, x: c % 2,
    "-c": lambda c, x: -c,
    "abs(c)": lambda c, x: abs(c),
    "float(c)": lambda c, x: float(c),
    "int(c)": lambda c, x: int(c),
    "an index": lambda c, x: [1.0, 2.0][c],
    "c < c": lambda c, x: c < c,
    "c >= 1": lambda c, x: c >= 1,
    "sum([c])": lambda c, x: sum([c]),
    "rg.exp(c)": lambda c, x: rg.exp(c),
    "rg.sum([c])": lambda c, x: rg.sum([c]),
    "rg.maximum(c, x)": lambda c, x: rg.maximum(c, x),
    "rg.where(True, c, x)": lambda c, x: rg.where(True, c, x),
}


@pytest.mark.parametrize("use", REFUSED_OF_CONDITIONS)
def test_a_condition_is_no_number_and_the_error_says_what_to_write(recording: Any, use: str) -> None:
    (x,) = recording.inputs([0.5])
    with pytest.raises(rg.TraceError, match=r"reelgrad\.where\(condition, 1\.0, 0\.0\)"):
        REFUSED_OF_CONDITIONS[use](x > 0.0, x)
    assert recording.guards == []


def test_conditions_cannot_be_made_or_kept() -> None:
    with pytest.raises(TypeError):
        rg.Condition()
    with _core._Recording() as recording:
        condition = recording.inputs([0.5])[0] > 0.0
        with pytest.raises(TypeError):
            pickle.dumps(condition)
    assert repr(condition) == "Condition(stale)"
    for use in (bool, operator.inv, lambda c: c & c, lambda c: rg.where(c, 1.0, 2.0), lambda c: c == True):  # noqa: E712
        with pytest.raises(rg.StaleNodeError, match="trace that is over"):
            use(condition)


# --- Composites


@pytest.mark.parametrize(
    "function",
    [rg.softmax, rg.logsumexp, lambda x: rg.cross_entropy(x, 1)],
    ids=["softmax", "logsumexp", "cross_entropy"],
)
def test_composites_freeze_no_number(recording: Any, function: Callable[[Any], Any]) -> None:
    x = recording.inputs([0.5, -1.0, 2.0])
    got, want = function(x), function([0.5, -1.0, 2.0])
    for node, number in zip(np.ravel(got), np.ravel(want), strict=True):
        assert repr(node) == f"Node({float(number)!r}, traced)"
    assert recording.guards == []


def test_comparisons_of_object_arrays_are_elementwise(recording: Any) -> None:
    x, y = recording.inputs([0.5, -1.0])
    conditions = np.greater(np.array([x, y]), 0.0, dtype=object)
    assert list(map(holds, conditions)) == [True, False]
    assert recording.guards == []
    assert (np.array([x, y]) > 0.0).tolist() == [True, False]  # NumPy asks for bools: guards
    assert len(recording.guards) == 2


def test_detect_anomaly_watches_traces_too() -> None:
    with rg.detect_anomaly(), _core._Recording() as recording:
        (x,) = recording.inputs([-1.0])
        assert holds(x < 0.0)
        with pytest.raises(rg.AnomalyError, match="log"):
            rg.log(x)
