"""The site's navigation and reference are complete: what exists is found there."""

from __future__ import annotations

import re
from pathlib import Path

import reelgrad as rg

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "mkdocs.yml").read_text("utf-8")


def test_every_public_name_is_on_a_reference_page_or_in_the_table_of_operators() -> None:
    pages = (ROOT / "docs/reference").glob("*.md")
    documented = {
        name for page in pages for name in re.findall(r"^::: reelgrad\.([\w.]+)", page.read_text("utf-8"), re.M)
    }
    operators = {name for row in rg.operator_table() for name in (row["name"], *row["aliases"])}
    modules = {"linalg", "nn", "optim"}
    public = {name for name in rg.__all__ if not name.startswith("_")} - modules
    public |= {f"optim.{name}" for name in rg.optim.__all__ if name != "schedules"} | {"optim.schedules"}
    public |= {f"linalg.{name}" for name in rg.linalg.__all__}
    public |= {f"nn.{name}" for name in rg.nn.__all__ if name not in operators}
    assert sorted(public - documented - operators) == []
    assert sorted(documented - public) == []


def test_every_page_has_its_place_in_the_navigation() -> None:
    navigation = set(re.findall(r"^ +- (?:[^:\n]+: )?([\w/]+\.md)$", CONFIGURATION, re.M))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(pages - navigation) == []
    made_when_built = {name for name in navigation - pages if name.startswith("gallery/")} | {"changelog.md"}
    assert sorted(navigation - pages - made_when_built) == []


def test_what_the_gallery_shows_is_linked_from_its_first_page() -> None:
    scripts = set(re.findall(r'^    "(\w+)": "', (ROOT / "tools/site/gallery.py").read_text("utf-8"), re.M))
    linked = set(re.findall(r"\]\(\.\./\.\./examples/(\w+)\.py\)", (ROOT / "docs/gallery/index.md").read_text("utf-8")))
    assert scripts == linked
    assert scripts == set(re.findall(r"gallery/(\d\w+)\.md$", CONFIGURATION, re.M))
