"""W6: the tape from C++. Builds `bench/cpp/w6_tape.cpp` with CMake in a folder of its own and calls it through ctypes.

The problem is the same straight-line code on plain doubles and on recording numbers, so that the ratio is the price of
the tape and of nothing else. `BuildImpossible` says what is missing.
"""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class BuildImpossible(Exception):
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


def build(folder: Path) -> "CppTape":
    """Configure and build in `folder`, with the flags of an ordinary release build; return the loaded benchmark."""
    cmake, ninja = _program("cmake"), _program("ninja")
    options = ["-DREELGRAD_PYTHON=OFF", "-DREELGRAD_BENCH=ON", "-DCMAKE_BUILD_TYPE=Release"]
    _run([cmake, "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", *options])
    _run([cmake, "--build", str(folder), "--target", "w6_tape", "--parallel", "2"])
    return CppTape(folder / "w6_tape.so", _compiler(folder))


def _compiler(folder: Path) -> str:
    """Return the first line that the compiler says about itself."""
    for line in (folder / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("CMAKE_CXX_COMPILER:"):
            return _run([line.partition("=")[2], "--version"]).partition("\n")[0]
    return "unknown"


class CppTape:
    """The benchmark's functions, and one tape that keeps its memory from run to run."""

    def __init__(self, library: Path, compiler: str) -> None:
        self.compiler = compiler
        self._library = ctypes.CDLL(str(library))
        self.operators = self._function("w6_operators", ctypes.c_size_t, ctypes.c_size_t)
        self.plain = self._function("w6_plain", ctypes.c_double, ctypes.c_size_t)
        self._new = self._function("w6_new", ctypes.c_void_p)
        self._delete = self._function("w6_delete", None, ctypes.c_void_p)
        self._record = self._function("w6_record", ctypes.c_double, ctypes.c_void_p, ctypes.c_size_t)
        self._reverse = self._function("w6_reverse", ctypes.c_double, ctypes.c_void_p)
        self._size = self._function("w6_size", ctypes.c_size_t, ctypes.c_void_p)
        self._bytes_used = self._function("w6_bytes_used", ctypes.c_size_t, ctypes.c_void_p)
        self._tape: int | None = self._new()

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        function = getattr(self._library, name)
        function.restype, function.argtypes = result, arguments
        return function  # type: ignore[no-any-return]

    def steps(self, operators: int) -> int:
        """Return how many steps of the body make about so many operators."""
        per_step = self.operators(1) - self.operators(0)
        return round(operators / int(per_step))

    def record(self, steps: int) -> float:
        """Record on the tape, reset before; return the value."""
        return float(self._record(self._tape, steps))

    def reverse(self) -> float:
        """Sweep back from the last operator; return a gradient."""
        return float(self._reverse(self._tape))

    def bytes_per_operator(self) -> float:
        """Return the memory in use divided by the operators on the tape."""
        return float(self._bytes_used(self._tape) / self._size(self._tape))

    def record_on_new_tape(self, steps: int) -> float:
        """Record on a tape that has no memory yet."""
        tape = self._new()
        try:
            return float(self._record(tape, steps))
        finally:
            self._delete(tape)

    def close(self) -> None:
        """Free the tape."""
        if self._tape is not None:
            self._delete(self._tape)
            self._tape = None
