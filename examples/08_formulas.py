"""A thousand formulas, drawn at random, and the constants that fit each of them best to some points.

This is what programs that discover formulas do all day. A formula here is a tree: operators at its nodes, x and unknown
constants at its leaves, as in ("add", ("mul", c0, x), ("sin", c1)). No two have the same shape, so nothing can be laid
out in arrays beforehand; `value` walks the tree, on plain numbers, on Nodes, or while it is traced.

Each formula is compiled and fitted by Adam, some hundred steps over all points; what compiling costs is part of the
time. For a few of them the same steps are made by the eager loop, for comparison: walking the tree for every point and
every step in Python. The best three are then polished by least squares.

    python examples/08_formulas.py [formulas [picture.svg]]
"""

import random
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg

count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
picture = sys.argv[2] if len(sys.argv) > 2 else None
steps = 100

# The points follow 1.7 * sin(1.3 * x + 0.4) + 0.6 * x, which the search does not know.
rng = np.random.default_rng(8)
xs = np.linspace(-3.0, 3.0, 120)
ys = 1.7 * np.sin(1.3 * xs + 0.4) + 0.6 * xs + 0.05 * rng.standard_normal(120)

Tree = Any  # "x", the number of a constant, or a tuple of an operator and trees
UNARY = {"sin": rg.sin, "tanh": rg.tanh, "square": rg.square, "gauss": lambda v: rg.exp(-v * v)}
BINARY = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b}


def draw(depth: int, constants: list[float]) -> Tree:
    """Draw a tree of at most this depth; appends a start value for each of its constants."""
    if depth == 0 or random.random() < 0.15:
        if random.random() < 0.5:
            return "x"
        constants.append(random.uniform(-1.0, 1.0))
        return len(constants) - 1
    if random.random() < 0.35:
        return random.choice(list(UNARY)), draw(depth - 1, constants)
    return random.choice(list(BINARY)), draw(depth - 1, constants), draw(depth - 1, constants)


def value(tree: Tree, constants: Sequence[Any], x: Any) -> Any:
    """Return what the formula gives at x."""
    if tree == "x":
        return x
    if isinstance(tree, int):
        return constants[tree]
    operator, *parts = tree
    values = [value(part, constants, x) for part in parts]
    return UNARY[operator](*values) if operator in UNARY else BINARY[operator](*values)


def fitted_by_tape(tree: Tree, start: Sequence[float]) -> float:
    """Return the loss after Adam's steps in the eager loop."""
    constants = list(rg.variables(*start))
    optimizer = rg.optim.Adam(constants, lr=0.05)
    loss = float("inf")
    for _ in range(steps):
        total = rg.mse([value(tree, constants, x) for x in xs], ys)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        loss = total.value
    return loss


def fitted_by_engine(tree: Tree, start: Sequence[float]) -> tuple[float, Any]:
    """Return the loss after the same steps by `rg.fit`, and the constants."""

    def misfit(constants: Any, x: Any, y: Any) -> Any:
        return (value(tree, constants, x) - y) ** 2

    found = rg.fit(misfit, np.array(start), (xs, ys), optimizer=rg.optim.Adam(0.05), epochs=steps)
    return found.loss, found.params


random.seed(8)
formulas: list[tuple[Tree, list[float]]] = []
while len(formulas) < count:
    constants: list[float] = []
    tree = draw(4, constants)
    if constants and "x" in str(tree):
        formulas.append((tree, constants))

started = perf_counter()
losses = [fitted_by_engine(tree, start)[0] for tree, start in formulas]
engine = (perf_counter() - started) / count

few = formulas[: max(1, min(5, count))]
started = perf_counter()
same = [fitted_by_tape(tree, start) for tree, start in few]
tape = (perf_counter() - started) / len(few)
for by_engine, by_tape in zip(losses, same, strict=False):
    assert abs(by_engine - by_tape) <= 1e-6 * abs(by_tape), (by_engine, by_tape)

print(f"{count} formulas fitted, {steps} steps of Adam over {len(xs)} points each")
print(f"compiled: {engine * 1e3:.1f} ms a formula, compiling included; eager loop: {tape * 1e3:.1f} ms")
best = sorted(zip(losses, range(count), strict=True))[:3]
curves = []
for loss, k in best:
    tree, start = formulas[k]
    polished = rg.least_squares(
        lambda c, tree=tree: [value(tree, c, x) - y for x, y in zip(xs.tolist(), ys.tolist(), strict=True)],
        fitted_by_engine(tree, start)[1],
    )
    print(f"mean square {loss:.5f}, polished {2 * polished.cost / len(xs):.5f}: {tree}")
    curves.append((tree, start, polished.x))

if picture:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(3, 2), layout="constrained")
    left.plot(xs, ys, ".", color="0.5", label="points")
    for rank, (tree, start, constants) in enumerate(curves):
        fitted = [value(tree, constants, x) for x in xs.tolist()]
        left.plot(xs, fitted, color=f"C{rank}", label=f"formula {rank + 1}, fitted")
        left.plot(xs, [value(tree, start, x) for x in xs.tolist()], ":", color=f"C{rank}", zorder=0)
    left.set(xlabel="x", ylabel="y", ylim=(ys.min() - 1.0, ys.max() + 1.0))
    left.set_title("dotted: with the constants as they were drawn", fontsize="small")
    left.legend(fontsize="small")
    right.semilogy(range(1, count + 1), sorted(losses))
    right.set(xlabel="formulas, the best first", ylabel="mean square error after fitting", ylim=(1e-3, 1e3))
    figure.savefig(picture)
