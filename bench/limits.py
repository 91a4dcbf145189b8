"""The limits: W2 to W5 written by hand in C++, `bench/cpp/`, for this very processor; derivatives by hand too.

W2 is scalar; the others have SIMD across samples or paths. They know everything beforehand: sizes,
layout, what is constant.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench import asian, batch, moons, xor
from bench.arrays import Run
from bench.cpp_build import Library, build, once
from bench.gradients import FloatArray, Work, aligned
from bench.timing import unpin
from bench.training import Result

LIMIT = "limit: C++ by hand"
LIMIT_TWO_THREADS = f"{LIMIT}, two threads"
# What the C++ was written for, whatever the width of the processor's vectors.
MOST_POINTS, SAMPLES_AT_ONCE, PATHS_AT_ONCE = 128, 32, 16

_INT, _LONG, _DOUBLE, _POINTER = ctypes.c_int, ctypes.c_long, ctypes.c_double, ctypes.c_void_p


def _build() -> Library:
    return build("limits")


def library() -> Library:
    """Build once, or raise BuildImpossible at each call."""
    return once(_build)


def _at(array: FloatArray) -> int:
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    return array.ctypes.data


def xor_limit() -> Run:
    """W2."""
    train = library().function("w2_xor", _DOUBLE, _INT, _DOUBLE, _POINTER, _POINTER)

    def run(steps: int) -> Result:
        parameters, predictions = np.array(xor.START), np.empty(4)
        loss = train(steps, xor.RATE, _at(parameters), _at(predictions))
        return Result(loss, predictions.tolist())

    return run


def moons_limit(data: moons.Moons = moons.DATA) -> Run:
    """W3, for at most MOST_POINTS points."""
    train = library().function("w3_moons", _DOUBLE, _INT, _INT, _POINTER, _POINTER, _DOUBLE, _POINTER, _POINTER)

    def run(steps: int) -> Result:
        parameters, scores = moons.START.copy(), np.empty(len(data.sides))
        points = len(scores), _at(data.inputs), _at(data.sides), moons.PENALTY
        loss = train(steps, *points, _at(parameters), _at(scores))
        return Result(loss, scores.tolist())

    return run


def batch_limit(samples: int = batch.SAMPLES) -> Work:
    """W4, on columns of inputs; a multiple of SAMPLES_AT_ONCE."""
    add = library().function("w4_batch", _DOUBLE, _LONG, *[_POINTER] * 5)
    inputs, targets = batch.INPUTS[:samples], batch.TARGETS[:samples]
    columns = [aligned(inputs[:, 0]), aligned(inputs[:, 1]), aligned(targets)]
    data = [_at(column) for column in columns]

    def work() -> tuple[float, FloatArray]:
        gradient = np.empty_like(batch.PARAMETERS)
        loss = add(len(columns[0]), *data, _at(batch.PARAMETERS), _at(gradient))
        return loss, gradient

    return work


def batch_limit_two_threads() -> Work:
    """W4 in halves: what the machine gives to two threads, whoever asks."""
    add = library().function("w4_batch", _DOUBLE, _LONG, *[_POINTER] * 5)
    columns = [aligned(batch.INPUTS[:, 0]), aligned(batch.INPUTS[:, 1]), aligned(batch.TARGETS)]
    half = len(columns[0]) // 2 // SAMPLES_AT_ONCE * SAMPLES_AT_ONCE
    threads = ThreadPoolExecutor(2, initializer=unpin)

    def one(start: int, stop: int) -> tuple[float, FloatArray]:
        gradient = np.empty_like(batch.PARAMETERS)
        data = [_at(column[start:stop]) for column in columns]
        return add(stop - start, *data, _at(batch.PARAMETERS), _at(gradient)), gradient

    def work() -> tuple[float, FloatArray]:
        first, second = threads.submit(one, 0, half), threads.submit(one, half, len(columns[0]))
        return first.result()[0] + second.result()[0], first.result()[1] + second.result()[1]

    return work


def asian_limit(normals: FloatArray = asian.BY_STEP) -> Work:
    """W5, on time-major numbers; paths a multiple of PATHS_AT_ONCE."""
    price_and_gradient = library().function("w5_asian", None, _LONG, *[_POINTER] * 4)

    def work() -> tuple[float, FloatArray]:
        price, gradient = np.empty(1), np.empty_like(asian.INPUTS)
        price_and_gradient(normals.shape[1], _at(normals), _at(asian.INPUTS), _at(price), _at(gradient))
        return float(price[0]), gradient

    return work
