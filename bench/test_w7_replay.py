"""W7: value and gradient of a network for one sample, from Python."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.fixtures import present
from bench.gradients import Work, require_same_gradient
from bench.replay import PEERS, expected


@pytest.mark.benchmark(group="W7 one sample")
@pytest.mark.parametrize("make", [make for _, make in PEERS], ids=[name for name, _ in PEERS])
def test_gradient(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    work = present(make)
    require_same_gradient("replay", work, expected())
    benchmark(work)
