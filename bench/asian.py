"""W5: an arithmetic Asian call by Monte Carlo: the price and its derivatives for five inputs from 50,000 paths.

50 steps of a geometric Brownian motion; the normal numbers are given. Stored by step (time-major) they lie in memory as
SIMD across paths reads them; by path (row-major) they lie as one draws them.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from bench.engines import load
from bench.gradients import Answer, FloatArray, Makers, Work, aligned

PATHS, STEPS = 50_000, 50
INPUTS = np.array([100.0, 0.03, 0.2, 1.0, 100.0])  # spot, rate, volatility, maturity, strike
BY_STEP = aligned(np.random.default_rng(5).standard_normal((STEPS, PATHS)))
BLOCK = 2_000  # paths whose 50 steps fit the second cache


def discounted_payoff(
    inputs: Any,
    normals: Sequence[Any],
    exp: Callable[[Any], Any],
    sqrt: Callable[[Any], Any],
    positive: Callable[[Any], Any],
) -> Any:
    """Return one path's payoff, or those of many: it only computes with what it is given."""
    spot, rate, sigma, maturity, strike = inputs
    dt = maturity / STEPS
    drift = (rate - 0.5 * sigma * sigma) * dt
    volatility = sigma * sqrt(dt)
    s, total = spot, 0.0
    for k in range(STEPS):
        s = s * exp(drift + volatility * normals[k])
        total = total + s
    return exp(-rate * maturity) * positive(total / STEPS - strike)


def by_hand(normals: FloatArray) -> Answer:
    """Return price and gradient from (steps, paths) normal numbers with NumPy and the derivative written by hand."""
    spot, rate, sigma, maturity, strike = INPUTS
    paths = normals.shape[1]
    dt = maturity / STEPS
    root, trend, discount = math.sqrt(dt), rate - 0.5 * sigma * sigma, math.exp(-rate * maturity)
    gains = paid = to_spot = to_drift = to_volatility = 0.0
    for start in range(0, paths, BLOCK):
        z = normals[:, start : start + BLOCK]
        s = spot * np.exp(np.cumsum(trend * dt + sigma * root * z, axis=0))
        gain = s.mean(axis=0) - strike
        positive = gain > 0.0
        gains += gain[positive].sum()
        paid += np.count_nonzero(positive)
        adjoint = np.cumsum((s * (positive * (discount / STEPS)))[::-1], axis=0)[::-1]  # of log s, step by step
        to_spot += adjoint[0].sum() / spot
        to_drift += adjoint.sum()
        to_volatility += (adjoint * z).sum()
    to_dt = to_drift * trend + 0.5 * to_volatility * sigma / root
    gradient = [
        to_spot,
        to_drift * dt - gains * maturity * discount,
        to_volatility * root - to_drift * sigma * dt,
        to_dt / STEPS - gains * rate * discount,
        -discount * paid,
    ]
    return Answer(discount * gains / paths, np.array(gradient) / paths)


def numpy_blocked(normals: FloatArray = BY_STEP) -> Work:
    """NumPy with the derivative written by hand, block by block."""
    return lambda: by_hand(normals)


def torch_whole(by_step: FloatArray = BY_STEP) -> Work:
    """PyTorch, all paths at once; blocks by hand made it slower."""
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    normals = torch.tensor(by_step)

    def work() -> tuple[Any, Any]:
        q = torch.tensor(INPUTS, requires_grad=True)
        payoffs = discounted_payoff(q, normals, torch.exp, torch.sqrt, lambda x: torch.clamp(x, min=0.0))
        price = payoffs.mean()
        price.backward()
        return price.item(), q.grad

    return work


def _jax(normals: FloatArray, axis: int) -> Work:
    jax = load("jax", "jax", optional=True)
    jnp = jax.numpy
    data = jnp.array(INPUTS), jnp.array(normals)

    def path(q: Any, z: Any) -> Any:
        return discounted_payoff(q, z, jnp.exp, jnp.sqrt, lambda x: jnp.maximum(x, 0.0))

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def gradient(q: Any, z: Any) -> Any:
        return jax.tree.map(lambda a: a.mean(0), jax.vmap(jax.value_and_grad(path), (None, axis))(q, z))

    return lambda: jax.block_until_ready(gradient(*data))


def jax_by_step(normals: FloatArray = BY_STEP) -> Work:
    """JAX: vmap of value_and_grad of a path whose steps are unrolled, and the mean.

    Three times as fast as the gradient of the mean.
    """
    return _jax(normals, 1)


def jax_by_path() -> Work:
    """JAX, row-major."""
    return _jax(np.ascontiguousarray(BY_STEP.T), 0)


def jax_scan() -> Work:
    """JAX with the steps as a scan: the gradient of the mean over vmap."""
    jax = load("jax", "jax", optional=True)
    jnp = jax.numpy
    data = jnp.array(INPUTS), jnp.array(BY_STEP)

    def path(q: Any, z: Any) -> Any:
        spot, rate, sigma, maturity, strike = q
        dt = maturity / STEPS
        drift, volatility = (rate - 0.5 * sigma * sigma) * dt, sigma * jnp.sqrt(dt)

        def step(sums: Any, normal: Any) -> Any:
            s = sums[0] * jnp.exp(drift + volatility * normal)
            return (s, sums[1] + s), None

        (_, total), _ = jax.lax.scan(step, (spot, 0.0), z)
        return jnp.exp(-rate * maturity) * jnp.maximum(total / STEPS - strike, 0.0)

    jitted = jax.jit(jax.value_and_grad(lambda q, z: jax.vmap(path, (None, 1))(q, z).mean()))
    return lambda: jax.block_until_ready(jitted(*data))


@cache
def expected() -> Answer:
    """Return what NumPy finds with the derivative written by hand."""
    return by_hand(BY_STEP)


JAX, TORCH, NUMPY = "JAX, time-major", "PyTorch", "NumPy, derivative by hand, blocked"
PEERS: Makers = (
    (NUMPY, numpy_blocked),
    (JAX, jax_by_step),
    ("JAX, row-major", jax_by_path),
    ("JAX, scan", jax_scan),
    (TORCH, torch_whole),
)
