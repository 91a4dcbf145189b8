"""A module is told at import what it was built for and the installed engine is not; and where to look for headers."""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

import pytest

import reelgrad as rg
from extension_build import SOURCES, compile_module, environment, load, require_compiler, run


class Head(ctypes.Structure):
    """The beginning of the table of functions (csrc/reelgrad/embed/interface.hpp)."""

    _fields_ = (
        ("abi", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("version", ctypes.c_char_p),
        ("facts", ctypes.c_void_p),
        ("facts_size", ctypes.c_uint64),
    )


class Fact(ctypes.Structure):
    """A fact that an extension module and the engine must agree on."""

    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_uint64))


CAPSULE = b"reelgrad._core._C_API"


def tampered_table(monkeypatch, **changes):
    """Put a copy of the table, with changes to its head or facts, in the place of the real one."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    address = pointer(rg._core._C_API, CAPSULE)
    head = Head.from_address(address)
    copy = ctypes.create_string_buffer(ctypes.string_at(address, head.bytes), head.bytes)
    facts = (Fact * head.facts_size).from_buffer_copy(
        ctypes.string_at(head.facts, ctypes.sizeof(Fact) * head.facts_size)
    )
    mine = Head.from_buffer(copy)
    mine.facts = ctypes.addressof(facts)
    for name, value in changes.items():
        if hasattr(mine, name):
            setattr(mine, name, value)
        else:
            [fact] = [fact for fact in facts if fact.name.decode() == name.replace("__", "::")]
            fact.value += value
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    monkeypatch.setattr(rg._core, "_C_API", new(ctypes.addressof(copy), CAPSULE, None))
    return copy, facts, changes  # to be kept alive: the table points into them


@pytest.fixture(scope="module")
def importer(tmp_path_factory):
    """A module that does nothing but import the table, as often as it is asked to."""
    folder = tmp_path_factory.mktemp("importer")
    source = SOURCES / "importer.cpp"
    return load(compile_module(source, folder))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"abi": 99}, r"ABI is number \d+, that of the installed one is 99"),
        ({"version": b"9.9.9"}, r"installed reelgrad 9\.9\.9: their versions differ"),
        ({"bytes": 8}, "tables of functions differ"),
        ({"facts_size": 3}, "what is compared differs"),
        ({"sizeof(Tape)": 8}, r"sizeof\(Tape\) is \d+ in its headers and \d+ in the installed one"),
        ({"Tape__values_": 8}, r"Tape::values_ is \d+ in its headers"),
        ({"the list of operators": 1}, "the list of operators"),
    ],
    ids=str,
)
def test_another_version_is_an_import_error_that_says_what_to_rebuild(importer, monkeypatch, changes, told):
    kept = tampered_table(monkeypatch, **changes)
    with pytest.raises(ImportError, match=told) as raised:
        importer.connect()
    assert "Rebuild the extension module" in str(raised.value)
    assert f"install reelgrad {rg.__version__}" in str(raised.value)
    assert kept


@pytest.mark.parametrize(
    ("header", "text", "other", "told"),
    [
        (
            "version.hpp",
            f'"{rg.__version__}"',
            '"9.9.9"',
            r"headers of reelgrad 9\.9\.9, .* versions differ",
        ),
        ("tape/tape.hpp", "double* values_ = nullptr;", "double* others_ = nullptr, *values_ = nullptr;", "sizeof"),
        ("ops/exponential.hpp", 'name = "exp2"', 'name = "exp3"', "the list of operators"),
    ],
)
def test_a_module_compiled_with_other_headers_is_refused(tmp_path, header, text, other, told):
    include = tmp_path / "include"
    shutil.copytree(Path(rg.get_include()) / "reelgrad", include / "reelgrad", ignore=shutil.ignore_patterns("*.cpp"))
    changed = include / "reelgrad" / header
    before = changed.read_text()
    assert text in before
    changed.write_text(before.replace(text, other))
    module = load(compile_module(SOURCES / "importer.cpp", tmp_path, include=str(include)))
    with pytest.raises(ImportError, match=told):
        module.connect()


def test_a_patch_release_with_the_same_interface_is_accepted(importer, monkeypatch):
    series = rg.__version__.rpartition(".")[0]
    kept = tampered_table(monkeypatch, version=f"{series}.99".encode())
    importer.connect()
    assert kept


def test_a_package_without_the_table_is_an_import_error(importer, monkeypatch):
    monkeypatch.delattr(rg._core, "_C_API")
    with pytest.raises(ImportError, match="install a newer one"):
        importer.connect()


def test_a_module_that_forgot_the_import_is_told(importer):
    with pytest.raises(ImportError, match="import_reelgrad"):
        importer.use_without_import()


def test_the_header_that_extensions_need_comes_first(tmp_path):
    source = tmp_path / "wrong.cpp"
    source.write_text('#include "reelgrad/tape/var.hpp"\n#include "reelgrad/python.hpp"\n')
    with pytest.raises(AssertionError, match="before any other header of reelgrad"):
        compile_module(source, tmp_path, "-fsyntax-only")


# --- Where things are


def test_without_a_compiler_these_tests_are_skipped_and_say_why(monkeypatch):
    require_compiler()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no C\+\+ compiler"):
        require_compiler()


def test_the_module_tells_compilers_where_to_look():
    printed = run([sys.executable, "-m", "reelgrad", "--includes"], env=environment())
    folders = [option.removeprefix("-I") for option in printed.split()]
    assert rg.get_include() in folders
    assert len(folders) == 2
