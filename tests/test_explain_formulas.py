"""The formulas that rg.explain shows are evaluated and held against the partials recorded."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reference.primitives import CASES

TABLE = {row["name"]: row for row in rg.operator_table()}
PRIMITIVES = [name for name, row in TABLE.items() if row["kind"] == "primitive"]


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


def evaluated(formula: str, **names: float) -> float:
    """The number that a formula comes to, with IEEE's rules for 1/0 and overflow."""

    def function(name: str) -> Callable[..., Any]:
        return lambda *x: np.float64(getattr(rg, name)(*map(float, x)))

    scope: dict[str, Any] = {name: function(name) for name in PRIMITIVES}
    scope |= {"inf": math.inf, "nan": math.nan, "pi": math.pi, "__builtins__": {}}
    scope |= {name: np.float64(x) for name, x in names.items()}
    main, _, where = formula.partition(" where ")
    with np.errstate(all="ignore"):
        definitions = [part.split(" = ") for part in re.split(r", (?=\w+ = )", where)] if where else []
        for _ in definitions:  # in no order: one may use another
            for name, text in definitions:
                scope |= {name: eval(text, scope)} if not undefined(text, definitions, scope) else {}
        return float(eval(main, scope))


def undefined(text: str, definitions: list[list[str]], scope: dict[str, Any]) -> bool:
    return any(re.search(rf"\b{name}\b", text) and name not in scope for name, _ in definitions)


def arguments_of(name: str) -> list[tuple[float, ...]]:
    tame = [x for x in CASES[name].grid() if all(v == v for v in x)]
    return tame[:: max(1, len(tame) // 150)]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_formula_of_each_partial_gives_the_number_recorded(name: str) -> None:
    row = TABLE[name]
    constants = 1 if row["constant_first"] else 0
    wrong, checked = [], 0
    for x in arguments_of(name):
        nodes = [v if k < constants else rg.variable(v) for k, v in enumerate(x)]
        y = getattr(rg, name)(*nodes)
        names = dict(zip(row["operands"], nodes, strict=True))
        shown = rg.explain(y, names={"y": y} | names)["y"]
        for operand in shown.operands[constants:]:
            got = evaluated(operand.formula, y=y.value, **dict(zip(row["operands"], x, strict=True)))
            checked += 1
            if not (got != got and operand.partial != operand.partial) and got != pytest.approx(
                operand.partial, rel=1e-12, abs=1e-300
            ):
                wrong.append(f"{name}{x}: {operand.formula} is {got}, not {operand.partial}")
    assert wrong == []
    assert checked > 0


@pytest.mark.parametrize(
    ("function", "expression", "partials"),
    [
        (lambda x: x**2, "x**2", ["2*x"]),
        (lambda x: x**3.0, "x**3", ["3*x**2"]),
        (lambda x: 2.0**x, "2**x", ["y*log(2)"]),
        (lambda x: -x, "-x", ["-1"]),
        (lambda x: x - 1.5, "x - 1.5", ["1"]),
        (lambda x: 1.5 - x, "1.5 - x", ["-1"]),
        (lambda x: -2.0 * x, "-2*x", ["-2"]),
        (lambda x: x * x, "x*x", ["x", "x"]),
        (lambda x: x / -3.0, "x/(-3)", ["-0.333333333333333"]),
        (lambda x: 3.0 / x, "3/x", ["-y/x"]),
        (lambda x: x.sigmoid(), "sigmoid(x)", ["y*(1 - y)"]),
        (lambda x: x.relu(), "relu(x)", ["1"]),
        (lambda x: rg.maximum(x, 0.25), "maximum(x, 0.25)", ["1"]),
        (lambda x: rg.where(False, x, 7.0), "where(0, x, 7)", ["0"]),
        (lambda x: rg.fma(x, 2.0, x), "fma(x, 2, x)", ["2", "1"]),
        (lambda x: rg.sum([x, 1.0, x]), "sum([x, 1, x])", ["1", "1"]),
        (lambda x: rg.dot([x, 2.0], [3.0, x]), "dot([x, 2], [3, x])", ["3", "2"]),
        (lambda x: rg.prod([x, 5.0]), "prod([x, 5])", ["the product of the others"]),
        (lambda x: rg.norm([x, 2.0]), "norm([x, 2])", ["x/y"]),
        (lambda x: rg.logsumexp([x, 2.0]), "logsumexp([x, 2])", ["exp(x - y), normalised"]),
    ],
)
def test_expressions_and_partials_are_spelled_with_names(
    function: Callable[[rg.Node], rg.Node], expression: str, partials: list[str]
) -> None:
    x = rg.variable(0.5, name="x")
    y = function(x)
    row = rg.explain(y, names={"y": y})["y"]
    assert row.expression == expression
    assert [operand.formula for operand in row.operands if operand.node is not None] == partials
    assert sum(operand.contribution for operand in row.operands) == pytest.approx(y.tape.gradient(y, x))
