"""A network that nobody designed: its shape evolves, its weights are trained.

Two spirals of points are to be told apart. The network begins as one neuron. In each generation it has some children,
each with one change, drawn at random: a neuron more, beside a connection, or a connection more, from anywhere to
anywhere later. Every child is trained for a while from its parent's weights, by exact gradients, and the best of the
family goes on. What comes out has no layers, and every neuron its own function.

No two of these networks have the same shape, so that there is nothing to put into matrices, and each shape is trained
only once: compiling has to be as quick as the training. `value` below is the whole network, a loop over its neurons.

    python examples/12_evolved_network.py [generations [picture.svg]]
"""

import random
import sys
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg

generations = int(sys.argv[1]) if len(sys.argv) > 1 else 40
picture = sys.argv[2] if len(sys.argv) > 2 else None
children, epochs = 6, 150
FUNCTIONS = {"tanh": rg.tanh, "sin": rg.sin, "gauss": lambda v: rg.exp(-v * v), "relu": rg.relu}

# Two spirals, one the other turned by half a circle.
rng = np.random.default_rng(12)
turn = np.sqrt(rng.uniform(0.02, 1.0, 120)) * 3.0 * np.pi
arm = np.array([turn * np.cos(turn), turn * np.sin(turn)]).T / 5.0
points = np.concatenate([arm, -arm]) + 0.05 * rng.standard_normal((240, 2))
sides = np.repeat([1.0, 0.0], 120)


@dataclass(frozen=True)
class Neuron:
    """A function of a weighted sum of its sources: neurons, the inputs x and y, and the constant one."""

    name: str
    function: str
    sources: tuple[str, ...]

    def weight(self, source: str) -> str:
        """Return the name of the weight of a source."""
        return f"{source} to {self.name}"


Network = tuple[Neuron, ...]  # in an order in which each comes after its sources; the last one is the output
Weights = dict[str, float]


def value(network: Network, weights: Any, point: Any) -> Any:
    """Return what the output's sum is at a point: above 0 for the one side, below for the other."""
    known: dict[str, Any] = {"one": 1.0, "x": point[0], "y": point[1]}
    total: Any = 0.0
    for neuron in network:
        total = rg.dot([weights[neuron.weight(s)] for s in neuron.sources], [known[s] for s in neuron.sources])
        known[neuron.name] = FUNCTIONS[neuron.function](total)
    return total


def changed(network: Network, weights: Weights) -> tuple[Network, Weights]:
    """Return a child: the network with a connection or a neuron more."""
    place = random.randrange(len(network))
    old, before, after = network[place], network[:place], network[place + 1 :]
    unused = [source for source in ["x", "y", *(n.name for n in before)] if source not in old.sources]
    if unused and random.random() < 0.5:
        source = random.choice(unused)
        grown = Neuron(old.name, old.function, (*old.sources, source))
        return (*before, grown, *after), weights | {old.weight(source): random.gauss(0.0, 0.3)}
    source = random.choice(old.sources[1:])
    new = Neuron(f"n{len(network)}", random.choice(list(FUNCTIONS)), ("one", source))
    grown = Neuron(old.name, old.function, (*old.sources, new.name))
    more = {new.weight("one"): random.gauss(0.0, 0.5), new.weight(source): random.gauss(0.0, 1.0)}
    return (*before, new, grown, *after), weights | more | {old.weight(new.name): random.gauss(0.0, 0.3)}


def trained(network: Network, weights: Weights) -> tuple[float, Weights]:
    """Return the loss after some epochs of Adam, and the weights."""

    def loss(weights: Any, point: Any, side: Any) -> Any:
        penalty = 1e-4 * sum(w * w for w in weights.values())
        return rg.bce_with_logits([value(network, weights, point)], [side]) + penalty

    found = rg.fit(loss, weights, (points, sides), optimizer=rg.optim.Adam(0.05), epochs=epochs)
    return found.loss, found.params


random.seed(12)
network: Network = (Neuron("n0", "tanh", ("one", "x", "y")),)
weights: Weights = {"one to n0": 0.0, "x to n0": 0.1, "y to n0": -0.1}
started = perf_counter()
loss, weights = trained(network, weights)
for generation in range(1, generations + 1):
    family = [(loss, network, weights)]
    for _ in range(children):
        child, child_weights = changed(network, weights)
        child_loss, child_weights = trained(child, child_weights)
        family.append((child_loss, child, child_weights))
    loss, network, weights = min(family, key=lambda member: member[0])
    if generation % 5 == 0 or generation == generations:
        right = np.mean([(value(network, weights, p) > 0.0) == (s > 0.5) for p, s in zip(points, sides, strict=True)])
        size = f"{len(network):2} neurons, {len(weights):2} weights"
        print(f"generation {generation:3}: {size}, loss {loss:.4f}, {right:.1%} right")
seconds = perf_counter() - started
shapes = generations * children + 1
each = seconds / shapes * 1e3
print(f"{shapes} shapes compiled and trained, {epochs} epochs each, in {seconds:.1f} s: {each:.0f} ms a shape")

if picture:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    grid = np.linspace(-2.2, 2.2, 160)
    on_grid = np.array([(x, y) for y in grid for x in grid])
    heights = rg.compile(value, in_axes=(None, None, 0), static_argnums=0)(network, weights, on_grid)
    left.contourf(grid, grid, heights.reshape(160, 160), levels=[-np.inf, 0.0, np.inf], colors=["#bcd4ec", "#f9d3b4"])
    for side, colour in ((0.0, "C0"), (1.0, "C1")):
        left.plot(*points[sides == side].T, "o", color=colour, markersize=3)
    left.set(xlabel="x", ylabel="y", aspect="equal")

    # A neuron stands right of all its sources, as far up as where it came in.
    at = {"x": (0.0, 0.0), "y": (0.0, 1.0)}
    depths = {"x": 0, "y": 0}
    for neuron in network:
        depths[neuron.name] = 1 + max(depths[source] for source in neuron.sources[1:])
    for depth in range(1, max(depths.values()) + 1):
        column = [name for name, d in depths.items() if d == depth]
        for k, name in enumerate(column):
            at[name] = (float(depth), (k + 0.5) / len(column) + 0.13 * (-1) ** depth / len(column))
    for neuron in network:
        for source in neuron.sources[1:]:
            weight = weights[neuron.weight(source)]
            (x0, y0), (x1, y1) = at[source], at[neuron.name]
            colour, width = "C2" if weight > 0.0 else "C3", min(3.0, 0.3 + abs(weight))
            right.plot([x0, x1], [y0, y1], color=colour, linewidth=width, alpha=0.6, zorder=1)
    looks = {"tanh": ("s", "C0"), "sin": ("o", "C1"), "gauss": ("^", "C4"), "relu": ("D", "C5")}
    for function, (marker, colour) in looks.items():
        places = [at[neuron.name] for neuron in network if neuron.function == function]
        if places:
            right.scatter(*zip(*places, strict=True), marker=marker, color=colour, s=60, label=function, zorder=2)
    for name in ("x", "y"):
        right.annotate(name, at[name], xytext=(-6, 0), textcoords="offset points", ha="right", va="center")
    right.legend(ncols=4, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.02))
    right.set_title("green adds, red subtracts", fontsize="small")
    right.axis("off")
    figure.savefig(picture)
