"""W10: Arrays by size. What one evaluation with its gradient costs, from 1 number to 100,000.

Two workloads: element by element, sum(tanh(w x + b)) with the gradient for w and b, and a square matrix times a vector,
sum((W x)^2) with the gradient for W. The peers do it as they are used without compiling: PyTorch's and JAX's eager
modes; NumPy computes the value only, which says what the derivative costs.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import reelgrad as rg
from bench.engines import load
from bench.gradients import Answer, FloatArray, Work

SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
SIDES = (1, 3, 10, 32, 100, 316)  # of the matrices, whose sizes are their squares
OWN, NUMPY, TORCH, JAX = "reelgrad, Arrays", "NumPy, no derivative", "PyTorch", "JAX, eager"


class Workload(NamedTuple):
    """A function of arrays, at one size."""

    name: str
    size: int
    expected: Answer
    makers: dict[str, Callable[[], Work]]


def elementwise(n: int) -> Workload:
    """Return sum(tanh(w x + b)) with its gradient for w and b, n numbers each."""
    rng = np.random.default_rng(n)
    w, b, x = rng.standard_normal((3, n))
    slope = 1.0 - np.tanh(w * x + b) ** 2
    expected = Answer(float(np.tanh(w * x + b).sum()), np.concatenate([slope * x, slope]))

    def own() -> Work:
        variables = rg.array(w), rg.array(b)

        def work() -> tuple[float, FloatArray]:
            y = np.tanh(variables[0] * x + variables[1]).sum()
            gradient = _gradient(y, *variables)
            return y.value, gradient

        return work

    def numpy() -> Work:
        return lambda: (float(np.tanh(w * x + b).sum()), expected.gradient)

    def torch() -> Work:
        torch = load("torch", "torch", optional=True)
        torch.set_num_threads(1)
        leaves = [torch.tensor(v, requires_grad=True) for v in (w, b)]
        constant = torch.tensor(x)

        def work() -> tuple[float, FloatArray]:
            y = torch.tanh(leaves[0] * constant + leaves[1]).sum()
            found = torch.autograd.grad(y, leaves)
            return y.item(), torch.cat(found).numpy()

        return work

    def jax() -> Work:
        jax = load("jax", "jax", optional=True)
        jnp = jax.numpy
        leaves, constant = (jnp.array(w), jnp.array(b)), jnp.array(x)
        function = jax.value_and_grad(lambda p: jnp.sum(jnp.tanh(p[0] * constant + p[1])))

        def work() -> tuple[float, FloatArray]:
            y, found = function(leaves)
            return float(y), np.concatenate(found)

        return work

    return Workload("elementwise", n, expected, {OWN: own, NUMPY: numpy, TORCH: torch, JAX: jax})


def matrix(side: int) -> Workload:
    """Return sum((W x)^2) with its gradient for W, a square matrix of this side."""
    rng = np.random.default_rng(side)
    w, x = rng.standard_normal((side, side)) / np.sqrt(side), rng.standard_normal(side)
    expected = Answer(float(((w @ x) ** 2).sum()), np.outer(2.0 * (w @ x), x).ravel())

    def own() -> Work:
        variables = rg.array(w)

        def work() -> tuple[float, FloatArray]:
            y = np.square(variables @ x).sum()
            return y.value, _gradient(y, variables)

        return work

    def numpy() -> Work:
        return lambda: (float(np.square(w @ x).sum()), expected.gradient)

    def torch() -> Work:
        torch = load("torch", "torch", optional=True)
        torch.set_num_threads(1)
        leaf, constant = torch.tensor(w, requires_grad=True), torch.tensor(x)

        def work() -> tuple[float, FloatArray]:
            y = torch.square(leaf @ constant).sum()
            return y.item(), torch.autograd.grad(y, leaf)[0].numpy().ravel()

        return work

    def jax() -> Work:
        jax = load("jax", "jax", optional=True)
        jnp = jax.numpy
        constant, leaf = jnp.array(x), jnp.array(w)
        function = jax.value_and_grad(lambda v: jnp.sum(jnp.square(v @ constant)))

        def work() -> tuple[float, FloatArray]:
            y, found = function(leaf)
            return float(y), np.asarray(found).ravel()

        return work

    return Workload("matrix times vector", side * side, expected, {OWN: own, NUMPY: numpy, TORCH: torch, JAX: jax})


def _gradient(y: rg.Node, *variables: rg.Array) -> FloatArray:
    for v in variables:
        v.grad = 0.0
    y.backward()
    return np.concatenate([v.grad.ravel() for v in variables])


def matrix_vector_recorder() -> Callable[[], object]:
    """Return what records a 16 x 16 matrix of variables times a vector of variables."""
    w, x = rg.array(np.ones((16, 16))), rg.array(np.ones(16))
    return lambda: w @ x


WORKLOADS: tuple[Callable[[], Workload], ...] = (
    *(lambda n=n: elementwise(n) for n in SIZES),
    *(lambda k=k: matrix(k) for k in SIDES),
)
