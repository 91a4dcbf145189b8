"""The C++ of the benchmarks: built with CMake in `build/bench`, called through ctypes.

`BuildImpossible` says what is missing: it is a peer like any other, and left out like one.
"""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from bench.engines import PeerMissing
from bench.timing import pin, unpin

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench"
T = TypeVar("T")


class BuildImpossible(PeerMissing):
    """There is no CMake, no compiler, or the build failed."""


def _program(name: str) -> str:
    """Find a program on the PATH or beside the interpreter, where a virtual environment that is not active has it."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise BuildImpossible(f"{name} is not installed; install the bench extra: pip install '.[bench]'")
    return found


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        reason = "no C++ compiler was found" if "CMAKE_CXX_COMPILER" in output else f"it failed:\n{output[-2000:]}"
        raise BuildImpossible(f"the C++ benchmark cannot be built: {reason}")
    return done.stdout


class Library:
    """A built library and the compiler's first line about itself."""

    def __init__(self, path: Path, compiler: str) -> None:
        self.compiler = compiler
        self._library = ctypes.CDLL(str(path))

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        """Return a function of it, given the types of its result and arguments."""
        function = getattr(self._library, name)
        function.restype, function.argtypes = result, arguments
        return function  # type: ignore[no-any-return]


def build(target: str) -> Library:
    """Configure and build a target as a release, on all cores; return the loaded library."""
    cmake, ninja = _program("cmake"), _program("ninja")
    options = ["-DREELGRAD_PYTHON=OFF", "-DREELGRAD_BENCH=ON", "-DCMAKE_BUILD_TYPE=Release"]
    unpin()
    try:
        _run([cmake, "-S", str(ROOT), "-B", str(FOLDER), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", *options])
        _run([cmake, "--build", str(FOLDER), "--target", target])
    finally:
        pin()
    return Library(FOLDER / f"{target}.so", _compiler())


def _compiler() -> str:
    for line in (FOLDER / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("CMAKE_CXX_COMPILER:"):
            return _run([line.partition("=")[2], "--version"]).partition("\n")[0]
    return "unknown"


@cache
def _built(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except BuildImpossible as reason:
        return reason


def once(make: Callable[[], T]) -> T:
    """Return what `make` builds, built once; or raise BuildImpossible at each call."""
    found: T | BuildImpossible = _built(make)
    if isinstance(found, BuildImpossible):
        raise found
    return found
