"""Random expression graphs on the tape, against reverse mode in plain Python and against the complex step.

A graph is a number of variables and a list of steps; a step takes its operands among the results so far, or a constant.
So subexpressions are shared, an operand may come twice, branches may lead nowhere, and some nodes are wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg
from reference.reverse import RULES, Entry, bits, record, sweep

ARITY = dict.fromkeys(RULES, 2) | dict.fromkeys(["neg", "square", "abs", "relu", "exp", "log", "sqrt"], 1)
ARITY |= dict.fromkeys(["tanh", "sin", "cos"], 1) | dict.fromkeys(["where", "clip"], 3) | {"sum": 5, "dot": 6}
ANALYTIC = [name for name, rule in RULES.items() if rule.analytic]

Apply = Callable[[str, Sequence[Any]], Any]


@dataclass(frozen=True)
class Graph:
    """`steps` holds an operator's name, and for each operand a constant, or the place of an earlier result."""

    variables: list[float]
    steps: list[tuple[str, list[float | int]]]
    outputs: list[int]
    seeds: list[float]

    def run(self, variables: Sequence[Any], apply: Apply) -> list[Any]:
        results = list(variables)
        for name, operands in self.steps:
            results.append(apply(name, [x if isinstance(x, float) else results[x] for x in operands]))
        return results

    def entries(self) -> list[Entry]:
        return self.run([Entry(x) for x in self.variables], record)

    def nodes(self, tape: rg.Tape) -> list[rg.Node]:
        return self.run(tape.variables(*self.variables), on_tape)


def on_tape(name: str, operands: Sequence[Any]) -> Any:
    function = getattr(rg, name)
    if name == "dot":
        return function(operands[: len(operands) // 2], operands[len(operands) // 2 :])
    return function(operands) if RULES[name].several else function(*operands)


@st.composite
def graphs(draw: st.DrawFn, names: Sequence[str], numbers: st.SearchStrategy[float], longest: int) -> Graph:
    variables = draw(st.lists(numbers, min_size=1, max_size=4))
    steps: list[tuple[str, list[float | int]]] = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=longest)):
        so_far = st.integers(0, len(variables) + len(steps) - 1)
        operands = draw(st.lists(so_far | numbers, min_size=ARITY[name], max_size=ARITY[name]))
        first = 0
        if name == "where":  # its condition is a plain number, the bounds of clip may be
            operands[0], first = float(draw(st.booleans())), 1
        if all(isinstance(x, float) for x in operands):
            operands[first] = draw(so_far)
        steps.append((name, operands))
    places = st.integers(0, len(variables) + len(steps) - 1)
    outputs = draw(st.lists(places, min_size=1, max_size=3))
    outputs[0] = len(variables) + len(steps) - 1
    return Graph(variables, steps, outputs, draw(st.lists(numbers, min_size=len(outputs), max_size=len(outputs))))


SMALL = st.floats(-2.0, 2.0)
ADVERSE = SMALL | st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf, 1e300, 5e-324, math.nan])
RELAXED = settings(deadline=None, max_examples=100)  # a loaded machine is no failure
ANY_GRAPH = graphs(list(RULES), ADVERSE, 25)


def backward(graph: Graph, nodes: Sequence[rg.Node], tape: rg.Tape) -> None:
    tape.backward([nodes[k] for k in graph.outputs], graph.seeds)


def all_bits(numbers: Sequence[float]) -> list[str]:
    return [bits(x) for x in numbers]


@RELAXED
@given(ANY_GRAPH)
def test_values_and_gradients_equal_a_python_reverse_sweep_bit_for_bit(graph: Graph) -> None:
    tape = rg.Tape()
    other = tape.variable(1.5) * 2.0  # so that the sweep ends before the beginning of the tape
    nodes, entries = graph.nodes(tape), graph.entries()
    assert all_bits([n.value for n in nodes]) == all_bits([e.value for e in entries])
    backward(graph, nodes, tape)
    adjoints = sweep([entries[k] for k in graph.outputs], graph.seeds)
    assert all_bits([n.grad for n in nodes]) == all_bits([adjoints.get(e, 0.0) for e in entries])
    assert other.grad == 0.0


@RELAXED
@given(ANY_GRAPH)
def test_gradient_equals_what_backward_leaves_and_leaves_variables_alone(graph: Graph) -> None:
    tape = rg.Tape()
    nodes = graph.nodes(tape)
    for k in range(len(graph.variables)):
        nodes[k].grad = 7.0
    slopes = tape.gradient([nodes[k] for k in graph.outputs], nodes, graph.seeds)
    assert [nodes[k].grad for k in range(len(graph.variables))] == [7.0] * len(graph.variables)
    tape.zero_grad()
    backward(graph, nodes, tape)
    assert all_bits(slopes) == all_bits([n.grad for n in nodes])


@RELAXED
@given(ANY_GRAPH)
def test_backward_twice_adds_only_to_variables(graph: Graph) -> None:
    tape = rg.Tape()
    nodes = graph.nodes(tape)
    backward(graph, nodes, tape)
    once = [n.grad for n in nodes]
    backward(graph, nodes, tape)
    expected = [g + g if n.is_variable else g for n, g in zip(nodes, once, strict=True)]
    assert all_bits([n.grad for n in nodes]) == all_bits(expected)


