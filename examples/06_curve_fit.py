"""A curve through points: least squares, with exact derivatives of a formula that is ordinary Python.

The points follow a decaying oscillation, y = A * exp(-k*x) * cos(w*x), with noise. Which A, k, w fit best? The sum of
the squared residuals says how good they are, and its gradient which way is better. First Adam goes there in small
steps; then Gauss-Newton, which uses the derivatives of every residual, needs a handful.

    python examples/06_curve_fit.py [points [picture.svg]]
"""

import sys

import numpy as np

import reelgrad as rg

points = int(sys.argv[1]) if len(sys.argv) > 1 else 40
picture = sys.argv[2] if len(sys.argv) > 2 else None

rng = np.random.default_rng(0)
xs = np.linspace(0.0, 4.0, points)
ys = 2.0 * np.exp(-0.5 * xs) * np.cos(3.0 * xs) + 0.05 * rng.standard_normal(points)


def model(x: float, A: rg.Node, k: rg.Node, w: rg.Node) -> rg.Node:
    """Return the height of the curve at x."""
    return A * (-k * x).exp() * (w * x).cos()


def residuals(A: rg.Node, k: rg.Node, w: rg.Node) -> list[rg.Node]:
    """Return by how much the curve misses each point."""
    return [model(x, A, k, w) - y for x, y in zip(xs, ys, strict=True)]


# Adam needs the gradient of one number, the sum of the squares.
adam: list[float] = []  # the losses on the way
parameters = A, k, w = rg.variables(1.5, 0.3, 2.8)
optimizer = rg.optim.Adam(parameters, lr=0.02)
for step in range(501):
    loss = rg.sum([r * r for r in residuals(A, k, w)])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    adam.append(loss.value)
    if step % 100 == 0:
        print(f"Adam, step {step:3}: loss {loss:.8f}  A {A.value:.6f}  k {k.value:.6f}  w {w.value:.6f}")

# Gauss-Newton takes each residual as a straight line in the parameters, r + J*d, and solves for the best d. A row of J
# is the gradient of one residual; tape.gradient() leaves the parameters' own .grad alone.
newton: list[float] = []
parameters = A, k, w = rg.variables(1.5, 0.3, 2.8)
tape = A.tape
for step in range(6):
    rs = residuals(A, k, w)
    r = np.array([residual.value for residual in rs])
    print(f"Gauss-Newton, step {step}: loss {r @ r:.8f}  A {A.value:.6f}  k {k.value:.6f}  w {w.value:.6f}")
    newton.append(r @ r)
    J = np.array([tape.gradient(residual, parameters) for residual in rs])
    change, *_ = np.linalg.lstsq(J, -r, rcond=None)
    for parameter, d in zip(parameters, change, strict=True):
        parameter.value += d

# At the best fit the gradient of the sum, 2 * J^T * r, is 0. J also says how well the parameters are known.
covariance = np.linalg.inv(J.T @ J) * (r @ r) / (len(xs) - 3)
for name, parameter, error in zip("Akw", parameters, np.sqrt(np.diag(covariance)), strict=True):
    print(f"{name} = {parameter.value:.3f} +- {error:.3f}")
print(f"largest slope left: {np.abs(2 * J.T @ r).max():.1e}")

if picture:
    import matplotlib.pyplot as plt

    fine = np.linspace(0.0, 4.0, 300)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(3, 2), layout="constrained")
    left.plot(xs, ys, "o", color="0.5", markersize=4, label="points")
    left.plot(fine, 1.5 * np.exp(-0.3 * fine) * np.cos(2.8 * fine), ":", color="C1", label="at the start")
    left.plot(fine, A.value * np.exp(-k.value * fine) * np.cos(w.value * fine), color="C0", label="fitted")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.semilogy(np.array(adam) - min(newton) + 1e-16, label="Adam")
    right.semilogy(np.array(newton) - min(newton) + 1e-16, "o-", label="Gauss-Newton")
    right.set(xlabel="step", ylabel="loss above the lowest", ylim=(1e-13, 1e2))
    right.legend()
    figure.savefig(picture)
