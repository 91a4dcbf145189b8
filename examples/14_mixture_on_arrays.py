"""A Gaussian mixture in Array form: four components in three dimensions, fitted by L-BFGS on views of one Array.

Example 11 writes the likelihood of one point and compiles it. Here it is NumPy code for all points at once. All
parameters stand in one Array of variables, which SciPy's optimiser sees as a vector; the weights, centres and factors
are views of it, which record nothing. A component's density uses the triangular factor P of its inverse covariance,
P @ P.T, whose diagonal is an exponential, so that no parameter is constrained.

Expectation-maximisation, the textbook's algorithm for this very model, must end at the same likelihood.

    python examples/14_mixture_on_arrays.py [points]
"""

import sys
from typing import Any

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped, unused-ignore]

import reelgrad as rg

count = int(sys.argv[1]) if len(sys.argv) > 1 else 800
K, D = 4, 3

rng = np.random.default_rng(14)
true_centres = 1.5 * rng.standard_normal((K, D))
kinds = rng.choice(K, count, p=[0.4, 0.3, 0.2, 0.1])
mixing = np.stack([rg.nn.init.orthogonal((D, D), seed=rng) for _ in range(K)]) * rng.uniform(0.3, 1.0, (K, 1, D))
points = true_centres[kinds] + np.einsum("nij,nj->ni", mixing[kinds], rng.standard_normal((count, D)))

below = np.tril_indices(D, -1)
sizes = [K, K * D, K * D, K * len(below[0])]
theta: Any = rg.array(np.zeros(sum(sizes)))
weights: Any
centres: Any
logs: Any
others: Any
weights, centres, logs, others = np.split(theta, np.cumsum(sizes)[:-1])
centres, logs, others = centres.reshape(K, D), logs.reshape(K, D), others.reshape(K, -1)
start = points[np.argmin(((points[:, None] - true_centres) ** 2).sum(-1), axis=0)]  # the points nearest to the centres
centres.value = start
print(f"{theta.size} parameters, {count} points")


def misfit() -> Any:
    """Return minus the log of the likelihood of all points."""
    factors = np.stack([_triangle(np.exp(logs[k]), others[k]) for k in range(K)])
    away = (points[:, None] - centres).transpose(1, 0, 2)  # component, point, dimension
    whitened = away @ factors
    densities = logs.sum(axis=1)[:, None] - 0.5 * (whitened**2).sum(axis=2) - 0.5 * D * np.log(2.0 * np.pi)
    shares = weights - weights.logsumexp()
    return -(densities + shares[:, None]).logsumexp(axis=0).sum()


def _triangle(diagonal: Any, rest: Any) -> Any:
    """Return the lower triangular matrix of these elements."""
    rows = [[0.0] * D for _ in range(D)]
    for k in range(D):
        rows[k][k] = diagonal[k]
    for (i, j), element in zip(zip(*below, strict=True), rest, strict=True):
        rows[i][j] = element
    return rg.asarray(rows)


def value_and_gradient(x: Any) -> tuple[float, Any]:
    """Return the misfit at x and its gradient."""
    theta.value = x
    theta.zero_grad()
    loss = misfit()
    loss.backward()
    return loss.value, theta.grad


found = minimize(value_and_gradient, theta.value, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12})
theta.value = found.x
print(f"L-BFGS: log-likelihood {-found.fun:.4f} after {found.nfev} evaluations with gradients")

# Expectation-maximisation from the same start.
shares, means, covariances = np.full(K, 1 / K), start, np.tile(np.eye(D), (K, 1, 1))
likelihood, rounds = -np.inf, 0
while True:
    away = points[:, None] - means
    squares = np.einsum("nki,kij,nkj->nk", away, np.linalg.inv(covariances), away)
    densities = np.log(shares) - 0.5 * squares - 0.5 * np.log(np.linalg.det(2.0 * np.pi * covariances))
    before, likelihood = likelihood, np.logaddexp.reduce(densities, axis=1).sum()
    if likelihood - before < 1e-9:
        break
    rounds += 1
    belongs = np.exp(densities - np.logaddexp.reduce(densities, axis=1, keepdims=True))
    shares, means = belongs.mean(axis=0), belongs.T @ points / belongs.sum(axis=0)[:, None]
    away = points[:, None] - means
    covariances = np.einsum("nk,nki,nkj->kij", belongs, away, away) / belongs.sum(axis=0)[:, None, None]
print(f"EM:     log-likelihood {likelihood:.4f} after {rounds} rounds")
assert abs(-found.fun - likelihood) < 1e-2

for k in np.argsort(-shares):
    share = (weights[k] - weights.logsumexp()).exp().value
    print(f"share {share:.3f}, centre ({', '.join(f'{x:+.3f}' for x in centres[k].value)})")
