"""Docstrings for the reference pages: those of the compiled module, which its stub leaves out.

Griffe reads signatures from the stub, python/reelgrad/_core.pyi, overloads and all. What there is to say stands in the
compiled module. So this extension imports it, and gives each object of the stub the docstring of its namesake.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import griffe

from reelgrad import _core

MODULE = "reelgrad._core"

# The stub's names for the types of operands, in words that a reader knows.
TYPES = {
    "_Reals": "Iterable[float]",
    "_Scalars": "Iterable[Node | float]",
    "_Real": "float",
    "_Scalar": "Node | float",
    "_Array": "NDArray",
    "SupportsIndex": "int",
}


def spelled_out(annotation: Any) -> Any:
    """Return an annotation in the reader's words."""
    text = str(annotation)
    spelled = re.sub(r"\b_?[A-Z]\w+", lambda name: TYPES.get(name[0], name[0]), text)
    return annotation if spelled == text else spelled


def docstring(name: str) -> str | None:
    """Return the docstring of what has this dotted name in the module, without pybind11's signature."""
    thing: Any = _core
    for part in name.split("."):
        thing = getattr(thing, part, None)
    text = inspect.getdoc(thing)
    if text is None:
        return None
    return re.sub(r"\A\w+\(.*\) -> .*\n*", "", text).strip() or None


class CompiledDocstrings(griffe.Extension):
    """Fills in what a stub lacks to be documented."""

    def on_members(self, *, node: Any, obj: griffe.Object, agent: Any, **kwargs: Any) -> None:
        """Complete a module or class of the stub: its overloaded functions, docstrings, what a class is called with."""
        if not isinstance(obj, griffe.Module | griffe.Class) or not obj.path.startswith(MODULE):
            return
        for name, overloads in obj.overloads.items():
            if overloads and name not in obj.members:  # Griffe waits for the function itself, which a stub has not
                last = overloads[-1]
                function = griffe.Function(name, parameters=last.parameters, returns=last.returns, parent=obj)
                function.overloads = overloads
                for one in (function, *overloads):
                    self._spell_out(one)
                obj.set_member(name, function)
        new = obj.members.get("__new__")
        if isinstance(new, griffe.Function):  # Griffe asks __init__ for a class's parameters
            obj.set_member("__init__", griffe.Function("__init__", parameters=new.parameters, parent=obj))
        for member in obj.members.values():
            if isinstance(member, griffe.Function):
                self._spell_out(member)
            if isinstance(member, griffe.Object) and not member.docstring and not member.is_special:
                text = docstring(member.path.removeprefix(MODULE + "."))
                member.docstring = griffe.Docstring(text, parent=member) if text else None

    def _spell_out(self, function: griffe.Function) -> None:
        function.returns = spelled_out(function.returns) if function.returns is not None else None
        for parameter in function.parameters:
            if parameter.annotation is not None:
                parameter.annotation = spelled_out(parameter.annotation)
