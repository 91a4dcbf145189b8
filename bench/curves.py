"""The workloads by size: W1 to W9 with a size as parameter. W10 is by size anyway.

What grows is what the figure is for: operators, epochs, points, samples or paths. Each figure holds all that a call
costs: at size 1 hardly anything else.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from math import isclose, sqrt
from typing import Any

import numpy as np

from bench import asian, batch, compiled, embedding, long_program, moons, replay, xor
from bench.arrays import (
    ARRAYS,
    JAX_LOOP,
    TORCH,
    Run,
    moons_jax_loop,
    moons_numpy,
    moons_own,
    moons_torch,
    xor_by_hand,
    xor_jax,
    xor_jax_loop,
    xor_torch,
)
from bench.compiled import FIT
from bench.cpp_build import once
from bench.cpp_tape import CppTape, library
from bench.engines import Engine, Floats, Micrograd, Reelgrad, TorchScalars, Xad
from bench.gradients import TOLERANCE, Answer, Work, aligned, require_same_gradient
from bench.limits import (
    LIMIT,
    MOST_POINTS,
    PATHS_AT_ONCE,
    SAMPLES_AT_ONCE,
    asian_limit,
    batch_limit,
    moons_limit,
    xor_limit,
)
from bench.long_program import LongProgram, program_of_size
from bench.program import GRADIENT_TOLERANCE
from bench.scaling import Curve, Sized, Way
from bench.training import Path, Result, Task, forward_only, path_of, require_same_loss, train

Make = Callable[[], Way]
FLOATS, NODES = Floats.name, embedding.NODES
PLAIN = "plain doubles, no derivative"
NUMPY = "NumPy, derivative by hand"
MOST_WITH_JAX = 100  # operators of a long program


def _nothing() -> None:
    """Check nothing: a reference without derivative."""


def _gradients(makers: Mapping[str, Callable[[], Work]], units: float, expected: Answer, tolerance: float) -> Any:
    """Return ways out of works that give value and gradient."""

    def way(name: str, make: Callable[[], Work]) -> Way:
        work = make()
        return Way(work, units, partial(require_same_gradient, name, work, expected, tolerance))

    return {name: partial(way, name, make) for name, make in makers.items()}


# --- W1


def nodes(about: int, stack: ExitStack) -> Sized:
    """W1, operators: variables made, operators recorded, the gradient found and read."""
    program = program_of_size(about)
    body = program.compiled()

    def on_floats() -> Way:
        engine = Floats()
        return Way(lambda: engine.record(body, program.inputs), program.recorded, _nothing)

    engines = {NODES: Reelgrad, Xad.name: Xad, Micrograd.name: Micrograd, TorchScalars.name: TorchScalars}
    makers = {name: partial(_recording, make, program, stack) for name, make in engines.items()}
    expected = Answer(*makers[NODES]()())
    ways = {FLOATS: on_floats, **_gradients(makers, program.recorded, expected, GRADIENT_TOLERANCE)}
    return Sized(program.recorded, ways)


def _recording(make: type[Engine], program: LongProgram, stack: ExitStack) -> Work:
    engine, body = make(), program.compiled()
    stack.enter_context(engine.session())

    def work() -> tuple[float, list[float]]:
        xs = engine.variables(program.inputs)
        y = engine.record(body, xs)
        engine.backward(y)
        return engine.value(y), engine.gradient(xs)

    return work


# --- W2 and W3


@cache
def _xor_path() -> Path:
    return path_of(replace(xor.XOR, steps=100_000))


def training_by_epochs(epochs: int, _: ExitStack) -> Sized:
    """W2, epochs of one run."""
    path = _xor_path()
    here = Path(path.parameters[:epochs], path.losses[:epochs])
    runs: dict[str, Callable[[], Run]] = {
        FLOATS: lambda: lambda _: forward_only(xor.XOR, here),
        LIMIT: xor_limit,
        FIT: compiled.xor_fit,
        NODES: lambda: partial(train, Reelgrad(), xor.XOR),
        "plain Python, derivative by hand": xor_by_hand,
        JAX_LOOP: xor_jax_loop,
        "JAX, jit per step": xor_jax,
        TORCH: xor_torch,
    }

    def way(name: str, make: Callable[[], Run]) -> Way:
        run = make()
        return Way(partial(run, epochs), epochs, lambda: require_same_loss(name, run(epochs), path, epochs))

    return Sized(epochs, {name: partial(way, name, make) for name, make in runs.items()})


def _require_loss(name: str, found: Result, expected: Result) -> None:
    if not isclose(found.loss, expected.loss, rel_tol=1e-9):
        raise AssertionError(f"{name}: loss {found.loss!r}, expected {expected.loss!r}")


def training_by_points(points: int, _: ExitStack) -> Sized:
    """W3, points of ten steps; the slow ones do one."""
    data = moons.two_moons(points, np.random.default_rng(points))
    steps = {NODES: 1, Micrograd.name: 1}
    by_hand = moons_numpy(data)

    @cache
    def task() -> Task:
        return moons.task_on(data)

    runs: dict[str, Callable[[], Run]] = {
        FIT: partial(compiled.moons_fit, data),
        ARRAYS: partial(moons_own, data),
        NODES: lambda: partial(train, Reelgrad(), task()),
        JAX_LOOP: partial(moons_jax_loop, data),
        NUMPY: lambda: by_hand,
        TORCH: partial(moons_torch, data),
        Micrograd.name: lambda: partial(train, Micrograd(), task()),
    }
    if points <= MOST_POINTS:
        runs = {LIMIT: partial(moons_limit, data), **runs}

    def way(name: str, make: Callable[[], Run]) -> Way:
        run, n = make(), steps.get(name, 10)
        return Way(partial(run, n), n * points, lambda: _require_loss(name, run(n), by_hand(n)))

    return Sized(points, {name: partial(way, name, make) for name, make in runs.items()})


# --- W4 and W5


def batch_by_samples(samples: int, _: ExitStack) -> Sized:
    """W4, samples; the limit's are rounded down to what it takes at once."""
    makers: dict[str, Callable[[], Work]] = {
        compiled.COMPILED: partial(compiled.batch_gradient, samples),
        batch.JAX: partial(batch.jax_whole, samples),
        batch.NUMPY_BLOCKED: partial(batch.numpy_blocked, samples),
        batch.TORCH: partial(batch.torch_whole, samples),
    }
    if samples > batch.BLOCK:
        makers[batch.JAX_BLOCKED] = partial(batch.jax_blocked, samples)
    ways = _gradients(makers, samples, Answer(*batch.numpy_whole(samples)()), TOLERANCE)
    whole = samples // SAMPLES_AT_ONCE * SAMPLES_AT_ONCE
    if whole > 0:
        expected = Answer(*batch.numpy_whole(whole)())
        ways = _gradients({LIMIT: partial(batch_limit, whole)}, whole, expected, TOLERANCE) | ways
    return Sized(samples, ways)


