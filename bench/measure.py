"""One run of everything: each workload's variants in interleaved rounds, their answers checked before their times.

All times are seconds per unit of the workload: operator, epoch or step.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg
from bench import moons, operators, xor
from bench.arrays import MOONS_RUNS, XOR_RUNS, Run
from bench.compiled import FIT, moons_fit, xor_fit
from bench.cpp_build import BuildImpossible, once
from bench.cpp_tape import CppTape, library
from bench.curves import CURVES
from bench.engines import DIFFERENTIATING, TRAINING, Engine, Floats, Micrograd, Reelgrad
from bench.limits import LIMIT, moons_limit, xor_limit
from bench.long_tape import small_graph_on_a_long_tape
from bench.measure_more import measure_arrays, measure_embedding
from bench.measure_programs import (
    CompileTime,
    measure_asian,
    measure_batch,
    measure_calls,
    measure_compile,
    measure_long_program,
    measure_replay,
)
from bench.parts import ArrayPart, CppPart, Effort, EmbeddingPart, Part, made
from bench.program import GRADIENT_TOLERANCE, Program, mixed_program
from bench.scaling import Scaling, measure_curve
from bench.timing import Rounds, Variant, interleave, timed
from bench.training import Path as TrainingPath
from bench.training import Task, forward_only, path_of, require_same_loss, train

FLOATS = Floats.name
REELGRAD = Reelgrad.name
REELGRAD_NEW_TAPE = "reelgrad, memory used for the first time"
REELGRAD_SIGMOID = "reelgrad, z.sigmoid() and rg.mse"


@dataclass
class Measurements:
    """Everything that the report shows."""

    operators: Rounds
    chain: Part
    program: Program
    xor: Part
    moons: Part
    backward: Rounds
    memory: dict[int, int]
    batch: Part
    asian: Part
    cpp: CppPart
    replay: Part
    calls: Rounds
    long_program: Part
    compile: list[CompileTime]
    embedding: EmbeddingPart
    arrays: ArrayPart
    scaling: list[Scaling]


# --- W1


def measure_operators(rounds: int) -> Rounds:
    """Time each statement on Nodes and on floats; the variant is the statement's label."""

    def variant(case: operators.OperatorCase) -> Variant:
        runs = {"Node": operators.on_nodes(case)}
        if case.floats is not None:
            runs["float"] = operators.on_floats(case)

        def run() -> dict[str, float]:
            times = {}
            for kind, statements in runs.items():
                start = perf_counter()
                for _ in range(50):
                    statements()
                times[kind] = (perf_counter() - start) / (50 * operators.REPEATS)
            return times

        return Variant(case.label, run)

    return interleave("W1, one operator at a time", [variant(case) for case in operators.CASES], rounds)


def _chain_variant(engine: Engine, program: Program, repeats: int) -> Variant:
    body = program.compiled()

    def run() -> dict[str, float]:
        forward = backward = 0.0
        for _ in range(repeats):
            xs = engine.variables(program.inputs)
            start = perf_counter()
            y = engine.record(body, xs)
            recorded = perf_counter()
            engine.backward(y)
            done = perf_counter()
            forward += recorded - start
            backward += done - recorded
        units = repeats * len(program)
        return {"forward": forward / units, "backward": backward / units, "total": (forward + backward) / units}

    return Variant(engine.name, run)


def _chain_on_new_tape(program: Program) -> Variant:
    engine = Reelgrad()
    inner = _chain_variant(engine, program, 20)

    def run() -> Any:
        with engine.session():
            return inner.run()

    return Variant(REELGRAD_NEW_TAPE, run)


def _float_chain(program: Program) -> Variant:
    engine, body, repeats = Floats(), program.compiled(), 200

    def run() -> dict[str, float]:
        start = perf_counter()
        for _ in range(repeats):
            engine.record(body, program.inputs)
        return {"forward": (perf_counter() - start) / (repeats * len(program))}

    return Variant(FLOATS, run)


def _gradient(engine: Engine, program: Program) -> list[float]:
    xs = engine.variables(program.inputs)
    engine.backward(engine.record(program.compiled(), xs))
    return engine.gradient(xs)


def measure_chain(rounds: int, program: Program) -> Part:
    """Time the chain forward and backward on every engine; all stay in one session, as in a long run."""
    variants, missing = [_float_chain(program)], list[str]()
    expected: list[float] | None = None
    with ExitStack() as sessions:
        for make in DIFFERENTIATING:
            engine = made(make, missing)
            if engine is None:
                continue
            sessions.enter_context(engine.session())
            gradient = _gradient(engine, program)
            expected = expected or gradient
            np.testing.assert_allclose(gradient, expected, rtol=GRADIENT_TOLERANCE, err_msg=engine.name)
            # So many that reelgrad's tape is reused, not new, after the first round; slow engines need no such number.
            variants.append(_chain_variant(engine, program, 200 if isinstance(engine, Reelgrad) else 3))
            if isinstance(engine, Reelgrad):
                variants.append(_chain_on_new_tape(program))
        return Part(interleave("W1, chain", variants, rounds), [v.name for v in variants], missing)


# --- W2 and W3


def _training_variant(name: str, run: Run, path: TrainingPath, steps: int, every: int = 1) -> Variant:
    require_same_loss(name, run(steps), path, steps)
    return Variant(name, timed(lambda: run(steps), steps), every)


def _trainer(engine: Engine, task: Task) -> Run:
    return lambda steps: train(engine, task, steps)


