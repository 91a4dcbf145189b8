"""`rg.draw`: the graph of a loss as a picture, by way of Graphviz's language DOT."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from reelgrad._core import Node, ReelgradError, SettingError
from reelgrad.checks import whole
from reelgrad.show.graph import Graph, GraphNode, checked_limit, read_graph
from reelgrad.show.table import in_notebook

__all__ = ["Drawing", "DrawingError", "draw"]

_TEXT_FORMATS = frozenset({"dot", "gv"})
_FORMATS = frozenset({"svg", "png", "pdf"}) | _TEXT_FORMATS
_COLOURS = {"output": "#ffe0cc", "variable": "#d6eaf8", "operator": "#f6f6f6"}


class DrawingError(ReelgradError, RuntimeError):
    """Graphviz, the program that lays a drawing out, is missing or failed."""

    __module__ = "reelgrad"


class Drawing:
    """What `draw` returns: a picture in notebooks, and a text in the language DOT.

    Attributes
    ----------
    dot : str
        The drawing in DOT.
    """

    def __init__(self, graph: Graph, digits: int) -> None:
        self._graph = graph
        self.dot = _dot(graph, digits)

    def __str__(self) -> str:
        return self.dot

    def __repr__(self) -> str:
        graph = self._graph
        return f"<Drawing of {graph.output.name}: {_extent(graph)}>"

    def svg(self) -> str:
        """Return the picture as SVG.

        Raises
        ------
        ImportError
            If the Python package graphviz is not installed.
        DrawingError
            If the program Graphviz is not.
        """
        return self._rendered("svg").decode("utf-8")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, as its name's ending says: .dot or .gv, .svg, .png, .pdf; return its path."""
        file = Path(path)
        ending = file.suffix.removeprefix(".").lower()
        if ending not in _FORMATS:
            raise SettingError(f"save({os.fspath(path)!r}): the name must end in .dot, .gv, .svg, .png or .pdf")
        file.write_bytes(self.dot.encode("utf-8") if ending in _TEXT_FORMATS else self._rendered(ending))
        return file

    def _rendered(self, ending: str) -> bytes:
        try:
            import graphviz  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("pictures need the package graphviz: pip install 'reelgrad[viz]'") from error
        try:
            return bytes(graphviz.Source(self.dot).pipe(format=ending))
        except graphviz.ExecutableNotFound as error:
            raise DrawingError(
                "pictures need Graphviz, whose program dot is not on the PATH: apt-get install graphviz, brew install "
                "graphviz, or https://graphviz.org/download; str(drawing) is text that its web pages draw too"
            ) from error
        except graphviz.CalledProcessError as error:
            raise DrawingError(f"Graphviz failed: {error}") from error

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg()
        except (ImportError, DrawingError):
            return None  # _repr_html_ tells why

    def _repr_html_(self) -> str | None:
        try:
            self.svg()
        except (ImportError, DrawingError) as error:
            return in_notebook(f"<p>{escape(str(error))}</p>", f"<pre>{escape(self.dot)}</pre>")
        return None


def draw(
    loss: Node,
    *,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    max_nodes: int | None = 500,
    digits: int = 4,
) -> Drawing:
    r"""Draw the graph of a loss: how it was computed, with values, partials and gradients.

    A box for each node tells its expression, value and gradient; an arrow from each operand to the operator tells the
    partial, by which the gradient is multiplied on its way back. Nothing changes: gradients are computed aside.
    Errors are those of `explain`.

    Parameters
    ----------
    loss : Node
        What to draw the graph of.
    names : mapping of str, optional
        What to call nodes: ``{"y": y}``, or ``locals()``; see `explain`.
    depth : int, optional
        Draw only what is at most so many steps from the loss.
    max_nodes : int or None
        Draw at most so many nodes, those nearest to the loss; the picture tells how many there are.
    digits : int
        Significant digits of the numbers.

    Returns
    -------
    Drawing
        Its text, ``str(drawing)``, is in Graphviz's language DOT. In notebooks, and by ``.svg()`` and ``.save(path)``,
        it is a picture, for which Graphviz and its Python package are needed: ``pip install 'reelgrad[viz]'``.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w = rg.variable(3.0, name="w")
    >>> print(rg.draw(w * w))
    digraph {
      graph [rankdir=LR, fontname="Helvetica", bgcolor="white"]
      node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11]
      edge [fontname="Helvetica", fontsize=9, color="#777777"]
      v0 [label="v0 = w*w\nvalue 9\ngradient 1", fillcolor="#ffe0cc"]
      x0 -> v0 [label="3"]
      x0 -> v0 [label="3"]
      x0 [label="w\nvalue 3\ngradient 6", fillcolor="#d6eaf8"]
    }
    """
    graph = read_graph(
        "draw",
        loss,
        names=names,
        nodes=checked_limit("max_nodes", max_nodes, 1),
        steps=checked_limit("depth", depth, 0),
        operands=64,
    )
    return Drawing(graph, min(whole("digits", digits), 17))


def _extent(graph: Graph) -> str:
    if graph.left_out:
        return f"{len(graph.nodes):,} of {graph.size:,} nodes, those nearest to {graph.output.name}"
    return f"{graph.size:,} nodes" if graph.size > 1 else "1 node"


def _quoted(*lines: str) -> str:
    """Return lines as a label: DOT knows escapes, and HTML's entities."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def _id(number: int) -> str:
    return f"v{number}" if number >= 0 else f"x{-1 - number}"


def _dot(graph: Graph, digits: int) -> str:
    return "\n".join(["digraph {", *(f"  {line}" for line in _lines(graph, digits)), "}"])


def _lines(graph: Graph, digits: int) -> Iterator[str]:
    caption = f", labelloc=t, label={_quoted(_extent(graph))}" if graph.left_out else ""
    yield f'graph [rankdir=LR, fontname="Helvetica", bgcolor="white"{caption}]'
    yield 'node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11]'
    yield 'edge [fontname="Helvetica", fontsize=9, color="#777777"]'
    drawn = {node.number for node in graph.nodes}
    for node in graph.nodes:
        yield from _node(node, node is graph.output, drawn, digits)


def _node(node: GraphNode, is_output: bool, drawn: set[int], digits: int) -> Iterator[str]:
    title = f"{node.name} = {_cut(node.expression)}" if node.expression else node.name
    colour = _COLOURS["output" if is_output else "variable" if node.operator is None else "operator"]
    label = _quoted(title, f"value {node.value:.{digits}g}", f"gradient {node.adjoint:.{digits}g}")
    name = _id(node.number)
    yield f'{name} [label={label}, fillcolor="{colour}"]'
    left_out = node.operand_count - len(node.operands)
    for operand in node.operands:
        if operand.node in drawn:
            yield f"{_id(operand.node)} -> {name} [label={_quoted(f'{operand.partial:.{digits}g}')}]"
        elif operand.node is not None:
            left_out += 1
    if left_out:
        yield f'{name}_more [label="{left_out:,} more", shape=plaintext, style=""]'
        yield f"{name}_more -> {name} [style=dashed]"


def _cut(expression: str) -> str:
    return expression if len(expression) <= 60 else expression[:59] + "…"
