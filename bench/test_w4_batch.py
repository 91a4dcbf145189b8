"""W4: the gradient of a network's squared error over 100,000 samples."""

from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.arrays import unpack
from bench.batch import INPUTS, PARAMETERS, PEERS, TARGETS, expected
from bench.compiled import BATCH, batch_gradient, batch_gradient_two_threads
from bench.fixtures import present, time_rounds
from bench.gradients import FloatArray, Work, require_same_gradient
from bench.limits import LIMIT, LIMIT_TWO_THREADS, batch_limit, batch_limit_two_threads

MAKERS = [(LIMIT, batch_limit), (LIMIT_TWO_THREADS, batch_limit_two_threads), *BATCH, *PEERS]


def _loss(p: FloatArray) -> float:
    w1, b1, w2, b2, w3, b3 = unpack(p)
    hidden = np.tanh(np.tanh(INPUTS @ w1.T + b1) @ w2.T + b2)
    return float(((hidden @ w3 + b3 - TARGETS) ** 2).sum())


@pytest.mark.parametrize("q", [0, 31, 40, 48, 303, 310, 320, 336])
def test_the_derivative_by_hand_agrees_with_differences(q: int) -> None:
    step = np.zeros_like(PARAMETERS)
    step[q] = 1e-5
    difference = (_loss(PARAMETERS + step) - _loss(PARAMETERS - step)) / 2e-5
    assert difference == pytest.approx(expected().gradient[q], rel=1e-6, abs=1e-3)


def test_two_threads_find_the_bits_of_one() -> None:
    (value, gradient), (again, same) = batch_gradient()(), batch_gradient_two_threads()()
    assert value == again
    assert np.array_equal(gradient, same)


@pytest.mark.benchmark(group="W4 gradient over a batch")
@pytest.mark.parametrize("make", [make for _, make in MAKERS], ids=[name for name, _ in MAKERS])
def test_gradient(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    work = present(make)
    require_same_gradient("batch", work, expected())
    time_rounds(benchmark, work, rounds=5)
