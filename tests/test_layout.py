"""The layout that docs/contributing.md tells is that of the package, and imports go by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import reelgrad as rg

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(rg.__file__).parent
FREE = {"__init__", "__main__", "_version"}


def told() -> dict[str, int]:
    """Return the modules and folders of the package, each with the number of its line on the page."""
    page = (ROOT / "docs" / "contributing.md").read_text("utf-8")
    block = re.search(r"In the package, too, .*?```text\n(.*?)```", page, re.S)
    assert block is not None
    lines = [line.split("  ")[0] for line in block[1].splitlines()]
    return {name.strip(" /"): k for k, line in enumerate(lines) for name in line.split(",")}


def imported(statements: list[ast.stmt]) -> Iterator[str]:
    """Yield the parts of the package that a module imports when it is imported itself."""
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            first, *rest = node.module.split(".")
            if first == "reelgrad":
                yield from rest[:1] or (alias.name for alias in node.names)


def test_every_module_has_its_line() -> None:
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(told()) == there - FREE


def test_no_module_imports_what_a_later_line_holds() -> None:
    lines = told()
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part not in FREE:
            needed = imported(ast.parse(path.read_text("utf-8")).body)
            wrong += [f"{path.name}: {name}" for name in needed if lines.get(name, -1) > lines[part]]
    assert wrong == []
