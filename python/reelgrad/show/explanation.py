"""`rg.explain`: the chain rule of one loss, worked out in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal, overload

from reelgrad._core import Node
from reelgrad.checks import whole
from reelgrad.show.graph import Contribution, Graph, GraphNode, Operand, checked_limit, read_graph
from reelgrad.show.summary import Summary, summarised
from reelgrad.show.table import Cell, as_number, counted, html_table, in_notebook, text_table

__all__ = ["Explanation", "explain"]

_MOST_SUMMARISED = 50_000  # nodes: half a second


class Explanation:
    """What `explain` returns: a table, printed as text and shown as HTML in notebooks.

    Attributes
    ----------
    rows : tuple of GraphNode
        The nodes that are shown: the loss first, variables last.
    digits : int
        How many significant digits numbers are printed with.
    """

    def __init__(self, graph: Graph, digits: int) -> None:
        self._graph = graph
        self.digits = digits

    @property
    def rows(self) -> tuple[GraphNode, ...]:
        """The nodes that are shown: the loss first, variables last."""
        return self._graph.nodes

    def __getitem__(self, name: str) -> GraphNode:
        """Return the row of the node with this name."""
        for row in self.rows:
            if row.name == name:
                return row
        shown = ", ".join(row.name for row in self.rows[:20]) + (", …" if len(self.rows) > 20 else "")
        raise KeyError(f"no node {name!r} is shown: there are {shown}")

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        table = text_table(self.head, [self.cells(row) for row in self.rows], (48, 24, 60, 72))
        return "\n".join([self.title, "", table, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = [f"<p>{escape(note)}</p>" for note in self.notes if note]
        table = html_table(self.head, [self.cells(row) for row in self.rows])
        return in_notebook(f"<p>{escape(self.title)}</p>", table, *notes)

    # The parts, for explore's page

    @property
    def title(self) -> str:
        """The loss and the size of its graph."""
        graph, output = self._graph, self._graph.output
        return (
            f"{output.name} = {self.number(output.value)}, of {counted(graph.operators, 'operator')} and "
            f"{counted(graph.variables, 'variable')}"
        )

    @property
    def head(self) -> Sequence[str]:
        """The titles of the columns."""
        return ("node", "value", "local partials", f"gradient d{self._graph.output.name}/d(node)")

    @property
    def notes(self) -> list[str]:
        """Lines to stand below the table."""
        notes = []
        if self._graph.left_out:
            notes += [
                "",
                f"{self._graph.left_out:,} of {self._graph.size:,} nodes, those farther from "
                f"{self._graph.output.name}, are not shown: raise depth or max_rows to see them",
            ]
        changed = [row.name for row in self.rows if row.changed]
        if changed:
            more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
            notes += [
                "",
                f"A variable was set after {', '.join(changed[:5])}{more} had been recorded: partials and gradients "
                "are those of the recording, values of variables are those of now",
            ]
        return notes

    def number(self, x: float) -> str:
        """Return a number as the table has it."""
        return f"{x:.{self.digits}g}"

    def cells(self, row: GraphNode) -> list[Cell]:
        """Return the cells of a row."""
        node = f"{row.name} = {row.expression}" if row.expression else row.name
        return [[node], [self.number(row.value)], self._partials(row), self._gradient(row)]

    def _partials(self, row: GraphNode) -> list[str]:
        lines = [self._partial(row, operand) for operand in row.operands if operand.node is not None]
        if row.operand_count > len(row.operands):
            lines.append(f"… {row.operand_count - len(row.operands):,} more operands")
        return lines

    def _partial(self, row: GraphNode, operand: Operand) -> str:
        number = self.number(operand.partial)
        middle = "" if not operand.formula or as_number(operand.formula) is not None else f" = {operand.formula}"
        return f"d{row.name}/d{operand.name}{middle} = {number}"

    def _gradient(self, row: GraphNode) -> list[str]:
        total = self.number(row.adjoint)
        if row.contribution_count == 0:
            return [total]
        if row.contribution_count == 1:
            return [f"{total} = {self._product(row.contributions[0])}"]
        lines = [f"{total} ="]
        for k, term in enumerate(row.contributions):
            lines.append(f"{'+' if k else ' '} {self._product(term)}, {self.number(term.value)}")
        others = row.contribution_count - len(row.contributions)
        if others:
            lines.append(f"+ {counted(others, 'more contribution')}, {self.number(row.other_contributions)}")
        return lines

    def _product(self, term: Contribution) -> str:
        plain = term.adjoint * term.partial
        dropped = " (nan, counted as 0)" if plain != plain and term.value == 0.0 else ""
        return f"{self.number(term.adjoint)} * {self.number(term.partial)}{dropped} by {term.name}"


@overload
def explain(
    loss: Node,
    *,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    max_rows: int | None = 100,
    digits: int = 6,
    summary: Literal[False] = False,
) -> Explanation: ...
@overload
def explain(
    loss: Node,
    *,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    max_rows: int | None = 100,
    digits: int = 6,
    summary: Literal[True],
) -> Summary: ...
def explain(
    loss: Node,
    *,
    names: Mapping[str, Any] | None = None,
    depth: int | None = None,
    max_rows: int | None = 100,
    digits: int = 6,
    summary: bool = False,
) -> Explanation | Summary:
    """Work out the chain rule for a loss, node by node, in a table.

    From the loss down to the variables there is a row for each node: how it was computed, its value, its partial with
    respect to each operand as formula and number, and its gradient, the sum of what each node that uses it passes down:
    that node's gradient times its partial. The formulas come from the table of operators.

    It may be called before or after ``backward()``, and changes nothing: all gradients stay as they are.

    Parameters
    ----------
    loss : Node
        What to take derivatives of.
    names : mapping of str, optional
        What to call nodes: ``{"y": y}``, or ``locals()``. Nodes in lists, dicts, arrays and Modules are found too.
        Without it variables go by their own name or as x0, x1 ..., and operators are v0, v1 ...
    depth : int, optional
        Show only what is at most so many steps from the loss.
    max_rows : int or None
        Show at most so many nodes, those nearest to the loss.
    digits : int
        Significant digits of the numbers.
    summary : bool
        Show what one operation of Arrays recorded in one row, with the ranges of its numbers, instead of by element.

    Returns
    -------
    Explanation or Summary
        Printed as text, shown as HTML in notebooks; ``.rows`` are its data.

    Raises
    ------
    NodeTypeError
        If `loss` is no Node.
    StaleNodeError
        If it was rewound.
    TraceError
        In a traced function, where there are no numbers yet.

    Examples
    --------
    >>> import reelgrad as rg
    >>> x, w = rg.variable(2.0, name="x"), rg.variable(-1.0, name="w")
    >>> y = rg.sigmoid(w * x)
    >>> print(rg.explain(y, names={"y": y}, digits=4))
    y = 0.1192, of 2 operators and 2 variables
    <BLANKLINE>
    node              value    local partials               gradient dy/d(node)
    ---------------------------------------------------------------------------------
    y = sigmoid(v0)   0.1192   dy/dv0 = y*(1 - y) = 0.105   1
    v0 = w*x          -2       dv0/dw = x = 2               0.105 = 1 * 0.105 by y
                               dv0/dx = w = -1
    x                 2                                     -0.105 = 0.105 * -1 by v0
    w                 -1                                    0.21 = 0.105 * 2 by v0
    """
    rows = checked_limit("max_rows", max_rows, 1)
    digits = min(whole("digits", digits), 17)
    graph = read_graph(
        "explain",
        loss,
        names=names,
        nodes=_MOST_SUMMARISED if summary else rows,
        steps=checked_limit("depth", depth, 0),
        operands=64 if summary else 8,
    )
    return summarised(graph, rows, digits) if summary else Explanation(graph, digits)
