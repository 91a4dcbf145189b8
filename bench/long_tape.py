"""A small graph at the end of a long tape: backward() should cost the graph, not the tape."""

from typing import NamedTuple

import reelgrad as rg

GRAPH = 45  # operators: an epoch of XOR


class SmallGraph(NamedTuple):
    """The output of the graph, and the end of what stands before it on the tape, which it keeps alive."""

    output: rg.Node
    ballast: rg.Node


def small_graph_on_a_long_tape(tape: rg.Tape, before: int) -> SmallGraph:
    """Record `before` operators and then a graph of 45 that depends on none of them."""
    xs = tape.variables(*(0.3 + 0.01 * i for i in range(10)))
    ballast = xs[0]
    for _ in range(before):
        ballast = ballast + 1e-9
    y = xs[0]
    for i in range(GRAPH):
        y = y + xs[i % 10] if i % 2 == 0 else y * xs[i % 10]
    return SmallGraph(y, ballast)
