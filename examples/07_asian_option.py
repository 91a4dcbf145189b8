"""Monte Carlo Greeks: the price of an Asian option and what it depends on, from the same simulated paths.

An Asian call pays by how much the average price of a share over a year exceeds the strike, if it does. There is no
formula for its price. So one simulates the share many times and takes the mean of the discounted payoffs; and the mean
of their derivatives is the derivative of the price. The function below is one path, written with ordinary numbers;
`rg.compile` runs it and its derivatives over all paths.

The check is the way that needs no derivatives: move an input a little up and down, and value the option again with the
same random numbers. How little? Too little, and the difference drowns in rounding; too far, and the price is no
straight line any more, and paths that did not pay begin to. The picture shows how far off each choice is. A derivative
asks for none.

    python examples/07_asian_option.py [paths [picture.svg]]
"""

import sys
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg

paths = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
picture = sys.argv[2] if len(sys.argv) > 2 else None
steps = 50
market = {"spot": 100.0, "strike": 100.0, "rate": 0.03, "volatility": 0.2, "maturity": 1.0}
normals = np.random.default_rng(7).standard_normal((steps, paths))  # an axis of samples: in_axes says which


def payoff(market: dict[str, Any], normals: Any) -> Any:
    """Return what one path pays, discounted to today."""
    dt = market["maturity"] / steps
    drift = (market["rate"] - 0.5 * market["volatility"] ** 2) * dt
    diffusion = market["volatility"] * rg.sqrt(dt)
    price, total = market["spot"], 0.0
    for z in normals:
        price = price * rg.exp(drift + diffusion * z)
        total = total + price
    gain = total / steps - market["strike"]
    if gain <= 0.0:  # a branch that is not the same for all paths: both are kept, and each path runs on its own
        return 0.0
    return rg.exp(-market["rate"] * market["maturity"]) * gain


price = rg.compile(payoff, in_axes=(None, 1), reduce="mean")
value, greeks = price.value_and_grad(market, normals)
started = perf_counter()
price.value_and_grad(market, normals)
seconds = perf_counter() - started
print(f"price {value:.4f} from {paths:,} paths, {len(price.programs)} ways through the code")


def revalued(name: str, bump: float) -> float:
    """Return the derivative by this input from two prices, the input moved by its `bump`-th part up and down."""
    up, down = (price(market | {name: market[name] * (1.0 + part)}, normals) for part in (bump, -bump))
    difference: float = (up - down) / (2.0 * bump * market[name])
    return difference


# Without `reduce` there is a number for each path: how much they scatter says how good their mean is.
scatter = rg.compile(payoff, in_axes=(None, 1)).grad(market, normals)
for name, greek in greeks.items():
    error = scatter[name].std() / paths**0.5
    print(f"d price / d {name:<10} {greek:10.5f} +- {error:.5f}   revalued {revalued(name, 1e-4):10.5f}")
    assert abs(revalued(name, 1e-4) - greek) < error

print(f"price and five derivatives in {seconds * 1e3:.1f} ms, {seconds / paths * 1e9:.0f} ns per path")

if picture:
    import matplotlib.pyplot as plt

    bumps = np.logspace(-13.5, -0.5, 27)
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    for name, greek in greeks.items():
        axes.loglog(bumps, [abs(revalued(name, bump) / greek - 1.0) for bump in bumps], ".-", label=name)
    axes.set(xlabel="bump, as a part of the input", ylabel="relative error of the revalued derivative")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture)
