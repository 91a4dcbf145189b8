"""Instructions that do the work of several agree with the reference evaluator to the bit, on whole numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from reelgrad._core import _testing  # type: ignore[attr-defined]

LANES = (0, 1, 3, 8, 13, 44, 56, 63, 64, 65, 100, 4096, 4099)


class Text:
    """A Program's text, written line by line; `add` returns the new value's name."""

    def __init__(self, uniform: int, varying: int) -> None:
        self.lines: list[str] = []
        self.uniform = [self.add(f'uniform("w{k}")') for k in range(uniform)]
        self.varying = [self.add(f'varying("x{k}")') for k in range(varying)]
        self.outputs: list[str] = []

    def add(self, instruction: str) -> str:
        self.lines.append(f"v{len(self.lines)} = {instruction}")
        return f"v{len(self.lines) - 1}"

    def output(self, value: str) -> None:
        self.outputs.append(f'output("y{len(self.outputs)}", {value})')

    def program(self) -> rg.Program:
        return rg.Program.parse("\n".join(self.lines + self.outputs) + "\n")


def sums_of_products(others: int) -> rg.Program:
    """Two inputs times as many values that come later, the values' own sums, and their squares'."""
    text = Text(1, 2)
    for k in range(others):
        value = text.add(f"add({text.varying[k % 2]}, {text.uniform[0]})") if k < 2 else text.add(f"neg(v{2 + k})")
        assert value == f"v{3 + k}"
    for k in range(others):
        for factor in text.varying:
            text.output(text.add(f"lane_sum({text.add(f'mul({factor}, v{3 + k})')})"))
        text.output(text.add(f"lane_sum(v{3 + k})"))
        text.output(text.add(f"lane_sum({text.add(f'square(v{3 + k})')})"))
    return text.program()


def one_total(terms: int) -> rg.Program:
    """So many products and values that are all added to one number."""
    text = Text(1, 2)
    total = text.add(f"lane_sum({text.varying[0]})")
    value = text.add(f"add({text.varying[1]}, {text.uniform[0]})")
    for k in range(terms):
        value = text.add(f"sub({text.varying[k % 2]}, {value})")
        term = text.add(f"mul({value}, {text.varying[0]})") if k % 3 else value
        total = text.add(f"add({total}, {text.add(f'lane_sum({term})')})")
    text.output(total)
    return text.program()


def layers(width: int) -> rg.Program:
    """Sums of the same values times parameters, in number even and odd, and one of other values."""
    text = Text(width + 1, 3)
    values = text.varying
    for _ in range(2):
        made = []
        for k in range(width):
            factors = text.uniform[k:] + text.uniform[:k]
            pairs = ", ".join(f"{x}, {w}" if k % 2 else f"{w}, {x}" for x, w in zip(values, factors, strict=False))
            made.append(text.add(f"dot_add({text.uniform[k]}, {pairs})"))
        values = [text.add(f"relu({value})") for value in made[:3]]
    text.output(text.add(f"dot_add({values[0]}, {values[1]}, {text.uniform[0]})"))
    for value in made:
        text.output(text.add(f"lane_sum({value})"))
    return text.program()


def products_of_results() -> rg.Program:
    """Each operator of which only a product makes use, its operands varying and not, on either side."""
    text = Text(2, 2)
    (w, u), (x, z) = text.uniform, text.varying
    for operator in ("add", "sub", "mul"):
        for a, b in ((x, z), (w, z), (x, w), (x, x)):
            text.output(text.add(f"mul({text.add(f'{operator}({a}, {b})')}, {z})"))
            text.output(text.add(f"mul({x}, {text.add(f'{operator}({a}, {b})')})"))
    for operator in ("fma", "fms", "fnma"):
        for a, b, c in ((x, z, x), (w, z, x), (x, w, z), (x, z, w), (w, u, x), (x, w, u), (w, x, u)):
            text.output(text.add(f"mul({text.add(f'{operator}({a}, {b}, {c})')}, {z})"))
    inner = text.add(f"sub({x}, {z})")
    chained = text.add(f"mul({text.add(f'mul({inner}, {x})')}, {text.add(f'add({z}, {w})')})")
    text.output(chained)
    text.output(text.add(f"mul({chained}, {chained})"))
    text.output(text.add(f"mul({text.add(f'sub({x}, {w})')}, {u})"))
    return text.program()


PROGRAMS = {
    **{f"{n} values that come after their factor": sums_of_products(n) for n in (1, 2, 7, 8, 9, 17, 40)},
    **{f"{n} terms of one total": one_total(n) for n in (1, 8, 9, 30)},
    **{f"layers of {n}": layers(n) for n in (3, 4, 7)},
    "products of results": products_of_results(),
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_numbers_agree_to_the_bit(name: str, lanes: int) -> None:
    program = PROGRAMS[name]
    numbers = np.random.default_rng(lanes)
    rates = [rate for _, rate in program.inputs]
    uniforms = numbers.integers(-3, 4, rates.count("uniform")).astype(float)
    columns = [numbers.integers(-4, 5, lanes).astype(float) for _ in range(rates.count("varying"))]
    inputs = [[u] for u in uniforms] + [list(column) for column in columns]
    expected = [np.array(v) for v in _testing.evaluate(program, inputs, lanes)]
    totals, lanewise = _core.Executable(program).run(uniforms, columns, lanes=lanes)
    uniform, varying = iter(totals), iter(lanewise)
    for (output, rate, _), want in zip(program.outputs, expected, strict=True):
        if rate == "uniform":
            assert next(uniform) == (want[0] if want.size else 0.0), output
        else:
            assert np.array_equal(next(varying), want), output


@pytest.mark.parametrize("function", ["exp", "tanh", "sigmoid", "log"])
@pytest.mark.parametrize("affine", ["x0, w0, w1", "w0, x0, w1", "x0, x1, w0", "w0, w1, x0", "x0, w0, x1"])
def test_a_function_of_a_scaled_and_shifted_number_has_the_bits_of_two_done_together(
    function: str, affine: str
) -> None:
    def program(extra: bool) -> rg.Program:
        text = Text(2, 2)
        names = dict(zip(("w0", "w1", "x0", "x1"), (*text.uniform, *text.varying), strict=True))
        scaled = text.add(f"fma({', '.join(names[name] for name in affine.split(', '))})")
        text.output(text.add(f"{function}({scaled})"))
        if extra:
            text.output(scaled)  # another use, so that it is an instruction of its own
        return text.program()

    numbers = np.random.default_rng(1)
    columns = [numbers.normal(size=100) for _ in range(2)]
    together, apart = (
        _core.Executable(program(extra)).run([1.5, -0.25], columns, lanes=100)[1] for extra in (False, True)
    )
    assert np.array_equal(together[0], apart[0], equal_nan=True)


def test_a_sum_that_is_made_with_another_may_be_a_condition_and_a_factor() -> None:
    text = Text(2, 2)
    (w, u), (x, z) = text.uniform, text.varying
    sums = [text.add(f"dot_add({w}, {x}, {a}, {z}, {b})") for a, b in ((w, u), (u, w))]
    text.output(text.add(f"where({sums[1]}, {x}, {z})"))
    text.output(text.add(f"mul({text.add(f'sub({x}, {z})')}, {sums[1]})"))
    text.output(sums[0])
    columns = [np.array([1.0, -1.0, 2.0, 0.0]), np.array([3.0, 1.0, -2.0, 0.0])]
    chosen, product, _ = _core.Executable(text.program()).run([0.0, 2.0], columns, lanes=4)[1]
    second = 2.0 * columns[0]
    assert np.array_equal(chosen, np.where(second != 0.0, *columns))
    assert np.array_equal(product, (columns[0] - columns[1]) * second)


@pytest.mark.parametrize("isa", rg.cpu_features()["available"])
def test_in_every_instruction_set(isa: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    command += ["-k", "agree_to_the_bit or matrix or several_paths or together or made_with"]
    done = subprocess.run(command, env=os.environ | {"REELGRAD_ISA": isa}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_lane_that_is_not_finite_does_not_spill_over() -> None:
    """Padding repeats the last lane: what it adds must not count, even where it is infinite."""
    program = PROGRAMS["9 values that come after their factor"]
    column = np.array([1.0, 2.0, np.inf])
    totals, _ = _core.Executable(program).run([0.0], [column, column], lanes=3)
    assert np.isinf(totals).any()
    finite, _ = _core.Executable(program).run([0.0], [column[:2], column[:2]], lanes=2)
    assert np.isfinite(finite).all()


@pytest.mark.parametrize("lanes", [1, 3, 8, 12, 63, 64, 100, 4099])
@pytest.mark.parametrize("width", [3, 4, 5, 7, 8, 9, 16, 19])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4"])
def test_a_matrix_is_read_row_by_row_or_column_by_column(lanes: int, width: int, dtype: str) -> None:
    """All sums are of whole numbers, so the order of additions does not show."""

    def weighted(x: list[Any]) -> Any:
        return sum((k + 1) * element for k, element in enumerate(x)) * x[width // 2] - x[-1]

    def expected(matrix: Any) -> Any:
        numbers = np.asarray(matrix, float)
        return numbers @ np.arange(1.0, width + 1.0) * numbers[:, width // 2] - numbers[:, -1]

    f = rg.compile(weighted, in_axes=0)
    wide = np.random.default_rng(width).integers(-9, 10, (lanes + 2, 2 * width + 3)).astype(dtype)
    plain = np.ascontiguousarray(wide[:lanes, :width])
    matrices = [
        plain,
        np.asfortranarray(plain),
        wide[1 : lanes + 1, 2 : width + 2],
        wide[:lanes, 1 : 2 * width + 1 : 2],
        wide[lanes - 1 :: -1, :width],
        wide[:lanes, width - 1 :: -1] if width > 1 else plain,
    ]
    for matrix in matrices:
        assert np.array_equal(f(matrix), expected(matrix))


def test_lanes_of_several_paths_are_read_from_their_rows() -> None:
    f = rg.compile(lambda x: x[0] * x[1] + x[2] * x[3] if x[4] > 0.0 else x[0] - x[5] * x[6], in_axes=0)
    matrix = np.random.default_rng(0).integers(-9, 10, (1000, 9)).astype(float)
    taken = matrix[:, 0] * matrix[:, 1] + matrix[:, 2] * matrix[:, 3]
    other = matrix[:, 0] - matrix[:, 5] * matrix[:, 6]
    assert np.array_equal(f(matrix), np.where(matrix[:, 4] > 0.0, taken, other))


def test_nothing_is_read_behind_a_matrix() -> None:
    """The last row ends where a page ends that cannot be read: reading on would end the process."""
    program = """
import ctypes, mmap
import numpy as np
import reelgrad as rg

page = mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), page, 0) == 0
for width in (4, 5, 7, 8, 11):
    rows = page // 8 // width
    numbers = np.frombuffer(memory, np.float64, rows * width, page - 8 * rows * width).reshape(rows, width)
    numbers[...] = 1.0
    assert np.array_equal(rg.compile(lambda x: sum(x), in_axes=0)(numbers), np.full(rows, float(width)))
print("ok", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stderr
