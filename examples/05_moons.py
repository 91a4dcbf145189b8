"""micrograd's demo, after changing its imports.

A network of 337 parameters learns to tell two half-moons apart. This is micrograd's own way of writing it: inputs
become Values, a neuron is a sum of products, the loss is put together by hand, and the update is a loop. Two lines
differ, the imports. (The points are made here with NumPy instead of scikit-learn.)

    python examples/05_moons.py [steps [picture.svg]]
"""

import random
import sys
from time import perf_counter

import numpy as np

from reelgrad import Node as Value
from reelgrad.nn import MLP

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
picture = sys.argv[2] if len(sys.argv) > 2 else None

# Two half-circles with noise, and a class for each point: -1 and 1.
rng = np.random.default_rng(1337)
angle = np.linspace(0, np.pi, 50)
upper = np.c_[np.cos(angle), np.sin(angle)]
lower = np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
X = np.vstack([upper, lower]) + 0.1 * rng.standard_normal((100, 2))
y = np.repeat([-1, 1], 50)

random.seed(1337)
model = MLP(2, [16, 16, 1])
print(f"{len(model.parameters())} parameters")


def loss() -> tuple[Value, float]:
    """Return the loss over all points, and the share of points on the right side."""
    inputs = [list(map(Value, point)) for point in X]
    scores = list(map(model, inputs))

    # "max-margin": a score should be on the right side of 0 by at least 1
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    # small parameters are preferred
    reg_loss = 1e-4 * sum(p * p for p in model.parameters())

    accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(y, scores, strict=True)]
    return data_loss + reg_loss, sum(accuracy) / len(accuracy)


started = perf_counter()
for k in range(steps):
    total_loss, accuracy = loss()

    model.zero_grad()
    total_loss.backward()

    learning_rate = 1.0 - 0.9 * k / 100
    for p in model.parameters():
        p.data -= learning_rate * p.grad

    if k % 10 == 0 or k == steps - 1:
        print(f"step {k:3}  loss {total_loss.data:.6f}  accuracy {accuracy:.0%}")
print(f"{perf_counter() - started:.2f} s")

# What the network makes of the plane: '+' for the class 1.
for height in np.linspace(1.5, -1.0, 15):
    print("".join("+" if model([x, height]).data > 0 else "." for x in np.linspace(-1.5, 2.5, 60)))

if picture:
    import matplotlib.pyplot as plt

    across, up = np.linspace(-1.6, 2.6, 80), np.linspace(-1.2, 1.7, 60)
    heights = np.array([[model([x, height]).data for x in across] for height in up])
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    shades = axes.contourf(across, up, heights, levels=np.arange(-6, 7), cmap="RdBu_r", extend="both")
    axes.contour(across, up, heights, levels=[-1.0, 0.0, 1.0], colors="black", linestyles=["dotted", "solid", "dotted"])
    for side, colour in ((-1, "navy"), (1, "darkred")):
        axes.plot(*X[y == side].T, "o", color=colour, markersize=5, markeredgecolor="white")
    axes.set(xlabel="x", ylabel="y", aspect="equal", title="score: 0 on the solid line, -1 and 1 on the dotted ones")
    figure.colorbar(shades)
    figure.savefig(picture)
