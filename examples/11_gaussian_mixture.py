"""A Gaussian mixture by maximum likelihood, where the textbook has an algorithm of its own.

Each point comes from one of three normal distributions in the plane, and nobody says from which. The density of a point
is the sum of the three densities, weighted by how often each is drawn. Weights must be positive and add up to 1,
covariances positive definite: so the weights are a softmax, and a covariance is L @ L.T with a triangular L whose
diagonal is an exponential. What is left are plain numbers without constraints, which any optimiser can move.

The textbook's way is expectation-maximisation, whose steps somebody had to derive for this very model. Here the model
is written down, and `rg.minimize` does the rest with exact derivatives; both must end at the same likelihood.

    python examples/11_gaussian_mixture.py [points [picture.svg]]
"""

import sys
from typing import Any

import numpy as np

import reelgrad as rg

count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
picture = sys.argv[2] if len(sys.argv) > 2 else None

rng = np.random.default_rng(11)
kinds = rng.choice(3, count, p=[0.5, 0.3, 0.2])
centres = np.array([[0.0, 0.0], [3.0, 1.0], [-1.0, 3.0]])
shapes = np.array([[[1.2, 0.0], [0.7, 0.4]], [[0.5, 0.0], [-0.4, 0.7]], [[0.8, 0.0], [0.0, 0.3]]])
points = centres[kinds] + np.einsum("nij,nj->ni", shapes[kinds], rng.standard_normal((count, 2)))


@rg.compile(in_axes=(None, 0), reduce="sum")
def misfit(model: dict[str, Any], point: Any) -> Any:
    """Return minus the log of the density at the point."""
    densities = []
    for centre, shape in zip(model["centres"], model["shapes"], strict=True):
        # (u, v) are the point in units of the component: L @ (u, v) = point - centre
        u = (point[0] - centre[0]) * rg.exp(-shape[0])
        v = (point[1] - centre[1] - shape[1] * u) * rg.exp(-shape[2])
        densities.append(-0.5 * (u * u + v * v) - shape[0] - shape[2])
    weights = [log + w for log, w in zip(densities, model["weights"], strict=True)]
    return rg.logsumexp(model["weights"]) - rg.logsumexp(weights) + np.log(2.0 * np.pi)


start = {
    "weights": np.zeros(3),  # up to a constant, the logs of the weights
    "centres": points[rng.choice(count, 3, replace=False)],
    "shapes": np.zeros((3, 3)),  # log of L[0, 0], L[1, 0], log of L[1, 1]
}
found = rg.minimize(misfit, start, (points,), method="L-BFGS-B")
print(f"minimize: log-likelihood {-found.fun:.6f} after {found.nfev} evaluations with gradients")


def triangles(shapes: Any) -> Any:
    """Return the matrices L."""
    return np.array([[[np.exp(a), 0.0], [b, np.exp(c)]] for a, b, c in shapes])


# Expectation-maximisation from the same start: who may a point belong to, and what would each component then look like?
weights, means, factors = np.full(3, 1 / 3), start["centres"], triangles(start["shapes"])
covariances = factors @ factors.transpose(0, 2, 1)
likelihood, rounds = -np.inf, 0
while True:
    away = points[:, None] - means
    squares = np.einsum("nki,kij,nkj->nk", away, np.linalg.inv(covariances), away)
    logs = np.log(weights) - 0.5 * squares - 0.5 * np.log(np.linalg.det(covariances)) - np.log(2.0 * np.pi)
    before, likelihood = likelihood, np.logaddexp.reduce(logs, axis=1).sum()
    if likelihood - before < 1e-9:
        break
    rounds += 1
    belongs = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
    weights, means = belongs.mean(axis=0), belongs.T @ points / belongs.sum(axis=0)[:, None]
    away = points[:, None] - means
    covariances = np.einsum("nk,nki,nkj->kij", belongs, away, away) / belongs.sum(axis=0)[:, None, None]
print(f"EM:       log-likelihood {likelihood:.6f} after {rounds} rounds")
assert abs(-found.fun - likelihood) < 1e-3

model = found.x
shares = np.exp(model["weights"]) / np.exp(model["weights"]).sum()
order = np.argsort(-shares)
for k, true in zip(order, (0.5, 0.3, 0.2), strict=True):
    x, y = model["centres"][k]
    print(f"share {shares[k]:.3f} (drawn with {true}), centre ({x:+.3f}, {y:+.3f})")

if picture:
    import matplotlib.pyplot as plt

    def rings(centres: Any, factors: Any, **style: Any) -> None:
        """Draw a component as the curves of one and two standard deviations."""
        around = np.linspace(0.0, 2.0 * np.pi, 200)
        circle = np.array([np.cos(around), np.sin(around)])
        for centre, factor in zip(centres, factors, strict=True):
            for size in (1.0, 2.0):
                axes.plot(*(centre[:, None] + size * factor @ circle), **style)

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    axes.plot(*points.T, "o", color="0.6", markersize=3, label="points")
    rings(start["centres"], triangles(start["shapes"]), color="C1", linestyle=":", linewidth=1)
    rings(model["centres"], triangles(model["shapes"]), color="C0")
    rings(means, np.linalg.cholesky(covariances), color="C3", linestyle="--", linewidth=1)
    for label, colour, line in (("start", "C1", ":"), ("minimize", "C0", "-"), ("EM", "C3", "--")):
        axes.plot([], [], line, color=colour, label=label)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    axes.legend()
    figure.savefig(picture)
