"""What notebooks show of Nodes, tapes, Programs, traces, compiled functions and results of training.

None of it may fail or take long, whatever the object: where the whole would, less is shown.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import Node, Program, ReelgradError, Tape
from reelgrad.show.graph import Graph, read_graph
from reelgrad.show.table import counted, html_table, in_notebook

if TYPE_CHECKING:
    from reelgrad.arrays import Array
    from reelgrad.compiled import CompiledFunction
    from reelgrad.tracing import Guard, Trace
    from reelgrad.training.result import FitResult

__all__ = ["array_html", "compiled_html", "fit_html", "node_html", "program_html", "tape_html", "trace_html"]

_LONGEST_TAPE = 1_000_000  # operators beyond which a Node is shown without what it was made of: some 10 ms
_MOST_LINES = 60
_LONGEST_PROGRAM = 5_000  # instructions


def node_html(node: Node) -> str:
    """Return the node, and what it was made of."""
    parts = [f"<p><code>{escape(repr(node))}</code></p>"]
    try:
        graph = None if node.is_variable or len(node.tape) > _LONGEST_TAPE else read_graph("", node, steps=1)
    except ReelgradError:  # stale, traced, of another thread
        graph = None
    if graph is not None:
        parts.append(_operands(graph))
    return in_notebook(*parts)


def _operands(graph: Graph) -> str:
    row = graph.output
    rows = [
        ([x.name], [f"{x.value:.6g}"], [f"{x.formula} = {x.partial:.6g}" if x.node is not None else "constant"])
        for x in row.operands
    ]
    left_out = row.operand_count - len(row.operands)
    more = f"<p>and {left_out:,} more operands</p>" if left_out else ""
    made = f"<p>made by <code>{escape(row.expression)}</code>, of {counted(graph.operators, 'operator')} and "
    made += f"{counted(graph.variables, 'variable')} in all; <code>rg.explain</code> works out the gradient</p>"
    return made + html_table(("operand", "value", "partial"), rows) + more


def array_html(array: Array) -> str:
    """Return the Array's shape, values and, where there are any, gradients."""
    parts = [f"<p><code>Array</code> of shape <code>{escape(str(array.shape))}</code></p>"]
    try:
        value, grad = array.value, array.grad
    except ReelgradError:  # stale, traced
        return in_notebook(f"<p><code>{escape(repr(array))}</code></p>")
    numbers = [("value", value)] + ([("grad", grad)] if np.any(grad) else [])
    for name, x in numbers:
        text = np.array2string(x, precision=6, threshold=60, edgeitems=3, max_line_width=100)
        parts.append(f"<p>{name}</p><pre>{escape(text)}</pre>")
    return in_notebook(*parts)


def tape_html(tape: Tape) -> str:
    """Return the tape's figures."""
    stats = tape.stats()
    rows = [
        ("operations", f"{stats['operators']:,}, of which {stats['wide']:,} have more than two operands"),
        ("variables", f"{stats['variables']:,}"),
        ("Nodes alive", f"{stats['nodes']:,}"),
        ("memory", f"{_bytes(stats['bytes_used'])} in use, {_bytes(stats['bytes_committed'])} committed"),
        ("limit", f"{stats['limit']:,} operations"),
        ("collections", f"{stats['collections']:,}, which freed {stats['collected']:,} entries"),
        ("marks and rewinds", f"{stats['marks']:,} and {stats['rewinds']:,}"),
    ]
    return in_notebook("<p><code>Tape</code></p>", html_table(("", ""), [([a], [b]) for a, b in rows]))


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} GiB"


def program_html(program: Program) -> str:
    """Return the Program as code."""
    return in_notebook(f"<p><code>{escape(repr(program))}</code></p>", _code(program))


def _code(program: Program) -> str:
    if len(program) > _LONGEST_PROGRAM:
        return "<p>too long to be shown; <code>print(program.code())</code> prints it</p>"
    lines = program.code().splitlines()
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"    # ... {len(lines) - 2 * half:,} lines", *lines[-half:]]
    return "<pre>" + "\n".join(map(escape, lines)) + "</pre>"


def trace_html(trace: Trace) -> str:
    """Return a trace: its Program as code, and the branches taken."""
    return in_notebook(f"<p><code>{escape(repr(trace))}</code></p>", _guards(trace.guards), _code(trace.program))


