"""The page of `rg.explore`: one file without references to any other.

Everything is worked out here: layout, numbers, and the text of each step. The page's script only shows and hides;
without a script the graph and the table tell everything at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from importlib import resources
from itertools import pairwise
from typing import Any

from reelgrad.show.explanation import Explanation
from reelgrad.show.graph import Graph, GraphNode
from reelgrad.show.layout import Layout, Point, layout
from reelgrad.show.steps import Step

__all__ = ["extent", "page"]

_CHARACTER = 7.25  # width in a monospaced font of 12 pixels
_LINE = 16.0
_MARGIN = 16.0
_LONGEST = 30  # of an expression in a box


def extent(graph: Graph) -> str:
    """Return how many nodes are shown, and of how many."""
    if graph.left_out:
        return f"the nearest {len(graph.nodes):,} of {graph.size:,} nodes"
    return f"{graph.size:,} nodes" if graph.size > 1 else "1 node"


def page(graph: Graph, steps: list[Step], digits: int) -> str:
    """Return the page."""
    explanation = Explanation(graph, digits)
    parts = {
        "title": escape(f"How the gradient of {graph.output.name} is made"),
        "summary": escape(f"{explanation.title}; shown: {extent(graph)}"),
        "graph": "\n".join(_svg(graph, digits)),
        "table": "\n".join(_table(explanation)),
        "notes": "\n".join(f"<p>{escape(note)}</p>" for note in explanation.notes if note),
        "steps": _json(steps, digits),
        "css": _file("page.css"),
        "js": _file("page.js"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _file("page.html"))


def _file(name: str) -> str:
    return (resources.files("reelgrad.show") / "page" / name).read_text("utf-8")


def _json(steps: list[Step], digits: int) -> str:
    """Return the steps for the script, in which no tag can hide."""
    rows = []
    counts = {phase: sum(step.phase == phase for step in steps) for phase in ("forward", "reverse")}
    done = dict.fromkeys(counts, 0)
    captions = {"start": "Start", "forward": "Forward pass", "reverse": "Reverse sweep", "end": "Done"}
    for step in steps:
        caption = captions[step.phase]
        if step.phase in done:
            done[step.phase] += 1
            caption += f", step {done[step.phase]} of {counts[step.phase]}"
        row: dict[str, Any] = {"phase": step.phase, "caption": caption, "title": step.title, "lines": step.lines}
        for key in ("node", "source", "position"):
            if getattr(step, key) is not None:
                row[key] = getattr(step, key)
        if step.gradient is not None:
            row["gradient"] = [f"{step.gradient:.{digits}g}", repr(step.gradient)]
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c")


def _table(explanation: Explanation) -> Iterator[str]:
    node, value, partials, gradient = explanation.head
    yield "<table><thead><tr>"
    yield from (f'<th scope="col">{escape(title)}</th>' for title in (node, value, gradient, partials))
    yield "</tr></thead><tbody>"
    for row in explanation.rows:
        (node,), (value,), partial_lines, _ = explanation.cells(row)
        yield f'<tr data-node="{row.number}" data-name="{escape(row.name)}" data-gradient="{row.adjoint!r}">'
        yield f'<th scope="row">{escape(node)}</th><td class="value"><span>{escape(value)}</span></td>'
        yield f'<td class="gradient"><span>{escape(explanation.number(row.adjoint))}</span></td>'
        yield f"<td>{'<br>'.join(map(escape, partial_lines))}</td></tr>"
    yield "</tbody></table>"


# --- The graph as SVG


def _svg(graph: Graph, digits: int) -> Iterator[str]:
    texts = {node.number: _texts(node, digits) for node in graph.nodes}
    sizes = {number: _size(lines) for number, lines in texts.items()}
    # An edge: the operand, the operator, and the operand's position.
    edges = [
        (operand.node, node, operand.position, operand.partial)
        for node in graph.nodes
        for operand in node.operands
        if operand.node is not None and operand.node in sizes
    ]
    places = layout([node.number for node in graph.nodes], [(a, b.number) for a, b, *_ in edges], sizes)
    left = _MARGIN + (60.0 if graph.left_out else 0.0)
    width, height = places.width + left + _MARGIN, places.height + 2 * _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-left:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="group" '
        f'aria-label="{escape(extent(graph))}">'
    )
    for marker, orient in (("tip", "auto"), ("tip-back", "auto-start-reverse")):
        yield (
            f'<marker id="{marker}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'markerUnits="userSpaceOnUse" orient="{orient}"><path d="M0 1L9 5L0 9z"/></marker>'
        )
    arrivals = {node.number: [position for _, b, position, _ in edges if b is node] for node in graph.nodes}
    for (operand, node, position, partial), route in zip(edges, places.routes, strict=True):
        points = _ends(route, sizes[operand], sizes[node.number], arrivals[node.number], position)
        yield f'<g class="edge" data-edge="{node.number}:{position}"><path d="{_curve(points)}"/>'
        (x0, y0), (x1, y1) = points[-2:]
        text = f"{partial:.{min(digits, 4)}g}"
        yield f'<text x="{(x0 + x1) / 2:.1f}" y="{(y0 + y1) / 2 - 4:.1f}">{text}</text></g>'
    for node in graph.nodes:
        yield from _box(node, texts[node.number], sizes[node.number], places, len(arrivals[node.number]))
    yield "</svg>"


def _texts(node: GraphNode, digits: int) -> tuple[str, str, str, str]:
    expression = node.expression if len(node.expression) <= _LONGEST else node.expression[: _LONGEST - 1] + "…"
    value, gradient = (f"{x:.{digits}g}" for x in (node.value, node.adjoint))
    return node.name, f" = {expression}" if expression else "", value, gradient


def _size(lines: tuple[str, str, str, str]) -> Point:
    name, expression, value, gradient = lines
    longest = max(len(name) + len(expression), len("value ") + len(value), len("grad  ") + len(gradient), 16)
    return longest * _CHARACTER + 20.0, 3 * _LINE + 14.0


def _ends(route: list[Point], start: Point, end: Point, arrivals: list[int], position: int) -> list[Point]:
    """Let an edge begin at the operand's right side and end at the operator's left, above or below the others there."""
    spread = min(14.0, (end[1] - 16.0) / max(1, len(arrivals)))
    shift = (arrivals.index(position) - (len(arrivals) - 1) / 2) * spread
    (x0, y0), *bends, (x1, y1) = route
    return [(x0 + start[0] / 2, y0), *bends, (x1 - end[0] / 2, y1 + shift)]


def _curve(points: list[Point]) -> str:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        parts.append(f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def _box(
    node: GraphNode, lines: tuple[str, str, str, str], size: Point, places: Layout, arrivals: int
) -> Iterator[str]:
    x, y = places.centres[node.number]
    left, top = x - size[0] / 2, y - size[1] / 2
    name, expression, value, gradient = map(escape, lines)
    kind = "variable" if node.operator is None else "operator"
    whole = f"{node.name} = {node.expression}" if node.expression else node.name
    yield f'<g class="node {kind}" data-node="{node.number}"><title>{escape(whole)}</title>'
    yield f'<rect x="{left:.1f}" y="{top:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}"/>'
    at = f'<tspan x="{left + 10:.1f}" y="'
    yield f'<text>{at}{top + 19:.1f}"><tspan class="name">{name}</tspan>{expression}</tspan>'
    yield f'{at}{top + 19 + _LINE:.1f}"><tspan class="label">value </tspan><tspan class="value">{value}</tspan></tspan>'
    yield f'{at}{top + 19 + 2 * _LINE:.1f}"><tspan class="label">grad  </tspan>'
    yield f'<tspan class="gradient">{gradient}</tspan></tspan></text>'
    left_out = node.operand_count - sum(operand.node is None for operand in node.operands) - arrivals
    if left_out > 0:
        yield f'<text class="more" x="{left - 6:.1f}" y="{top + size[1] - 6:.1f}">{left_out:,} more</text>'
    yield "</g>"
