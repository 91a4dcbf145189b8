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
    return [(x, case.expected(x)) for x in case.points(name, 60)]


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


def quotients() -> list[tuple[float, float]]:
    """Dividends and divisors of all sizes: subnormal, next to whole quotients, and with quotients of many bits."""
    rng = random.Random("quotients")
    pairs: list[tuple[float, float]] = []
    for _ in range(1500):
        b = math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1073, 1020))
        q = rng.choice([rng.randint(0, 9), rng.randint(0, 1 << 27), rng.randint(0, 1 << 53), 1 << rng.randint(0, 60)])
        a = q * b
        pairs += [(a, b), (math.nextafter(a, 0.0), b), (math.nextafter(a, math.inf), b), (a + 0.25 * b, b)]
        pairs.append((math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1073, 1024)), b))
    pairs += [(5e-324, 5e-324), (1.5e-323, 1e-323), (1.7e308, 5e-324), (1.7e308, 1.6e308), (1.0, 1.7e308)]
    return [(rng.choice([-1.0, 1.0]) * a, rng.choice([-1.0, 1.0]) * b) for a, b in pairs if math.isfinite(a) and b]


@pytest.mark.parametrize("isa", ISAS)
def test_remainders_are_exact(isa: str) -> None:
    pairs = quotients()
    operands = [np.array(column) for column in zip(*pairs, strict=True)]
    for name, exact in (("fmod", math.fmod), ("mod", lambda a, b: a % b), ("floordiv", rg.floordiv)):
        found = _testing.vector_math(name, isa, True, operands).tolist()
        alone = _testing.vector_math(name, isa, False, operands).tolist()
        wrong = [
            (a, b, y, exact(a, b))
            for (a, b), y, z in zip(pairs, found, alone, strict=True)
            if y.hex() != exact(a, b).hex() or y.hex() != z.hex()
        ]
        assert wrong == [], name


@pytest.mark.parametrize("isa", ISAS)
def test_erfinv_is_accurate_into_the_tails(isa: str) -> None:
    rng = random.Random("erfinv")
    x = [1.0 - 10.0 ** rng.uniform(-15.9, -0.3) for _ in range(300)] + [
        10.0 ** rng.uniform(-320, 0) for _ in range(100)
    ]
    x += [math.nextafter(1.0, 0.0), 5e-324, 0.9907, 0.9908, 0.9909]
    x = [rng.choice([-1.0, 1.0]) * v for v in x]
    found = _testing.vector_math("erfinv", isa, True, [np.array(x)])
    for argument, y in zip(x, found.tolist(), strict=True):
        assert error_in_ulps(y, CASES["erfinv"].expected((argument,))[0]) <= 4.0, argument


@pytest.mark.parametrize("isa", ISAS)
def test_the_first_power_is_the_number_itself(isa: str) -> None:
    rng = random.Random("pow")
    x = [rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-320.0, 308.0) for _ in range(4000)] + [0.0, -0.0, math.inf]
    for wide in (True, False):
        found = _testing.vector_math("pow", isa, wide, [np.array(x), np.ones(len(x))])
        assert found.tobytes() == np.array(x).tobytes()


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


@pytest.mark.parametrize("isa", ISAS)
def test_angles_of_subnormal_points_have_all_bits(isa: str) -> None:
    """Sums and differences of subnormal numbers are exact, but their quotient has the bits of a normal one."""
    sizes = [5e-324, 1e-323, 1.5e-323, 2e-323, 1e-320, 1e-310, 2.2e-308, 3e-300, 1e-272]
    points = [(a * s, b * t) for a in sizes for b in sizes for s in (1.0, -1.0) for t in (1.0, -1.0)]
    y, x = np.array(points).T
    for wide in (True, False):
        found = _testing.vector_math("atan2", isa, wide, [y.copy(), x.copy()])
        worst = max(error_in_ulps(f, CASES["atan2"].expected(p)[0]) for f, p in zip(found, points, strict=True))
        assert worst <= 2.0
