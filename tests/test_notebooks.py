"""What notebooks show: the HTML of each class, well-formed and escaped."""

from __future__ import annotations

import html.parser
import importlib.util
import math
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad.show.reprs import loss_curve
from tape_state import unchanged


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


class Checked(html.parser.HTMLParser):
    """Collects text, and fails at tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in ("br",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def shown(thing: Any) -> str:
    """The text of the HTML, blanks made even."""
    page = Checked(thing._repr_html_())
    assert "script" not in page.tags
    return re.sub(r"\s+", " ", " ".join(page.texts))


def test_a_node_shows_what_it_was_made_of() -> None:
    x = rg.variable(2.0, name="x")
    y = rg.sigmoid(x * -1.5)
    y.backward()
    text = shown(y)
    assert "Node(0.04742587317756679, grad=1.0)" in text
    assert "made by sigmoid(v0) , of 2 operators and 1 variable in all" in text
    assert "v0 -3 v1*(1 - v1) = 0.0451767" in text
    assert "Node(2.0, name='x', grad=" in shown(x)


def test_showing_a_node_changes_nothing() -> None:
    x = rg.variable(2.0)
    y = x * x
    y.backward()
    with unchanged(x, y):
        shown(x)
        shown(y)


def test_a_node_that_cannot_be_read_is_shown_by_its_repr() -> None:
    x = rg.variable(2.0)
    with x.tape.scope():
        gone = x * x
    assert "Node(stale)" in shown(gone)
    seen: list[str] = []
    rg.trace(lambda a: seen.append(shown(a * 2.0)) or a, 1.0)
    assert ", traced)" in seen[0]
    y = x * 3.0
    thread = threading.Thread(target=lambda: seen.append(shown(y)))
    thread.start()
    thread.join()
    assert "Node(6.0)" in seen[1]
    assert "made by" not in seen[1]


def test_names_are_escaped_in_html() -> None:
    x = rg.variable(1.0, name="<script>x</script>")
    assert "<script>" in shown(x)  # as text
    assert "<script>" in shown(x * 2.0)


def test_a_tape_shows_its_figures() -> None:
    x = rg.variable(1.0)
    y = rg.sum([x * 2.0, x * 3.0, x])
    text = shown(y.tape)
    assert "operations 3, of which 1 have more than two operands" in text
    assert "variables 1 Nodes alive 2" in text
    assert re.search(r"memory \d[\d.]* (bytes|KiB) in use, ", text)


def test_a_program_and_a_trace_show_code_and_branches() -> None:
    def f(w: Any, x: Any) -> Any:
        return w * x if x > 0.5 else rg.exp(x)

    traced = rg.trace(f, 2.0, 3.0)
    for thing in (traced, traced.program):
        text = shown(thing)
        assert "def program(w, x): assert x > 0.5 # " in text or "assert 0.5 < x # " in text
        assert "return (w*x,)" in text
    assert "test_notebooks.py" in shown(traced)
    assert "return w * x if x > 0.5 else rg.exp(x) True" in shown(traced)


def test_long_programs_are_cut() -> None:
    def f(x: Any, steps: int) -> Any:
        for _ in range(steps):
            x = rg.sin(x) * x
        return x

    medium, long = (rg.trace(lambda x, n=n: f(x, n), 1.0).program for n in (200, 5000))
    assert re.search(r"# \.\.\. \d+ lines", shown(medium))
    assert len(medium._repr_html_()) < 10_000
    assert "too long to be shown" in shown(long)


def test_a_compiled_function_shows_its_call_and_its_paths() -> None:
    @rg.compile(in_axes=(None, 0), reduce="mean")
    def loss(w: Any, x: Any) -> Any:
        return w * x if x > 0.5 else rg.exp(x)

    assert "not traced yet" in shown(loss)
    assert "loss(w: 'Any', x: 'Any') -> 'Any' in_axes (None, 0) reduce 'mean'" in shown(loss)
    loss(2.0, np.array([1.0, 0.0]))
    text = shown(loss)
    assert "path 0: " in text
    assert "path 1: " in text
    assert "1 branch" in text


def fitted(**settings: Any) -> rg.FitResult:
    loss = rg.compile(lambda w, x: (w - x) ** 2, in_axes=(None, 0), reduce="mean")
    return rg.fit(loss, 5.0, (np.linspace(0.0, 1.0, 8),), optimizer=rg.optim.SGD(0.1), epochs=40, **settings)


def test_a_fit_result_shows_losses_and_their_curve() -> None:
    result = fitted(validation=(np.linspace(0.0, 1.0, 3),))
    page = Checked(result._repr_html_())
    assert {"svg", "path", "table"} <= page.tags
    text = shown(result)
    assert f"loss {result.loss:.6g}" in text
    assert f"validation loss {result.validation[-1]:.6g}" in text
    assert "over 40 epochs, logarithmic scale" in text


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([1.0, 0.5], "linear"),
        ([1.0, 1.0], "linear"),
        ([1.0, math.nan, 0.01], "logarithmic"),
        ([1.0, -1.0, math.inf], "linear"),
        ([math.nan, math.nan], ""),
        ([1.0], ""),
        ([], ""),
        (list(np.geomspace(1.0, 1e-9, 100_000)), "logarithmic"),
    ],
)
def test_loss_curves_of_all_kinds(losses: list[float], said: str) -> None:
    svg = loss_curve([("loss", np.array(losses))])
    assert (said in svg) if said else svg == ""
    assert len(svg) < 10_000
    numbers = re.findall(r"[ML](-?[\d.]+|nan|inf) (-?[\d.]+|nan|inf)", svg)
    assert all(0 <= float(x) <= 360 and 0 <= float(y) <= 110 for x, y in numbers)


@pytest.mark.skipif(importlib.util.find_spec("IPython") is None, reason="needs IPython")
def test_ipython_shows_html() -> None:
    from IPython.core.formatters import HTMLFormatter

    x = rg.variable(1.0)
    compiled = rg.compile(lambda x: x * x)
    things = [x, x * 2.0, x.tape, rg.trace(lambda a: a, 1.0).program, compiled, fitted(), rg.explain(x), rg.explore(x)]
    for thing in things:
        assert HTMLFormatter()(thing) == thing._repr_html_()
    assert HTMLFormatter()(rg.Node) is None  # the class itself is no node


def test_an_array_shows_shape_values_and_gradients() -> None:
    a = rg.array([[1.0, 2.0], [3.0, 4.0]])
    assert "Array of shape (2, 2) value [[1. 2.] [3. 4.]]" in shown(a)
    assert "grad" not in shown(a)
    (a * a).sum().backward()
    assert "grad [[2. 4.] [6. 8.]]" in shown(a)
    assert len(rg.array(np.zeros(100_000))._repr_html_()) < 5_000
    with a.tape.scope():
        gone = a * 2.0
    assert "stale" in shown(gone)
