"""W1: the price of one operator from Python, and of a chain of 1,000 mixed ones, forward and backward apart."""

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import reelgrad as rg
from bench import operators
from bench.engines import DIFFERENTIATING, Engine, Floats, Reelgrad
from bench.fixtures import present, time_rounds
from bench.operators import OperatorCase
from bench.program import GRADIENT_TOLERANCE, Program, mixed_program

PROGRAM = mixed_program()
# Enough to fill reelgrad's first 65,536 entries: after that the tape reuses memory, as in any longer run.
WARMUP = 70
ENGINES = pytest.mark.parametrize("make", DIFFERENTIATING, ids=lambda make: make.name)


@pytest.mark.parametrize("case", operators.CASES, ids=lambda case: case.label)
def test_operator_on_nodes(benchmark: BenchmarkFixture, case: OperatorCase) -> None:
    benchmark.group = f"W1 operator, {operators.REPEATS} times: {case.label}"
    with rg.Tape():
        benchmark(operators.on_nodes(case))


@pytest.mark.parametrize("case", [case for case in operators.CASES if case.floats], ids=lambda case: case.label)
def test_operator_on_floats(benchmark: BenchmarkFixture, case: OperatorCase) -> None:
    benchmark.group = f"W1 operator, {operators.REPEATS} times: {case.label}"
    benchmark(operators.on_floats(case))


def gradient_of(engine: Engine, program: Program) -> list[float]:
    with engine.session():
        xs = engine.variables(program.inputs)
        engine.backward(engine.record(program.compiled(), xs))
        return engine.gradient(xs)


EXPECTED = gradient_of(Reelgrad(), PROGRAM)


def test_most_operators_are_ancestors_of_the_output() -> None:
    assert PROGRAM.ancestors >= 0.9 * len(PROGRAM)


def test_the_chain_has_the_value_of_plain_floats_to_the_bit() -> None:
    body = PROGRAM.compiled()
    with rg.Tape():
        y = body(rg.variables(*PROGRAM.inputs), rg.tanh, rg.exp)
    assert y.value == body(PROGRAM.inputs, rg.tanh, rg.exp)


@pytest.mark.benchmark(group="W1 chain of 1,000 mixed operators: forward")
@pytest.mark.parametrize("make", [Floats, *DIFFERENTIATING], ids=lambda make: make.name)
def test_chain_forward(benchmark: BenchmarkFixture, make: type[Engine]) -> None:
    engine, body = present(make), PROGRAM.compiled()
    if not isinstance(engine, Floats):
        np.testing.assert_allclose(gradient_of(engine, PROGRAM), EXPECTED, rtol=GRADIENT_TOLERANCE)

    def setup() -> tuple[Any]:
        return (engine.variables(PROGRAM.inputs),)

    with engine.session():
        time_rounds(benchmark, lambda xs: engine.record(body, xs), setup=setup, rounds=50, warmup=WARMUP)


@pytest.mark.benchmark(group="W1 chain of 1,000 mixed operators: backward")
@ENGINES
def test_chain_backward(benchmark: BenchmarkFixture, make: type[Engine]) -> None:
    engine, body = present(make), PROGRAM.compiled()

    def setup() -> tuple[Any]:
        return (engine.record(body, engine.variables(PROGRAM.inputs)),)

    with engine.session():
        time_rounds(benchmark, engine.backward, setup=setup, rounds=50, warmup=WARMUP)
