"""W10: Arrays by size, beside NumPy, PyTorch and JAX without compiling."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.array_sizes import JAX, NUMPY, OWN, SIDES, SIZES, TORCH, elementwise, matrix, matrix_vector_recorder
from bench.fixtures import present
from bench.gradients import require_same_gradient


@pytest.mark.parametrize("name", [OWN, NUMPY, TORCH, JAX])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(group="W10 elementwise")
def test_elementwise(benchmark: BenchmarkFixture, size: int, name: str) -> None:
    workload = elementwise(size)
    work = present(workload.makers[name])
    require_same_gradient(name, work, workload.expected)
    benchmark(work)


@pytest.mark.parametrize("name", [OWN, NUMPY, TORCH, JAX])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.benchmark(group="W10 matrix times vector")
def test_matrix(benchmark: BenchmarkFixture, side: int, name: str) -> None:
    workload = matrix(side)
    work = present(workload.makers[name])
    require_same_gradient(name, work, workload.expected)
    benchmark(work)


@pytest.mark.benchmark(group="W10 recording 16 x 16 times 16")
def test_recording(benchmark: BenchmarkFixture) -> None:
    assert benchmark(matrix_vector_recorder()).shape == (16,)