def _measure_training(
    title: str,
    task: Task,
    rounds: int,
    more: Sequence[tuple[str, Run]],
    arrays: Sequence[tuple[str, Callable[[], Run]]],
    fewer: dict[str, int],
) -> Part:
    """Time a task; `fewer` gives the steps of those variants that are too slow for all."""
    path = path_of(task)
    missing: list[str] = []
    require_same_loss(FLOATS, forward_only(task, path), path, task.steps)
    variants = [Variant(FLOATS, timed(lambda: forward_only(task, path), task.steps))]
    runs = list(more)
    for make in TRAINING:
        engine = made(make, missing)
        if engine is not None:
            runs.append((engine.name, _trainer(engine, task)))
    for name, make_run in arrays:
        run = made(make_run, missing)
        if run is not None:
            runs.append((name, run))
    for name, run in runs:
        every = 3 if name == Micrograd.name else 1
        variants.append(_training_variant(name, run, path, fewer.get(name, task.steps), every))
    return Part(interleave(title, variants, rounds), [v.name for v in variants], missing)


XOR_FEWER = dict.fromkeys(("XAD", "micrograd", "NumPy, derivative by hand", "PyTorch", "JAX, jit per step"), 1_000)
MOONS_FEWER = {"XAD": 3, "micrograd": 1}


def measure_xor(rounds: int) -> Part:
    """Time XOR, per epoch."""
    own_words = [(REELGRAD_SIGMOID, _trainer(Reelgrad(), xor.XOR_IN_REELGRAD)), (FIT, xor_fit())]
    return _measure_training("W2, XOR", xor.XOR, rounds, own_words, [(LIMIT, xor_limit), *XOR_RUNS], XOR_FEWER)


def measure_moons(rounds: int) -> Part:
    """Time the moons network, per step."""
    result = train(Reelgrad(), moons.MOONS, moons.STEPS)
    assert abs(result.loss - moons.FINAL_LOSS) < 5e-11, result.loss
    assert moons.accuracy(result.scores) == 1.0
    return _measure_training(
        "W3, moons", moons.MOONS, rounds, [(FIT, moons_fit())], [(LIMIT, moons_limit), *MOONS_RUNS], MOONS_FEWER
    )


def measure_memory(after: Sequence[int] = (10, 100, 300)) -> dict[int, int]:
    """Return the bytes that the tape holds after so many steps of the moons network."""
    committed = {}
    with rg.Tape() as tape:
        engine = Reelgrad()
        parameters: Sequence[rg.Node] = engine.variables(moons.MOONS.start)
        for k in range(1, max(after) + 1):
            loss, _ = moons.MOONS.loss(parameters, engine)
            parameters = engine.descend(loss, parameters, 0.1)
            if k in after:
                committed[k] = tape.stats()["bytes_committed"]
    return committed


def measure_backward(rounds: int, lengths: Sequence[int] = (0, 60_000)) -> Rounds:
    """Time backward() of 45 operators; the variant is the number of operators before them, per call."""
    tapes = {length: rg.Tape() for length in lengths}
    graphs = {length: small_graph_on_a_long_tape(tape, length) for length, tape in tapes.items()}

    def variant(length: int) -> Variant:
        backward = graphs[length].output.backward

        def work() -> None:
            for _ in range(500):
                backward()

        return Variant(str(length), timed(work, 500))

    return interleave("W3, backward() of 45 operators", [variant(length) for length in lengths], rounds)


# --- W6


def _measure_tape(tape: CppTape, rounds: int, wanted: int) -> CppPart:
    steps = tape.steps(wanted)
    count = int(tape.operators(steps))
    value = tape.plain(steps)

    def record_and_reverse() -> dict[str, float]:
        start = perf_counter()
        recorded_value = tape.record(steps)
        recorded = perf_counter()
        tape.reverse()
        done = perf_counter()
        assert recorded_value == value, "the tape's value is not that of plain doubles"
        return {
            "record": (recorded - start) / count,
            "reverse": (done - recorded) / count,
            "total": (done - start) / count,
        }

    variants = [
        Variant("plain", timed(lambda: tape.plain(steps), count)),
        Variant("first", timed(lambda: tape.record_on_new_tape(steps), count)),
        Variant("tape", record_and_reverse),
    ]
    times = interleave("W6, tape from C++", variants, rounds)
    return CppPart(times, count, tape.bytes_per_operator(), tape.compiler)


def measure_tape(rounds: int, wanted: int) -> CppPart:
    """Build and time the C++ benchmark, per operator."""
    try:
        tape = CppTape(once(library))
    except BuildImpossible as reason:
        return CppPart(missing=str(reason))
    try:
        return _measure_tape(tape, rounds, wanted)
    finally:
        tape.close()


def measure(effort: Effort) -> Measurements:
    """Measure everything, one part after the other."""
    program = mixed_program()
    return Measurements(
        operators=measure_operators(effort.operators),
        chain=measure_chain(effort.chain, program),
        program=program,
        xor=measure_xor(effort.xor),
        moons=measure_moons(effort.moons),
        backward=measure_backward(effort.backward),
        memory=measure_memory(),
        batch=measure_batch(effort.batch),
        asian=measure_asian(effort.asian),
        cpp=measure_tape(effort.tape, effort.tape_operators),
        replay=measure_replay(effort.replay),
        calls=measure_calls(effort.calls),
        long_program=measure_long_program(effort.long_program),
        compile=measure_compile(effort.compile_with_jax),
        embedding=measure_embedding(effort.embedding),
        arrays=measure_arrays(effort.arrays),
        scaling=[measure_curve(curve, effort.scaling, effort.scaling_size) for curve in CURVES],
    )