def paths_by_number(paths: int, _: ExitStack) -> Sized:
    """W5, paths; the limit's are rounded down to what it takes at once."""
    normals = aligned(np.random.default_rng(5).standard_normal((asian.STEPS, paths)))
    makers: dict[str, Callable[[], Work]] = {
        compiled.COMPILED: partial(compiled.asian_by_step, normals),
        asian.NUMPY: partial(asian.numpy_blocked, normals),
        asian.JAX: partial(asian.jax_by_step, normals),
        asian.TORCH: partial(asian.torch_whole, normals),
    }
    ways = _gradients(makers, paths, asian.by_hand(normals), TOLERANCE)
    whole = paths // PATHS_AT_ONCE * PATHS_AT_ONCE
    if whole > 0:
        fewer = aligned(normals[:, :whole])
        limit = {LIMIT: partial(asian_limit, fewer)}
        ways = _gradients(limit, whole, asian.by_hand(fewer), TOLERANCE) | ways
    return Sized(paths, ways)


# --- W6


def tape_from_cpp(about: int, stack: ExitStack) -> Sized:
    """W6, operators recorded from C++ and swept; 80 a step, and three."""

    def tape() -> CppTape:
        made = CppTape(once(library))
        stack.callback(made.close)
        return made

    steps = round(about / 80)
    size = 80 * steps + 3

    def way(work: Callable[[CppTape], float]) -> Way:
        own = tape()
        assert own.operators(steps) == size

        def check() -> None:
            assert work(own) == own.plain(steps), "the tape's value is not that of plain doubles"

        return Way(partial(work, own), size, check)

    def record_and_reverse(own: CppTape) -> float:
        value = own.record(steps)
        own.reverse()
        return value

    works: dict[str, Callable[[CppTape], float]] = {
        PLAIN: lambda own: own.plain(steps),
        "reelgrad, record and reverse": record_and_reverse,
        "reelgrad, record on a new tape": lambda own: own.record_on_new_tape(steps),
    }
    return Sized(size, {name: partial(way, work) for name, work in works.items()})


