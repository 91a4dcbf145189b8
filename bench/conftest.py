"""What all benchmarks share: the bench extra, and one core."""

import importlib.util

import pytest

from bench.timing import pin

if importlib.util.find_spec("pytest_benchmark") is None:
    raise pytest.UsageError("the benchmarks need pytest-benchmark; install the bench extra: pip install '.[bench]'")


@pytest.fixture(scope="session", autouse=True)
def _pinned() -> None:
    pin()
