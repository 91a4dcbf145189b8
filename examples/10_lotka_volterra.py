"""Predators and prey: the constants of a differential equation, from a noisy record of what happened.

Hares multiply and are eaten, lynxes multiply by eating and starve otherwise:

    hares'  = a*hares - b*hares*lynxes
    lynxes' = d*hares*lynxes - c*lynxes

There is no formula for the solution; a loop of Runge-Kutta steps follows it, from a start that is unknown as well. The
derivatives of the solution with respect to the constants need no equations of their own: the loop runs on Nodes, as it
stands. `rg.least_squares` hands them to SciPy, and at the best fit they say how well each constant is known.

    python examples/10_lotka_volterra.py [observations [picture.svg]]
"""

import sys
from typing import Any

import numpy as np

import reelgrad as rg

observations = int(sys.argv[1]) if len(sys.argv) > 1 else 40
picture = sys.argv[2] if len(sys.argv) > 2 else None
true = {"a": 1.1, "b": 0.4, "c": 0.4, "d": 0.1, "hares": 10.0, "lynxes": 5.0}
end, steps = 25.0, 10  # the time observed, and the steps from one observation to the next
h = end / observations / steps


def slopes(p: dict[str, Any], hares: Any, lynxes: Any) -> tuple[Any, Any]:
    """Return how fast the two change."""
    meetings = hares * lynxes
    return p["a"] * hares - p["b"] * meetings, p["d"] * meetings - p["c"] * lynxes


def solution(p: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Return hares and lynxes after each step of the classical method, of fourth order."""
    x, y = p["hares"], p["lynxes"]
    passed = []
    for _ in range(observations * steps):
        x1, y1 = slopes(p, x, y)
        x2, y2 = slopes(p, x + 0.5 * h * x1, y + 0.5 * h * y1)
        x3, y3 = slopes(p, x + 0.5 * h * x2, y + 0.5 * h * y2)
        x4, y4 = slopes(p, x + h * x3, y + h * y3)
        x = x + h / 6.0 * (x1 + 2.0 * (x2 + x3) + x4)
        y = y + h / 6.0 * (y1 + 2.0 * (y2 + y3) + y4)
        passed.append((x, y))
    return passed


# The same loop makes the data, on floats: counts that are off by some ten per cent.
rng = np.random.default_rng(10)
seen = slice(steps - 1, None, steps)  # the steps after which someone counted
data = np.array(solution(true)[seen]) * np.exp(0.1 * rng.standard_normal((observations, 2)))
logs = np.log(data).tolist()


def misses(p: dict[str, Any]) -> list[Any]:
    """Return by how much the logarithm of each count is missed."""
    pairs = zip(solution(p)[seen], logs, strict=True)
    return [rg.log(model) - log for pair, row in pairs for model, log in zip(pair, row, strict=True)]


start = {"a": 0.8, "b": 0.3, "c": 0.5, "d": 0.1, "hares": 8.0, "lynxes": 4.0}
found = rg.least_squares(misses, start)
J, names = found.jac, sorted(start)  # the order of the columns, as for every dict
spread = 2.0 * found.cost / (len(J) - len(names))
errors = np.sqrt(np.diag(spread * np.linalg.inv(J.T @ J)))
print(f"{found.nfev} evaluations, {found.njev} Jacobians of {J.shape[0]} by {J.shape[1]}; noise {spread**0.5:.3f}")
for name, error in zip(names, errors, strict=True):
    print(f"{name:6} {found.x[name]:8.4f} +- {error:.4f}   true {true[name]}")
    assert abs(found.x[name] - true[name]) < 4.0 * error

# The Jacobian against differences, which cost two solutions for each constant and are exact to some eight digits.
by_differences = [
    (np.array(misses(found.x | {name: found.x[name] + step})) - misses(found.x | {name: found.x[name] - step}))
    / 2
    / step
    for name in names
    for step in [1e-5 * found.x[name]]
]
print(f"the Jacobian is within {np.abs(np.transpose(by_differences) - J).max():.0e} of differences")

if picture:
    import matplotlib.pyplot as plt

    times = np.linspace(h, end, observations * steps)
    fitted, guess = np.array(solution(found.x)), np.array(solution(start))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(2, 1), layout="constrained")
    for k, (name, colour) in enumerate((("hares", "C0"), ("lynxes", "C1"))):
        left.plot(times[seen], data[:, k], "o", color=colour, markersize=4, label=f"{name}, counted")
        left.plot(times, fitted[:, k], color=colour, label="fitted")
        left.plot(times, guess[:, k], ":", color=colour, label="from the start values")
    left.set(xlabel="time", ylabel="animals", yscale="log")
    figure.legend(ncols=6, fontsize="small", loc="outside lower center")
    right.plot(*data.T, "o", color="C2", markersize=4)
    right.plot(*fitted.T, color="C2")
    right.set(xlabel="hares", ylabel="lynxes")
    figure.savefig(picture)
