"""`rg.explain(loss, summary=True)`: the chain rule with one row for all that one Array operation recorded.

Entries that one operation recorded are a group; so are variables that the same operations use. A group shows its
expression with groups as operands, and of values, partials and gradients the range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from reelgrad._core import _spell, operator_table
from reelgrad.show.graph import Graph, GraphNode, Operand
from reelgrad.show.table import Cell, as_number, counted, html_table, in_notebook, text_table

__all__ = ["GroupRow", "Summary", "summarised"]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of a summary.

    Attributes
    ----------
    name, expression : str
        What it is called, and how it was made in terms of other groups.
    count : int
        How many nodes it has.
    values, adjoints : tuple of (float, float)
        The least and the greatest.
    norm : float
        The Euclidean norm of the adjoints.
    partials : tuple of (str, str, float, float)
        For each group of operands its name, the formula of the first of the partials, and the range of all.
    cut : bool
        Whether these are the partials by the first operands only, because there are many.
    """

    name: str
    expression: str
    count: int
    values: tuple[float, float]
    adjoints: tuple[float, float]
    norm: float
    partials: tuple[tuple[str, str, float, float], ...]
    cut: bool


class Summary:
    """What `explain` returns with ``summary=True``: a table, printed as text and shown as HTML in notebooks.

    Attributes
    ----------
    rows : tuple of GroupRow
        The groups, the loss first.
    digits : int
        How many significant digits numbers are printed with.
    """

    def __init__(self, graph: Graph, rows: Sequence[GroupRow], groups: int, digits: int) -> None:
        self.rows = tuple(rows)
        self.digits = digits
        self._graph = graph
        self._groups = groups

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        table = text_table(self._head, [self._cells(row) for row in self.rows], (60, 40, 60, 72))
        return "\n".join([self._title, "", table, *(f"\n{note}" for note in self._notes)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = [f"<p>{escape(note)}</p>" for note in self._notes]
        table = html_table(self._head, [self._cells(row) for row in self.rows])
        return in_notebook(f"<p>{escape(self._title)}</p>", table, *notes)

    @property
    def _title(self) -> str:
        graph = self._graph
        value = f"{graph.output.value:.{self.digits}g}"
        return (
            f"{graph.output.name} = {value}, of {counted(graph.operators, 'operator')} and "
            f"{counted(graph.variables, 'variable')} in {counted(self._groups, 'group')}"
        )

    @property
    def _head(self) -> Sequence[str]:
        return ("nodes", "values", "local partials", f"gradients d{self._graph.output.name}/d(node)")

    @property
    def _notes(self) -> list[str]:
        notes = []
        if self._groups > len(self.rows):
            notes.append(f"{self._groups - len(self.rows):,} groups are not shown: raise max_rows to see them")
        if self._graph.left_out:
            notes.append(
                f"{self._graph.left_out:,} of {self._graph.size:,} nodes, those farther from "
                f"{self._graph.output.name}, are in no group: raise depth, or take a smaller loss"
            )
        return notes

    def _range(self, low: float, high: float) -> str:
        if low == high or low != low:
            return f"{low:.{self.digits}g}"
        return f"{low:.{self.digits}g} … {high:.{self.digits}g}"

    def _cells(self, row: GroupRow) -> list[Cell]:
        name = f"{row.name} = {row.expression}" if row.expression else row.name
        if row.count > 1:
            name += f"  ({row.count:,} nodes)"
        partials = []
        for operand, formula, low, high in row.partials:
            number = self._range(low, high)
            middle = "" if not formula or formula == number or low == high == as_number(formula) else f" = {formula}"
            partials.append(f"d{row.name}/d{operand}{middle} = {number}")
        if row.cut:
            partials.append("(of the first operands)")
        gradient = self._range(*row.adjoints)
        if row.count > 1:
            gradient += f", norm {row.norm:.{self.digits}g}"
        return [[name], [self._range(*row.values)], partials, [gradient]]


Key = tuple[object, ...]
_PRIMITIVES = frozenset(row["name"] for row in operator_table() if row["kind"] == "primitive")


def summarised(graph: Graph, max_rows: int, digits: int) -> Summary:
    """Return the summary of a graph that was read node by node."""
    members: dict[Key, list[GraphNode]] = {}
    key_of: dict[int, Key] = {}
    by_number = {node.number: node for node in graph.nodes}
    for node in graph.nodes:  # consumers come before their operands
        if node.block is not None:
            key: Key = ("block", node.block)
        elif node.operator is None and node.contribution_count > 0:
            # Elements of one Array of variables have consumers in the same groups.
            uses = ((key_of.get(x.node), _place(by_number.get(x.node), x.position)) for x in node.contributions)
            key = ("variables", _base(node.name), frozenset(uses))
        else:
            key = ("node", node.number)
        key_of[node.number] = key
        members.setdefault(key, []).append(node)
    names = {key: _group_name(group) for key, group in members.items()}
    sizes = {names[key]: len(group) for key, group in members.items()}
    rows = [_row(group, names[key], key_of, names, sizes) for key, group in list(members.items())[:max_rows]]
    return Summary(graph, rows, len(members), digits)


def _place(consumer: GraphNode | None, position: int) -> int:
    """Return which operand of an operator the one at `position` is: those of a reduction are one, of a dot two."""
    if consumer is None:
        return 0
    if consumer.operator == "dot":
        return int(position >= consumer.operand_count // 2)
    return position if consumer.operator in _PRIMITIVES else 0


def _base(name: str) -> str:
    """Return W for W[0,1], and nothing for names that are numbered."""
    found = re.fullmatch(r"(.+)\[[\d,]+\]", name)
    return found[1] if found else ("" if re.fullmatch(r"x\d+", name) else name)


def _group_name(group: Sequence[GraphNode]) -> str:
    if len(group) == 1:
        return group[0].name
    bases = {_base(node.name) for node in group}
    if len(bases) == 1 and "" not in bases:
        return bases.pop()
    ends = sorted(group, key=lambda node: abs(node.number))
    return f"{ends[0].name}…{ends[-1].name}"


def _row(
    group: Sequence[GraphNode],
    name: str,
    key_of: dict[int, Key],
    names: dict[Key, str],
    sizes: dict[str, int],
) -> GroupRow:
    def called(operand: Operand) -> str:
        if operand.node is None:
            return operand.name
        return names.get(key_of.get(operand.node, ()), operand.name)

    first = group[0]
    slopes: dict[str, list[float]] = {}
    formulas: dict[str, str] = {}
    texts = [(None if x.node is None else called(x), x.value) for x in first.operands]
    spelled = None if first.operator is None else _spell(first.operator, texts, name, first.value)
    for node in group:
        for operand in node.operands:
            if operand.node is not None:
                slopes.setdefault(called(operand), []).append(operand.partial)
    for k, operand in enumerate(first.operands):
        if operand.node is not None:
            formula = operand.formula if spelled is None else spelled[2][k][0]
            formulas.setdefault(called(operand), formula if len(group) == 1 or spelled is not None else "")
    if spelled is not None:
        expression = spelled[0]
    else:
        words = list(dict.fromkeys(called(x) if x.node is not None else "constants" for x in first.operands))
        more = ", …" if first.operand_count > sum(sizes.get(word, first.operand_count) for word in words) else ""
        expression = "" if first.operator is None else f"{first.operator}({', '.join(words)}{more})"
    adjoints = [node.adjoint for node in group]
    return GroupRow(
        name,
        expression,
        len(group),
        _extent(node.value for node in group),
        _extent(adjoints),
        sum(g * g for g in adjoints) ** 0.5,
        tuple((operand, formulas.get(operand, ""), *_extent(numbers)) for operand, numbers in slopes.items()),
        any(node.operand_count > len(node.operands) for node in group),
    )


def _extent(numbers: Iterable[float]) -> tuple[float, float]:
    known = list(numbers)
    if any(x != x for x in known):
        return float("nan"), float("nan")
    return min(known), max(known)
