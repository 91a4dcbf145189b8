"""The main interpreter of a process, the only one that the engine and optree run in: importing them hangs in others."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__: list[str] = []


def _require_main_interpreter() -> None:
    for name in ("_interpreters", "_xxsubinterpreters"):  # from Python 3.13 on; before
        try:
            interpreters: Any = import_module(name)
        except ImportError:
            continue
        if interpreters.get_current() != interpreters.get_main():
            raise ImportError(
                "reelgrad runs in the main interpreter of a process only, not in a subinterpreter; import it there, or "
                "in a process of its own (under mod_wsgi: WSGIApplicationGroup %{GLOBAL})"
            )
        return


_require_main_interpreter()
