"""The documentation is true: its code prints what it says, what it names exists, its quotations are in the sources.

In README.md and the pages of docs/, blocks of ``python`` run in order in one namespace a page, those with prompts as
doctests. A block of ``text`` right after one without prompts is what that one prints. Blocks of ``py`` are code of
other libraries, and run where those are installed. Blocks of ``cpp``, ``cython`` and ``cmake`` are quotations from
csrc/ or examples/. The docstrings of the package, those of the compiled module too, are doctests as well.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import reelgrad as rg
from reelgrad import _core

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int  # of the text's first line, from 0
    printed: str | None  # what the page says that it prints


FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```\n(?:\n*```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """Yield the page's fenced blocks of these languages."""
    text = page.read_text("utf-8")
    for found in FENCE.finditer(text):
        if found[1] in languages:
            yield Block(found[1], found[2], text.count("\n", 0, found.start(2)), found[3])


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(blocks(page, language))]


def fails(examples: list[doctest.Example], namespace: dict[str, Any], name: str, line: int = 0) -> str:
    """Run the examples in the namespace and return doctest's report of what failed."""
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    test = doctest.DocTest(examples, {}, name, name, line, None)
    test.globs = namespace  # it would copy what it is given, and the copy would keep Nodes alive
    runner.run(test, out=report.write, clear_globs=False)
    return report.getvalue()


def run(block: Block, namespace: dict[str, Any], name: str) -> str:
    """Run a block of Python and return what it prints; fail if that is not what the page says."""
    if ">>> " in block.text:
        report = fails(doctest.DocTestParser().get_examples(block.text), namespace, name, block.line)
        if report:
            pytest.fail(report, pytrace=False)
        return ""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile("\n" * block.line + block.text, name, "exec"), namespace)
    if block.printed is not None:
        assert output.getvalue() == block.printed, f"{name}, line {block.line + 1}"
    return output.getvalue()


@pytest.mark.parametrize("page", pages_with("python"), ids=relative)
def test_the_code_on_the_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where pages write files
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with rg.Tape():
        for block in blocks(page, "python"):
            run(block, namespace, relative(page))


@pytest.mark.parametrize("page", pages_with("py"), ids=relative)
def test_code_of_other_libraries_prints_what_the_page_says(page: Path) -> None:
    """Blocks of ``py`` are other libraries' code, and may use what the page's own scripts define."""
    imported = {
        name for block in blocks(page, "py") for name in re.findall(r"^(?:import|from) (\w+)", block.text, re.M)
    }
    for name in imported - sys.stdlib_module_names:
        pytest.importorskip(name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with rg.Tape():
        for block in blocks(page, "python", "py"):
            if ">>> " not in block.text:
                run(block, namespace, relative(page))


def test_the_first_example_of_the_readme_has_ten_lines_and_prints_what_it_says() -> None:
    example = next(blocks(README, "python"))
    assert sum(1 for line in example.text.splitlines() if line) == 10
    assert run_apart(example.text) == example.printed


def test_nn_and_optim_come_with_the_package() -> None:
    code = "import reelgrad as rg; print(rg.nn.__name__, rg.optim.__name__)"
    assert run_apart(code) == "reelgrad.nn reelgrad.optim\n"


@pytest.mark.parametrize(
    ("position", "steps"),
    [
        (0, ["python3 -m venv .venv", ".venv/bin/pip install .", ".venv/bin/python -m reelgrad"]),
        (1, ["python3 -m venv .venv", ".venv/bin/pip install .[test]", ".venv/bin/pytest"]),
    ],
    ids=["demo", "tests"],
)
def test_the_readme_begins_with_two_commands_for_a_fresh_clone(position: int, steps: list[str]) -> None:
    command = list(blocks(README, "sh"))[position].text
    assert command.count("\n") == 1
    assert [" ".join(shlex.split(step)) for step in command.split("&&")] == steps


def run_apart(code: str) -> str:
    """Run the code in an interpreter of its own and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout


def test_what_the_readme_commands_name_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"test", "bench", "docs", "viz"} <= project["project"]["optional-dependencies"].keys()
    assert importlib.util.find_spec("reelgrad.__main__") is not None


LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(
    r"`((?:csrc|python|tests|docs|bench|examples|tools|\.ci)/[^`\s]*|[A-Z][\w.]*\.(?:md|txt)|pyproject\.toml)`"
)
NAMED_OBJECT = re.compile(r"`rg\.([A-Za-z_][\w.]*)")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_and_named_files_exist(page: Path) -> None:
    missing = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(target)
    missing += [name for name in NAMED_FILE.findall(prose(page)) if not any(ROOT.glob(name.rstrip("/")))]
    assert missing == []


@pytest.mark.parametrize("page", [page for page in PAGES if NAMED_OBJECT.search(prose(page))], ids=relative)
def test_every_name_of_the_package_that_the_page_mentions_exists(page: Path) -> None:
    missing = []
    for name in NAMED_OBJECT.findall(prose(page)):
        found: Any = rg
        for part in name.rstrip(".").split("."):
            found = getattr(found, part, None)
        if found is None:
            missing.append(name)
    assert missing == []


def words(code: str) -> str:
    """Return C++ text as words, comment signs left out."""
    return " ".join(re.sub(r"^\s*//", "", code, flags=re.MULTILINE).split())


@cache
def engine_sources() -> list[str]:
    kinds = (".hpp", ".cpp", ".pyx", ".txt")
    files = (path for folder in ("csrc", "examples") for path in sorted((ROOT / folder).rglob("*")))
    return [words(path.read_text("utf-8")) for path in files if path.suffix in kinds]


QUOTED = ("cpp", "cython", "cmake")


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page, *QUOTED))], ids=relative)
def test_what_is_no_python_on_the_page_is_quoted_from_the_sources(page: Path) -> None:
    for block in blocks(page, *QUOTED):
        assert any(words(block.text) in source for source in engine_sources()), block.text


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_languages_of_the_page_are_known(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= {"python", "py", "text", "sh", "powershell", *QUOTED}
    assert set(fences[1::2]) <= {""}


def documented_objects() -> Iterator[tuple[str, Any]]:
    """Yield the modules written in Python, and whatever else the compiled module makes public."""
    yield "reelgrad", rg
    for module in pkgutil.walk_packages(rg.__path__, "reelgrad."):
        if not module.name.endswith(("__main__", "_core")):
            yield module.name, importlib.import_module(module.name)
    for name in _core.__all__:
        yield f"reelgrad.{name}", getattr(rg, name)


def docstring_tests() -> list[Any]:
    finder = doctest.DocTestFinder()
    tests: dict[str, doctest.DocTest] = {}
    for name, thing in documented_objects():
        only_its_own = (
            None if inspect.ismodule(thing) else False
        )  # the compiled module's objects do not say whose they are
        for test in finder.find(thing, name, only_its_own):
            if test.examples:
                tests[test.name] = test
    return [pytest.param(test, id=name) for name, test in sorted(tests.items())]


@pytest.mark.parametrize("test", docstring_tests())
def test_docstring_examples_are_true(test: doctest.DocTest) -> None:
    with rg.Tape():
        report = fails(test.examples, {}, test.name)
    if report:
        pytest.fail(report, pytrace=False)


@pytest.mark.parametrize("name", ["Node", "Tape", "detect_anomaly"])
def test_the_main_classes_have_an_example(name: str) -> None:
    assert ">>> " in getattr(rg, name).__doc__
