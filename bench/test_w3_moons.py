"""W3: the moons network, one scalar operator at a time, beside the same forward passes on floats and beside the peers.

Per 100 steps; micrograd and XAD do 1 step of it per round, in a group of their own with reelgrad.
"""

from collections.abc import Callable, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import reelgrad as rg
from bench.arrays import MOONS_RUNS, Run
from bench.compiled import moons_fit
from bench.engines import TRAINING, Engine, Reelgrad
from bench.fixtures import present, time_rounds
from bench.limits import LIMIT, moons_limit
from bench.long_tape import GRAPH, small_graph_on_a_long_tape
from bench.moons import FINAL_LOSS, MOONS, STEPS, accuracy
from bench.training import forward_only, path_of, require_same_loss, train

PATH = path_of(MOONS)
RUNS = [(LIMIT, moons_limit), *MOONS_RUNS]


def test_the_documented_loss_and_every_point_on_its_side() -> None:
    result = train(Reelgrad(), MOONS, STEPS)
    assert result.loss == pytest.approx(FINAL_LOSS, abs=5e-11)  # half a unit of the last digit
    assert accuracy(result.scores) == 1.0


def test_the_forward_passes_on_floats_are_the_same_arithmetic() -> None:
    assert forward_only(MOONS, PATH).loss == PATH.losses[-1]  # to the bit


def test_memory_does_not_grow_from_step_to_step() -> None:
    with rg.Tape() as tape:
        engine = Reelgrad()
        parameters: Sequence[rg.Node] = engine.variables(MOONS.start)
        committed = []
        for k in range(60):
            loss, _ = MOONS.loss(parameters, engine)
            parameters = engine.descend(loss, parameters, MOONS.rate(k))
            committed.append(tape.stats()["bytes_committed"])
        assert committed[5:] == committed[5:6] * 55
        assert tape.stats()["collections"] > 10


@pytest.mark.benchmark(group="W3 moons, 100 steps")
def test_forward_only_on_floats(benchmark: BenchmarkFixture) -> None:
    result = time_rounds(benchmark, forward_only, (MOONS, PATH), rounds=5)
    require_same_loss("floats", result, PATH, STEPS)


@pytest.mark.benchmark(group="W3 moons, 100 steps")
def test_reelgrad(benchmark: BenchmarkFixture) -> None:
    result = time_rounds(benchmark, train, (Reelgrad(), MOONS, STEPS), rounds=5)
    require_same_loss("reelgrad", result, PATH, STEPS)


@pytest.mark.benchmark(group="W3 moons, 100 steps")
def test_fit(benchmark: BenchmarkFixture) -> None:
    result = time_rounds(benchmark, moons_fit(), (STEPS,), rounds=5)
    require_same_loss("rg.fit", result, PATH, STEPS)


@pytest.mark.benchmark(group="W3 moons, 100 steps")
@pytest.mark.parametrize("make", [make for _, make in RUNS], ids=[name for name, _ in RUNS])
def test_array_libraries(benchmark: BenchmarkFixture, make: Callable[[], Run]) -> None:
    run = present(make)
    result = run(STEPS)
    require_same_loss("arrays", result, PATH, STEPS)
    assert accuracy(result.scores) == 1.0
    time_rounds(benchmark, run, (STEPS,), rounds=5)


@pytest.mark.benchmark(group="W3 moons, 1 step")
@pytest.mark.parametrize("make", TRAINING, ids=lambda make: make.name)
def test_scalar_engines(benchmark: BenchmarkFixture, make: type[Engine]) -> None:
    engine = present(make)
    require_same_loss(engine.name, train(engine, MOONS, 2), PATH, 2)
    time_rounds(benchmark, train, (engine, MOONS, 1), rounds=3)


@pytest.mark.benchmark(group="W3 backward of 45 operators")
@pytest.mark.parametrize("before", [0, 60_000], ids=["on an empty tape", "on a tape with 60,000"])
def test_backward_costs_the_graph_and_not_the_tape(benchmark: BenchmarkFixture, before: int) -> None:
    with rg.Tape() as tape:
        graph = small_graph_on_a_long_tape(tape, before)
        assert len(tape) == before + GRAPH
        benchmark(graph.output.backward)
