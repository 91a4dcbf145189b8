"""rg.explore: what stands in the page, its layout and its limits."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg
from reelgrad.show.layout import layout
from reference.reverse import RULES
from tape_state import unchanged
from test_graphs import SMALL, Graph, graphs


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


# Without a browser


@settings(deadline=None, max_examples=50)
@given(graphs(list(RULES), SMALL, 25))
def test_the_steps_end_with_the_gradients_of_the_engine(graph: Graph) -> None:
    nodes = {f"n{k}": node for k, node in enumerate(graph.nodes(rg.Tape()))}
    loss = nodes[f"n{graph.outputs[0]}"]
    html = rg.explore(loss, names=nodes, max_nodes=None).html
    found = re.search(r'<script type="application/json" id="steps">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    last = {step["node"]: float(step["gradient"][1]) for step in json.loads(found[1]) if "gradient" in step}
    loss.backward()
    rows = rg.explain(loss, names=nodes, max_rows=None).rows
    assert {row.name: repr(last[row.number]) for row in rows} == {row.name: repr(nodes[row.name].grad) for row in rows}


def test_nothing_on_the_page_refers_to_another_file() -> None:
    html = rg.explore(rg.sin(rg.variable(0.5)) * 2.0).html
    addresses = re.findall(r"(?:src|href)\s*=|url\((?!#)|@import|https?://[^\s\"]+", html)
    assert addresses == ["http://www.w3.org/2000/svg"]  # the name of SVG, which nobody visits
    assert "default-src 'none'" in html


def test_the_page_of_a_million_nodes_is_small() -> None:
    y = rg.variable(1.0)
    for _ in range(1_000_000):
        y = y + 1.0
    exploration = rg.explore(y)
    assert repr(exploration) == "<Exploration of v999999: the nearest 200 of 1,000,001 nodes, 401 steps>"
    assert len(exploration.html) < 500_000


def test_exploring_changes_nothing_and_writes_where_it_is_told(tmp_path: Path) -> None:
    w = rg.variable(2.0, name="w")
    loss = w * w
    loss.backward()
    with unchanged(w, loss):
        exploration = rg.explore(loss, tmp_path / "out.html")
    assert exploration.path == tmp_path / "out.html"
    assert (tmp_path / "out.html").read_text("utf-8") == exploration.html
    assert unescape(str(exploration._repr_html_())).count("How the gradient of") >= 2


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_in_the_layout_operands_stand_left_of_their_operators_and_no_boxes_overlap(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    order = list(range(count))
    edges = [
        (data.draw(st.integers(k + 1, count - 1)), k) for k in order[:-1] for _ in range(data.draw(st.integers(0, 3)))
    ]
    numbers = st.floats(20.0, 200.0)
    size = {k: (data.draw(numbers), data.draw(numbers)) for k in order}
    places = layout(order, edges, size)
    for operand, operator in edges:
        right = places.centres[operand][0] + size[operand][0] / 2
        assert right < places.centres[operator][0] - size[operator][0] / 2
    for a, b in itertools.combinations(order, 2):
        apart = [abs(places.centres[a][i] - places.centres[b][i]) - (size[a][i] + size[b][i]) / 2 for i in (0, 1)]
        assert max(apart) >= 18.0 - 1e-6
    for (operand, operator), route in zip(edges, places.routes, strict=True):
        assert (route[0], route[-1]) == (places.centres[operand], places.centres[operator])
    for k in order:
        for i, extent in enumerate((places.width, places.height)):
            assert places.centres[k][i] - size[k][i] / 2 >= -1e-6
            assert places.centres[k][i] + size[k][i] / 2 <= extent + 1e-6


# Wrong use


@pytest.mark.parametrize("wrong", [3.0, None, "x"], ids=repr)
def test_what_is_no_node_is_refused(wrong: Any) -> None:
    with pytest.raises(rg.NodeTypeError, match=r"explore\(loss\): got"):
        rg.explore(wrong)


def test_a_rewound_graph_is_refused_and_no_file_is_written(tmp_path: Path) -> None:
    x = rg.variable(1.0)
    with x.tape.scope():
        loss = x * x
    with pytest.raises(rg.StaleNodeError):
        rg.explore(loss, tmp_path / "out.html")
    assert list(tmp_path.iterdir()) == []
