"""Names that other engines have for what is here: a wrong one is answered with the right one."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["missing"]

_HERE = {
    "AReal": "reelgrad.Node",
    "Parameter": "reelgrad.Node or reelgrad.array, which are variables",
    "Real": "reelgrad.Node",
    "Scalar": "reelgrad.Node",
    "Tensor": "reelgrad.array",
    "Value": "reelgrad.Node",
    "Variable": "reelgrad.Node",
    "cond": "if, or reelgrad.where, which computes both sides",
    "fori_loop": "for: what a compiled function does is recorded",
    "item": "node.value",
    "jit": "reelgrad.compile",
    "lax": "Python's own if, for and while",
    "no_grad": "node.value: what is computed with it is not recorded",
    "ones": "reelgrad.array(numpy.ones(shape))",
    "pmap": "reelgrad.compile(f, in_axes=...)",
    "scan": "for: what a compiled function does is recorded",
    "stop_grad": "reelgrad.stop_gradient",
    "tensor": "reelgrad.array",
    "vmap": "reelgrad.compile(f, in_axes=...)",
    "while_loop": "while: each number of rounds is a path of a compiled function",
}


def missing(name: str) -> NoReturn:
    """Raise for a name that the package does not have."""
    cure = f"; here it is {_HERE[name]}" if name in _HERE else ""
    raise AttributeError(f"module 'reelgrad' has no attribute {name!r}{cure}", name=name)
