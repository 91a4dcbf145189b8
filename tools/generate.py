"""Write what is derived into the files that hold it, between the lines `generated: ...` and `end of generated`.

From the table of operators come parts of the typing stub, the declarations for Cython and the tables of
docs/operators.md; from the functions that reelgrad.arrays enters, the table of docs/arrays.md; version.hpp is generated
as a whole. Run it after changing the table or the bindings:

    python tools/generate.py

A test compares the files with what this would write; ``--check`` does the same from the command line.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import reelgrad
from reelgrad import _core
from reelgrad.arrays import protocols

ROOT = Path(__file__).resolve().parent.parent
Row = dict[str, Any]
TABLE: list[Row] = reelgrad.operator_table()
PRIMITIVES = [row for row in TABLE if row["kind"] == "primitive"]
OF_ONE_NUMBER = ("silu", "gelu")  # the composites that do not reduce a sequence


def names(row: Row) -> list[str]:
    """Return the operator's name and its aliases."""
    return [row["name"], *row["aliases"]]


def with_default(row: Row, position: int) -> str:
    """Return `` = 0.01`` where the operand may be left out."""
    last = position == len(row["operands"]) - 1
    return f" = {row['default']:g}" if row["default"] is not None and last else ""


# --- The typing stub

SLOTS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod"}


def exports() -> Iterator[str]:
    """Yield the list of the public names."""
    yield "__all__ = ["
    yield from (f'    "{name}",' for name in _core.__all__)
    yield "]"


def error_classes() -> Iterator[str]:
    """Yield the stub of each class of errors and warnings."""
    for name, kind in vars(_core).items():
        if isinstance(kind, type) and issubclass(kind, BaseException):
            yield f"class {name}({', '.join(base.__name__ for base in kind.__bases__)}): ..."


