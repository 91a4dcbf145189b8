"""What tests of wrong use have in common: the state of a tape before and after, and Python programs run apart.

A call that raises must leave its tape as it was. ``unchanged(*nodes)`` holds that: sizes, handles, values, gradients.
Programs that kill, fork or exhaust their process are run by ``run_python`` in one of their own.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import reelgrad as rg

COUNTED = ("operators", "variables", "wide", "nodes", "marks")


def state(tape: rg.Tape, *nodes: rg.Node) -> dict[str, Any]:
    """The sizes of the tape, and repr, value and gradient of the nodes (repr, so that nan equals nan)."""
    stats = tape.stats()
    return {
        **{key: stats[key] for key in COUNTED},
        "len": len(tape),
        "nodes' values": [repr(node.value) for node in nodes],
        "nodes' gradients": [repr(node.grad) for node in nodes],
        "current": rg.current_tape(),
    }


@contextmanager
def unchanged(*nodes: rg.Node, tape: rg.Tape | None = None) -> Iterator[None]:
    """Assert that what happens inside leaves the tape of the nodes (or `tape`) as it was."""
    tape = nodes[0].tape if tape is None else tape
    collecting = gc.isenabled()
    gc.disable()  # Nodes in cycles that earlier tests left must not die in between: they are counted
    try:
        before = state(tape, *nodes)
        yield
        after = state(tape, *nodes)
    finally:
        if collecting:
            gc.enable()
    assert after == before, {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def raised_by(call: Callable[..., Any], *arguments: Any) -> Exception | None:
    """The exception that the call raises, if it does; for tests that go through many calls."""
    try:
        call(*arguments)
    except Exception as error:
        return error.with_traceback(None)
    return None


def run_python(program: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `program` in a Python process of its own that finds the same reelgrad."""
    package = str(Path(rg.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def assert_runs(program: str, output: str = "ok\n") -> None:
    """Assert that `program` exits with status 0, prints `output` and writes nothing to stderr."""
    done = run_python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, ""), (
        f"{done.returncode}\n{done.stdout}{done.stderr}"
    )
