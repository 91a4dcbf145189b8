"""rg.explain: the table says what the engine does, touches nothing, and stays small for graphs that are not.

Adjoints are held against backward(), bit for bit.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import reelgrad as rg
from reference.reverse import RULES, bits
from tape_state import unchanged
from test_graphs import ADVERSE, Graph, graphs

RELAXED = settings(deadline=None, max_examples=60)
ANY_GRAPH = graphs(list(RULES), ADVERSE, 25)


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


def explained(graph: Graph) -> tuple[rg.Explanation, rg.Node, dict[str, rg.Node]]:
    nodes = {f"n{k}": node for k, node in enumerate(graph.nodes(rg.Tape()))}
    loss = nodes[f"n{graph.outputs[0]}"]
    return rg.explain(loss, names=nodes, max_rows=None), loss, nodes


# What the rows say


@RELAXED
@given(ANY_GRAPH)
def test_gradients_are_those_that_backward_leaves_bit_for_bit(graph: Graph) -> None:
    explanation, loss, nodes = explained(graph)
    loss.backward()
    assert {row.name: (bits(row.value), bits(row.adjoint)) for row in explanation.rows} == {
        row.name: (bits(nodes[row.name].value), bits(nodes[row.name].grad)) for row in explanation.rows
    }
    shown = {row.name for row in explanation.rows}
    assert all(node.grad == 0.0 for name, node in nodes.items() if name not in shown)


@RELAXED
@given(ANY_GRAPH)
def test_every_gradient_is_the_sum_of_its_contributions_in_their_order(graph: Graph) -> None:
    loss, *others = explained(graph)[0].rows
    assert (loss.adjoint, loss.contribution_count) == (1.0, 0)
    for row in others:
        assert row.contribution_count >= 1
        if row.contribution_count == len(row.contributions):
            total = 0.0
            for term in row.contributions:
                total += term.value
            assert bits(total) == bits(row.adjoint)
        else:
            assert row.other_contributions == pytest.approx(
                row.adjoint - sum(term.value for term in row.contributions), rel=1e-9, abs=1e300, nan_ok=True
            )


@RELAXED
@given(ANY_GRAPH)
def test_what_a_node_passes_down_is_what_its_operands_receive(graph: Graph) -> None:
    rows = explained(graph)[0].rows
    passed = {
        (row.name, x.position): (row.adjoint, x.partial, x.contribution)
        for row in rows
        for x in row.operands
        if x.node is not None
    }
    received = {
        (term.name, term.position): (term.adjoint, term.partial, term.value)
        for row in rows
        for term in row.contributions
    }
    both = passed.keys() & received.keys()
    assert both or not passed
    assert {key: tuple(map(bits, passed[key])) for key in both} == {
        key: tuple(map(bits, received[key])) for key in both
    }


@RELAXED
@given(ANY_GRAPH)
def test_it_changes_nothing_before_and_after_backward(graph: Graph) -> None:
    nodes = graph.nodes(rg.Tape())
    loss = nodes[graph.outputs[0]]
    with unchanged(*nodes):
        before = str(rg.explain(loss))
    loss.backward()
    with unchanged(*nodes):
        assert str(rg.explain(loss)) == before


def test_a_product_that_absolute_zero_dropped_is_told() -> None:
    x = rg.variable(0.0, name="x")
    y = 0.0 * rg.sqrt(x) + x
    text = str(rg.explain(y))
    assert "0 * inf (nan, counted as 0) by v0" in text
    assert rg.explain(y)["x"].adjoint == 1.0


# The fourth worked example


def test_the_slip_in_the_hand_derivation_is_the_row_of_the_output_sigmoid() -> None:
    x, t = 1.0, 0.0
    w1, w2 = rg.variables(0.5, -0.5), rg.variables(0.3, -0.3)
    a1 = [rg.sigmoid(x * w) for w in w1]
    z2 = a1[0] * w2[0] + a1[1] * w2[1]
    y = rg.sigmoid(z2)
    L = 0.5 * (y - t) ** 2
    explanation = rg.explain(L, names=locals(), digits=8)
    slip = explanation["y"].operands[0]
    assert (slip.name, slip.formula) == ("z2", "y*(1 - y)")
    assert explanation["w1[0]"].adjoint == 0.009123930803275759 + 1e-18
    assert f"{explanation['w1[0]'].adjoint / slip.partial:.6f}" == "0.036545"
    assert "dy/dz2 = y*(1 - y) = 0.24966289" in str(explanation)


# Names


def test_variables_go_by_their_names_and_others_are_numbered_in_their_graph() -> None:
    rg.variable(9.0) * 2.0
    w, x = rg.variable(2.0, name="weight"), rg.variable(3.0)
    assert [row.name for row in rg.explain(w * x + 1.0).rows] == ["v1", "v0", "weight", "x1"]


def test_names_are_found_in_lists_dicts_arrays_and_modules() -> None:
    model = rg.nn.MLP(2, [1])
    inputs, extra = [rg.variable(0.1), rg.variable(0.2)], {"bias": rg.variable(1.0)}
    scale = np.array([rg.variable(2.0)], dtype=object)
    loss = model(inputs) * scale[0] + extra["bias"]
    parameter, _ = next(model.named_parameters())
    found = {row.name for row in rg.explain(loss, names=locals()).rows}
    assert {"loss", "inputs[0]", "inputs[1]", "extra['bias']", "scale[0]", f"model.{parameter}"} <= found


def test_no_two_nodes_have_the_same_name() -> None:
    a, b, c = rg.variable(1.0, name="v0"), rg.variable(2.0, name="w"), rg.variable(3.0, name="w")
    rows = rg.explain(a * b * c).rows
    assert [row.name for row in rows] == ["v1", "v0_2", "v0", "w", "w_2"]
    assert rows[0].expression == "v0_2*w_2"


def test_stale_nodes_and_those_of_other_tapes_are_no_names_of_this_graph() -> None:
    x = rg.variable(1.0)
    with x.tape.scope():
        gone = x * 2.0
    elsewhere = rg.Tape().variable(1.0)
    assert [row.name for row in rg.explain(x * 3.0, names={"gone": gone, "other": elsewhere}).rows] == ["v0", "x0"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a + b", "⟨a + b⟩*2"), ("w[0]", "w[0]*2"), ("tab\there", "⟨tab\N{REPLACEMENT CHARACTER}here⟩*2")],
)
def test_names_that_could_be_mistaken_are_set_apart_in_expressions(name: str, shown: str) -> None:
    assert rg.explain(rg.variable(1.0, name=name) * 2.0).rows[0].expression == shown


# Limits


def test_depth_keeps_what_is_near_and_tells_what_was_left_out() -> None:
    x = rg.variable(0.5, name="x")
    y = x.sin().cos().exp().tanh()
    explanation = rg.explain(y, depth=1)
    assert [row.operator for row in explanation.rows] == ["tanh", "exp"]
    assert "3 of 5 nodes, those farther from v3, are not shown: raise depth or max_rows" in str(explanation)
    assert len(rg.explain(y, depth=4)) == 5
    assert len(rg.explain(y, depth=0)) == 1


def test_a_node_near_the_loss_shows_contributions_of_nodes_that_are_left_out() -> None:
    w = rg.variable(0.5, name="w")
    y = w
    for _ in range(50):
        y = rg.sin(y) * w
    row = rg.explain(y, max_rows=4)["w"]
    assert row.contribution_count == 51
    assert len(row.contributions) == 8
    total = sum(term.value for term in row.contributions) + row.other_contributions
    assert total == pytest.approx(y.tape.gradient(y, w), rel=1e-14)


def test_a_chain_of_a_million_nodes_is_explained_near_its_end() -> None:
    x = rg.variable(1.0)
    y = x
    for _ in range(1_000_000):
        y = y * 1.000001
    with unchanged(x, y):
        explanation = rg.explain(y)
        assert len(explanation) == 100
        assert explanation.rows[0].name == "v999999"
        assert "999,901 of 1,000,001 nodes" in str(explanation)
        assert len(explanation._repr_html_()) < 100_000
        deepest = rg.explain(y, max_rows=10, names={"x": x})
    assert deepest.rows[-1].adjoint == pytest.approx(1.000001**9)


def test_a_sum_of_many_shows_its_first_operands() -> None:
    many = rg.variables(*range(10_000))
    row, *rest = rg.explain(rg.sum(many), max_rows=20).rows
    assert row.expression == "sum([x0, x1, x2, x3, x4, x5, x6, x7, …])"
    assert row.operand_count == 10_000
    assert len(rest) == 19
    dot = rg.explain(rg.dot(many, many[::-1]), max_rows=5).rows[0]
    assert dot.expression == "dot([x0, x1, x2, x3, …], [x9999, x9998, x9997, x9996, …])"
    assert dot.operands[0].formula == "x9999"


def test_a_small_graph_late_on_a_long_tape_is_numbered_from_0() -> None:
    x = rg.variable(1.0)
    y = x
    for _ in range(1000):
        y = y + 1.0
    assert [row.name for row in rg.explain(x * 2.0).rows] == ["v0", "x0"]


def test_a_variable_by_itself_is_a_graph_of_one() -> None:
    explanation = rg.explain(rg.variable(3.0, name="w"))
    assert [(row.name, row.value, row.adjoint) for row in explanation.rows] == [("w", 3.0, 1.0)]
    assert "0 operators and 1 variable" in str(explanation)


# Wrong use


@pytest.mark.parametrize("wrong", [3.0, "loss", None, [1.0], np.zeros(3)], ids=repr)
def test_what_is_no_node_is_refused_with_the_cure(wrong: Any) -> None:
    with pytest.raises(rg.NodeTypeError, match=r"explain\(loss\): got .* compute the loss with variables"):
        rg.explain(wrong)


def test_a_rewound_graph_is_refused() -> None:
    x = rg.variable(1.0)
    with x.tape.scope():
        loss = x * x
    with pytest.raises(rg.StaleNodeError):
        rg.explain(loss)


def test_a_trace_has_no_numbers_to_explain() -> None:
    with pytest.raises(rg.TraceError):
        rg.trace(lambda x: rg.explain(x * x) and x, 1.0)


def test_a_tape_of_another_thread_is_refused() -> None:
    loss = rg.variable(1.0) * 2.0
    raised: list[Exception] = []

    def work() -> None:
        try:
            rg.explain(loss)
        except rg.TapeThreadError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"depth": -1}, rg.SettingError, "depth is -1, but must be at least 0"),
        ({"max_rows": 0}, rg.SettingError, "max_rows is 0, but must be at least 1"),
        ({"digits": 0}, rg.SettingError, "digits is 0"),
        ({"depth": 1.5}, rg.NodeTypeError, "depth: got 1.5, but a whole number"),
        ({"max_rows": True}, rg.NodeTypeError, "max_rows: got True"),
        ({"names": ["a"]}, rg.NodeTypeError, "names: got list, but a mapping"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        rg.explain(rg.variable(1.0) * 2.0, **settings)


def test_a_row_that_is_not_shown_is_told_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="no node 'q' is shown: there are v0, x0"):
        rg.explain(rg.variable(1.0) * 2.0)["q"]


def test_a_variable_set_after_the_recording_is_told() -> None:
    w = rg.variable(2.0, name="w")
    loss = w * w
    assert "was set after" not in str(rg.explain(loss))
    w.value = 5.0
    text = str(rg.explain(loss))
    assert "A variable was set after v0 had been recorded" in text
    assert rg.explain(loss)["w"].adjoint == 4.0


# HTML


def test_html_escapes_names_and_holds_what_the_text_does() -> None:
    x = rg.variable(2.0, name="<script>alert(1)</script>")
    html = rg.explain(rg.tanh(x * 3.0))._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for text in ("local partials", "tanh(v0)", "gradient dv1/d(node)"):
        assert text in html
    assert html.count("<tr>") == 1 + 3  # the head, and a row for each node
