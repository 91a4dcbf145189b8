"""Programs as code: what it computes is what the Program does, and it reads like Python."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from test_passes import evaluated, forms, random_program


def run_code(program: rg.Program, numbers: list[float]) -> tuple[float, ...]:
    """What the code of a Program computes for one lane."""

    def zmul(g: float, p: float) -> float:
        c = g * p
        return 0.0 if c != c and g == 0.0 else c

    def smul(g: float, p: float) -> float:
        c = g * p
        return 0.0 if c != c and 0.0 in (g, p) else c

    def ieee(function: Callable[..., Any]) -> Callable[..., Any]:  # 1/0 is inf
        return lambda *x: np.float64(function(*x))

    scope: dict[str, Any] = {row["name"]: ieee(getattr(rg, row["name"])) for row in rg.operator_table()}
    scope |= {"zmul": zmul, "smul": smul, "lane_sum": np.float64, "inf": math.inf, "nan": math.nan}
    scope |= {"zero_product": lambda y, c: np.float64(y == 0.0 and c != c)}
    exec(program.code(), scope)
    with np.errstate(all="ignore"):
        return tuple(float(x) for x in scope["program"](*map(np.float64, numbers)))


@pytest.mark.parametrize("seed", range(40))
def test_the_code_of_a_program_computes_what_the_program_does(seed: int) -> None:
    numbers = np.random.default_rng(seed).uniform(-1.5, 1.5, 5).tolist()
    for form in forms(random_program(seed)):
        for program in (form, form.optimised(relaxed=False), form.optimised()):
            want = [x[0] for x in evaluated(program, numbers, lanes=1)]
            np.testing.assert_allclose(run_code(program, numbers), want, rtol=1e-12, atol=1e-12)


def code(text: str) -> str:
    return rg.Program.parse(text).code()


def test_code_reads_like_python() -> None:
    program = rg.trace(lambda p, x: rg.sigmoid(rg.dot(p["w"], [x, 1.0])) ** 2, {"w": [0.5, 2.0]}, 3.0).program
    lines = program.code().splitlines()
    assert lines[0].startswith("def program(")
    assert lines[-1].strip().startswith("return (sigmoid(dot([")
    assert lines[-1].endswith(", [x, 1]))**2,)  # result")


def test_inputs_whose_names_are_no_identifiers_or_taken_get_others() -> None:
    names = ['p["w"][0]', "p_w_0", "exp", "v3", "2nd", "", "lambda", "é"]
    inputs = "".join(f"v{k} = uniform({json.dumps(name, ensure_ascii=False)})\n" for k, name in enumerate(names))
    text = code(inputs + 'output("y", v0)\n')
    assert text.splitlines()[0] == "def program(p_w_0, p_w_0_2, exp_2, v3_, x2nd, x, lambda_2, x_2):"
    ast.parse(text)


def test_what_stands_in_strings_stays_in_comments() -> None:
    text = code('v0 = varying("x")\nv1 = less(v0, v0)\nguard(v1, false, "a\\x0aimport os")\noutput("y\\x0a1/0", v0)\n')
    assert [type(node) for node in ast.parse(text).body] == [ast.FunctionDef]
    assert "assert not x < x  # a import os" in text
    assert "# a number for each lane: x" in text


def test_long_lines_are_broken_where_python_lets_them() -> None:
    inputs = "".join(f'v{k} = uniform("input_number_{k}")\n' for k in range(100))
    text = code(inputs + f'v100 = sum({", ".join(f"v{k}" for k in range(100))})\noutput("y", v100)\nv101 = exp(v100)\n')
    ast.parse(text)
    assert max(map(len, text.splitlines()[:-2])) <= 101