def overloads(name: str, signatures: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of an overloaded function; earlier signatures are narrower."""
    for parameters, result in signatures:
        yield "@overload"
        yield f"def {name}({parameters}) -> {result}: ..."


def parameters(row: Row, kinds: Iterable[str], first: int = 0) -> str:
    """Return the parameters of the operator from operand `first` on, of the given kinds."""
    return ", ".join(f"{row['operands'][k]}: {kind}{with_default(row, k)}" for k, kind in enumerate(kinds, start=first))


def primitive_functions(row: Row) -> Iterator[str]:
    """Yield the stub of a primitive's module function."""
    arity = len(row["operands"])
    end = ", /" if arity == 1 else ""
    first = "_Real | Condition" if row["name"] == "where" else "_Real"
    scalars = [first if row["constant_first"] and k == 0 else "_Scalar" for k in range(arity)]
    with_arrays = ["_Scalar | _Array"] * arity
    signatures = [
        (parameters(row, ["_Real"] * arity) + end, "float"),
        (parameters(row, ["Node"] if arity == 1 else scalars) + end, "Node"),
        (parameters(row, ["_Array"] if arity == 1 else with_arrays) + end, "_Array"),
        (parameters(row, ["Array"] if arity == 1 else ["_Any"] * arity) + end, "Array"),
    ]
    for name in names(row):
        yield from overloads(name, signatures)


def sequence_functions(row: Row) -> Iterator[str]:
    """Yield the stub of a reduction's or composite's function."""
    operands = row["operands"]
    if row["name"] in OF_ONE_NUMBER:
        signatures = [("x: _Real, /", "float"), ("x: Node, /", "Node"), ("x: _Array, /", "_Array")]
        signatures.append(("x: Array, /", "Array"))
    elif len(operands) == 1:
        result = {"softmax": ("list[float]", "list[Node]")}.get(row["name"], ("float", "Node"))
        axes = ", axis: int | Sequence[int] | None = None, keepdims: bool = False"
        signatures = [
            (f"x: {kind}, /{axes}", result)
            for kind, result in (("_Reals", result[0]), ("_Scalars", result[1]), ("Array", "Any"))
        ]
    else:
        delta = ", delta: _Real = 1.0" if len(operands) == 3 else ""
        signatures = [
            (f"{operands[0]}: {kind}, {operands[1]}: {kind}{delta}", result)
            for kind, result in (("_Reals", "float"), ("_Scalars", "Node"), ("_Any", "Any"))
        ]
    for name in names(row):
        yield from overloads(name, signatures)


def node_methods(row: Row) -> Iterator[str]:
    """Yield the stub of a primitive's methods of Node: by name, by alias, by number slot."""
    arity = len(row["operands"])
    if row["constant_first"]:
        return
    rest = parameters(row, ["_Scalar"] * (arity - 1), first=1)
    rest_arrays = ", ".join(f"{operand}: _Array" for operand in row["operands"][1:])
    for name in names(row):
        if arity == 1:
            yield f"def {name}(self) -> Node: ..."
        else:
            signatures = [(f"self, /, {rest}", "Node"), (f"self, /, {rest_arrays}", "_Array")]
            yield from overloads(name, signatures)
    slot = SLOTS.get(row["symbol"])
    if slot and arity == 2:
        yield from overloads(f"__{slot}__", [("self, value: _Scalar, /", "Node"), ("self, value: _Array, /", "_Array")])
        yield f"def __r{slot}__(self, value: _Scalar, /) -> Node: ..."


def array_methods(row: Row) -> Iterator[str]:
    """Yield the stub of a primitive's methods of Arrays."""
    if row["constant_first"]:
        return
    rest = parameters(row, ["_Any"] * (len(row["operands"]) - 1), first=1)
    for name in names(row):
        yield f"def {name}(self{', /, ' + rest if rest else ''}) -> Array: ..."
    slot = SLOTS.get(row["symbol"])
    if slot and len(row["operands"]) == 2:
        yield f"def __{slot}__(self, value: _Any, /) -> Array: ..."
        yield f"def __r{slot}__(self, value: _Any, /) -> Array: ..."


# --- The declarations for Cython


def operators_of_var() -> Iterator[str]:
    """Yield the declarations of the operators that Python spells with a symbol."""
    raises = " except +set_python_error"
    pairs = ("Var, Var", "Var, double", "double, Var")  # Cython looks for operators of two numbers in the class
    symbols = dict.fromkeys(row["symbol"] for row in TABLE if row["symbol"] in tuple("+-*/"))
    for symbol in symbols:
        yield from (f"Var operator{symbol}({pair}){raises}" for pair in pairs)
    yield f"Var operator-(){raises}"
    for symbol in ("<", "<=", ">", ">=", "==", "!="):
        yield from (f"bool operator{symbol}({pair}){raises}" for pair in pairs)


def cython_functions() -> Iterator[str]:
    """Yield the declarations of all functions of the table."""
    for row in TABLE:
        name, operands = row["name"], row["operands"]
        if row["kind"] == "primitive":
            for kinds in itertools.product(("Var", "double"), repeat=len(operands)):
                if row["constant_first"] and kinds[0] == "Var":
                    continue
                named = [f"{kind} {operand}" for kind, operand in zip(kinds, operands, strict=True)]
                yield declaration(name, named, "Var" if "Var" in kinds else "double")
        elif name in OF_ONE_NUMBER:
            for kind in ("Var", "double"):
                yield declaration(name, [f"{kind} x"], kind)
        elif row["kind"] == "reduction":
            for kind in ("Var", "double"):
                yield declaration(name, [*(f"const {kind}* {operand}" for operand in operands), "size_t n"], kind)
            yield declaration(name, [f"const vector[Var]& {operand}" for operand in operands])
        else:
            arrays = [f"const Var* {operand}" for operand in operands[:2]]
            yield declaration(name, [*arrays, "size_t n"], "vector[Var]" if name == "softmax" else "Var")
            if len(operands) == 3:
                yield declaration(name, [*arrays, "size_t n", f"double {operands[2]}"])
            if name == "cross_entropy":
                yield declaration(name, [arrays[0], "size_t n", f"size_t {operands[1]}"])


def declaration(name: str, parameters: Iterable[str], result: str = "Var") -> str:
    """Return a declaration: what records may raise, what computes with doubles does not."""
    raises = "" if result == "double" else " except +set_python_error"
    return f"{result} {name}({', '.join(parameters)}){raises}"


def version_header() -> str:
    """Return the text of version.hpp."""
    return f"""\
// version.hpp: the version of these headers. Generated by tools/generate.py: do not edit.
#pragma once

namespace reelgrad {{

inline constexpr const char* kVersion = "{reelgrad.__version__}";

}}  // namespace reelgrad
"""


# --- Tables of the documentation


def code(text: str) -> str:
    """Return the text as a Markdown code span that may stand in a table."""
    return "`" + text.replace("|", "\\|") + "`"


def cell(text: str) -> str:
    """Return text for a Markdown table: a bar would end the cell, a star would begin emphasis."""
    return text.replace("|", "\\|").replace("*", "\\*")


def line(*cells: str) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def operators_table(kind: str) -> Iterator[str]:
    """Yield the table of all operators of a kind."""
    head = {
        "primitive": ("operator", "aliases", "value", "partials", "convention"),
        "reduction": ("operator", "aliases", "value", "partial by x[i]", "convention"),
        "composite": ("function", "aliases", "value", "convention"),
    }[kind]
    yield from ("", line(*head), "|---" * len(head) + "|")
    for row in TABLE:
        if row["kind"] == kind:
            aliases = ", ".join(code(alias) for alias in row["aliases"])
            cells = [signature(row), aliases, code(row["formula"])]
            if kind == "primitive":
                cells.append(partials(row))
            elif kind == "reduction":
                cells.append(code(row["partials"][0]))
            yield line(*cells, ("Selecting. " if row["selecting"] else "") + cell(row["note"]))
    yield ""


def signature(row: Row) -> str:
    """Return how the operator is called, and Python's symbol for it."""
    operands = [name + with_default(row, k).replace(" ", "") for k, name in enumerate(row["operands"])]
    text = code(f"{row['name']}({', '.join(operands)})")
    return text + (f" {code(row['symbol'])}" if row["symbol"] else "")


def partials(row: Row) -> str:
    """Return the partials by all operands that may be Nodes."""
    pairs = list(zip(row["operands"], row["partials"], strict=True))[int(row["constant_first"]) :]
    return "<br>".join(code(f"d/d{name}: {partial}") for name, partial in pairs)


# What docs/arrays.md says of the functions of each module of reelgrad.arrays.
ARRAY_GROUPS = {
    "rearranging": "Rearranging: they record nothing.",
    "choices": "Choosing and ordering. What tells about values, positions or shapes gives plain numbers.",
    "reductions": "Reductions.",
    "statistics": "Statistics.",
    "elementwise": "Others.",
    "running": "Running sums and products, differences.",
    "products": "Products, recorded as matrix products.",
    "contractions": "Products, recorded as matrix products.",
    "linalg": "Linear algebra: one block for each call.",
    "decompositions": "Linear algebra: one block for each call.",
    "norms": "Linear algebra: one block for each call.",
}


def functions_of_numpy(present: str) -> Iterator[str]:
    """Yield the table of the functions of NumPy that take Arrays, or `present` if a newer NumPy made it.

    It is made by the newest NumPy that there was when it was written: an older one has not all functions.
    """
    version = tuple(map(int, np.__version__.split(".")[:2]))
    made_by = re.search(r"NumPy (\d+)\.(\d+)", present)
    if made_by is not None:
        made_by_version = int(made_by[1]), int(made_by[2])
        if made_by_version > version:
            yield from present.splitlines()
            return
        version = made_by_version  # a later NumPy makes the page stale only if it has more to tell
    groups = {"Element by element: ufuncs.": [ufunc.__name__ for ufunc in protocols.UFUNCS]}
    groups |= {title: [] for title in ARRAY_GROUPS.values()}
    for function, ours in protocols.FUNCTIONS.items():
        module = ours.__module__.rpartition(".")[2]
        groups.setdefault(ARRAY_GROUPS.get(module, module.capitalize() + "."), []).append(protocols.name_of(function))
    count = sum(map(len, groups.values()))
    yield ""
    yield (
        f"{count} functions of NumPy {version[0]}.{version[1]} take Arrays, with NumPy's signatures; comparisons and "
        "tests such as `np.isfinite`"
    )
    yield from ("give NumPy's bools.", "", line("kind", "functions of `numpy`"), "|---|---|")
    for title, functions in groups.items():
        yield line(title, ", ".join(code(name) for name in sorted(functions)))
    yield ""


# --- Files

STUB = ROOT / "python" / "reelgrad" / "_core.pyi"
CYTHON = ROOT / "python" / "reelgrad" / "__init__.pxd"
OPERATORS = ROOT / "docs" / "operators.md"
ARRAYS = ROOT / "docs" / "arrays.md"
VERSION = ROOT / "csrc" / "reelgrad" / "version.hpp"

# For each region of each file its lines, from what it holds.
REGIONS: dict[Path, dict[str, Callable[[str], Iterable[str]]]] = {
    STUB: {
        "exports": lambda _: exports(),
        "errors": lambda _: error_classes(),
        "methods of Node": lambda _: itertools.chain.from_iterable(map(node_methods, PRIMITIVES)),
        "methods of Array": lambda _: itertools.chain.from_iterable(map(array_methods, PRIMITIVES)),
        "functions": lambda _: itertools.chain.from_iterable(
            primitive_functions(row) if row["kind"] == "primitive" else sequence_functions(row) for row in TABLE
        ),
    },
    CYTHON: {"operators of Var": lambda _: operators_of_var(), "functions": lambda _: cython_functions()},
    OPERATORS: {
        "primitives": lambda _: operators_table("primitive"),
        "reductions": lambda _: operators_table("reduction"),
        "composites": lambda _: operators_table("composite"),
    },
    ARRAYS: {"functions of numpy": functions_of_numpy},
}
REGION = re.compile(
    r"^(?P<begin>(?P<indent> *)(?:#|<!--) generated: (?P<name>[\w ]*\w)(?: -->)?\n)(?P<text>.*?)"
    r"(?P<end> *(?:#|<!--) end of generated)",
    re.DOTALL | re.MULTILINE,
)


def regenerated(path: Path) -> str:
    """Return the text of a file with what is generated as it should be."""
    if path == VERSION:
        return version_header()
    wanted = dict(REGIONS[path])

    def filled(found: re.Match[str]) -> str:
        lines = wanted.pop(found["name"])(found["text"])
        text = "".join(f"{found['indent']}{line}".rstrip() + "\n" for line in lines)
        return found["begin"] + text + found["end"]

    text = REGION.sub(filled, path.read_text("utf-8"))
    if wanted:
        raise ValueError(f"{path.name} has no region {', '.join(wanted)}: write '# generated: {next(iter(wanted))}'")
    return text


FILES = [*REGIONS, VERSION]


def main() -> int:
    """Write the files, or with --check only tell which are stale."""
    parser = argparse.ArgumentParser(description="Write what is derived into the files that hold it.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    arguments = parser.parse_args()
    stale = [path for path in FILES if path.read_text("utf-8") != regenerated(path)]
    for path in stale:
        print("stale:" if arguments.check else "writing", path.relative_to(ROOT))
        if not arguments.check:
            path.write_text(regenerated(path), "utf-8")
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
