"""Maximum likelihood with SciPy: a line through points, some of which are far off.

The noise is Student's t: bell-shaped like the normal distribution, but with tails that allow for outliers. How heavy
they are, the degrees of freedom, is estimated with the rest. The negative log-likelihood is written as the textbook has
it, for one point. `rg.minimize` hands SciPy its exact gradient, and products with its Hessian to a method that takes
them; at the minimum the Hessian says how well each parameter is known.

    python examples/09_likelihood.py [points [picture.svg]]
"""

import sys
from typing import Any

import numpy as np

import reelgrad as rg

points = int(sys.argv[1]) if len(sys.argv) > 1 else 500
picture = sys.argv[2] if len(sys.argv) > 2 else None

rng = np.random.default_rng(9)
xs = rng.uniform(-2.0, 2.0, points)
ys = 1.0 + 2.0 * xs + 0.3 * rng.standard_t(3.0, points)


@rg.compile(in_axes=(None, 0, 0), reduce="sum")
def misfit(parameters: dict[str, Any], x: Any, y: Any) -> Any:
    """Return minus the log of the density of y at x."""
    scale, freedom = rg.exp(parameters["log scale"]), rg.exp(parameters["log freedom"])  # both positive, whatever comes
    z = (y - parameters["offset"] - parameters["slope"] * x) / scale
    half = 0.5 * (freedom + 1.0)
    constant = rg.lgamma(0.5 * freedom) - rg.lgamma(half) + 0.5 * rg.log(np.pi * freedom) + rg.log(scale)
    return constant + half * rg.log1p(z * z / freedom)


start = {"offset": 0.0, "slope": 0.0, "log scale": 0.0, "log freedom": 2.0}
for method in ("L-BFGS-B", "trust-ncg"):
    found = rg.minimize(misfit, start, (xs, ys), method=method)
    estimates = found.x
    print(f"{method:9} {found.nit:3} iterations, {found.nfev:3} evaluations: misfit {found.fun:.6f}")

names = sorted(estimates)  # the order of the Hessian's rows and columns, as for every dict
curvature = rg.hessian(misfit)(estimates, xs, ys)
matrix = np.array([[curvature[a][b] for b in names] for a in names])
errors = np.sqrt(np.diag(np.linalg.inv(matrix)))
for name, error in zip(names, errors, strict=True):
    print(f"{name:12} {estimates[name]:8.4f} +- {error:.4f}")
assert abs(estimates["slope"] - 2.0) < 4.0 * errors[names.index("slope")]

if picture:
    import matplotlib.pyplot as plt

    misses = ys - estimates["offset"] - estimates["slope"] * xs
    reach = np.linspace(-4.0, 4.0, 400)
    each = rg.compile(misfit.__wrapped__, in_axes=(None, None, 0))  # a number for every point
    heavy = np.exp(-each(estimates, 0.0, estimates["offset"] + reach))
    normal = np.exp(-0.5 * (reach / misses.std()) ** 2) / misses.std() / np.sqrt(2.0 * np.pi)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(xs, ys, ".", color="0.5", label="points")
    left.plot([-2, 2], [estimates["offset"] + estimates["slope"] * x for x in (-2, 2)], color="C0", label="fitted")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.hist(misses, bins=80, range=(-4.0, 4.0), density=True, color="0.8", label="distances from the line")
    right.semilogy(reach, heavy, color="C0", label="Student's t, fitted")
    right.semilogy(reach, normal, ":", color="C1", label="a normal of the same width")
    right.set(xlabel="distance", ylabel="density", ylim=(1e-3, 30.0))
    right.legend(fontsize="small")
    figure.savefig(picture)
