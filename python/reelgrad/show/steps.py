"""The forward pass and the reverse sweep of a graph as a list of steps, each with what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reelgrad.show.graph import Graph, GraphNode, Operand, substituted

__all__ = ["Step", "steps_of"]

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as the page shows it.

    Attributes
    ----------
    phase : str
        ``'start'``, ``'forward'``, ``'reverse'`` or ``'end'``.
    title : str
        What happens.
    lines : list of (str, str)
        What it says, in pairs of a caption and a formula.
    node : int or None
        The node that it is about.
    source : int or None
        In the reverse sweep, the node that passes on to `node`.
    position : int or None
        As which of its operands.
    gradient : float or None
        The gradient of `node` so far, where the step changes it.
    """

    phase: str
    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    node: int | None = None
    source: int | None = None
    position: int | None = None
    gradient: float | None = None


def steps_of(graph: Graph, digits: int) -> list[Step]:
    """Return the steps: an introduction, each node forward, each edge in reverse, and what comes out."""
    return list(_steps(graph, digits))


def _steps(graph: Graph, digits: int) -> Iterator[Step]:
    def number(x: float) -> str:
        return f"{x:.{digits}g}"

    loss = graph.output.name
    variables = [node for node in graph.nodes if node.operator is None]
    operators = [node for node in graph.nodes if node.operator is not None]
    yield Step(
        "start",
        "Before anything is computed",
        [
            ("the forward pass", "computes each value from the left to the right"),
            ("the reverse sweep", f"then finds d{loss}/d(node) for each node, from the right to the left"),
        ],
    )
    for node in variables:
        yield Step(
            "forward", f"{node.name} is a variable", [("value", f"{node.name} = {number(node.value)}")], node.number
        )
    for node in reversed(operators):
        numbers = substituted(node, digits)
        lines = [("operator", f"{node.name} = {node.expression}")]
        if numbers != node.expression:
            lines.append(("with its numbers", f"{node.name} = {numbers}"))
        lines.append(("value", f"{node.name} = {number(node.value)}"))
        yield Step("forward", f"{node.name} is computed", lines, node.number)

    running = {node.number: 0.0 for node in graph.nodes}
    received = dict.fromkeys(running, 0)
    by_number = {node.number: node for node in graph.nodes}
    running[graph.output.number] = 1.0
    seed = [("by itself", f"d{loss}/d{loss} = 1"), ("all others", "begin at 0 and gather what is passed to them")]
    yield Step("reverse", f"The reverse sweep begins at {loss}", seed, graph.output.number, gradient=1.0)
    for node in operators:
        yield from _late(node, running, received, loss, number)
        for operand in node.operands:
            target = by_number.get(operand.node) if operand.node is not None else None
            if target is None:
                continue
            before = running[target.number]
            running[target.number] = before + operand.contribution
            received[target.number] += 1
            yield _passed_on(node, operand, target, before, running[target.number], loss, number)
    for node in variables:
        yield from _late(node, running, received, loss, number)
    gradients = [(f"d{loss}/d{node.name}", number(node.adjoint)) for node in variables]
    shown = gradients if len(gradients) <= 12 else [*gradients[:11], ("and so on", f"{len(gradients) - 11} more")]
    yield Step("end", "The gradient is complete", shown or [(f"d{loss}/d{loss}", "1")])


def _late(
    node: GraphNode, running: dict[int, float], received: dict[int, int], loss: str, number: Format
) -> Iterator[Step]:
    """Yield what comes from nodes that are not shown, if anything does."""
    missing = node.contribution_count - received[node.number]
    if missing == 0:
        return
    lines = [
        (f"d{loss}/d{node.name} so far", number(running[node.number])),
        (f"with {missing:,} more", number(node.adjoint)),
    ]
    running[node.number] = node.adjoint
    yield Step(
        "reverse", f"{node.name} receives from nodes that are not shown", lines, node.number, gradient=node.adjoint
    )


def _passed_on(
    node: GraphNode, operand: Operand, target: GraphNode, before: float, after: float, loss: str, number: Format
) -> Step:
    slope = f"d{node.name}/d{target.name}"
    text = number(operand.partial)
    formula = slope + ("" if operand.formula in ("", text) else f" = {operand.formula}") + f" = {text}"
    product = node.adjoint * operand.partial
    dropped = "  (nan, counted as 0)" if product != product and operand.contribution == operand.contribution else ""
    lines = [
        ("local partial", formula),
        ("chain rule", f"d{loss}/d{node.name} * {slope}"),
        ("with its numbers", f"{number(node.adjoint)} * {text} = {number(operand.contribution)}{dropped}"),
        (
            f"d{loss}/d{target.name} so far",
            f"{number(before)} + {_term(operand.contribution, number)} = {number(after)}",
        ),
    ]
    return Step(
        "reverse",
        f"{node.name} passes its gradient on to {target.name}",
        lines,
        target.number,
        node.number,
        operand.position,
        after,
    )


def _term(x: float, number: Format) -> str:
    return f"({number(x)})" if x < 0 else number(x)
