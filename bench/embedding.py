"""W9: the same loop on the tape from C++, from Cython and on Nodes."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import reelgrad as rg
from bench.cpp_build import ROOT, BuildImpossible

OPERATORS_PER_STEP = 8
CPP, CYTHON, NODES = "reelgrad from C++", "reelgrad from Cython", "reelgrad, Nodes"
STEPS = 100_000
Walk = Callable[[Any, Any, float, int], Any]


def build() -> ModuleType:
    """Compile bench/cython/walk.pyx, with the flags of a release build; return the module."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _build(Path(folder))


def _build(folder: Path) -> ModuleType:
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None or importlib.util.find_spec("Cython") is None:
        raise BuildImpossible("W9 needs a C++ compiler, and Cython: pip install '.[bench]'")
    source, library = folder / "walk.cpp", folder / f"walk{sysconfig.get_config_var('EXT_SUFFIX')}"
    package = os.environ | {"PYTHONPATH": str(Path(rg.__file__).parent.parent)}
    pyx = ROOT / "bench" / "cython" / "walk.pyx"
    cython = [sys.executable, "-m", "cython", "--cplus", "-3", str(pyx), "-o", str(source)]
    flags = ["-std=c++20", "-O3", "-DNDEBUG", "-fno-math-errno", "-ffp-contract=off", "-shared", "-fPIC"]
    folders = [f"-I{each}" for each in (sysconfig.get_path("include"), rg.get_include(), ROOT / "bench" / "cpp")]
    for command in (cython, [compiler, *flags, *folders, str(source), "-o", str(library)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=package)
        if done.returncode != 0:
            raise BuildImpossible(f"W9 cannot be built:\n{(done.stdout + done.stderr)[-2000:]}")
    spec = importlib.util.spec_from_file_location("walk", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_nodes(x: Any, v: Any, drift: float, steps: int) -> Any:
    """Return what walk.pyx's functions do, one Python operator at a time."""
    for _ in range(steps):
        force = drift * v - rg.sin(x) * 0.5
        v = v + 0.01 * force
        x = x + 0.01 * v
        if x > 3.0:
            x = x - 6.0
    return x * v


def recorder(walk: Walk, steps: int) -> Callable[[], float]:
    """Return a function that records the walk on one tape, rewound each time, and returns the result's value."""
    tape = rg.Tape()
    start = tape.mark()

    def record() -> float:
        tape.rewind(start)
        x, v = tape.variables(1.0, 0.5)
        result = walk(x, v, -0.1, steps)
        return float(result.value)

    return record


def variants(walk: ModuleType) -> list[tuple[str, Callable[[], float]]]:
    """Return what records the walk of `STEPS` steps, by name; all must come to the same bits."""
    recorders = [(CPP, recorder(walk.in_cpp, STEPS)), (CYTHON, recorder(walk.in_cython, STEPS))]
    recorders.append((NODES, recorder(on_nodes, STEPS)))
    if len({record() for _, record in recorders}) != 1:
        raise AssertionError("the walks from C++, from Cython and on Nodes differ")
    return recorders
