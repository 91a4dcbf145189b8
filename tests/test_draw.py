"""rg.draw: the DOT text holds the graph, a large one becomes its neighbourhood, and hostile names stay names.

What needs Graphviz is skipped where its package or its program dot is missing.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg
from reference.reverse import RULES
from tape_state import unchanged
from test_graphs import ADVERSE, Graph, graphs

HAS_GRAPHVIZ = importlib.util.find_spec("graphviz") is not None and shutil.which("dot") is not None
needs_graphviz = pytest.mark.skipif(not HAS_GRAPHVIZ, reason="needs the package graphviz and Graphviz's program dot")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


def boxes(dot: str) -> dict[str, str]:
    return dict(re.findall(r'^  (\w+) \[label="((?:[^"\\]|\\.)*)", fillcolor', dot, re.MULTILINE))


def arrows(dot: str) -> list[tuple[str, str]]:
    return [pair for pair in re.findall(r"^  (\w+) -> (\w+)", dot, re.MULTILINE) if not pair[0].endswith("_more")]


@settings(deadline=None, max_examples=50)
@given(graphs(list(RULES), ADVERSE, 25))
def test_there_is_a_box_for_each_node_and_an_arrow_for_each_operand(graph: Graph) -> None:
    loss = graph.nodes(rg.Tape())[graph.outputs[0]]
    rows = rg.explain(loss, max_rows=None).rows
    dot = rg.draw(loss).dot
    assert len(boxes(dot)) == len(rows)
    assert len(arrows(dot)) == sum(operand.node is not None for row in rows for operand in row.operands)
    assert {end for pair in arrows(dot) for end in pair} <= boxes(dot).keys()


def test_boxes_tell_expression_value_and_gradient() -> None:
    w = rg.variable(2.0, name="w")
    loss = (w * 3.0 - 1.0) ** 2
    assert boxes(rg.draw(loss, names={"loss": loss}).dot) == {
        "v2": r"loss = v1**2\nvalue 25\ngradient 1",
        "v1": r"v1 = v0 - 1\nvalue 5\ngradient 10",
        "v0": r"v0 = w*3\nvalue 6\ngradient 10",
        "x0": r"w\nvalue 2\ngradient 30",
    }


def test_drawing_changes_nothing() -> None:
    w = rg.variable(2.0)
    loss = w * w
    with unchanged(w, loss):
        rg.draw(loss)
    loss.backward()
    with unchanged(w, loss):
        rg.draw(loss)


def test_of_a_million_nodes_the_neighbourhood_is_drawn_and_the_picture_says_so() -> None:
    y = rg.variable(1.0)
    for _ in range(1_000_000):
        y = y + 1.0
    drawing = rg.draw(y)
    assert len(boxes(drawing.dot)) == 500
    assert 'label="500 of 1,000,001 nodes, those nearest to v999999"' in drawing.dot
    assert 'v999500_more [label="1 more"' in drawing.dot
    assert repr(drawing) == "<Drawing of v999999: 500 of 1,000,001 nodes, those nearest to v999999>"


def test_depth_limits_the_picture_and_a_small_graph_has_no_caption() -> None:
    y = rg.variable(1.0).sin().cos().tan()
    assert "labelloc" not in rg.draw(y).dot
    assert 'label="2 of 4 nodes, those nearest to v2"' in rg.draw(y, depth=1).dot


def test_a_row_of_many_operands_is_cut() -> None:
    dot = rg.draw(rg.sum(rg.variables(*range(1000))), max_nodes=None).dot
    assert len(arrows(dot)) == 64
    assert '_more [label="936 more"' in dot


HOSTILE = ['a"b', "back\\slash", "\\N", "<b>bold</b>", "&lt;", "a\nb", '"];x[label="', "ünïcödé ∂", "{a|b}"]


@pytest.mark.parametrize("name", HOSTILE)
@needs_graphviz
def test_names_are_drawn_as_they_are(name: str) -> None:
    svg = rg.draw(rg.tanh(rg.variable(1.0, name=name))).svg()
    texts = ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert name.replace("\n", "\N{REPLACEMENT CHARACTER}") in [text.replace("\xa0", " ") for text in texts]


@needs_graphviz
@settings(deadline=None, max_examples=30)
@given(st.text(min_size=1, max_size=30).filter(lambda text: "\0" not in text))
def test_any_name_can_be_drawn(name: str) -> None:
    try:
        x = rg.variable(1.0, name=name)
    except (ValueError, UnicodeEncodeError):  # a lone surrogate is no text
        return
    ElementTree.fromstring(rg.draw(x).svg())


@needs_graphviz
def test_notebooks_show_svg() -> None:
    drawing = rg.draw(rg.variable(1.0) * 2.0)
    svg = drawing._repr_svg_()
    assert svg is not None
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
    assert drawing._repr_html_() is None


@needs_graphviz
@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.dot", b"digraph {")]
)
def test_save_writes_what_the_ending_says(tmp_path: Path, name: str, start: bytes) -> None:
    path = rg.draw(rg.variable(1.0) * 2.0).save(tmp_path / name)
    assert path == tmp_path / name
    assert path.read_bytes().startswith(start)


def test_save_under_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(rg.SettingError, match=r"a\.jpeg.*must end in \.dot, \.gv, \.svg"):
        rg.draw(rg.variable(1.0)).save(tmp_path / "a.jpeg")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_text_is_there_and_pictures_tell_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    drawing = rg.draw(rg.variable(1.0, name="<w>") * 2.0)
    with pytest.raises(ImportError, match=r"pip install 'reelgrad\[viz\]'"):
        drawing.svg()
    assert drawing._repr_svg_() is None
    html = drawing._repr_html_()
    assert html is not None
    assert "reelgrad[viz]" in html
    assert "&lt;w&gt;" in html
    assert str(drawing).startswith("digraph {")


@pytest.mark.skipif(importlib.util.find_spec("graphviz") is None, reason="needs the package graphviz")
def test_without_the_program_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    drawing = rg.draw(rg.variable(1.0))
    with pytest.raises(rg.DrawingError, match="Graphviz, whose program dot is not on the PATH: apt-get install"):
        drawing.svg()
    assert "apt-get install graphviz" in str(drawing._repr_html_())


@pytest.mark.parametrize("wrong", [3.0, None, "x"], ids=repr)
def test_what_is_no_node_is_refused(wrong: Any) -> None:
    with pytest.raises(rg.NodeTypeError, match=r"draw\(loss\): got"):
        rg.draw(wrong)


def test_a_rewound_graph_is_refused() -> None:
    x = rg.variable(1.0)
    with x.tape.scope():
        loss = x * x
    with pytest.raises(rg.StaleNodeError):
        rg.draw(loss)
