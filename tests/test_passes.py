"""Programs: text, verifier, derivatives; and that no pass changes what a Program computes, but for rounding."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelgrad as rg
from reelgrad._core import Executable, Program, _testing

PASSES = ["expand", "fold", "strength", "relax", "cse", "dce", "dot", "fma"]
UNARY = ["neg", "square", "tanh", "sin", "exp", "relu", "abs", "sigmoid", "cos", "stop_gradient"]
BINARY = ["add", "sub", "mul", "maximum", "add", "mul", "sub", "less", "hypot"]


def random_program(seed: int, length: int = 40) -> Program:
    """Return a Program of mixed operators on two uniform and three varying inputs; values stay moderate."""
    rng = random.Random(seed)
    lines = [f'v{k} = {"uniform" if k < 2 else "varying"}("x{k}")' for k in range(5)]
    for number in ("0.5", "2.0", "-1.0", "0.0"):
        lines.append(f"v{len(lines)} = constant({number})")
    for _ in range(length):
        v = len(lines)

        def pick() -> str:
            return f"v{rng.randrange(max(0, len(lines) - 12), len(lines))}"

        kind = rng.random()
        if kind < 0.35:
            inner = rng.choice(UNARY)
            lines.append(f"v{v} = {inner}({pick()})" if inner != "exp" else f"v{v} = tanh({pick()})")
        elif kind < 0.85:
            lines.append(f"v{v} = {rng.choice(BINARY)}({pick()}, {pick()})")
        elif kind < 0.92:
            lines.append(f"v{v} = where({pick()}, {pick()}, {pick()})")
        else:
            lines.append(f"v{v} = tanh({pick()})")
    last = len(lines) - 1
    lines.append(f"v{last + 1} = tanh(v{last})")
    lines.append(f'output("y", v{last + 1})')
    return Program.parse("\n".join(lines) + "\n")


def inputs(seed: int, lanes: int = 9) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [*rng.uniform(-1.5, 1.5, 2).tolist(), *rng.uniform(-1.5, 1.5, (3, lanes))]


def evaluated(program: Program, values: list[Any], lanes: int = 9) -> list[Any]:
    rows = [np.atleast_1d(x).tolist() for x in values]
    return [np.asarray(x, float) for x in _testing.evaluate(program, rows, lanes)]


def forms(program: Program) -> list[Program]:
    return [program, program.reduced().differentiate(), program.differentiate(per_lane=True)]


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_pass_changes_nothing_but_rounding(name: str, seed: int) -> None:
    for program in forms(random_program(seed)):
        after = _testing.after_pass(program, name)
        assert [entry[:2] for entry in after.inputs] == [entry[:2] for entry in program.inputs]
        assert len(after.outputs) == len(program.outputs)
        _testing.verify(after)
        for was, now in zip(evaluated(program, inputs(seed)), evaluated(after, inputs(seed)), strict=True):
            np.testing.assert_allclose(np.broadcast_to(now, was.shape), was, rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_executable_agrees_with_the_reference(seed: int) -> None:
    for program in forms(random_program(seed)):
        values = inputs(seed)
        executable = Executable(program)
        uniform, varying = executable.run(np.array(values[:2]), list(values[2:]), 9)
        numbers, columns = iter(uniform), iter(varying)
        for entry, was in zip(program.outputs, evaluated(program, values), strict=True):
            now = next(columns) if entry[1] == "varying" else next(numbers)
            np.testing.assert_allclose(np.broadcast_to(now, was.shape), was, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_text_goes_round(seed: int) -> None:
    for program in forms(random_program(seed)):
        assert Program.parse(str(program)) == program


HEAD = 'v0 = varying("x")\nv1 = uniform("w")\n'

MALFORMED = {
    "an operand that comes later": "v2 = exp(v3)\nv3 = exp(v0)\n",
    "itself as an operand": "v2 = exp(v2)\n",
    "an unknown operator": "v2 = gamma(v0)\n",
    "too few operands": "v2 = add(v0)\n",
    "too many operands": "v2 = exp(v0, v1)\n",
    "a number that is none": "v2 = constant(one)\n",
    "values out of order": "v3 = exp(v0)\n",
    "an output of nothing": 'output("y", v9)\n',
    "no sense": "what is this\n",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed_text_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(rg.ProgramError, match=r"line \d|v\d|has no value"):
        Program.parse(HEAD + text)


def after(name: str, body: str, output: str) -> str:
    return str(_testing.after_pass(Program.parse(HEAD + body + f'output("y", {output})\n'), name))


REWRITTEN = [
    ("strength", "v2 = constant(2.0)\nv3 = pow(v0, v2)\n", "v3", "square("),
    ("strength", "v2 = neg(v0)\nv3 = add(v1, v2)\n", "v3", "sub("),
    ("strength", "v2 = constant(-1.0)\nv3 = mul(v0, v2)\n", "v3", "neg("),
    ("strength", "v2 = neg(v0)\nv3 = neg(v2)\n", "v3", 'output("y", v0)'),
    ("strength", "v2 = constant(nan)\nv3 = mul(v0, v2)\n", "v3", 'output("y", v2)'),
    ("fma", "v2 = mul(v0, v1)\nv3 = add(v2, v1)\n", "v3", "fma("),
    ("fma", "v2 = mul(v0, v1)\nv3 = sub(v1, v2)\n", "v3", "fnma("),
    ("fma", "v2 = mul(v0, v0)\nv3 = mul(v1, v0)\nv4 = sub(v2, v3)\nv5 = exp(v4)\n", "v5", "fnma("),
    ("fold", "v2 = constant(2.0)\nv3 = constant(3.0)\nv4 = mul(v2, v3)\n", "v4", "constant(6.0)"),
    ("cse", "v2 = exp(v0)\nv3 = exp(v0)\nv4 = add(v2, v3)\n", "v4", "add(v2, v2)"),
]


@pytest.mark.parametrize(("name", "body", "output", "found"), REWRITTEN)
def test_a_pass_rewrites(name: str, body: str, output: str, found: str) -> None:
    assert found in after(name, body, output)


KEPT = [
    ("strength", "v2 = constant(0.0)\nv3 = mul(v0, v2)\n", "v3", "mul(", "0 * x is nan for an infinite x"),
    ("strength", "v2 = constant(0.0)\nv3 = add(v0, v2)\n", "v3", "add(", "-0 + 0 is 0"),
    ("strength", "v2 = sub(v0, v0)\n", "v2", "sub(", "inf - inf is nan"),
    ("strength", "v2 = div(v0, v1)\n", "v2", "div(", "1 / w may overflow where x / w does not"),
    ("strength", "v2 = constant(5e-324)\nv3 = div(v0, v2)\n", "v3", "div(", "the reciprocal is infinite"),
    ("fma", "v2 = mul(v0, v0)\nv3 = mul(v1, v0)\nv4 = sub(v2, v3)\n", "v4", "sub(", "a difference of products"),
    (
        "fma",
        "v2 = mul(v0, v0)\nv3 = mul(v1, v0)\nv4 = sub(v2, v3)\nv5 = exp(v4)\nv6 = sqrt(v4)\nv7 = add(v5, v6)\n",
        "v7",
        "sub(",
        "a square root sees the difference of products too",
    ),
    ("fma", "v2 = mul(v0, v1)\nv3 = add(v2, v2)\n", "v3", "mul(", "the product has another use"),
]


@pytest.mark.parametrize(("name", "body", "output", "kept", "why"), KEPT, ids=[row[-1] for row in KEPT])
def test_a_pass_leaves_alone_what_could_make_nan(name: str, body: str, output: str, kept: str, why: str) -> None:
    assert kept in after(name, body, output)


EDGES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, 1e-308]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), numbers=st.lists(st.sampled_from(EDGES), min_size=5, max_size=5))
def test_optimising_makes_nothing_infinite_that_was_finite(seed: int, numbers: list[float]) -> None:
    program = random_program(seed, 12)
    values = [*numbers[:2], *(np.full(2, x) for x in numbers[2:])]
    optimised = program.optimised(relaxed=False)
    for was, now in zip(evaluated(program, values, 2), evaluated(optimised, values, 2), strict=True):
        assert not np.any(np.isfinite(was) & ~np.isfinite(np.broadcast_to(now, was.shape)))


def test_forward_and_reverse_are_each_others_transpose() -> None:
    rng = np.random.default_rng(3)
    for seed in range(20):
        program = random_program(seed)
        values = inputs(seed)
        reverse = evaluated(program.differentiate(per_lane=True), values)[1:]
        directions = [*rng.normal(size=2).tolist(), *rng.normal(size=(3, 9))]
        tangent = evaluated(program.linearise(), values + directions)[-1]
        product = sum(np.asarray(d) * g for d, g in zip(directions, reverse, strict=True))
        np.testing.assert_allclose(np.broadcast_to(tangent, product.shape), product, rtol=1e-9, atol=1e-9)


def test_second_derivatives_agree_with_differences_of_first_ones() -> None:
    program = Program.parse(
        'v0 = uniform("a")\nv1 = uniform("b")\nv2 = exp(v0)\nv3 = mul(v2, v1)\nv4 = sin(v3)\nv5 = pow(v4, v1)\n'
        'output("y", v5)\n'
    )
    first = program.differentiate()
    second = first.linearise([0, 1])
    at, h = [0.3, 1.7], 1e-6
    for k in range(2):
        tangent = evaluated(second, [*at, *(float(j == k) for j in range(2))], 1)[-2:]
        up = evaluated(first, [x + h * (j == k) for j, x in enumerate(at)], 1)[1:]
        down = evaluated(first, [x - h * (j == k) for j, x in enumerate(at)], 1)[1:]
        np.testing.assert_allclose(
            np.ravel(tangent), [(u.item() - d.item()) / (2 * h) for u, d in zip(up, down, strict=True)], rtol=1e-7
        )


def test_stats_count_each_pass() -> None:
    stats = random_program(1).reduced().differentiate().stats()
    assert [name for name, _, _ in stats["passes"]][:2] == ["expand", "fold"]
    assert stats["passes"][0][1] == stats["instructions"]
    assert stats["passes"][-1][2] == stats["optimised"]
    assert stats["flops"] >= stats["varying_flops"] > 0
