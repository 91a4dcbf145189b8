"""Fixtures that several modules use."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def few_objects() -> Iterator[None]:
    """Hide what other modules made from the garbage collector, so that asking it often takes little time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
