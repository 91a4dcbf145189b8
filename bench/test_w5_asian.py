"""W5: price and gradient of an Asian call by Monte Carlo."""

import math
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import reelgrad as rg
from bench import asian
from bench.asian import BY_STEP, INPUTS, PEERS, expected
from bench.compiled import ASIAN
from bench.fixtures import present, time_rounds
from bench.gradients import Work, require_same_gradient
from bench.limits import LIMIT, asian_limit

MAKERS = [(LIMIT, asian_limit), *ASIAN, *PEERS]


def test_the_program_on_floats_has_the_price_of_the_formulas_on_arrays() -> None:
    inputs, paths = INPUTS.tolist(), BY_STEP.T.tolist()
    payoffs = [asian.discounted_payoff(inputs, z, math.exp, math.sqrt, lambda x: max(x, 0.0)) for z in paths]
    assert math.fsum(payoffs) / asian.PATHS == pytest.approx(expected().value, rel=1e-12)


def test_the_derivative_by_hand_agrees_with_the_tape() -> None:
    with rg.Tape():
        inputs = rg.variables(*INPUTS.tolist())
        for z in BY_STEP[:, :500].T.tolist():
            asian.discounted_payoff(inputs, z, rg.exp, rg.sqrt, rg.relu).backward()
        few = [x.grad / 500 for x in inputs]
    assert few == pytest.approx(asian.by_hand(BY_STEP[:, :500]).gradient.tolist(), rel=1e-12)


@pytest.mark.benchmark(group="W5 Asian call")
@pytest.mark.parametrize("make", [make for _, make in MAKERS], ids=[name for name, _ in MAKERS])
def test_gradient(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    work = present(make)
    require_same_gradient("asian", work, expected())
    time_rounds(benchmark, work, rounds=5)
