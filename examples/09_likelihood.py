"""Maximum likelihood with SciPy: a line through points, some of which are far off.

The noise is Student's t: bell-shaped like the normal distribution, but with tails that allow for outliers. How heavy
they are, the degrees of freedom, is estimated with the rest. The negative log-likelihood is written as the textbook has
it, for one point. `rg.minimize` hands SciPy its exact gradient, and products with its Hessian to a method that takes
them; at the minimum the Hessian says how well each parameter is known.
"""

from typing import Any

import numpy as np

import reelgrad as rg

rng = np.random.default_rng(9)
xs = rng.uniform(-2.0, 2.0, 500)
ys = 1.0 + 2.0 * xs + 0.3 * rng.standard_t(3.0, 500)


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
