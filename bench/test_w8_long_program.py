"""W8: a random program of 10,000 operators over 128 lanes."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.compiled import LONG
from bench.fixtures import present, time_rounds
from bench.gradients import Work, require_same_gradient
from bench.long_program import OPERATORS, PEERS, TOLERANCE, expected, timed_program

MAKERS = [*LONG, *PEERS]


def test_as_many_operators_count_as_are_wanted() -> None:
    assert OPERATORS <= timed_program().operators < 1.05 * OPERATORS


@pytest.mark.benchmark(group="W8 a program of 10,000 operators, 128 lanes")
@pytest.mark.parametrize("make", [make for _, make in MAKERS], ids=[name for name, _ in MAKERS])
def test_gradient(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    work = present(make)
    require_same_gradient("long program", work, expected(), TOLERANCE)
    time_rounds(benchmark, work, rounds=3)