@RELAXED
@given(ANY_GRAPH)
def test_several_outputs_in_one_sweep_equal_their_seeded_sum(graph: Graph) -> None:
    """The sum is a wide node above them all, so the outputs' adjoints are their seeds in either case."""
    tape = rg.Tape()
    nodes = graph.nodes(tape)
    outputs = [nodes[k] for k in graph.outputs]
    separate = tape.gradient(outputs, nodes, graph.seeds)
    total = rg.dot(graph.seeds, outputs)
    assert all_bits(tape.gradient(total, nodes)) == all_bits(separate)


@RELAXED
@given(ANY_GRAPH, st.randoms(use_true_random=False))
def test_dropped_nodes_and_collections_in_mid_graph_change_nothing(graph: Graph, random: Any) -> None:
    """Only the variables, the outputs and what later steps need are held; the rest may be collected at any step."""
    needed = {x: k for k, (_, operands) in enumerate(graph.steps) for x in operands if isinstance(x, int)}
    tape = rg.Tape()
    held: dict[int, rg.Node] = dict(enumerate(tape.variables(*graph.variables)))
    for k, (name, operands) in enumerate(graph.steps):
        held[len(graph.variables) + k] = on_tape(name, [x if isinstance(x, float) else held[x] for x in operands])
        for x in list(held):
            if x >= len(graph.variables) and x not in graph.outputs and needed.get(x, -1) <= k:
                del held[x]
        if random.random() < 0.5:
            tape.collect()
    tape.backward([held[k] for k in graph.outputs], graph.seeds)
    entries = graph.entries()
    adjoints = sweep([entries[k] for k in graph.outputs], graph.seeds)
    for k, node in held.items():
        assert bits(node.value) == bits(entries[k].value)
        assert bits(node.grad) == bits(adjoints.get(entries[k], 0.0))


@RELAXED
@given(graphs(ANALYTIC, SMALL, 12))
def test_gradients_of_analytic_graphs_equal_the_complex_step(graph: Graph) -> None:
    tape = rg.Tape()
    nodes = graph.nodes(tape)
    output = graph.outputs[0]
    slopes = tape.gradient(nodes[output], nodes[: len(graph.variables)])
    step = 1e-200  # its square vanishes, so the difference is exact but for rounding
    for k, slope in enumerate(slopes):
        point = [complex(x, step * (i == k)) for i, x in enumerate(graph.variables)]
        values = graph.run(point, lambda name, x: analytic(name, x))
        # Errors of rounding are relative to the numbers that were added up, not to their sum: products of up to 12
        # steps of numbers up to some 100 here.
        size = max(1.0, *(abs(v) ** 2 for v in values), *(abs(v.imag / step) for v in values))
        assert slope == pytest.approx(values[output].imag / step, rel=1e-9, abs=1e-12 * size)


def analytic(name: str, operands: Sequence[complex]) -> complex:
    rule = RULES[name]
    assert rule.analytic is not None
    return complex(rule.analytic(operands) if rule.several else rule.analytic(*operands))


def test_intermediates_outside_the_last_sweep_read_0_and_unrelated_variables_keep_their_gradients() -> None:
    tape = rg.Tape()
    a, b = tape.variables(2.0, 3.0)
    early, late = a * a, b * 5.0
    early.backward()
    assert (a.grad, early.grad) == (4.0, 1.0)
    late.backward()
    assert (a.grad, b.grad) == (4.0, 5.0)
    assert (early.grad, late.grad) == (0.0, 1.0)


def test_backward_of_a_variable_adds_its_seed() -> None:
    tape = rg.Tape()
    x = tape.variable(2.0)
    x.backward()
    tape.backward([x, x], [2.0, 4.0])
    assert x.grad == 7.0
    assert tape.gradient(x, x) == 1.0


def test_an_output_below_another_output_gets_both_contributions() -> None:
    tape = rg.Tape()
    x = tape.variable(2.0)
    y = x * x
    z = y * 3.0
    tape.backward([y, z, y], [1.0, 1.0, 10.0])
    assert (y.grad, x.grad) == (14.0, 56.0)


def test_a_small_graph_on_a_tape_with_many_variables_reaches_just_its_own() -> None:
    """There a sweep reads the variables off the edges, where one may come up more than once."""
    tape = rg.Tape()
    xs = tape.variables(*range(5000))
    y = xs[4321] * xs[4321] + rg.sum([xs[7], xs[7], xs[4000]]) + xs[7]
    y.backward()
    y.backward()
    assert {k: x.grad for k, x in enumerate(xs) if x.grad} == {4321: 4.0 * 4321.0, 7: 6.0, 4000: 2.0}


def test_setting_a_variable_does_not_change_what_was_recorded() -> None:
    tape = rg.Tape()
    x = tape.variable(3.0)
    y = x * x
    x.value = 100.0
    y.backward()
    assert (y.value, x.grad) == (9.0, 6.0)
    assert (x * 1.0).value == 100.0


def test_a_deep_chain_needs_no_recursion() -> None:
    tape = rg.Tape()
    x = tape.variable(1.0)
    y = x
    for _ in range(200_000):
        y = y * 1.0
    y.backward()
    assert x.grad == 1.0
