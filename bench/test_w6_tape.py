"""W6: 10 million operators recorded and swept from C++, beside the same arithmetic on plain doubles."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.cpp_build import BuildImpossible, once
from bench.cpp_tape import CppTape, library
from bench.fixtures import time_rounds

OPERATORS = 10_000_000


@pytest.fixture(scope="module")
def cpp_tape() -> Iterator[CppTape]:
    try:
        tape = CppTape(once(library))
    except BuildImpossible as reason:
        pytest.skip(str(reason))
    yield tape
    tape.close()


@pytest.mark.benchmark(group="W6 10 million operators from C++")
def test_plain_doubles(benchmark: BenchmarkFixture, cpp_tape: CppTape) -> None:
    value = time_rounds(benchmark, cpp_tape.plain, (cpp_tape.steps(OPERATORS),), rounds=5)
    assert value == cpp_tape.record(cpp_tape.steps(OPERATORS))  # to the bit


@pytest.mark.benchmark(group="W6 10 million operators from C++")
def test_record(benchmark: BenchmarkFixture, cpp_tape: CppTape) -> None:
    time_rounds(benchmark, cpp_tape.record, (cpp_tape.steps(OPERATORS),), rounds=5)
    assert cpp_tape.bytes_per_operator() <= 45.0


@pytest.mark.benchmark(group="W6 10 million operators from C++")
def test_reverse(benchmark: BenchmarkFixture, cpp_tape: CppTape) -> None:
    cpp_tape.record(cpp_tape.steps(OPERATORS))
    gradient = cpp_tape.reverse()
    assert time_rounds(benchmark, cpp_tape.reverse, rounds=5) == gradient
