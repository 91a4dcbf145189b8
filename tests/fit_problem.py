"""A straight line in two dimensions for rg.fit to find, and the same training in NumPy."""

from __future__ import annotations

import numpy as np

from reelgrad import _core

RNG = np.random.default_rng(3)
X = RNG.standard_normal((53, 2))
T = X @ [0.7, -0.4] + 0.3 + 0.1 * RNG.standard_normal(53)
START = {"b": 0.0, "w": np.array([1.0, 0.5])}


def squared_error(params, x, t):
    return (params["w"][0] * x[0] + params["w"][1] * x[1] + params["b"] - t) ** 2


def hand_made(epochs, lr, *, batch_size=None, shuffle=False, seed=0, drop_last=False, mean=True, momentum=0.0):
    """The same training in NumPy; lr is a function of the update."""
    p, velocity, update, losses = np.array([0.0, 1.0, 0.5]), None, 0, []
    n, size = len(T), batch_size or len(T)
    for epoch in range(1, epochs + 1):
        order = np.arange(n)
        if shuffle:
            order[_core._shuffled(seed, epoch, n)] = np.arange(n)
        total, samples = 0.0, 0
        for first in range(0, n, size):
            batch = order[first : first + size]
            if drop_last and len(batch) < size:
                break
            error = X[batch] @ p[1:] + p[0] - T[batch]
            gradient = 2 * np.array([error.sum(), *(error @ X[batch])])
            if mean:
                gradient /= len(batch)
            velocity = gradient if velocity is None else momentum * velocity + gradient
            p = p - lr(update) * velocity
            update += 1
            total += (error**2).sum()
            samples += len(batch)
        losses.append(total / samples if mean else total)
    return p, np.array(losses)


def flat(params):
    return np.array([params["b"], *params["w"]])
