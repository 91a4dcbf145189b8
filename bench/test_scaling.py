"""How workloads scale: at two sizes each all answers agree, and reelgrad's own way is timed; what is told of it."""

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import long_program, moons
from bench.curves import CURVES
from bench.engines import PeerMissing
from bench.figure import duration
from bench.fixtures import time_rounds
from bench.names import is_own
from bench.program import mixed_program
from bench.scaling import Curve, Scaling, Sized, Way, measure_curve
from bench.scaling_section import losses, scaling_lines, scaling_losses, scaling_section
from bench.timing import Metric, Rounds

SIZES = (10, 1_000)


@pytest.mark.parametrize("about", SIZES)
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.workload)
def test_all_ways_agree_at_each_size(benchmark: BenchmarkFixture, curve: Curve, about: int) -> None:
    with ExitStack() as stack:
        size, makers = curve.at(about, stack)
        benchmark.group = f"scaling {curve.workload}, {size:,}"
        ways: dict[str, Way] = {}
        for name, make in makers.items():
            try:
                ways[name] = make()
            except PeerMissing:
                continue
        own = [name for name in ways if is_own(name)]
        if not own:
            pytest.skip("nothing of reelgrad's can be built here")
        for way in ways.values():
            way.check()
        time_rounds(benchmark, ways[own[0]].work, rounds=5)


def test_sizes_are_nearly_those_asked_for() -> None:
    for curve in CURVES:
        assert all(smaller < larger for smaller, larger in pairwise(curve.sizes))
        assert curve.sizes[-1] == 100_000


def test_the_last_operators_of_the_program_have_its_value_and_are_all_needed() -> None:
    program = mixed_program()
    whole, tail = (p.compiled()(p.inputs, math.tanh, math.exp) for p in (program, program.tail(10)))
    assert whole == tail
    assert program.tail(10).ancestors == len(program.tail(10)) == 10


@pytest.mark.parametrize("about", [1, 10, 100, 1_000])
def test_a_program_has_about_as_many_operators_as_asked_for(about: int) -> None:
    assert about <= long_program.program_of_size(about).operators < about + long_program.PART


@pytest.mark.parametrize("hidden", [1, 2, 5, 16, 222])
def test_the_width_of_a_network_follows_from_its_parameters(hidden: int) -> None:
    assert moons.width(hidden * hidden + 5 * hidden + 1) == hidden


# --- What is told of the times


def _rows(times: Mapping[int, Mapping[str, float]]) -> list[tuple[int, Rounds]]:
    return [(size, Rounds([{Metric(name): seconds for name, seconds in row.items()}])) for size, row in times.items()]


def _scaling(times: Mapping[int, Mapping[str, float]]) -> Scaling:
    return Scaling(Curve("W0", "a test", "unit", "A note.", lambda about, _: Sized(about, {})), _rows(times), [])


TIMES = {
    1: {"limit: C++": 0.5, "reelgrad": 3.0, "reelgrad, Nodes": 9.0, "early": 1.0, "never": 4.0, "late": 9.0},
    10: {"limit: C++": 0.5, "reelgrad": 2.0, "reelgrad, Nodes": 9.0, "early": 1.0, "never": 4.0, "late": 1.0},
    100: {"limit: C++": 0.5, "reelgrad": 1.0, "reelgrad, Nodes": 9.0, "never": 4.0, "late": 0.8},
}


def test_losses_name_the_peers_that_win_and_where() -> None:
    assert losses(_scaling(TIMES)) == ["early at every size (up to 3.00x)", "late from 10 on (up to 2.00x)"]


def test_only_curves_with_losses_are_told_among_them() -> None:
    fast, slow = ({1: {"reelgrad": own, "peer": 2.0}} for own in (1.0, 4.0))
    assert scaling_losses([_scaling(fast), _scaling(slow)]) == [
        "- W0 by size, a test: faster is peer at every size (up to 2.00x)."
    ]


@pytest.mark.parametrize(
    ("wins", "words"),
    [
        ((1,), "at 1"),
        ((1, 10), "up to 10"),
        ((100, 1_000), "from 100 on"),
        ((1, 100, 1_000), "at 1 and from 100 on"),
        ((10, 100), "from 10 to 100"),
        ((1, 1_000), "at 1 and at 1,000"),
    ],
)
def test_losses_say_at_which_sizes(wins: tuple[int, ...], words: str) -> None:
    times = {size: {"reelgrad": 2.0, "peer": 1.0 if size in wins else 3.0} for size in (1, 10, 100, 1_000)}
    assert losses(_scaling(times)) == [f"peer {words} (up to 2.00x)"]


def test_the_section_has_the_fastest_in_bold_and_a_dash_where_nothing_was_measured() -> None:
    text = scaling_section([_scaling(TIMES)])
    assert "| per unit | limit: C++ | reelgrad | reelgrad, Nodes | early | never | late |" in text
    assert "| 100 | 500 ms | 1 s | 9 s | - | 4 s | **800 ms** |" in text
    assert "Faster than reelgrad's fastest: early at every size" in text


def test_a_curve_without_peers_is_told_in_ratios() -> None:
    times = {size: {"plain, no derivative": 1.0, "reelgrad": ratio} for size, ratio in ((1, 8.0), (100, 4.0))}
    text = scaling_section([_scaling(times)])
    assert "Compared with plain, no derivative: reelgrad 8.00x at 1, 4.00x at 100." in text


def test_a_line_ends_where_its_variant_stays_out() -> None:
    [panel] = scaling_lines([_scaling(TIMES)])
    sizes = {line.name: list(line.sizes) for line in panel.lines}
    assert sizes["early"] == [1, 10]
    assert sizes["late"] == [1, 10, 100]


def test_who_would_take_too_long_stays_out() -> None:
    def at(about: int, _: ExitStack) -> Sized:
        def way(seconds: float) -> Way:
            return Way(partial(time.sleep, seconds), about, lambda: None)

        return Sized(about, {"reelgrad": partial(way, 1e-4), "slow": partial(way, 0.12)})

    found = measure_curve(Curve("W0", "a test", "unit", "", at, sizes=(1, 10, 100)), 1, most=10)
    assert [(size, rounds.variants()) for size, rounds in found.rows] == [(1, ["reelgrad", "slow"]), (10, ["reelgrad"])]


def test_durations_have_the_unit_that_their_three_digits_fit() -> None:
    assert [duration(t) for t in (9.997e-7, 9.99e-7, 1.0)] == ["1 µs", "999 ns", "1 s"]
