"""W7: value and gradient of a network for one sample, from Python."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.compiled import REPLAY, calls
from bench.fixtures import present
from bench.gradients import Work, require_same_gradient
from bench.replay import PEERS, expected

MAKERS = [*REPLAY, *PEERS]
CALLS = calls()


@pytest.mark.benchmark(group="W7 one sample")
@pytest.mark.parametrize("make", [make for _, make in MAKERS], ids=[name for name, _ in MAKERS])
def test_gradient(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    work = present(make)
    require_same_gradient("replay", work, expected())
    benchmark(work)


@pytest.mark.benchmark(group="W7 value and gradient of ten squares")
@pytest.mark.parametrize("work", [work for _, work in CALLS], ids=[name for name, _ in CALLS])
def test_call(benchmark: BenchmarkFixture, work: Work) -> None:
    value, _ = benchmark(work)
    assert value == pytest.approx(3.85, rel=1e-15)
