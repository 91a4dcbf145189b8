"""How many threads the engine uses."""

from __future__ import annotations

import os

from reelgrad.checks import whole

__all__ = ["get_num_threads", "set_num_threads"]

_MOST = 1 << 20  # more are never used: it is far beyond what a machine has, and what the engine counts with
_threads: int | None = None


def set_num_threads(threads: int | None) -> None:
    """Set how many threads compiled functions use where a call does not say; None means all cores.

    Results do not depend on it: they have the same bits for any number of threads.

    Raises
    ------
    SettingError
        If it is less than 1.
    """
    global _threads
    _threads = None if threads is None else checked_threads(threads)


def get_num_threads() -> int:
    """Return how many threads compiled functions use where a call does not say.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.set_num_threads(1)
    >>> rg.get_num_threads()
    1
    >>> rg.set_num_threads(None)
    """
    if _threads is not None:
        return _threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """Return how many threads a call uses that asked for so many, or for None."""
    if threads is None:
        return get_num_threads()
    return min(whole("threads", threads), _MOST)
