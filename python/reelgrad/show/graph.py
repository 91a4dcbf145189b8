"""The graph of a Node as plain rows, with names, expressions and formulas: what `explain`, `draw` and `explore` show.

The engine reads the tape: values, partials, and adjoints that it computes aside, so that no gradient changes. Formulas
are spelled out by the templates of the operator table at the numbers at hand, those of reductions come from its text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from reelgrad._core import Node, NodeTypeError, _read_graph, _spell, operator_table
from reelgrad.arrays import Array
from reelgrad.checks import whole
from reelgrad.show.names import Names, named_nodes

__all__ = ["Contribution", "Graph", "GraphNode", "Operand", "checked_limit", "read_graph", "substituted"]

NO_LIMIT = 1 << 40


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand of an operator, and what passes through it.

    Attributes
    ----------
    position : int
        Its place among the operands.
    node : int or None
        The number of the node in its graph; None for a constant.
    name : str
        The node's name, or the constant.
    value : float
        Its value.
    partial : float
        The derivative of the operator with respect to it, as recorded; 0.0 for a constant.
    formula : str
        That partial's formula in terms of the operands, as far as it applies here.
    contribution : float
        The operator's adjoint times the partial: what it adds to the operand's adjoint.
    """

    position: int
    node: int | None
    name: str
    value: float
    partial: float
    formula: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one consumer adds to a node's adjoint: the consumer's adjoint times its partial.

    Attributes
    ----------
    node : int
        The number of the consumer.
    name : str
        Its name.
    position : int
        Which of its operands the node is.
    adjoint, partial, value : float
        The two factors and the product. Where the product would be nan but does not count, it is 0.0.
    """

    node: int
    name: str
    position: int
    adjoint: float
    partial: float
    value: float


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node of a graph: a row of `Explanation.rows`.

    Attributes
    ----------
    number : int
        Operators are numbered 0, 1, 2 ... in the order of their recording, variables -1, -2 ...
    name : str
        What it is called.
    operator : str or None
        The operator that made it; None for a variable.
    expression : str
        How it was made, in terms of the operands' names; empty for a variable.
    value, adjoint : float
        The value, and the derivative of the output with respect to it.
    steps : int
        The least number of steps from the output.
    operands : tuple of Operand
        The first of its operands.
    operand_count : int
        How many operands there are.
    contributions : tuple of Contribution
        The first of the terms whose sum the adjoint is, in the order of the reverse sweep.
    contribution_count : int
        How many such terms there are.
    other_contributions : float
        The sum of those that are not listed.
    changed : bool
        Whether a variable was set after the recording, so that formulas do not give what was recorded.
    block : int or None
        The number of the array operation that recorded it; None for what was recorded by itself.
    """

    number: int
    name: str
    operator: str | None
    expression: str
    value: float
    adjoint: float
    steps: int
    operands: tuple[Operand, ...]
    operand_count: int
    contributions: tuple[Contribution, ...]
    contribution_count: int
    other_contributions: float
    changed: bool
    block: int | None


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes nearest to an output, in the order of the reverse sweep: the output first, variables last.

    Attributes
    ----------
    nodes : tuple of GraphNode
        Those that were read.
    operators, variables : int
        How many there are in the whole graph.
    """

    nodes: tuple[GraphNode, ...]
    operators: int
    variables: int

    @property
    def output(self) -> GraphNode:
        """The node that the graph is of."""
        return self.nodes[0]

    @property
    def size(self) -> int:
        """How many nodes the whole graph has."""
        return self.operators + self.variables

    @property
    def left_out(self) -> int:
        """How many nodes were not read."""
        return self.size - len(self.nodes)


def checked_limit(name: str, limit: int | None, least: int) -> int:
    """Return a limit, for None one that nothing reaches."""
    return NO_LIMIT if limit is None else min(whole(name, limit, least, kind="a whole number or None"), NO_LIMIT)


def read_graph(
    function: str,
    output: Any,
    *,
    names: Mapping[str, Any] | None = None,
    nodes: int = NO_LIMIT,
    steps: int = NO_LIMIT,
    operands: int = 8,
    contributions: int = 8,
) -> Graph:
    """Read the graph of `output`; `function` begins the message if that is no Node."""
    if isinstance(output, Array):
        raise NodeTypeError(
            f"{function}(loss): got an Array of shape {output.shape}, but a loss is one Node: take an element or a sum "
            "of it, loss[0] or loss.sum()"
        )
    if not isinstance(output, Node):
        raise NodeTypeError(
            f"{function}(loss): got {type(output).__name__} {_short(output)}, but only a Node has a graph: "
            "compute the loss with variables, made by reelgrad.variable(value)"
        )
    given = named_nodes(names)
    operator_count, variable_count, rows, ids = _read_graph(output, nodes, steps, operands, contributions, list(given))
    called = Names()
    for name, number in zip(given.values(), ids, strict=True):
        if number is not None:
            called.give(number, name)
    own_names = {number: name for number, _, _, name, *_ in rows}
    own_names |= {number: name for row in rows for _, number, name, *_ in row[6]}
    for number in sorted((n for n, name in own_names.items() if name), reverse=True):  # in the order of their making
        called.give(number, own_names[number])
    return Graph(tuple(_node(row, called) for row in rows), operator_count, variable_count)


def substituted(node: GraphNode, digits: int) -> str:
    """Return a node's expression with its operands' numbers in place of their names."""
    if node.operator is None:
        return ""
    words = [f"{x.value:.{digits}g}" for x in node.operands]
    texts = [(None if x.node is None else word, x.value) for x, word in zip(node.operands, words, strict=True)]
    spelled = _spell(node.operator, texts, node.name, node.value)
    if spelled is not None:
        return spelled[0]
    return _reduction(node.operator, words, [x.position for x in node.operands], node.operand_count, node.name)[0]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _node(row: tuple[Any, ...], names: Names) -> GraphNode:
    number, steps, operator, _, value, adjoint, inputs, operand_count, terms, term_count, other, block = row
    contributions = tuple(Contribution(node, names[node], *rest) for node, *rest in terms)
    expression, changed = "", False
    formulas: list[str] = []
    if operator is not None:
        expression, formulas, changed = _spelled(row, names)
    operands = tuple(
        Operand(position, node, _constant(x) if node is None else names[node], x, slope, formula, contribution)
        for (position, node, _, x, slope, contribution), formula in zip(inputs, formulas, strict=True)
    )
    return GraphNode(
        number,
        names[number],
        operator,
        expression,
        value,
        adjoint,
        steps,
        operands,
        operand_count,
        contributions,
        term_count,
        other,
        changed,
        None if block is None else block[0],
    )


def _constant(value: float) -> str:
    return f"{value:.15g}"


def _spelled(row: tuple[Any, ...], names: Names) -> tuple[str, list[str], bool]:
    """Return the expression, a formula for each of the operands, and whether they fail to give what was recorded."""
    number, _, operator, _, value, _, inputs, count, *_, block = row
    y = names.in_formula(number)
    texts = [(None if node is None else names.in_formula(node), x) for _, node, _, x, _, _ in inputs]
    spelled = _spell(operator, texts, y, value)
    if spelled is None:
        words = [_constant(x) if name is None else name for name, x in texts]
        return _reduction(operator, words, [position for position, *_ in inputs], count, y)
    expression, computed, partials = spelled
    # Arrays are computed by the vector functions, which may differ in the last bits.
    same = _same if block is None else _close
    changed = not same(computed, value) or any(
        node is not None and not same(now, recorded)
        for (_, node, _, _, recorded, _), (_, now) in zip(inputs, partials, strict=True)
    )
    return expression, [formula for formula, _ in partials], changed


def _close(a: float, b: float) -> bool:
    return _same(a, b) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


@cache
def _partial_texts() -> dict[str, str]:
    return {row["name"]: row["partials"][0] for row in operator_table() if row["kind"] == "reduction"}


_TOKEN = re.compile(r"x\[i\]|\by\b")


def _replaced(x: str, y: str, token: re.Match[str]) -> str:
    return y if token[0] == "y" else x


def _reduction(
    operator: str, words: Sequence[str], positions: Sequence[int], count: int, y: str
) -> tuple[str, list[str], bool]:
    word_at = dict(zip(positions, words, strict=True))
    half = count // 2
    text = _partial_texts().get(operator, "")
    if " by " not in text:
        cut = ", …" if len(words) < count else ""
        formulas = [_TOKEN.sub(partial(_replaced, _factor(word), y), text) for word in words]
        return f"{operator}([{', '.join(words)}{cut}])", formulas, False
    # A row of two: "b[i] by a[i], a[i] by b[i]".
    first, second = ([word for p, word in word_at.items() if (p < half) is early] for early in (True, False))
    cut = ", …" if len(first) < half else ""
    formulas = [word_at[p + half] if p < half else word_at[p - half] for p in positions]
    return f"{operator}([{', '.join(first)}{cut}], [{', '.join(second)}{cut}])", formulas, False


def _factor(word: str) -> str:
    return f"({word})" if word.startswith("-") else word
