"""reelgrad's rows where functions are compiled: W2 and W3 by `rg.fit`, W4, W5, W7 and W8 by `rg.compile`.

The functions are the scalar code of the workloads, traced once. Makers compile them before anything is timed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import reelgrad as rg
from bench import asian, batch, long_program, moons, replay, xor
from bench.arrays import Run
from bench.engines import Reelgrad
from bench.gradients import FloatArray, Makers, Work
from bench.timing import pin, unpin
from bench.training import Result

FIT = "reelgrad, rg.fit"
COMPILED = Reelgrad.name
TWO_THREADS = "reelgrad, two threads"


# --- W2 and W3


def _fitting(loss: Callable[..., Any], start: FloatArray, data: tuple[FloatArray, FloatArray], rate: Any) -> Run:
    compiled = rg.compile(loss, in_axes=(None, 0, 0), reduce="mean", threads=1)
    optimizer = rg.optim.SGD(rate)

    def run(steps: int) -> Result:
        result = rg.fit(compiled, start, data, optimizer=optimizer, epochs=steps)
        return Result(result.loss, [])  # the scores are not kept

    run(1)
    return run


def xor_fit() -> Run:
    """W2: the loss of one sample; all four are the batch."""

    def loss(p: Any, x: Any, target: Any) -> Any:
        prediction = 1.0 / (1.0 + rg.exp(-(p[0] * x[0] + p[1] * x[1] + p[2])))
        return (prediction - target) ** 2

    return _fitting(loss, np.array(xor.START), (np.array(xor.INPUTS), np.array(xor.TARGETS)), xor.RATE)


def moons_loss(p: Any, x: Any, side: Any) -> Any:
    """Return the loss of one point: hinge and penalty, which counts once in the mean."""
    score = moons.score(moons.layers(p), x, rg.relu)
    return rg.relu(1.0 - score * side) + moons.PENALTY * sum(q * q for q in p)


def moons_fit(data: moons.Moons = moons.DATA) -> Run:
    """W3: the loss of one point, the rate by a schedule."""
    rate = rg.optim.schedules.linear(moons.rate(0), moons.rate(moons.STEPS), moons.STEPS)
    return _fitting(moons_loss, moons.START, data, rate)


# --- W4, W5, W7, W8


def _squared_error(p: Any, x: Any, target: Any) -> Any:
    return batch.squared_error(p, x, target, rg.tanh)


def batch_gradient(samples: int = batch.SAMPLES) -> Work:
    """W4, one thread."""
    loss = rg.compile(_squared_error, in_axes=(None, 0, 0), reduce="sum", threads=1)
    return partial(loss.value_and_grad, batch.PARAMETERS, batch.INPUTS[:samples], batch.TARGETS[:samples])


def batch_gradient_two_threads() -> Work:
    """W4, two threads: the second is made while the process may use all cores, and keeps that right."""
    loss = rg.compile(_squared_error, in_axes=(None, 0, 0), reduce="sum", threads=2)
    work = partial(loss.value_and_grad, batch.PARAMETERS, batch.INPUTS, batch.TARGETS)
    unpin()
    work()
    pin()
    return work


def _payoff(inputs: Any, normals: Any) -> Any:
    return asian.discounted_payoff(inputs, normals, rg.exp, rg.sqrt, rg.relu)


def asian_by_step(normals: FloatArray = asian.BY_STEP) -> Work:
    """W5, time-major as the limit has it."""
    price = rg.compile(_payoff, in_axes=(None, 1), reduce="mean", threads=1)
    return partial(price.value_and_grad, asian.INPUTS, normals)


def asian_by_path() -> Work:
    """W5, row-major."""
    price = rg.compile(_payoff, in_axes=(None, 0), reduce="mean", threads=1)
    return partial(price.value_and_grad, asian.INPUTS, np.ascontiguousarray(asian.BY_STEP.T))


def _one_sample(p: Any) -> Any:
    return batch.squared_error(p, replay.INPUT.tolist(), replay.TARGET, rg.tanh)


def one_sample(parameters: FloatArray = batch.PARAMETERS) -> Work:
    """W7, the gradient into an array that is there."""
    loss = rg.compile(_one_sample)
    return partial(loss.value_and_grad, parameters, out=np.empty_like(parameters))


def one_sample_new_array() -> Work:
    """W7, the gradient as a new array."""
    return partial(rg.compile(_one_sample).value_and_grad, batch.PARAMETERS)


def long_gradient(program: long_program.LongProgram | None = None) -> Work:
    """W8."""
    program = program or long_program.timed_program()
    body = program.compiled()
    total = rg.compile(lambda x: body(x, rg.tanh, rg.exp), in_axes=0, reduce="sum", threads=1)
    return partial(total.value_and_grad, program.lanes())


BATCH: Makers = ((COMPILED, batch_gradient), (TWO_THREADS, batch_gradient_two_threads))
ASIAN: Makers = ((COMPILED, asian_by_step), ("reelgrad, row-major", asian_by_path))
REPLAY: Makers = ((COMPILED, one_sample), ("reelgrad, a new array for the gradient", one_sample_new_array))
LONG: Makers = ((COMPILED, long_gradient),)


# --- What a call costs


def _squares(numbers: Sequence[Any]) -> Any:
    return sum(x * x for x in numbers)


def _of_module(neuron: rg.nn.Neuron) -> Any:
    return _squares(list(neuron.parameters()))


def calls() -> list[tuple[str, Work]]:
    """Return value and gradient of the sum of ten squares, the numbers in one structure or another."""
    numbers = np.linspace(0.1, 1.0, 10)
    flat = rg.compile(_squares)
    neuron = rg.nn.Neuron(len(numbers) - 1)
    for parameter, number in zip(neuron.parameters(), numbers.tolist(), strict=True):
        parameter.value = number
    return [
        ("an array, `out=`", partial(flat.value_and_grad, numbers, out=np.empty(10))),
        ("an array", partial(flat.value_and_grad, numbers)),
        ("ten floats as arguments", partial(rg.compile(lambda *xs: _squares(xs)).value_and_grad, *numbers.tolist())),
        ("a list of floats", partial(rg.compile(_squares).value_and_grad, numbers.tolist())),
        (
            "a dict of two arrays",
            partial(
                rg.compile(lambda d: _squares(d["w"]) + _squares(d["b"])).value_and_grad,
                {"w": numbers[:8].copy(), "b": numbers[8:].copy()},
            ),
        ),
        ("a Module, `rg.nn.Neuron(9)`", partial(rg.compile(_of_module).value_and_grad, neuron)),
    ]
