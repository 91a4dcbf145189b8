"""The two moons in Array form: the network of example 05 with a matrix where that has a Node for each weight.

`rg.nn.DenseMLP` takes all points at once, in the rows, and records a layer as one matrix product. It is trained in a
loop written by hand, with an optimiser of `rg.optim`; then once more by `rg.fit`, which compiles the same function for
one point and runs the loop in C++.

    python examples/13_moons_on_arrays.py [steps [picture.svg]]
"""

import sys
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
picture = sys.argv[2] if len(sys.argv) > 2 else None

# Two half-circles with noise, and a class for each point: -1 and 1.
rng = np.random.default_rng(1337)
angle = np.linspace(0, np.pi, 50)
upper = np.c_[np.cos(angle), np.sin(angle)]
lower = np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]
X = np.vstack([upper, lower]) + 0.1 * rng.standard_normal((100, 2))
y = np.repeat([-1.0, 1.0], 50)

model = rg.nn.DenseMLP(2, [16, 16, 1], seed=1337)
start = model.state_dict()
print(model)


def penalty(model: Any) -> Any:
    """Return what large parameters cost."""
    return 1e-4 * sum((p**2).sum() for p in (q for layer in model.layers for q in (layer.weight, layer.bias)))


optimizer = rg.optim.Adam(model.parameters(), lr=0.02)
started = perf_counter()
for k in range(steps):
    scores = model(X)  # 100 of them
    loss = rg.hinge(scores, y) + penalty(model)

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    if k % 100 == 0 or k == steps - 1:
        accuracy = np.mean((scores > 0.0) == (y > 0.0))
        print(f"step {k:3}  loss {loss.value:.6f}  accuracy {accuracy:.0%}")
print(f"{1e6 * (perf_counter() - started) / steps:.0f} µs a step")


# The same by rg.fit: the loss of one point, in plain Python. The penalty counts once, since the loss is the mean.
def loss_of_point(model: Any, x: Any, y: Any) -> Any:
    """Return the hinge loss at a point, with the penalty."""
    return rg.relu(1.0 - y * model(x)) + penalty(model)


again = rg.nn.DenseMLP(2, [16, 16, 1])
again.load_state_dict(start)
result = rg.fit(loss_of_point, again, (X, y), optimizer=rg.optim.Adam(0.02), epochs=steps)
print(f"rg.fit: {1e6 * result.seconds / steps:.0f} µs a step, with its compilation")
apart = max(abs(p.value - q.value).max() for p, q in zip(model.parameters(), result.params.parameters(), strict=True))
print(f"the parameters are {'the same' if apart < 1e-6 else f'{apart:.1e} apart'}")

if picture:
    import matplotlib.pyplot as plt

    across, up = np.meshgrid(np.linspace(-1.6, 2.6, 160), np.linspace(-1.2, 1.7, 120))
    heights = model(np.stack([across, up], axis=-1)).value  # samples in two dimensions
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    shades = axes.contourf(across, up, heights, levels=np.arange(-6, 7), cmap="RdBu_r", extend="both")
    axes.contour(across, up, heights, levels=[-1.0, 0.0, 1.0], colors="black", linestyles=["dotted", "solid", "dotted"])
    for side, colour in ((-1, "navy"), (1, "darkred")):
        axes.plot(*X[y == side].T, "o", color=colour, markersize=5, markeredgecolor="white")
    axes.set(xlabel="x", ylabel="y", aspect="equal", title="score: 0 on the solid line, -1 and 1 on the dotted ones")
    figure.colorbar(shades)
    figure.savefig(picture)
