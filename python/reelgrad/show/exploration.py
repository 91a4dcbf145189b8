"""`rg.explore`: a page on which the forward pass and the reverse sweep are gone through step by step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from reelgrad._core import Node
from reelgrad.checks import whole
from reelgrad.show.graph import checked_limit, read_graph

__all__ = ["Exploration", "explore"]


class Exploration:
    """What `explore` returns: a page, shown in notebooks.

    Attributes
    ----------
    html : str
        The page.
    path : pathlib.Path or None
        The file it was written to.
    """

    def __init__(self, html: str, summary: str) -> None:
        self.html = html
        self.path: Path | None = None
        self._summary = summary

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file and return its path."""
        file = Path(path)
        file.write_text(self.html, "utf-8")
        self.path = file
        return file

    def __repr__(self) -> str:
        where = "" if self.path is None else f", in {os.fspath(self.path)}"
        return f"<Exploration of {self._summary}{where}>"

    def _repr_html_(self) -> str:
        page = escape(self.html, quote=True)
        return (
            f'<iframe title="{escape(self._summary, quote=True)}" sandbox="allow-scripts" srcdoc="{page}" '
            'style="width: 100%; height: 720px; border: 0"></iframe>'
        )


def explore(
    loss: Node,
    path: str | os.PathLike[str] | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    max_nodes: int | None = 200,
    digits: int = 6,
) -> Exploration:
    """Make a page on which one steps through the forward pass and the reverse sweep of a loss.

    Node by node it shows the value, then edge by edge the local partial, the chain rule's product with its numbers, and
    the gradient so far. The page is one file that needs no network; keys, mouse and touch step through it. Where
    JavaScript is off it shows the graph and the table of `explain`, whose errors are those of this function too.

    Parameters
    ----------
    loss : Node
        What to explore.
    path : path, optional
        Where to write the page.
    names : mapping of str, optional
        What to call nodes: ``{"y": y}``, or ``locals()``; see `explain`.
    depth : int, optional
        Show only what is at most so many steps from the loss.
    max_nodes : int or None
        Show at most so many nodes, those nearest to the loss; the page tells how many there are.
    digits : int
        Significant digits of the numbers.

    Returns
    -------
    Exploration
        The page, as ``.html``; shown in notebooks.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w, x = rg.variable(0.5, name="w"), rg.variable(2.0, name="x")
    >>> y = rg.tanh(w * x)
    >>> rg.explore(y, names={"y": y})
    <Exploration of y: 4 nodes, 9 steps>
    """
    graph = read_graph(
        "explore",
        loss,
        names=names,
        nodes=checked_limit("max_nodes", max_nodes, 1),
        steps=checked_limit("depth", depth, 0),
    )
    digits = min(whole("digits", digits), 17)
    from reelgrad.show.rendering import extent, page
    from reelgrad.show.steps import steps_of

    steps = steps_of(graph, digits)
    summary = f"{graph.output.name}: {extent(graph)}, {len(steps) - 1} steps"
    exploration = Exploration(page(graph, steps, digits), summary)
    if path is not None:
        exploration.save(path)
    return exploration
