"""Every way to touch a Node, derived from the operator table: for tests that each of them is checked.

``SINGLE`` are operations of one node, ``JOINT`` those of two operands, the node at each place in turn; ``READS``,
``SETS``, ``SWEEPS`` and ``COPIES`` record nothing.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import reelgrad as rg

TABLE = rg.operator_table()
LOSSES = ("mse", "half_mse", "mae", "huber", "hinge", "bce", "bce_with_logits", "cross_entropy")
LISTS = ("sum", "prod", "logsumexp", "norm", "mean", "softmax")

Use = Callable[[rg.Node], Any]
JointUse = Callable[[Any, Any], Any]  # of the node, and of another operand: a number or a node


def of_it(function: Callable[..., Any], *before: Any) -> Use:
    return lambda n: function(*before, n)


def single_uses() -> dict[str, Use]:
    result: dict[str, Use] = {
        "-": lambda n: -n,
        "abs": abs,
        "round": round,
        "floor": lambda n: n.__floor__(),
        "degrees": lambda n: n.degrees(),
        "deg2rad": lambda n: n.deg2rad(),
        "array": lambda n: np.array([1.0, 2.0]) * n,
        "np.exp": np.exp,
        "sum()": lambda n: sum([n, n]),
        "rg.silu": rg.silu,
        "rg.gelu": rg.gelu,
    }
    for row in TABLE:
        if row["kind"] == "primitive" and len(row["operands"]) == 1:
            result[f"rg.{row['name']}"] = getattr(rg, row["name"])
            result[f"node.{row['name']}()"] = operator.methodcaller(row["name"])
        if row["constant_first"] and len(row["operands"]) == 2:
            result[f"rg.{row['name']}"] = of_it(getattr(rg, row["name"]), 1.0)
    for name in LISTS:
        result[f"rg.{name} of it alone"] = of_it(getattr(rg, name))
    return result


def joint_uses() -> dict[str, JointUse]:
    result: dict[str, JointUse] = {
        "divmod": lambda n, o: divmod(n, o),
        "divmod on the right": lambda n, o: divmod(o, n),
        "np.add": lambda n, o: np.add(n, o),
        "np.sum": lambda n, o: np.array([o, n], dtype=object).sum(),
    }
    for symbol in ("+", "-", "*", "/", "//", "%", "**"):
        result[f"node {symbol} other"] = eval(f"lambda n, o: n {symbol} o")
        result[f"other {symbol} node"] = eval(f"lambda n, o: o {symbol} n")

    def at(function: Any, place: int, count: int, constants: int) -> JointUse:
        return lambda n, o: function(*[1.0] * constants, *[n if k == place else o for k in range(constants, count)])

    def of_lists(function: Any, *lists: Any) -> JointUse:
        return lambda n, o: function(*([o, n] if entry == "on" else entry for entry in lists))

    def method(name: str, count: int) -> JointUse:
        return lambda n, o: getattr(n, name)(*[o] * (count - 1))

    for row in TABLE:
        name, count, constants = row["name"], len(row["operands"]), int(row["constant_first"])
        if row["kind"] != "primitive" or count - constants < 2:
            continue
        for place in range(constants, count):
            result[f"rg.{name}, operand {place}"] = at(getattr(rg, name), place, count, constants)
        if not constants:
            result[f"node.{name}()"] = method(name, count)
    for name in LISTS:
        result[f"rg.{name}"] = of_lists(getattr(rg, name), "on")
    result["rg.dot, left"] = of_lists(rg.dot, "on", [1.0, 2.0])
    result["rg.dot, right"] = of_lists(rg.dot, [1.0, 2.0], "on")
    for name in LOSSES:
        result[f"rg.{name}, first"] = of_lists(getattr(rg, name), "on", [1.0, 0.0])
        result[f"rg.{name}, second"] = of_lists(getattr(rg, name), [0.25, 0.5], "on")
    return result


SINGLE = single_uses()
JOINT = joint_uses()
RECORDING: dict[str, Use] = SINGLE | {name: lambda n, use=use: use(n, 0.5) for name, use in JOINT.items()}

READS: dict[str, Use] = {
    "value": lambda n: n.value,
    "data": lambda n: n.data,
    "grad": lambda n: n.grad,
    "name": lambda n: n.name,
    "item": lambda n: n.item(),
    "operator": lambda n: n.operator,
    "is_variable": lambda n: n.is_variable,
    "bool": bool,
    "format": lambda n: f"{n:.3f}",
    "==": lambda n: n == 1.0,
    "<": lambda n: n < 1.0,
    ">": lambda n: n > 1.0,
    "== itself": lambda n: n == n,
    "max": lambda n: max(n, 1.0),
}
SETS: dict[str, Use] = {
    "set value": lambda n: setattr(n, "value", 1.0),
    "set data": lambda n: setattr(n, "data", 1.0),
    "set grad": lambda n: setattr(n, "grad", 1.0),
    "zero_grad": lambda n: n.zero_grad(),
}
SWEEPS: dict[str, Use] = {
    "backward": lambda n: n.backward(),
    "backward with a seed": lambda n: n.backward(2.0),
    "tape.backward": lambda n: n.tape.backward(n),
    "tape.backward of several": lambda n: n.tape.backward([n, n], [1.0, 2.0]),
    "gradient of it": lambda n: n.tape.gradient(n, []),
    "gradient with respect to it": lambda n: n.tape.gradient([], n),
    "gradient with respect to several": lambda n: n.tape.gradient([], [n]),
}
COPIES: dict[str, Use] = {"copy": copy.copy, "deepcopy": copy.deepcopy, "reduce": lambda n: n.__reduce__()}
