"""rg.explain of graphs of Arrays: element by element, or with a row for each operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])


ARRAYS: dict[str, Callable[[Any, Any], Any]] = {
    "elementwise": lambda x, w: rg.tanh(x * w).sum(),
    "broadcast": lambda x, w: (x * w[0] + w[:, :1]).sum(),
    "product": lambda x, w: ((x @ w.T) ** 2).sum(),
    "reductions": lambda x, w: rg.norm(x.sum(axis=0)) + w.mean() * x.prod(),
    "where": lambda x, w: rg.where(x.value > 0.0, rg.log(x), x * w).sum(),
    "gathered": lambda x, w: (x[[1, 0, 1], [2, 2, 0]] * w[0]).sum(),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_graphs_of_arrays_are_explained_element_by_element(name: str) -> None:
    x, w = rg.array(X), rg.array(X[::-1] * 0.7 + 0.1)
    loss = ARRAYS[name](x, w)
    before = str(rg.explain(loss, names={"x": x, "w": w}, max_rows=None))
    explanation = rg.explain(loss, names={"x": x, "w": w}, max_rows=None)
    loss.backward()
    assert "was set after" not in before
    for key, array in (("x", x), ("w", w)):
        for place in np.ndindex(array.shape):
            row = f"{key}[{place[0]},{place[1]}]"
            if row in {r.name for r in explanation.rows}:
                assert explanation[row].adjoint == pytest.approx(array.grad[place], rel=1e-12, abs=1e-15)
            else:
                assert array.grad[place] == 0.0
    for row in explanation.rows[1:]:
        assert sum(t.value for t in row.contributions) + row.other_contributions == pytest.approx(row.adjoint)
    assert str(rg.explain(loss, names={"x": x, "w": w}, max_rows=None)) == before


def test_elements_have_expressions_and_formulas_like_nodes() -> None:
    a, b = rg.array([1.0, 2.0]), rg.array([3.0, 4.0])
    h = rg.tanh(a * b)
    rows = rg.explain(h.sum(), names={"a": a, "b": b, "h": h})
    assert rows["h[1]"].expression == "tanh(v1)"
    assert rows["h[1]"].operands[0].formula == "1 - h[1]*h[1]"
    assert rows["v1"].expression == "a[1]*b[1]"
    matrix = rg.array(np.ones((2, 2)))
    y = matrix @ a
    rows = rg.explain(y[0], names={"M": matrix, "a": a, "y": y})
    assert rows["y[0]"].expression == "dot([M[0,0], M[0,1]], [a[0], a[1]])"
    assert [x.formula for x in rows["y[0]"].operands] == ["a[0]", "a[1]", "M[0,0]", "M[0,1]"]


def test_rules_are_explained_by_what_they_make_of_each_entry() -> None:
    A, b = rg.array([[2.0, 1.0], [0.5, 3.0]]), rg.array([1.0, 2.0])
    y = _core._array_rule(
        "solve",
        [A, b],
        np.linalg.solve(A.value, b.value),
        lambda g: (-np.outer(s := np.linalg.solve(A.value.T, g), np.linalg.solve(A.value, b.value)), s),
    )
    loss = (y * y).sum()
    explanation = rg.explain(loss, names={"A": A, "b": b, "y": y})
    loss.backward()
    assert explanation["y[0]"].operator == "solve"
    for place in np.ndindex(2, 2):
        row = explanation[f"A[{place[0]},{place[1]}]"]
        assert row.adjoint == pytest.approx(A.grad[place])
        assert sum(t.value for t in row.contributions) == pytest.approx(row.adjoint)
    assert "dsolve" not in str(explanation)


def test_a_large_rule_is_one_contribution() -> None:
    x = rg.array(np.arange(100.0))
    y = _core._array_rule("twice", [x], 2.0 * x.value, lambda g: (2.0 * g,))
    explanation = rg.explain(y.sum(), names={"x": x}, max_rows=None)
    assert {row.adjoint for row in explanation.rows if row.operator is None} == {2.0}
    assert explanation["x[7]"].other_contributions == 2.0


def test_an_array_is_no_loss_and_the_message_says_what_is() -> None:
    with pytest.raises(rg.NodeTypeError, match=r"an Array of shape \(2, 3\).*loss\.sum\(\)"):
        rg.explain(rg.array(X))


def test_a_summary_has_one_row_for_each_operation_of_arrays() -> None:
    x = np.linspace(-1.0, 1.0, 50)
    W, b = rg.array(np.full((20, 50), 0.1)), rg.array(np.zeros(20))
    h = rg.tanh(W @ x + b)
    loss = (h * h).sum()
    summary = rg.explain(loss, names=locals(), summary=True)
    assert len(summary) < 10
    rows = {row.name: row for row in summary.rows}
    assert (rows["W"].count, rows["b"].count, rows["h"].count, rows["loss"].count) == (1000, 20, 20, 1)
    loss.backward()
    assert rows["W"].norm == pytest.approx(np.linalg.norm(W.grad))
    assert rows["b"].adjoints == pytest.approx((b.grad.min(), b.grad.max()))
    text = str(summary)
    assert "W  (1,000 nodes)" in text
    assert re.search(r"h = tanh\(v\d+…v\d+\)  \(20 nodes\)", text)
    assert "1 - h*h" in text
    assert "loss = sum(" in text
    assert "<table>" in summary._repr_html_()


def test_unnamed_arrays_that_are_used_together_are_groups_of_their_own() -> None:
    a, b = rg.array([1.0, 2.0, 3.0]), rg.array([4.0, 5.0, 6.0])
    summary = rg.explain((a * b).sum(), summary=True)
    assert [(row.name, row.count) for row in summary.rows] == [("v3", 1), ("v0…v2", 3), ("x0…x2", 3), ("x3…x5", 3)]
    assert summary.rows[1].expression == "x0…x2*x3…x5"
    dot = rg.explain(rg.sum(rg.array(np.ones((2, 2))) @ rg.array([1.0, 2.0])), summary=True)
    assert [row.count for row in dot.rows] == [1, 2, 4, 2]


def test_a_summary_of_nodes_alone_has_a_row_for_each() -> None:
    x, y = rg.variable(1.0, name="x"), rg.variable(2.0, name="y")
    summary = rg.explain(rg.exp(x * y) + x, summary=True, max_rows=3)
    assert [row.name for row in summary.rows] == ["v2", "v1", "v0"]
    assert "2 groups are not shown" in str(summary)
