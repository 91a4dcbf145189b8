"""W7: one sample of W4's network, again and again from Python: what a call costs when there is little to compute.

NumPy arrays go in; value and gradient come out.
"""

from functools import cache
from typing import Any

import numpy as np

from bench import batch
from bench.arrays import unpack
from bench.engines import load
from bench.gradients import Answer, FloatArray, Makers, Work

INPUT, TARGET = batch.INPUTS[0], float(batch.TARGETS[0])
REPEATS = 100  # calls in a timed turn


def numpy_by_hand() -> Work:
    """NumPy with the derivative written by hand."""

    def work() -> tuple[float, FloatArray]:
        gradient = np.empty_like(batch.PARAMETERS)
        w1, b1, w2, b2, w3, b3 = unpack(batch.PARAMETERS)
        g1, c1, g2, c2, g3, _ = unpack(gradient)
        h1 = np.tanh(w1 @ INPUT + b1)
        h2 = np.tanh(w2 @ h1 + b2)
        error = w3 @ h2 + b3 - TARGET
        gradient[336] = d = 2.0 * error
        g3[:] = d * h2
        c2[:] = d * w3 * (1.0 - h2 * h2)
        g2[:] = np.multiply.outer(c2, h1)
        c1[:] = (c2 @ w2) * (1.0 - h1 * h1)
        g1[:] = np.multiply.outer(c1, INPUT)
        return float(error * error), gradient

    return work


def _jax(*, own_arrays: bool) -> Work:
    jax = load("jax", "jax", optional=True)
    tanh = jax.numpy.tanh

    def loss(p: Any, x: Any, t: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = unpack(p)
        return (tanh(w2 @ tanh(w1 @ x + b1) + b2) @ w3 + b3 - t) ** 2

    jitted = jax.jit(jax.value_and_grad(loss))
    data = batch.PARAMETERS, INPUT, TARGET
    arguments = tuple(map(jax.numpy.array, data)) if own_arrays else data

    def work() -> tuple[Any, Any]:
        value, gradient = jitted(*arguments)
        return value, gradient.block_until_ready()  # cheaper than jax.block_until_ready of both

    return work


def jax_jit() -> Work:
    """JAX: jit of value_and_grad."""
    return _jax(own_arrays=False)


def jax_jit_own_arrays() -> Work:
    """JAX: jit of value_and_grad, with its own arrays going in."""
    return _jax(own_arrays=True)


def casadi_buffers() -> Work:
    """CasADi's virtual machine on raw buffers, its fastest way to call."""
    casadi = load("casadi", "casadi", optional=True)
    p, x, t = casadi.SX.sym("p", len(batch.PARAMETERS)), casadi.SX.sym("x", 2), casadi.SX.sym("t")
    h = [casadi.tanh(p[2 * j] * x[0] + p[2 * j + 1] * x[1] + p[32 + j]) for j in range(16)]
    h = [casadi.tanh(sum((p[48 + 16 * j + i] * h[i] for i in range(16)), p[304 + j])) for j in range(16)]
    loss = (sum((p[320 + j] * h[j] for j in range(16)), p[336]) - t) ** 2
    function = casadi.Function("replay", [p, x, t], [loss, casadi.gradient(loss, p)])
    buffer, run = function.buffer()
    value, gradient = np.empty(1), np.empty_like(batch.PARAMETERS)
    arguments, results = (batch.PARAMETERS, INPUT.copy(), np.array([TARGET])), (value, gradient)
    for i, argument in enumerate(arguments):
        buffer.set_arg(i, argument.data)
    for i, result in enumerate(results):
        buffer.set_res(i, result.data)

    def work(_keep: Any = (buffer, arguments)) -> tuple[float, FloatArray]:  # CasADi holds no reference to them
        run()
        return float(value[0]), gradient

    return work


@cache
def expected() -> Answer:
    """Return what NumPy finds with the derivative written by hand."""
    return Answer(*numpy_by_hand()())


JAX = "JAX, jit"
PEERS: Makers = (
    (JAX, jax_jit),
    ("JAX, jit, arrays of its own", jax_jit_own_arrays),
    ("CasADi, raw buffers", casadi_buffers),
    ("NumPy, derivative by hand", numpy_by_hand),
)
