"""The generated files are what the generator writes now."""

import importlib.util
from pathlib import Path

import pytest

import reelgrad

GENERATOR = Path(__file__).parent.parent / "tools" / "generate.py"
spec = importlib.util.spec_from_file_location("generate", GENERATOR)
assert spec is not None
assert spec.loader is not None
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("path", generate.FILES, ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == generate.regenerated(path), f"{path.name} is stale: run tools/generate.py"


def test_every_operator_and_alias_is_a_function_of_the_module() -> None:
    for row in reelgrad.operator_table():
        for name in [row["name"], *row["aliases"]]:
            assert callable(getattr(reelgrad, name))


def test_every_operator_of_one_node_is_a_method_under_all_its_names() -> None:
    for row in reelgrad.operator_table():
        if row["kind"] == "primitive" and not row["constant_first"]:
            for name in [row["name"], *row["aliases"]]:
                assert callable(getattr(reelgrad.Node, name))


def test_names_are_unique() -> None:
    names = [name for row in reelgrad.operator_table() for name in [row["name"], *row["aliases"]]]
    assert len(names) == len(set(names))


def test_public_names_are_exported() -> None:
    assert set(reelgrad._core.__all__) <= set(reelgrad.__all__)
    assert all(hasattr(reelgrad, name) for name in reelgrad.__all__)
