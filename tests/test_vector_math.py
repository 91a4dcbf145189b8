"""The vector math of every instruction set that this machine has, against mpmath, on the reference's arguments.

The wide form and the single lane must give the same bits: batches, tails and uniform work then agree.
"""

from __future__ import annotations

import functools
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest

import reelgrad as rg
from reelgrad._core import _testing
from reference.case import Expected, error_in_ulps
from reference.primitives import CASES

ISAS = rg.cpu_features()["available"]


@functools.cache
def rows(name: str) -> list[tuple[tuple[float, ...], Expected]]:
    case = CASES[name]
    arguments = case.grid()
    if case.arguments is None:
        rng = random.Random(name)
        for _ in range(60):
            arguments.append(tuple(rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-6.0, 2.6) for _ in range(case.arity)))
            arguments.append(tuple(rng.uniform(-1.0, 1.0) for _ in range(case.arity)))
    return [(x, case.expected(x)) for x in arguments]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", CASES)
def test_values_agree_with_mpmath_and_lanes_with_each_other(name: str, isa: str) -> None:
    case, table = CASES[name], rows(name)
    operands = [np.array([x[k] for x, _ in table]) for k in range(case.arity)]
    wide = _testing.vector_math(name, isa, True, operands)
    single = _testing.vector_math(name, isa, False, operands)
    np.testing.assert_array_equal(wide, single)
    assert (np.signbit(wide) == np.signbit(single))[~np.isnan(wide)].all()
    wrong = []
    for (x, (value, *_)), y in zip(table, wide.tolist(), strict=True):
        if value is None:
            continue
        error = error_in_ulps(y, value, case.floors(*x)[0])
        if not error <= max(4.0, case.value_ulps):
            wrong.append((x, y, float(value), error))
    assert not wrong


@pytest.mark.parametrize(
    "name", ["sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1", "log1p", "erf"]
)
@pytest.mark.parametrize("isa", ISAS)
def test_odd_functions_keep_the_sign_of_zero(name: str, isa: str) -> None:
    for wide in (True, False):
        found = _testing.vector_math(name, isa, wide, [np.array([0.0, -0.0] * 4)])
        assert np.signbit(found).tolist() == [False, True] * 4
        assert (found == 0.0).all()


HUGE = [1e5, 1e9, 1e15, 2.0**60, 1e22, 1e100, 1.7e308, -1e22]


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("isa", ISAS)
def test_huge_angles_are_reduced_exactly(name: str, isa: str) -> None:
    found = _testing.vector_math(name, isa, True, [np.array(HUGE)])
    for x, y in zip(HUGE, found.tolist(), strict=True):
        assert error_in_ulps(y, CASES[name].expected((x,))[0]) <= 4.0, x


@pytest.mark.parametrize("isa", ISAS)
def test_the_double_nearest_to_a_multiple_of_half_pi_gets_the_c_librarys_cosine(isa: str) -> None:
    # 4.7e-19 away from one. Huge angles go to the C library, which may be off by 8 ulp here.
    hardest = 6381956970095103.0 * 2.0**797
    found = _testing.vector_math("cos", isa, True, [np.array([hardest])])[0]
    assert found == math.cos(hardest)


@pytest.mark.parametrize("isa", ISAS)
def test_sigmoid_goes_down_to_the_smallest_numbers(isa: str) -> None:
    x = np.array([-700.0, -709.0, -720.0, -740.0, -745.0, -746.0, 40.0, 800.0])
    found = _testing.vector_math("sigmoid", isa, True, [x])
    for argument, y in zip(x.tolist(), found.tolist(), strict=True):
        assert error_in_ulps(y, CASES["sigmoid"].expected((argument,))[0]) <= 4.0, argument


@pytest.mark.parametrize("isa", ISAS)
def test_an_instruction_set_can_be_forced(isa: str) -> None:
    code = "import reelgrad as rg; print(rg.cpu_features()['used'], rg.compile(lambda x: rg.exp(x) * 2.0)(1.0))"
    environment = os.environ | {"REELGRAD_ISA": isa}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    used, value = done.stdout.split()
    assert used == isa
    assert float(value) == pytest.approx(5.43656365691809, rel=1e-15)


def test_an_unknown_instruction_set_is_refused_with_the_choices() -> None:
    code = "import reelgrad as rg; rg.compile(lambda x: x)(1.0)"
    environment = os.environ | {"REELGRAD_ISA": "sse9"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SettingError" in done.stderr
    assert "baseline" in done.stderr
