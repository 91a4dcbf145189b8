"""W2 and W3 as a user of array libraries writes them: a few calls per step on whole arrays, in float64.

The derivatives are written by hand (plain Python, NumPy) or come from the library (PyTorch, JAX). Each function returns
a run: a function that trains from the start for so many steps. What compiles, compiles before.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import reelgrad as rg
from bench import moons, xor
from bench.engines import load
from bench.training import Result

Run = Callable[[int], Result]


# --- XOR


def xor_by_hand() -> Run:
    """Plain Python with the derivative written by hand."""

    def run(steps: int) -> Result:
        w0, w1, b = xor.START
        exp = math.exp
        for _ in range(steps):
            g0 = g1 = gb = loss = 0.0
            scores = []
            for (x0, x1), target in zip(xor.INPUTS, xor.TARGETS, strict=True):
                p = 1.0 / (1.0 + exp(-(w0 * x0 + w1 * x1 + b)))
                d = p - target
                loss += 0.25 * d * d
                dz = 0.5 * d * p * (1.0 - p)
                g0 += dz * x0
                g1 += dz * x1
                gb += dz
                scores.append(p)
            w0 -= xor.RATE * g0
            w1 -= xor.RATE * g1
            b -= xor.RATE * gb
        return Result(loss, scores)

    return run


def xor_numpy() -> Run:
    """NumPy with the derivative written by hand."""
    x, target = np.array(xor.INPUTS), np.array(xor.TARGETS)

    def run(steps: int) -> Result:
        w, b = np.array(xor.START[:2]), xor.START[2]
        for _ in range(steps):
            p = 1.0 / (1.0 + np.exp(-(x @ w + b)))
            d = p - target
            loss = (d * d).mean()
            dz = 0.5 * d * p * (1.0 - p)
            w = w - xor.RATE * (x.T @ dz)
            b -= xor.RATE * dz.sum()
        return Result(float(loss), p.tolist())

    return run


def xor_torch() -> Run:
    """PyTorch: a Linear layer, MSELoss and SGD."""
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    x = torch.tensor(xor.INPUTS, dtype=torch.float64)
    target = torch.tensor(xor.TARGETS, dtype=torch.float64).reshape(-1, 1)

    def run(steps: int) -> Result:
        layer = torch.nn.Linear(2, 1).double()
        with torch.no_grad():
            layer.weight[:] = torch.tensor([xor.START[:2]])
            layer.bias[:] = xor.START[2]
        optimizer = torch.optim.SGD(layer.parameters(), lr=xor.RATE)
        criterion = torch.nn.MSELoss()
        for _ in range(steps):
            optimizer.zero_grad()
            p = torch.sigmoid(layer(x))
            loss = criterion(p, target)
            loss.backward()
            optimizer.step()
        return Result(loss.item(), p[:, 0].tolist())

    return run


def _jax_xor_step() -> tuple[Any, Callable[[Any], Any]]:
    jax = load("jax", "jax", optional=True)
    jnp = jax.numpy
    x, target = jnp.array(xor.INPUTS), jnp.array(xor.TARGETS)

    def loss(p: Any) -> Any:
        scores = jax.nn.sigmoid(x @ p[:2] + p[2])
        return jnp.mean((scores - target) ** 2), scores

    def step(p: Any) -> Any:
        (value, scores), gradient = jax.value_and_grad(loss, has_aux=True)(p)
        return p - xor.RATE * gradient, value, scores

    return jax, step


def xor_jax() -> Run:
    """JAX: one jitted call per step."""
    jax, step = _jax_xor_step()
    jitted = jax.jit(step)
    jax.block_until_ready(jitted(jax.numpy.array(xor.START)))

    def run(steps: int) -> Result:
        p = jax.numpy.array(xor.START)
        for _ in range(steps):
            p, loss, scores = jitted(p)
        return Result(float(loss), scores.tolist())

    return run


def xor_jax_loop() -> Run:
    """JAX: the whole training as one fori_loop, compiled."""
    jax, step = _jax_xor_step()

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def loop(p: Any, steps: int) -> Any:
        return jax.lax.fori_loop(0, steps, lambda _, c: step(c[0]), (p, 0.0, jax.numpy.zeros(len(xor.TARGETS))))

    jax.block_until_ready(loop(jax.numpy.array(xor.START), 1))

    def run(steps: int) -> Result:
        _, loss, scores = loop(jax.numpy.array(xor.START), steps)
        return Result(float(loss), scores.tolist())

    return run


# --- The moons network


def unpack(p: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Return weights and biases of a network 2-h-h-1, as views of its array of parameters."""
    h = moons.width(len(p))
    second, last = 3 * h, (h + 4) * h
    w1, b1 = p[: 2 * h].reshape(h, 2), p[2 * h : second]
    return w1, b1, p[second : last - h].reshape(h, h), p[last - h : last], p[last : last + h], p[last + h]


