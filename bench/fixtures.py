"""What the pytest files share: peers that skip politely, and timing by rounds.

Named apart from conftest.py so that it can be imported.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.engines import PeerMissing

T = TypeVar("T")


def present(make: Callable[[], T]) -> T:
    """Make a peer, or skip the benchmark with the reason."""
    try:
        return make()
    except PeerMissing as missing:
        pytest.skip(str(missing))


def time_rounds(
    benchmark: BenchmarkFixture,
    work: Callable[..., T],
    arguments: tuple[Any, ...] = (),
    *,
    setup: Callable[[], tuple[Any, ...]] | None = None,
    rounds: int = 5,
    warmup: int = 1,
) -> T:
    """Time `rounds` single calls of `work` after `warmup` others; return what it returns.

    `setup`, if given, makes the arguments of each call, untimed.
    """
    call: Callable[..., T] = benchmark.pedantic
    if setup is None:
        return call(work, arguments, rounds=rounds, warmup_rounds=warmup)

    def prepare() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return setup(), {}

    return call(work, setup=prepare, rounds=rounds, warmup_rounds=warmup)
