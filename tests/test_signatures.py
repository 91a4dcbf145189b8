"""What shells and editors ask for: signatures, docstrings and completion of all that is public.

Signatures are held against the stub.
"""

from __future__ import annotations

import ast
import inspect
import re
import rlcompleter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import reelgrad as rg
from reelgrad import _core
from tape_state import unchanged

PUBLIC = [name for name in rg.__all__ if not name.startswith("_")]
MADE_BY_OTHERS = (rg.Program, rg.Array, _core.Mark, _core.Scope, _core.Condition)  # not by calling the class


def public_callables() -> Iterator[tuple[str, Any]]:
    """The functions of the package, and the classes that can be called with their methods."""
    for module in (rg, rg.nn, rg.optim):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                if issubclass(thing, BaseException):
                    continue
                if thing not in MADE_BY_OTHERS:
                    yield f"{module.__name__}.{name}", thing
                for member, method in inspect.getmembers(thing, callable):
                    if not member.startswith("_"):
                        yield f"{module.__name__}.{name}.{member}", method
            elif callable(thing):
                yield f"{module.__name__}.{name}", thing

    def scaled(w: float, x: float) -> float:
        """Return the product."""
        return w * x

    compiled = rg.compile(scaled)
    yield "compiled", compiled
    yield "compiled.value_and_grad", compiled.value_and_grad
    yield "compiled.grad", compiled.grad


def test_every_public_function_and_method_has_a_signature() -> None:
    without = []
    count = 0
    for name, thing in public_callables():
        count += 1
        try:
            inspect.signature(thing)
        except (TypeError, ValueError) as error:
            without.append(f"{name}: {error}")
    assert without == []
    assert count > 300


def test_every_public_function_and_method_has_a_docstring() -> None:
    assert [name for name, thing in public_callables() if not inspect.getdoc(thing)] == []


def test_no_function_has_the_name_of_its_module() -> None:
    """The reference on the site, and ``import package.name``, would take one for the other."""
    for name, thing in public_callables():
        assert str(getattr(thing, "__module__", "")).rpartition(".")[2] != name.rpartition(".")[2], name


def stub_signatures() -> Iterator[tuple[str, list[str]]]:
    """The parameters in the stub of what is there without overloads."""
    assert _core.__file__ is not None
    stub = Path(rg.__file__).with_name("_core.pyi")
    for node in ast.parse(stub.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            yield node.name, parameters(node.args)
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    kinds = [ast.unparse(decorator) for decorator in member.decorator_list]
                    if kinds in ([], ["staticmethod"]):
                        yield f"{node.name}.{member.name}", parameters(member.args)


def parameters(arguments: ast.arguments) -> list[str]:
    stars = [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    return [a.arg for a in arguments.posonlyargs + arguments.args] + stars + [a.arg for a in arguments.kwonlyargs]


def test_signatures_are_those_of_the_stub() -> None:
    wrong, count = {}, 0
    for name, expected in stub_signatures():
        thing: Any = _core
        for part in name.split("."):
            thing = getattr(thing, part)
        if name.startswith("_"):
            continue
        found = [
            ("*" if p.kind is p.VAR_POSITIONAL else "") + p.name for p in inspect.signature(thing).parameters.values()
        ]
        count += 1
        if found != expected:
            wrong[name] = (found, expected)
    assert wrong == {}
    assert count > 80


def test_bound_methods_leave_self_out_and_defaults_are_there() -> None:
    tape = rg.Tape()
    assert str(inspect.signature(tape.backward)) == "(outputs, seeds=None)"
    assert str(inspect.signature(rg.Tape.backward)) == "(self, outputs, seeds=None)"
    assert str(inspect.signature(rg.Tape)) == "(*, limit=1073741824)"
    assert str(inspect.signature(rg.Node)) == "(value, name=None)"
    assert str(inspect.signature(rg.variable)) == "(value, *, name=None)"
    assert str(inspect.signature(rg.Program.parse)) == "(text)"
    assert "Make a variable" in str(rg.variable.__doc__)
    assert "->" not in str(rg.variable.__doc__)


@pytest.mark.parametrize("name", PUBLIC)
def test_names_are_completed(name: str) -> None:
    completer = rlcompleter.Completer({"rg": rg})
    found = []
    while (candidate := completer.complete(f"rg.{name}", len(found))) is not None:
        found.append(candidate)
    assert any(candidate.rstrip("()") == f"rg.{name}" for candidate in found)


def test_attributes_of_nodes_are_completed_without_being_computed() -> None:
    node = rg.variable(1.0)
    completer = rlcompleter.Completer({"node": node})
    operators = [row["name"] for row in rg.operator_table() if row["kind"] == "primitive" and not row["constant_first"]]
    for name in ["backward", "grad", "value", *operators]:
        candidate = completer.complete(f"node.{name}", 0)
        assert candidate is not None
        assert candidate.startswith(f"node.{name}")
    with unchanged(node):
        dir(node)


FUNCTIONS: list[Callable[..., Any]] = [rg.explain, rg.draw, rg.explore, rg.fit, rg.compile, rg.grad]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_docstrings_name_every_parameter(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function)
    assert text is not None
    assert [p for p in inspect.signature(function).parameters if not re.search(rf"\b{p}\b", text)] == []