def _guards(guards: Sequence[Guard]) -> str:
    if not guards:
        return ""
    rows = [([guard.place], [guard.text], [str(guard.taken)]) for guard in guards[:20]]
    more = f"<p>and {len(guards) - 20:,} more branches</p>" if len(guards) > 20 else ""
    return html_table(("branch", "", "taken"), rows) + more


def compiled_html(function: CompiledFunction) -> str:
    """Return a compiled function: how it is called, and the paths that it knows."""
    settings = function.settings
    try:
        signature = str(inspect.signature(function.__wrapped__))
    except (TypeError, ValueError):
        signature = "(...)"
    rows = [
        ("function", getattr(function.__wrapped__, "__qualname__", repr(function.__wrapped__)) + signature),
        ("in_axes", repr(settings.in_axes)),
        ("reduce", repr(settings.reduce)),
    ]
    parts = ["<p><code>compiled function</code></p>", html_table(("", ""), [([a], [b]) for a, b in rows])]
    try:
        paths = function.paths
    except ReelgradError:
        paths = []
        parts.append("<p>not traced yet: that happens at the first call</p>")
    for number, path in enumerate(paths[:8]):
        what = f"path {number}: {counted(len(path.program), 'instruction')}, {len(path.guards):,} branch"
        what += "" if len(path.guards) == 1 else "es"
        code = _guards(path.guards) + _code(path.program)
        parts.append(f"<details{' open' if number == 0 else ''}><summary>{what}</summary>{code}</details>")
    if len(paths) > 8:
        parts.append(f"<p>and {len(paths) - 8:,} more paths</p>")
    return in_notebook(*parts)


def fit_html(result: FitResult) -> str:
    """Return what training came to, with a curve of the loss."""
    rows = [
        ("loss", f"{result.loss:.6g}"),
        ("epochs", f"{result.epoch:,}, {result.seconds:.3g} s"),
        ("ended", result.report),
        ("optimizer", repr(result.optimizer)),
    ]
    curves = [("loss", result.history)]
    if result.validation is not None and len(result.validation):
        best = "" if result.best_epoch is None else f", best after epoch {result.best_epoch:,}"
        rows.insert(1, ("validation loss", f"{result.validation[-1]:.6g}{best}"))
        curves.append(("validation loss", result.validation))
    table = html_table(("", ""), [([a], [b]) for a, b in rows])
    return in_notebook("<p><code>FitResult</code></p>", table, loss_curve(curves))


def loss_curve(curves: Sequence[tuple[str, NDArray[np.float64]]], width: int = 360, height: int = 110) -> str:
    """Return losses over epochs as SVG, on a logarithmic scale if they span more than a factor of 20.

    Of many epochs some 300 are drawn; what is not finite leaves a gap.
    """
    known = np.concatenate([curve for _, curve in curves])
    known = known[np.isfinite(known)]
    if known.size < 2:
        return ""
    logarithmic = bool(known.min() > 0.0 and known.max() > 20.0 * known.min())
    low, high = float(known.min()), float(known.max())

    def scaled(x: float) -> float:
        a, b, c = (math.log(v) if logarithmic else v for v in (low, x, high))
        return height - 4 - (height - 8) * ((b - a) / (c - a) if c > a else 0.5)

    lines = []
    longest = max(len(curve) for _, curve in curves)
    for dash, (name, curve) in zip(("", ' stroke-dasharray="4 3"'), curves, strict=False):
        first = longest - len(curve)
        pieces: list[str] = []
        pen = "M"
        for k in sorted({*range(0, len(curve), max(1, len(curve) // 300)), len(curve) - 1}):
            if math.isfinite(curve[k]):
                x = 4 + (width - 8) * (first + k) / max(1, longest - 1)
                pieces.append(f"{pen}{x:.1f} {scaled(float(curve[k])):.1f}")
            pen = "L" if math.isfinite(curve[k]) else "M"
        path = f'<path d="{"".join(pieces)}" fill="none" stroke="currentColor" stroke-width="1.5"{dash}/>'
        lines.append(f"<g><title>{escape(name)}</title>{path}</g>")
    scale = "logarithmic" if logarithmic else "linear"
    label = f"loss from {high:.4g} to {low:.4g} over {longest:,} epochs, {scale} scale"
    svg = f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}">'
    dashed = "; dashed: validation loss" if len(curves) > 1 else ""
    return f"{svg}{''.join(lines)}</svg><p>{label}{dashed}</p>"
