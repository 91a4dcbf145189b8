"""W9: a loop recorded from C++ and from Cython in an extension module, and on Nodes: the same bits, other times."""

from types import ModuleType

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.cpp_build import BuildImpossible, once
from bench.embedding import STEPS, build, on_nodes, recorder
from bench.fixtures import time_rounds


@pytest.fixture(scope="module")
def walk() -> ModuleType:
    try:
        return once(build)
    except BuildImpossible as reason:
        pytest.skip(str(reason))


@pytest.mark.benchmark(group="W9 800,000 operators from an extension module")
def test_cpp(benchmark: BenchmarkFixture, walk: ModuleType) -> None:
    assert time_rounds(benchmark, recorder(walk.in_cpp, STEPS), rounds=15) == recorder(on_nodes, STEPS)()


@pytest.mark.benchmark(group="W9 800,000 operators from an extension module")
def test_cython(benchmark: BenchmarkFixture, walk: ModuleType) -> None:
    assert time_rounds(benchmark, recorder(walk.in_cython, STEPS), rounds=15) == recorder(walk.in_cpp, STEPS)()


@pytest.mark.benchmark(group="W9 800,000 operators from an extension module")
def test_nodes(benchmark: BenchmarkFixture, walk: ModuleType) -> None:
    assert time_rounds(benchmark, recorder(on_nodes, STEPS), rounds=5) == recorder(walk.in_cython, STEPS)()
