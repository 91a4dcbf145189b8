"""The example projects in C++, pybind11 and Cython build against the installed package, and print what they promise."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import reelgrad as rg
from extension_build import environment, require_compiler, require_module, require_program, run

EXAMPLES = Path(__file__).parent.parent / "examples"
README = EXAMPLES.parent / "README.md"


def require_cmake_package() -> str:
    """Return the folder of reelgrad's CMake package, or skip the test."""
    require_compiler()
    require_program("cmake")
    require_program("ninja")
    try:
        return rg.get_cmake_dir()
    except rg.HeadersNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], ModuleType]:
    """Return a function that installs an example package in a folder and imports its module."""
    require_cmake_package()
    require_module("scikit_build_core")
    require_module("pip")
    target = tmp_path_factory.mktemp("installed")

    def installed(example: str, module: str) -> ModuleType:
        source = tmp_path_factory.mktemp(example) / example  # a copy: nothing is left in the clone
        shutil.copytree(EXAMPLES / example, source)
        command = ["-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index", "--target"]
        run([sys.executable, *command, str(target), str(source)], env=environment())
        sys.path.insert(0, str(target))
        importlib.invalidate_caches()
        try:
            return importlib.import_module(module)
        finally:
            sys.path.remove(str(target))

    return installed


def test_the_cpp_project_prints_the_readme_s_numbers(tmp_path: Path) -> None:
    options = [f"-Dreelgrad_DIR={require_cmake_package()}", "-DCMAKE_BUILD_TYPE=Release", "-G", "Ninja"]
    run(["cmake", "-S", str(EXAMPLES / "cpp_project"), "-B", str(tmp_path), *options], env=environment())
    run(["cmake", "--build", str(tmp_path)], env=environment())
    [reach, farthest] = run([str(tmp_path / "reach")]).splitlines()
    promised = re.search(r"^(.* m per m/s); ([\d,]+) operations$", README.read_text("utf-8"), re.MULTILINE)
    assert promised is not None
    assert reach == f"{promised[1]}; {promised[2].replace(',', '')} operations"
    assert re.fullmatch(r"farthest at 0\.7\d\d radians", farthest)


def test_cmake_refuses_another_version(tmp_path: Path) -> None:
    folder = require_cmake_package()
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(asks LANGUAGES CXX)\nfind_package(reelgrad 99.0 REQUIRED)\n"
    )
    with pytest.raises(AssertionError, match="version"):
        run(
            ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "b"), f"-Dreelgrad_DIR={folder}", "-G", "Ninja"],
            env=environment(),
        )


def test_the_pybind11_extension_takes_and_returns_nodes(install: Callable[[str, str], ModuleType]) -> None:
    require_module("pybind11")
    option = install("pybind11_extension", "american_option")

    def tree(spot: Any, rate: Any, volatility: Any) -> Any:
        """Do what american_option.cpp does, on Nodes."""
        dt = 1.0 / 50.0
        up, growth = rg.exp(volatility * rg.sqrt(dt)), rg.exp(rate * dt)
        discount, chance = 1.0 / growth, (growth - 1.0 / up) / (up - 1.0 / up)
        weight_up = discount * chance
        weight_down = discount - weight_up
        price = [spot * rg.exp(-50.0 * volatility * rg.sqrt(dt))]
        for _ in range(50):
            price.append(price[-1] * (up * up))
        value = [rg.relu(105.0 - leaf) for leaf in price]
        for step in reversed(range(50)):
            for k in range(step + 1):
                price[k] = price[k] * up
                waiting, now = weight_up * value[k + 1] + weight_down * value[k], 105.0 - price[k]
                value[k] = now if now > waiting else waiting
        return value[0]

    results = []
    for price in (lambda *inputs: option.put(inputs[0], 105.0, *inputs[1:], 1.0, steps=50), tree):
        inputs = rg.variables(100.0, 0.03, 0.2)
        node = price(*inputs)
        assert isinstance(node, rg.Node)
        node.backward()
        results.append([node.value, *(x.grad for x in inputs)])
    assert results[0] == pytest.approx(results[1], rel=1e-12)
    number = option.put(100.0, 105.0, 0.03, 0.2, 1.0, steps=50)
    assert type(number) is float
    assert number == results[0][0]

    prices = option.puts(inputs[0], [95, 100.0, rg.Node(105.0)], 0.03, 0.2, 1.0, steps=50)
    assert [type(each) for each in prices] == [rg.Node] * 3
    assert prices[2].value == number
    assert "reelgrad.Node" in option.put.__doc__

    tape = rg.Tape()
    with tape.scope():
        stale = tape.variable(100.0)
    with pytest.raises(rg.StaleNodeError):
        option.put(stale, 105.0, 0.03, 0.2, 1.0)
    with pytest.raises(rg.TapeMismatchError):
        option.put(tape.variable(100.0), 105.0, inputs[1], 0.2, 1.0)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        option.put("100", 105.0, 0.03, 0.2, 1.0)
    with pytest.raises(ValueError, match="at least 1 step"):
        option.put(100.0, 105.0, 0.03, 0.2, 1.0, steps=0)


def test_the_cython_simulator_records_millions_of_operators(
    install: Callable[[str, str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    require_module("Cython")
    simulator = install("cython_simulator", "cython_simulator")
    inputs = (120.0, 36.0, 0.3, 10.0)
    with rg.Tape() as tape:
        nodes = rg.variables(*inputs)
        mean = simulator.mean_potential(*nodes)
        assert len(tape) > 3_000_000
        mean.backward()
        slopes = [x.grad for x in nodes]
    assert mean.value == simulator.mean_potential(*inputs)
    for k, slope in enumerate(slopes):
        up, down = ([a * (1 + (h if j == k else 0.0)) for j, a in enumerate(inputs)] for h in (1e-7, -1e-7))
        difference = simulator.mean_potential(*up) - simulator.mean_potential(*down)
        assert slope == pytest.approx(difference / (2e-7 * inputs[k]), rel=1e-3)
    with pytest.raises(ValueError, match="less than one step"):
        simulator.mean_potential(*inputs, duration=0.001)

    importlib.import_module("cython_simulator.__main__").main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f"mean potential {mean.value:.6f} mV; 3,")
    assert printed[1] == f"d / d sodium    {slopes[0]:+.6f}"
