"""Executable against the reference evaluator: any number of lanes, threads, types, strides, chosen lanes, and nan."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from reelgrad._core import _testing  # type: ignore[attr-defined]

LANES = (0, 1, 7, 8, 63, 64, 65, 4095, 4096, 4097, 10_001)
UNARY = ("neg", "abs", "square", "exp", "sin", "tanh", "sigmoid", "relu", "softplus", "sqrt", "log1p", "erf")
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "less", "less_equal", "copysign", "leaky_relu")


def random_program(seed: int, size: int = 40) -> rg.Program:
    """Return a Program of two uniform and three varying inputs with tame numbers."""
    choose = random.Random(seed)
    lines = [f'v{k} = {"uniform" if k < 2 else "varying"}("x{k}")' for k in range(5)]
    lines.append("v5 = constant(0.5)")
    for k in range(6, 6 + size):
        operand = [f"v{max(0, k - 1 - int(choose.expovariate(0.2)))}" for _ in range(6)]
        kind = choose.random()
        if kind < 0.3:
            lines.append(f"v{k} = {choose.choice(UNARY)}({operand[0]})")
        elif kind < 0.8:
            lines.append(f"v{k} = {choose.choice(BINARY)}({operand[0]}, {operand[1]})")
        elif kind < 0.9:
            lines.append(f"v{k} = where({operand[0]}, {operand[1]}, {operand[2]})")
        else:
            lines.append(f"v{k} = dot({', '.join(operand)})")
        lines[-1] = lines[-1].replace("= exp(", "= tanh(")  # tame
    last = 6 + size
    lines.append(f"v{last} = tanh(v{last - 1})")
    lines.append(f"v{last + 1} = mul(v{last}, v2)")
    lines += [f'output("y", v{last + 1})', f'output("u", v{choose.randrange(2)})']
    return rg.Program.parse("\n".join(lines) + "\n")


def forms(program: rg.Program) -> dict[str, rg.Program]:
    return {
        "plain": program,
        "differentiated": program.differentiate(),
        "per lane": program.differentiate(per_lane=True),
        "linearised": program.linearise([0, 2]),
        "reduced": program.reduced().differentiate([0, 1]),
    }


def batch(program: rg.Program, lanes: int, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    numbers = np.random.default_rng(seed)
    rates = [rate for _, rate in program.inputs]
    uniforms = numbers.uniform(0.3, 1.5, rates.count("uniform"))
    return uniforms, [numbers.uniform(-1.5, 1.5, lanes) for _ in range(rates.count("varying"))]


def expected(program: rg.Program, uniforms: np.ndarray, columns: list[np.ndarray], lanes: int) -> list[np.ndarray]:
    uniform, varying = iter(uniforms), iter(columns)
    inputs = [[next(uniform)] if rate == "uniform" else list(next(varying)) for _, rate in program.inputs]
    return [np.array(v) for v in _testing.evaluate(program, inputs, lanes)]


def in_order(program: rg.Program, result: tuple[np.ndarray, list[np.ndarray]]) -> list[np.ndarray]:
    uniform, varying = iter(result[0]), iter(result[1])
    return [np.array([next(uniform)]) if rate == "uniform" else next(varying) for _, rate, _ in program.outputs]


def close(got: np.ndarray, want: np.ndarray, lanes: int) -> bool:
    # A random Program amplifies rounding, and sums over lanes cancel: a wrong lane shows all the same.
    tolerance = 1e-9 if got.size > 1 else 1e-9 * max(1.0, float(lanes))
    return np.allclose(got, want, rtol=1e-8, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("form", ["plain", "differentiated", "per lane", "linearised", "reduced"])
@pytest.mark.parametrize("seed", range(6))
def test_random_programs_agree_with_the_reference_for_any_number_of_lanes(seed: int, form: str) -> None:
    program = forms(random_program(seed))[form]
    executable = _core.Executable(program)
    for lanes in LANES if seed == 0 else (1, 7, 65):
        uniforms, columns = batch(program, lanes, seed)
        got = in_order(program, executable.run(uniforms, columns, lanes))
        for output, (result, want) in enumerate(zip(got, expected(program, uniforms, columns, lanes), strict=True)):
            assert close(result, want, lanes), (lanes, program.outputs[output])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(threads: int) -> None:
    program = forms(random_program(3))["reduced"]
    executable = _core.Executable(program)
    uniforms, columns = batch(program, 50_001, 1)
    alone = executable.run(uniforms, columns, 50_001)[0]
    assert executable.run(uniforms, columns, 50_001, threads=threads)[0].tobytes() == alone.tobytes()


SUM = rg.Program.parse('v0 = varying("x")\nv1 = lane_sum(v0)\noutput("s", v1)\noutput("x", v0)\n')


@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"], ids=lambda name: str(np.dtype(name))
)
@pytest.mark.parametrize("stride", [1, 3, -1, -2, 0])
def test_columns_of_any_type_and_stride(dtype: str, stride: int) -> None:
    numbers = (np.arange(600) % 90).astype(dtype)
    column = np.broadcast_to(numbers[7:8], (130,)) if stride == 0 else numbers[::stride][:130]
    total, (copied,) = _core.Executable(SUM).run(np.empty(0), [column], 130)
    assert copied.tolist() == column.astype(float).tolist()
    assert total[0] == float(column.astype(float).sum())


def test_chosen_lanes_are_run_and_no_others_are_written() -> None:
    column = np.arange(10_000.0)
    chosen = np.flatnonzero(column % 3 == 1).astype(np.uint32)
    out = np.full(10_000, -1.0)
    total, _ = _core.Executable(SUM).run(np.empty(0), [column], 10_000, chosen=chosen, varying_out=[out])
    assert total[0] == column[chosen].sum()
    assert out.tolist() == np.where(column % 3 == 1, column, -1.0).tolist()


def test_results_go_to_strided_arrays_that_are_given() -> None:
    column, out = np.arange(100.0), np.zeros((100, 2))
    total = np.zeros(1)
    got, _ = _core.Executable(SUM).run(np.empty(0), [column], 100, uniform_out=total, varying_out=[out[:, 1]])
    assert got is total
    assert out[:, 1].tolist() == column.tolist()
    assert not out[:, 0].any()


def test_only_gradients_that_came_out_nan_are_computed_again() -> None:
    # where(x > 0, sqrt(x), 0): below 0 the branch not taken has the partial nan.
    text = (
        'v0 = uniform("w")\nv1 = varying("x")\nv2 = constant(0.0)\nv3 = less(v2, v1)\nv4 = mul(v0, v1)\n'
        'v5 = sqrt(v4)\nv6 = where(v3, v5, v2)\noutput("y", v6)\n'
    )
    x = np.array([4.0, -1.0, 0.25, -9.0, 1.0])
    program = rg.Program.parse(text).differentiate()
    slope, (value, lanes) = _core.Executable(program).run(np.array([1.0]), [x], 5)
    assert value.tolist() == [2.0, 0.0, 0.5, 0.0, 1.0]
    assert lanes.tolist() == [0.25, 0.0, 1.0, 0.0, 0.5]
    assert slope.tolist() == [0.5 * (2.0 + 0.5 + 1.0)]


def test_nan_in_the_data_stays() -> None:
    total, (copied,) = _core.Executable(SUM).run(np.empty(0), [np.array([1.0, np.nan, 2.0])], 3)
    assert np.isnan(total[0])
    assert np.isnan(copied).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.empty(1), [np.ones(3)], 3), rg.LengthError, "1 uniform inputs where the Program has 0"),
        ((np.empty(0), [], 3), rg.LengthError, "0 varying inputs where the Program has 1"),
        ((np.empty(0), [np.ones(4)], 3), rg.LengthError, "has 4 lanes"),
        ((np.empty(0), [np.ones((3, 1))], 3), rg.LengthError, "one dimension"),
        ((np.empty(0), [np.ones(3, complex)], 3), rg.NodeTypeError, "complex128"),
        ((np.empty(0), [np.ones(3)], -1), rg.SettingError, "-1"),
        ((np.empty(0), [np.ones(3)], 3, np.array([3], np.uint32)), rg.LengthError, "lane 3 is chosen of 3"),
    ],
)
def test_wrong_batches_say_what_is_wrong(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        _core.Executable(SUM).run(*arguments)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends a signal")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_stops_a_long_run_and_leaves_the_executable_usable(threads: int) -> None:
    program = rg.Program.parse('v0 = varying("x")\nv1 = exp(v0)\nv2 = lane_sum(v1)\noutput("s", v2)\n')
    executable, lanes = _core.Executable(program), 1 << 34  # minutes
    column = np.broadcast_to(np.zeros(1), (lanes,))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            executable.run(np.empty(0), [column], lanes, threads=threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert executable.run(np.empty(0), [column[:5000]], 5000, threads=threads)[0].tolist() == [5000.0]


def test_lanes_that_depend_on_a_sum_over_lanes_are_refused() -> None:
    text = 'v0 = varying("x")\nv1 = lane_sum(v0)\nv2 = sub(v0, v1)\noutput("y", v2)\n'
    with pytest.raises(rg.ProgramError, match="sum over the lanes"):
        _core.Executable(rg.Program.parse(text))


@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_every_instruction_set_agrees_with_the_reference(isa: str) -> None:
    if isa not in rg.cpu_features()["available"]:
        pytest.skip(f"this machine has no {isa}")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    command += ["-k", "random_programs or same_bits or any_type or nan"]
    done = subprocess.run(command, env=os.environ | {"REELGRAD_ISA": isa}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
