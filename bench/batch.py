"""W4: the gradient of a network's squared error, summed over 100,000 samples, for its 337 parameters.

The network is 2-16-16-1 with tanh, its parameters lie in one array as in W3. One sample takes 642 operators forward. As
a user of array libraries writes it: a few calls on all samples; and blocked by hand, so that the hidden layers stay in
the cache.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from bench.arrays import unpack
from bench.engines import load
from bench.gradients import Answer, FloatArray, Makers, Work
from bench.moons import dense, layers

SAMPLES = 100_000
OPERATORS = 642  # per sample, forward: 320 products, 288 sums, 32 tanh, one difference, one square
BLOCK = 1_000  # what JAX and NumPy are fastest with, of 250 to 4,000


def _data() -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((SAMPLES, 2))
    targets = np.sin(inputs[:, 0]) * inputs[:, 1]
    w1, w2, w3 = rng.uniform(-1.0, 1.0, 32), rng.uniform(-0.5, 0.5, 256), rng.uniform(-1.0, 1.0, 16)
    return inputs, targets, np.concatenate([w1, np.full(16, 0.1), w2, np.zeros(16), w3, [0.05]])


INPUTS, TARGETS, PARAMETERS = _data()


def squared_error(p: Sequence[Any], x: Sequence[Any], target: Any, tanh: Callable[[Any], Any]) -> Any:
    """Return the loss of one sample, one scalar operator at a time."""
    first, second, last = layers(p)
    h = [tanh(z) for z in dense(first, x)]
    h = [tanh(z) for z in dense(second, h)]
    return (dense(last, h)[0] - target) ** 2


def _add_by_hand(inputs: FloatArray, targets: FloatArray, gradient: FloatArray) -> float:
    """Add the gradient over the samples and return their loss."""
    w1, b1, w2, b2, w3, b3 = unpack(PARAMETERS)
    g1, c1, g2, c2, g3, _ = unpack(gradient)
    h1 = np.tanh(inputs @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    error = h2 @ w3 + b3 - targets
    d = 2.0 * error
    g3 += d @ h2
    gradient[336] += d.sum()
    d2 = np.outer(d, w3) * (1.0 - h2 * h2)
    g2 += d2.T @ h1
    c2 += d2.sum(0)
    d1 = (d2 @ w2) * (1.0 - h1 * h1)
    g1 += d1.T @ inputs
    c1 += d1.sum(0)
    return float(error @ error)


def numpy_whole(samples: int = SAMPLES) -> Work:
    """NumPy with the derivative written by hand."""

    def work() -> tuple[float, FloatArray]:
        gradient = np.zeros_like(PARAMETERS)
        return _add_by_hand(INPUTS[:samples], TARGETS[:samples], gradient), gradient

    return work


def numpy_blocked(samples: int = SAMPLES) -> Work:
    """NumPy with the derivative written by hand, block by block."""

    def work() -> tuple[float, FloatArray]:
        gradient, loss = np.zeros_like(PARAMETERS), 0.0
        for s in range(0, samples, BLOCK):
            block = slice(s, min(s + BLOCK, samples))
            loss += _add_by_hand(INPUTS[block], TARGETS[block], gradient)
        return loss, gradient

    return work


def _torch(block: int, samples: int) -> Work:
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    inputs, targets = torch.tensor(INPUTS[:samples]), torch.tensor(TARGETS[:samples])

    def work() -> tuple[Any, Any]:
        p = torch.tensor(PARAMETERS, requires_grad=True)
        total = 0.0
        for s in range(0, samples, block):
            w1, b1, w2, b2, w3, b3 = unpack(p)
            h = torch.tanh(torch.addmm(b1, inputs[s : s + block], w1.T))
            h = torch.tanh(torch.addmm(b2, h, w2.T))
            error = h @ w3 + b3 - targets[s : s + block]
            loss = (error * error).sum()
            loss.backward()
            total += loss.item()
        return total, p.grad

    return work


def torch_whole(samples: int = SAMPLES) -> Work:
    """PyTorch."""
    return _torch(samples, samples)


def torch_blocked() -> Work:
    """PyTorch, block by block: longer ones, for it pays for each call."""
    return _torch(4 * BLOCK, SAMPLES)


def _jax_loss(jax: Any, p: Any, inputs: Any, targets: Any) -> Any:
    def network(x: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = unpack(p)
        return jax.numpy.tanh(w2 @ jax.numpy.tanh(w1 @ x + b1) + b2) @ w3 + b3

    return jax.numpy.sum((jax.vmap(network)(inputs) - targets) ** 2)


def jax_whole(samples: int = SAMPLES) -> Work:
    """JAX as a user writes it: jit of value_and_grad of a sum over vmap."""
    jax = load("jax", "jax", optional=True)
    data = [jax.numpy.array(a) for a in (PARAMETERS, INPUTS[:samples], TARGETS[:samples])]
    jitted = jax.jit(jax.value_and_grad(lambda p, x, t: _jax_loss(jax, p, x, t)))
    return lambda: jax.block_until_ready(jitted(*data))


def jax_blocked(samples: int = SAMPLES) -> Work:
    """JAX with the blocks written by hand: a scan over blocks, the gradient taken inside."""
    jax = load("jax", "jax", optional=True)
    jnp = jax.numpy
    p = jnp.array(PARAMETERS)
    blocks = jnp.array(INPUTS[:samples].reshape(-1, BLOCK, 2)), jnp.array(TARGETS[:samples].reshape(-1, BLOCK))

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def gradient(p: Any, blocks: Any) -> Any:
        def add(sums: Any, block: Any) -> Any:
            value, gradient = jax.value_and_grad(lambda q: _jax_loss(jax, q, *block))(p)
            return (sums[0] + value, sums[1] + gradient), None

        return jax.lax.scan(add, (jnp.float64(0.0), jnp.zeros(len(PARAMETERS))), blocks)[0]

    return lambda: jax.block_until_ready(gradient(p, blocks))


@cache
def expected() -> Answer:
    """Return what NumPy finds with the derivative written by hand."""
    return Answer(*numpy_whole()())


JAX, JAX_BLOCKED = "JAX", "JAX, blocked by hand"
NUMPY_BLOCKED, TORCH = "NumPy, derivative by hand, blocked", "PyTorch"
PEERS: Makers = (
    (JAX_BLOCKED, jax_blocked),
    (JAX, jax_whole),
    (NUMPY_BLOCKED, numpy_blocked),
    ("NumPy, derivative by hand", numpy_whole),
    ("PyTorch, blocked by hand", torch_blocked),
    (TORCH, torch_whole),
)