def moons_numpy(data: moons.Moons = moons.DATA) -> Run:
    """NumPy with the derivative written by hand."""
    x, sides = data
    n = len(sides)

    def run(steps: int) -> Result:
        p = moons.START.copy()
        w1, b1, w2, b2, w3, _ = unpack(p)
        gradient = np.empty_like(p)
        g1, c1, g2, c2, g3, _ = unpack(gradient)
        for k in range(steps):
            h1 = np.maximum(x @ w1.T + b1, 0.0)
            h2 = np.maximum(h1 @ w2.T + b2, 0.0)
            scores = h2 @ w3 + p[336]
            margin = 1.0 - sides * scores
            active = margin > 0.0
            loss = np.where(active, margin, 0.0).mean() + moons.PENALTY * (p @ p)
            d = np.where(active, -sides / n, 0.0)
            g3[:] = d @ h2
            gradient[336] = d.sum()
            d2 = np.outer(d, w3) * (h2 > 0.0)
            g2[:] = d2.T @ h1
            c2[:] = d2.sum(0)
            d1 = (d2 @ w2) * (h1 > 0.0)
            g1[:] = d1.T @ x
            c1[:] = d1.sum(0)
            p -= moons.rate(k) * (gradient + 2.0 * moons.PENALTY * p)
        return Result(float(loss), scores.tolist())

    return run


def moons_torch(data: moons.Moons = moons.DATA) -> Run:
    """PyTorch: Linear layers and SGD."""
    torch = load("torch", "torch", optional=True)
    torch.set_num_threads(1)
    x, sides = torch.tensor(data.inputs), torch.tensor(data.sides)
    nn = torch.nn

    def run(steps: int) -> Result:
        layers = nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
        network = nn.Sequential(*layers).double()
        w1, b1, w2, b2, w3, b3 = unpack(torch.tensor(moons.START))
        with torch.no_grad():
            for q, start in zip(network.parameters(), (w1, b1, w2, b2, w3[None], b3[None]), strict=True):
                q.copy_(start)
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
        for k in range(steps):
            optimizer.param_groups[0]["lr"] = moons.rate(k)
            optimizer.zero_grad()
            scores = network(x)[:, 0]
            penalty = sum((q * q).sum() for q in network.parameters())
            loss = torch.relu(1.0 - sides * scores).mean() + moons.PENALTY * penalty
            loss.backward()
            optimizer.step()
        return Result(loss.item(), scores.tolist())

    return run


def moons_own(data: moons.Moons = moons.DATA) -> Run:
    """Reelgrad in Array form, eagerly: the whole batch in each operation."""
    x, sides = data

    def run(steps: int) -> Result:
        p = rg.array(moons.START)
        w1, b1, w2, b2, w3, b3 = unpack(p)  # views
        for k in range(steps):
            h = rg.relu(x @ w1.T + b1)
            h = rg.relu(h @ w2.T + b2)
            scores = h @ w3 + b3
            loss = rg.relu(1.0 - sides * scores).mean() + moons.PENALTY * (p @ p)
            p.grad = 0.0
            loss.backward()
            p.value = p.value - moons.rate(k) * p.grad
        return Result(loss.value, scores.value.tolist())

    return run


def _jax_moons_step(data: moons.Moons) -> tuple[Any, Callable[[Any, Any], Any]]:
    jax = load("jax", "jax", optional=True)
    jnp = jax.numpy
    x, sides = jnp.array(data.inputs), jnp.array(data.sides)

    def loss(p: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = unpack(p)
        h = jax.nn.relu(x @ w1.T + b1)
        h = jax.nn.relu(h @ w2.T + b2)
        scores = h @ w3 + b3
        return jax.nn.relu(1.0 - sides * scores).mean() + moons.PENALTY * (p @ p), scores

    def step(p: Any, rate: Any) -> Any:
        (value, scores), gradient = jax.value_and_grad(loss, has_aux=True)(p)
        return p - rate * gradient, value, scores

    return jax, step


def moons_jax(data: moons.Moons = moons.DATA) -> Run:
    """JAX: one jitted call per step."""
    jax, step = _jax_moons_step(data)
    jitted = jax.jit(step)
    jax.block_until_ready(jitted(jax.numpy.array(moons.START), 1.0))

    def run(steps: int) -> Result:
        p = jax.numpy.array(moons.START)
        for k in range(steps):
            p, loss, scores = jitted(p, moons.rate(k))
        return Result(float(loss), scores.tolist())

    return run


def moons_jax_loop(data: moons.Moons = moons.DATA) -> Run:
    """JAX: the whole training as one fori_loop, compiled."""
    jax, step = _jax_moons_step(data)

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def loop(p: Any, steps: int) -> Any:
        return jax.lax.fori_loop(
            0, steps, lambda k, c: step(c[0], 1.0 - 0.9 * k / 100.0), (p, 0.0, jax.numpy.zeros(len(data.sides)))
        )

    jax.block_until_ready(loop(jax.numpy.array(moons.START), 1))

    def run(steps: int) -> Result:
        _, loss, scores = loop(jax.numpy.array(moons.START), steps)
        return Result(float(loss), scores.tolist())

    return run


# Names and makers.
ARRAYS = "reelgrad, Arrays"
TORCH = "PyTorch"
JAX_LOOP = "JAX, compiled loop"
XOR_RUNS: Sequence[tuple[str, Callable[[], Run]]] = (
    ("plain Python, derivative by hand", xor_by_hand),
    ("NumPy, derivative by hand", xor_numpy),
    (TORCH, xor_torch),
    ("JAX, jit per step", xor_jax),
    (JAX_LOOP, xor_jax_loop),
)
MOONS_RUNS: Sequence[tuple[str, Callable[[], Run]]] = (
    (ARRAYS, moons_own),
    ("NumPy, derivative by hand", moons_numpy),
    (TORCH, moons_torch),
    ("JAX, jit per step", moons_jax),
    (JAX_LOOP, moons_jax_loop),
)
