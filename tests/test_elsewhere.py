"""Names of other engines are answered with those of this one."""

from __future__ import annotations

import importlib

import pytest

import reelgrad as rg
from reelgrad.elsewhere import _HERE


@pytest.mark.parametrize("name", _HERE)
def test_a_name_of_another_engine_says_what_it_is_here(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; here it is ") as error:
        getattr(rg, name)
    named = str(error.value).split("here it is ")[1].split("(")[0].split(",")[0].split(" ")[0]
    if named.startswith("reelgrad."):
        assert hasattr(rg, named.removeprefix("reelgrad."))


def test_other_names_are_missing_as_usual() -> None:
    assert not hasattr(rg, "nothing_of_the_kind")
    assert getattr(rg, "nothing_of_the_kind", 3) == 3
    with pytest.raises(ImportError):
        importlib.import_module("reelgrad.nothing_of_the_kind")
    with pytest.raises(AttributeError, match=r"'nothing_of_the_kind'$"):
        _ = rg.nothing_of_the_kind  # type: ignore[attr-defined]
