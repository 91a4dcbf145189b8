"""Where the nodes of a graph stand in a picture: in layers, operands to the left of what is made of them.

A node stands as many layers from the output as its longest way there has steps. Edges over several layers go through
points of their own in each layer between. Within the layers the order comes from the means of neighbours, taken back
and forth (Sugiyama, Tagawa and Toda 1981), and the heights from neighbours again, as far as the order lets them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Layout", "Point", "layout"]

Point = tuple[float, float]
_MOST_BENDS = 4000  # beyond, edges go straight
_ROUNDS = 12


@dataclass(frozen=True)
class Layout:
    """Centres of the nodes, the points that each edge goes through, and the size of the picture."""

    centres: dict[int, Point]
    routes: list[list[Point]]
    width: float
    height: float


def layout(
    order: Sequence[int], edges: Sequence[tuple[int, int]], size: Mapping[int, Point], gap: Point = (72.0, 18.0)
) -> Layout:
    """Lay a graph out; `order` has each node before its operands, `edges` go from operand to operator.

    `size` has the width and the height of each node's box.
    """
    rank = dict.fromkeys(order, 0)
    inputs: dict[int, list[int]] = {node: [] for node in order}
    for operand, operator in edges:
        inputs[operator].append(operand)
    for node in order:
        for operand in inputs[node]:
            rank[operand] = max(rank[operand], rank[node] + 1)

    # Bends are negative copies of no node: numbers beyond all of the graph's.
    depth = max(rank.values(), default=0)
    layers: list[list[int]] = [[] for _ in range(depth + 1)]
    for node in _depth_first(order, inputs):
        layers[rank[node]].append(node)
    bends_needed = sum(rank[a] - rank[b] - 1 for a, b in edges)
    next_bend = max(order, default=0) + 1
    chains: list[list[int]] = []
    for operand, operator in edges:
        chain = [operand]
        if bends_needed <= _MOST_BENDS:
            for level in range(rank[operand] - 1, rank[operator], -1):
                layers[level].append(next_bend)
                chain.append(next_bend)
                next_bend += 1
        chains.append([*chain, operator])

    left: dict[int, list[int]] = {}
    right: dict[int, list[int]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            right.setdefault(a, []).append(b)
            left.setdefault(b, []).append(a)
    _order_layers(layers, left, right)
    heights = {node: size[node][1] if node in size else 2.0 for layer in layers for node in layer}
    y = _heights(layers, left, right, heights, gap[1])

    x: dict[int, float] = {}
    edge = 0.0
    for layer in reversed(layers):
        width = max((size[node][0] for node in layer if node in size), default=0.0)
        for node in layer:
            x[node] = edge + width / 2
        edge += width + gap[0]
    top = min((y[node] - heights[node] / 2 for node in y), default=0.0)
    bottom = max((y[node] + heights[node] / 2 for node in y), default=0.0)
    place = {node: (x[node], y[node] - top) for node in y}
    return Layout(
        {node: place[node] for node in order},
        [[place[node] for node in chain] for chain in chains],
        max(0.0, edge - gap[0]),
        bottom - top,
    )


def _depth_first(order: Sequence[int], inputs: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the nodes in the order in which they are written in a nested expression."""
    seen: dict[int, None] = {}
    stack = list(reversed(order))
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            stack.extend(reversed(inputs[node]))
    return list(seen)


def _order_layers(layers: list[list[int]], left: Mapping[int, list[int]], right: Mapping[int, list[int]]) -> None:
    """Sort each layer by the mean place of its neighbours in the layer before, from either side in turn."""
    for turn in range(_ROUNDS):
        forward = turn % 2 == 0  # from the output to its operands
        neighbours = right if forward else left
        for k in range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1):
            before = layers[k - 1] if forward else layers[k + 1]
            place = {node: i for i, node in enumerate(before)}
            means = {}
            for i, node in enumerate(layers[k]):
                near = [place[other] for other in neighbours.get(node, []) if other in place]
                means[node] = sum(near) / len(near) if near else float(i)
            layers[k].sort(key=means.__getitem__)


def _heights(
    layers: list[list[int]],
    left: Mapping[int, list[int]],
    right: Mapping[int, list[int]],
    heights: Mapping[int, float],
    gap: float,
) -> dict[int, float]:
    y: dict[int, float] = {}
    for layer in layers:
        edge = 0.0
        for node in layer:
            y[node] = edge + heights[node] / 2
            edge += heights[node] + gap
        middle = (edge - gap) / 2
        for node in layer:
            y[node] -= middle
    for turn in range(_ROUNDS):  # the last one from the operands on: what is made of them stands in their middle
        neighbours = right if turn % 2 == 0 else left
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wanted = []
            for node in layer:
                near = [y[other] for other in neighbours.get(node, ())]
                wanted.append(sum(near) / len(near) if near else y[node])
            y |= dict(zip(layer, _apart(layer, wanted, heights, gap), strict=True))
    return y


def _apart(layer: Sequence[int], wanted: Sequence[float], heights: Mapping[int, float], gap: float) -> list[float]:
    """Return places in order and far enough apart, with the least squares of distances to the wanted ones.

    Neighbours that would overlap become a block that stands at the mean of what its members want (pool adjacent
    violators).
    """
    offsets = [0.0]
    for a, b in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (heights[a] + heights[b]) / 2 + gap)
    blocks: list[tuple[float, int]] = []  # mean of wanted - offset, members
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, members = blocks.pop()
            mean, count = (mean * count + before * members) / (count + members), count + members
        blocks.append((mean, count))
    bases = [mean for mean, count in blocks for _ in range(count)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]