# --- W7 and W8


def one_sample(about: int, _: ExitStack) -> Sized:
    """W7, operators of the network: its layers get wider."""
    hidden = max(1, round(sqrt(about / 2.0 + 3.0) - 2.0))
    size, parameters = 2 * hidden * hidden + 8 * hidden + 2, replay.network(hidden)
    makers: dict[str, Callable[[], Work]] = {
        compiled.COMPILED: partial(compiled.one_sample, parameters),
        replay.JAX: partial(replay.jax_jit, parameters),
        replay.CASADI: partial(replay.casadi_buffers, parameters),
        replay.NUMPY: partial(replay.numpy_by_hand, parameters),
    }
    return Sized(size, _gradients(makers, size, Answer(*replay.numpy_by_hand(parameters)()), TOLERANCE))


def long_programs(about: int, _: ExitStack) -> Sized:
    """W8, operators over 128 lanes."""
    program = program_of_size(about)
    makers: dict[str, Callable[[], Work]] = {
        compiled.COMPILED: partial(compiled.long_gradient, program),
        long_program.TORCH: partial(long_program.torch_lanes, program),
    }
    if about <= MOST_WITH_JAX:
        makers[batch.JAX] = partial(long_program.jax_lanes, program)
    units = program.operators * long_program.LANES
    return Sized(program.operators, _gradients(makers, units, long_program.by_tape(program), long_program.TOLERANCE))


# --- W9


def embedded(about: int, _: ExitStack) -> Sized:
    """W9, operators of one call: eight a step, and a product."""
    steps = round(about / embedding.OPERATORS_PER_STEP)
    size = embedding.OPERATORS_PER_STEP * steps + 1
    right = embedding.recorder(embedding.on_nodes, steps)()

    def way(walk: Callable[[], embedding.Walk]) -> Way:
        record = embedding.recorder(walk(), steps)

        def check() -> None:
            assert record() == right, "the walks from C++, from Cython and on Nodes differ"

        return Way(record, size, check)

    walks: dict[str, Callable[[], embedding.Walk]] = {
        embedding.CPP: lambda: once(embedding.build).in_cpp,
        embedding.CYTHON: lambda: once(embedding.build).in_cython,
        embedding.NODES: lambda: embedding.on_nodes,
    }
    return Sized(size, {name: partial(way, walk) for name, walk in walks.items()})


CURVES: Sequence[Curve] = (
    Curve(
        "W1",
        "a gradient on Nodes",
        "operator",
        "20 variables are made, operators recorded, swept and 20 derivatives read. From 1,000 operators on the program "
        "is a sum of chains of 250, so that micrograd's recursion does not end it: one chain of 100,000 would.",
        nodes,
    ),
    Curve("W2", "training XOR", "epoch", "One run of so many epochs.", training_by_epochs),
    Curve(
        "W3",
        "training on moons",
        "point and step",
        f"Ten steps on so many points; Nodes and micrograd do one. The limit holds {MOST_POINTS} points at most.",
        training_by_points,
    ),
    Curve(
        "W4",
        "a gradient over a batch",
        "sample",
        f"The limit takes {SAMPLES_AT_ONCE} samples at once, and what is beyond a multiple of them is left out; "
        f"JAX's and NumPy's blocks have {batch.BLOCK:,}.",
        batch_by_samples,
    ),
    Curve(
        "W5",
        "an Asian call",
        "path",
        f"Time-major. The limit takes {PATHS_AT_ONCE} paths at once, and what is beyond a multiple is left out.",
        paths_by_number,
    ),
    Curve(
        "W6",
        "the tape from C++",
        "operator",
        "Each call goes through ctypes, plain doubles too.",
        tape_from_cpp,
        sizes=(1, 100, 1_000, 10_000, 100_000),
    ),
    Curve(
        "W7",
        "one sample",
        "operator",
        "The network's hidden layers get wider: from 1 to 222. reelgrad and CasADi see single operators, JAX and NumPy "
        "matrices.",
        one_sample,
        sizes=(10, 100, 1_000, 10_000, 100_000),
    ),
    Curve(
        "W8",
        "a long program",
        "operator and lane",
        f"Over {long_program.LANES} lanes. JAX compiles some 20 ms for each operator: it was asked up to "
        f"{MOST_WITH_JAX} only.",
        long_programs,
    ),
    Curve("W9", "on the tape from elsewhere", "operator", "Recorded on a tape that is rewound.", embedded),
)
