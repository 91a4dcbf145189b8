"""The parts of a run about Arrays by size and about modules of others that record on the tape."""

from functools import partial
from statistics import median

from bench import embedding
from bench.array_sizes import NUMPY, WORKLOADS, matrix_vector_recorder
from bench.cpp_build import BuildImpossible, once
from bench.gradients import Work, require_same_gradient
from bench.parts import ArrayPart, EmbeddingPart, made
from bench.timing import Variant, interleave, timed

MULTIPLY_ADDS = 16 * 16


def _repeat(work: Work, times: int) -> None:
    for _ in range(times):
        work()


def measure_arrays(rounds: int) -> ArrayPart:
    """Time W10, per evaluation."""
    missing: list[str] = []
    found = []
    for make in WORKLOADS:
        workload = make()
        repeats = max(1, 100_000 // (1_000 + workload.size))
        variants = []
        for name, maker in workload.makers.items():
            work = made(maker, missing)
            if work is None:
                continue
            if name != NUMPY:
                require_same_gradient(name, work, workload.expected)
            variants.append(Variant(name, timed(partial(_repeat, work, repeats), repeats)))
        title = f"W10, {workload.name}, {workload.size}"
        found.append((workload.name, workload.size, interleave(title, variants, rounds)))
    record = matrix_vector_recorder()
    run = timed(lambda: [record() for _ in range(1_000)], 1_000 * MULTIPLY_ADDS)
    return ArrayPart(found, median(run()["time"] for _ in range(10 * rounds)), sorted(set(missing)))


def measure_embedding(rounds: int) -> EmbeddingPart:
    """Time W9, per operator."""
    try:
        walk = once(embedding.build)
    except BuildImpossible as impossible:
        return EmbeddingPart(missing=str(impossible))
    variants = [
        Variant(name, timed(record, embedding.STEPS * embedding.OPERATORS_PER_STEP))
        for name, record in embedding.variants(walk)
    ]
    return EmbeddingPart(interleave("W9, embedding", variants, rounds))
