"""W2: XOR with one sigmoid layer, 10,000 epochs. Slow peers run 1,000, in a group of their own, with reelgrad."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.arrays import XOR_RUNS, Run
from bench.compiled import xor_fit
from bench.engines import TRAINING, Engine, Reelgrad
from bench.fixtures import present, time_rounds
from bench.limits import LIMIT, xor_limit
from bench.training import forward_only, path_of, require_same_loss, train
from bench.xor import EPOCHS, FINAL_LOSS, XOR, XOR_IN_REELGRAD

FEWER = 1_000
PATH = path_of(XOR)
RUNS = [(LIMIT, xor_limit), *XOR_RUNS]


def test_the_loss_falls_to_a_quarter_and_the_predictions_to_a_half() -> None:
    result = train(Reelgrad(), XOR, EPOCHS)
    assert result.loss == pytest.approx(FINAL_LOSS, abs=5e-6)  # half a unit of the digits documented
    assert result.scores == pytest.approx([0.5] * 4, abs=5e-5)


@pytest.mark.benchmark(group="W2 XOR, 10,000 epochs")
def test_forward_only_on_floats(benchmark: BenchmarkFixture) -> None:
    result = time_rounds(benchmark, forward_only, (XOR, PATH), rounds=5)
    require_same_loss("floats", result, PATH, EPOCHS)


@pytest.mark.benchmark(group="W2 XOR, 10,000 epochs")
@pytest.mark.parametrize("task", [XOR, XOR_IN_REELGRAD], ids=["1 / (1 + exp(-z))", "z.sigmoid(), rg.mse"])
def test_reelgrad(benchmark: BenchmarkFixture, task: object) -> None:
    result = time_rounds(benchmark, train, (Reelgrad(), task, EPOCHS), rounds=5)
    require_same_loss("reelgrad", result, PATH, EPOCHS)


@pytest.mark.benchmark(group="W2 XOR, 10,000 epochs")
def test_fit(benchmark: BenchmarkFixture) -> None:
    result = time_rounds(benchmark, xor_fit(), (EPOCHS,), rounds=5)
    require_same_loss("rg.fit", result, PATH, EPOCHS)


@pytest.mark.benchmark(group="W2 XOR, 1,000 epochs")
@pytest.mark.parametrize("make", TRAINING, ids=lambda make: make.name)
def test_scalar_engines(benchmark: BenchmarkFixture, make: type[Engine]) -> None:
    engine = present(make)
    require_same_loss(engine.name, train(engine, XOR, FEWER), PATH, FEWER)
    time_rounds(benchmark, train, (engine, XOR, FEWER), rounds=5)


@pytest.mark.benchmark(group="W2 XOR, 1,000 epochs")
@pytest.mark.parametrize("make", [make for _, make in RUNS], ids=[name for name, _ in RUNS])
def test_array_libraries(benchmark: BenchmarkFixture, make: Callable[[], Run]) -> None:
    run = present(make)
    require_same_loss("arrays", run(FEWER), PATH, FEWER)
    time_rounds(benchmark, run, (FEWER,), rounds=5)
