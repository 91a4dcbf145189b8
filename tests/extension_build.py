"""Builds extension modules for tests: a Cython or C++ source, compiled against this very package.

A test that cannot be run, for want of a compiler or of Cython, is skipped, and says so.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

import reelgrad as rg

SOURCES = Path(__file__).parent / "embedding"


def require_compiler() -> str:
    """Return the C++ compiler, or skip the test."""
    if sys.platform == "win32":
        pytest.skip(
            "these tests call the compiler as Unix does; on Windows the examples' CMake builds are what is used"
        )
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler: neither c++, g++ nor clang++ is on the PATH, and CXX is not set")
    return compiler


def require_module(name: str) -> None:
    """Skip the test if a module is not installed."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install 'reelgrad[test]' brings what the tests need")


def search_path() -> str:
    """Return a PATH with the programs beside this interpreter, whether or not its environment is activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def require_program(name: str) -> None:
    """Skip the test if a program is not installed."""
    if shutil.which(name, path=search_path()) is None:
        pytest.skip(f"{name} is not on the PATH: pip install 'reelgrad[test]' brings what the tests need")


def run(command: list[str], **options: object) -> str:
    """Run a command and return its output; fail the test with it if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def environment() -> dict[str, str]:
    """Return an environment in which other programs find this interpreter's, and the package that it has."""
    package = Path(rg.__file__).parent.parent
    python_path = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": python_path, "PATH": search_path()}


def translate(source: Path, folder: Path) -> Path:
    """Translate a Cython source into C++."""
    require_module("Cython")
    result = folder / f"{source.stem}.cpp"
    run([sys.executable, "-m", "cython", "--cplus", "-3", str(source), "-o", str(result)], env=environment())
    return result


def compile_module(source: Path, folder: Path, *options: str, include: str | None = None) -> Path:
    """Compile a C++ source into a module in `folder`; return its path."""
    compiler = require_compiler()
    result = folder / (source.stem + str(sysconfig.get_config_var("EXT_SUFFIX")))
    python = sysconfig.get_path("include")
    flags = ["-std=c++20", "-shared", "-fPIC", "-ffp-contract=off", *options]
    if sys.platform == "darwin":
        flags += ["-undefined", "dynamic_lookup"]
    run([compiler, *flags, f"-I{python}", f"-I{include or rg.get_include()}", str(source), "-o", str(result)])
    return result


def load(path: Path) -> ModuleType:
    """Import the module at `path`."""
    name = path.name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
