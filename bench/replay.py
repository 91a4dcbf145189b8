"""W7: one sample of W4's network, again and again from Python: what a call costs when there is little to compute.

The sample is a constant. The parameters go in as one NumPy array; value and gradient come out.
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


def network(hidden: int) -> FloatArray:
    """Return parameters of a network 2-h-h-1, whose loss takes 2h^2 + 8h + 2 operators."""
    rng = np.random.default_rng(hidden)
    layers = ((2 * hidden, 1.0), (hidden, 0.1), (hidden * hidden, 1.0 / hidden), (hidden + 1, 1.0))
    return np.concatenate(
        [rng.uniform(-size, size, number) for number, size in layers[:3]]
        + [np.zeros(hidden), rng.uniform(-1.0, 1.0, hidden + 1)]
    )


def numpy_by_hand(parameters: FloatArray = batch.PARAMETERS) -> Work:
    """NumPy with the derivative written by hand."""
    w1, b1, w2, b2, w3, b3 = unpack(parameters)

    def work() -> tuple[float, FloatArray]:
        gradient = np.empty_like(parameters)
        g1, c1, g2, c2, g3, _ = unpack(gradient)
        h1 = np.tanh(w1 @ INPUT + b1)
        h2 = np.tanh(w2 @ h1 + b2)
        error = w3 @ h2 + b3 - TARGET
        gradient[-1] = d = 2.0 * error
        g3[:] = d * h2
        c2[:] = d * w3 * (1.0 - h2 * h2)
        g2[:] = np.multiply.outer(c2, h1)
        c1[:] = (c2 @ w2) * (1.0 - h1 * h1)
        g1[:] = np.multiply.outer(c1, INPUT)
        return float(error * error), gradient

    return work


def _jax(numbers: FloatArray, *, own_array: bool) -> Work:
    jax = load("jax", "jax", optional=True)
    tanh = jax.numpy.tanh

    def loss(p: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = unpack(p)
        return (tanh(w2 @ tanh(w1 @ INPUT + b1) + b2) @ w3 + b3 - TARGET) ** 2

    jitted = jax.jit(jax.value_and_grad(loss))
    parameters = jax.numpy.array(numbers) if own_array else numbers

    def work() -> tuple[Any, Any]:
        value, gradient = jitted(parameters)
        return value, gradient.block_until_ready()  # cheaper than jax.block_until_ready of both

    return work


def jax_jit(parameters: FloatArray = batch.PARAMETERS) -> Work:
    """JAX: jit of value_and_grad."""
    return _jax(parameters, own_array=False)


def jax_jit_own_array(parameters: FloatArray = batch.PARAMETERS) -> Work:
    """JAX: jit of value_and_grad, with its own array going in."""
    return _jax(parameters, own_array=True)


def casadi_buffers(parameters: FloatArray = batch.PARAMETERS) -> Work:
    """CasADi's virtual machine on raw buffers, its fastest way to call."""
    casadi = load("casadi", "casadi", optional=True)
    p = casadi.SX.sym("p", len(parameters))
    loss = batch.squared_error([p[q] for q in range(len(parameters))], INPUT.tolist(), TARGET, casadi.tanh)
    function = casadi.Function("replay", [p], [loss, casadi.gradient(loss, p)])
    buffer, run = function.buffer()
    value, gradient = np.empty(1), np.empty_like(parameters)
    buffer.set_arg(0, parameters.data)
    buffer.set_res(0, value.data)
    buffer.set_res(1, gradient.data)

    def work(_keep: Any = buffer) -> tuple[float, FloatArray]:  # `run` holds no reference to it
        run()
        return float(value[0]), gradient

    return work


@cache
def expected() -> Answer:
    """Return what NumPy finds with the derivative written by hand."""
    return Answer(*numpy_by_hand()())


JAX, CASADI, NUMPY = "JAX, jit", "CasADi, raw buffers", "NumPy, derivative by hand"
PEERS: Makers = (
    (JAX, jax_jit),
    ("JAX, jit, an array of its own", jax_jit_own_array),
    (CASADI, casadi_buffers),
    (NUMPY, numpy_by_hand),
)
