"""Cython modules record on the tapes of Python code: same numbers, same errors, and a check of what they are built for.

The module of these tests, embedding/recorder.pyx, is compiled once, against this very package.
"""

from __future__ import annotations

import ctypes
import math
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import reelgrad as rg
from extension_build import SOURCES, compile_module, environment, load, require_compiler, run, translate


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("recorder")
    return load(compile_module(translate(SOURCES / "recorder.pyx", folder), folder))


def pendulum(angle, speed, friction, steps):
    """Return what recorder.pyx's pendulum does, on Nodes or numbers."""
    for _ in range(steps):
        speed = speed - 0.001 * (rg.tanh(angle) + friction * speed)
        angle = angle + 0.001 * speed + 0.0001 * angle
        if angle > 2.0:
            angle = angle - 4.0
    return angle * speed


# --- What is recorded


def test_a_cython_simulation_gives_the_bits_of_the_same_loop_on_nodes(recorder):
    results = []
    for simulate in (recorder.simulate, pendulum):
        angle, speed = rg.variables(1.9, 0.3)
        result = simulate(angle, speed, 0.1, 2000)
        result.backward()
        results.append((result.value, angle.grad, speed.grad))
    assert results[0] == results[1]
    assert recorder.simulate_numbers(1.9, 0.3, 0.1, 2000) == results[0][0]


def test_two_million_operators_are_recorded_without_the_lock_and_swept(recorder):
    steps = 1_000_000
    with rg.Tape() as tape:
        x, rate = rg.variables(3.0, 1e-6)
        result = recorder.decay(x, rate, steps)
        assert len(tape) == 2 * steps
        result.backward()
    left = (1.0 - 1e-6) ** steps
    assert result.value == pytest.approx(3.0 * left, rel=1e-9)
    assert x.grad == pytest.approx(left, rel=1e-9)
    assert rate.grad == pytest.approx(-3.0 * steps * left / (1.0 - 1e-6), rel=1e-9)


def test_another_thread_runs_while_a_recording_does_without_the_lock(recorder):
    recording, seen = threading.Event(), []

    def watch():
        recording.wait()
        seen.append(sum(range(1000)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with rg.Tape():
        x = rg.Node(0.5)
        recording.set()
        recorder.simulate(x, x, 0.0, 100_000)
    watcher.join()
    assert seen == [499_500]


def test_operators_take_vars_and_numbers_on_either_side(recorder):
    def on_nodes(x, y):
        return [-x, x + y, x - y, x * y, x / y, *(f(x, 3.0) for f in OPERATORS), *(f(3.0, x) for f in OPERATORS)]

    for record in (recorder.arithmetic, on_nodes):
        x, y = rg.variables(0.7, -1.3)
        gradients = [(node.value, node.tape.gradient(node, [x, y])) for node in record(x, y)]
        if record is recorder.arithmetic:
            expected = gradients
    assert gradients == expected
    assert len(gradients) == 13


OPERATORS = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
)


@pytest.mark.parametrize(("x", "y"), [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (math.nan, 2.0)])
def test_comparisons_are_those_of_the_numbers(recorder, x, y):
    numbers = [x < y, x <= y, x > y, x >= y, x == y, x != y]
    assert recorder.comparisons(rg.Node(x), rg.Node(y)) == numbers + numbers
    assert recorder.comparisons(x, y) == numbers + numbers


def test_reductions_and_composites_take_arrays(recorder):
    xs, ts = rg.variables(0.3, -0.8, 1.1), rg.variables(0.5, 0.25, 0.25)
    expected = [
        rg.sum(xs),
        rg.dot(xs, ts),
        rg.logsumexp(xs),
        rg.mse(xs, ts),
        rg.cross_entropy(xs, 1),
        rg.softmax(xs)[0],
        rg.where(True, xs[0], ts[0]),
    ]
    recorded = recorder.sequences(xs, ts)
    assert [node.value for node in recorded] == [node.value for node in expected]
    for mine, theirs in zip(recorded, expected, strict=True):
        assert mine.tape.gradient(mine, [*xs, *ts]) == theirs.tape.gradient(theirs, [*xs, *ts])


def test_numbers_are_constants_and_come_back_as_floats(recorder):
    result = recorder.simulate(0.5, 0.2, 0.1, 10)
    assert type(result) is float
    assert result == pendulum(0.5, 0.2, 0.1, 10)


def test_a_new_variable_stands_on_the_current_tape(recorder):
    with rg.Tape() as tape:
        x = recorder.new_variable(2.0)
    assert x.tape is tape
    (x * x).backward()
    assert x.grad == 4.0


def test_a_sweep_from_cython_adds_to_gradients_as_backward_does(recorder):
    x = rg.Node(3.0)
    recorder.backward(x * x, 2.0)
    assert x.grad == 12.0


def test_a_tape_of_ones_own_is_no_ones_current_tape(recorder):
    before = rg.current_tape()
    assert recorder.gradient_on_an_own_tape(0.5) == pytest.approx(1.5 * math.exp(0.5), rel=1e-15)
    assert rg.current_tape() is before
    node = recorder.node_of_an_own_tape(1.0)
    assert node.value == math.exp(1.0), "a Node keeps the tape that nobody owns any more"


def test_the_tape_of_a_tape_object(recorder):
    tape = rg.Tape()
    x = tape.variable(2.0)
    held = x * x
    assert recorder.size_of(tape) == 1
    assert held.value == 4.0
    with pytest.raises(rg.NodeTypeError, match="a Tape is needed"):
        recorder.size_of(x)


# --- The table of operators

TABLE = rg.operator_table()
PRIMITIVES = [row for row in TABLE if row["kind"] == "primitive" or row["name"] in ("silu", "gelu")]
OF_ARRAYS = [row for row in TABLE if row not in PRIMITIVES]
ARGUMENTS = (0.6, 0.7, 0.9)  # in the domain of all of them but this:
OTHERS = {"acosh": (1.6,)}


ARRAYS_OF_VARS = """
from libcpp.vector cimport vector
from reelgrad cimport Var, import_reelgrad, to_node, to_var
cimport reelgrad

import_reelgrad()

cdef vector[Var] vars_of(nodes) except *:
    cdef vector[Var] result
    for node in nodes:
        result.push_back(to_var(node))
    return result

cdef nodes_of(vector[Var] x):
    return [to_node(x[k]) for k in range(x.size())]
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Every function of the table, of Vars and of doubles."""
    lines = [ARRAYS_OF_VARS]
    for row in PRIMITIVES:
        name, operands = row["name"], row["operands"]
        typed = [f"double {x}" if row["constant_first"] and k == 0 else x for k, x in enumerate(operands)]
        passed = [x if "double" in parameter else f"to_var({x})" for x, parameter in zip(operands, typed, strict=True)]
        lines += [
            f"def {name}_of_vars({', '.join(typed)}):",
            f"    return to_node(reelgrad.{name}({', '.join(passed)}))",
            f"def {name}_of_numbers({', '.join('double ' + x for x in operands)}):",
            f"    return reelgrad.{name}({', '.join(operands)})",
        ]
    for row in OF_ARRAYS:
        operands = row["operands"][:2]
        lines += [f"def {row['name']}_of_arrays({', '.join(operands)}):"]
        lines += [f"    cdef vector[Var] v_{x} = vars_of({x})" for x in operands]
        call = f"reelgrad.{row['name']}({', '.join(f'v_{x}.data()' for x in operands)}, v_{operands[0]}.size())"
        lines += [f"    return nodes_of({call})" if row["name"] == "softmax" else f"    return to_node({call})"]
    folder = tmp_path_factory.mktemp("functions")
    source = folder / "functions.pyx"
    source.write_text("\n".join(lines) + "\n")
    return load(compile_module(translate(source, folder), folder))


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row["name"])
def test_every_primitive_is_the_same_in_cython(functions, row):
    arguments = OTHERS.get(row["name"], ARGUMENTS)
    values = [1.0 if row["constant_first"] and k == 0 else arguments[k] for k in range(len(row["operands"]))]
    results = []
    for function in (getattr(functions, f"{row['name']}_of_vars"), getattr(rg, row["name"])):
        nodes = [x if row["constant_first"] and k == 0 else rg.Node(x) for k, x in enumerate(values)]
        result = function(*nodes)
        variables = [x for x in nodes if isinstance(x, rg.Node)]
        results.append((result.value, rg.current_tape().gradient(result, variables)))
    assert results[0] == results[1]
    assert getattr(functions, f"{row['name']}_of_numbers")(*values) == results[1][0]


@pytest.mark.parametrize("row", OF_ARRAYS, ids=lambda row: row["name"])
def test_every_function_of_arrays_is_the_same_in_cython(functions, row):
    results = []
    for function in (getattr(functions, f"{row['name']}_of_arrays"), getattr(rg, row["name"])):
        arrays = [rg.variables(0.2, 0.7, 0.4), rg.variables(0.1, 0.5, 0.9)][: len(row["operands"])]
        result = function(*arrays)
        nodes = result if isinstance(result, list) else [result]
        variables = [x for array in arrays for x in array]
        results.append([(node.value, rg.current_tape().gradient(node, variables)) for node in nodes])
    assert results[0] == results[1]


# --- Traces


def test_branches_in_cython_are_guards_of_a_compiled_function(recorder):
    compiled = rg.compile(recorder.branch, in_axes=(0,))
    X = np.array([0.1, 0.9, 1.5, 3.0, 9.0])
    assert compiled(X) == pytest.approx([recorder.branch(x) for x in X], rel=1e-12)
    slopes = []
    for x in X:
        node = rg.Node(x)
        recorder.branch(node).backward()
        slopes.append(node.grad)
    assert compiled.grad(X) == pytest.approx(slopes, rel=1e-12)


def test_a_number_of_a_traced_var_is_refused(recorder):
    with pytest.raises(rg.TraceError, match="freeze"):
        rg.trace(lambda x: x + recorder.value_of(x), 1.0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends a signal")
def test_ctrl_c_stops_a_long_sweep_that_runs_without_the_lock(recorder):
    def interrupt(*_):
        raise KeyboardInterrupt("mine")

    with rg.Tape():
        x, rate = rg.variables(1.0, 1e-6)
        y = recorder.decay(x, rate, 2_250_000)  # a sweep asks for signals every 2**22 operators

        def sweep():
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            recorder.backward(y, 1.0)

        handler = signal.signal(signal.SIGALRM, interrupt)
        try:
            with pytest.raises(KeyboardInterrupt, match="mine"):
                sweep()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, handler)
        assert (x.grad, rate.grad) == (0.0, 0.0)


# --- Wrong use


def test_a_stale_node_is_refused(recorder):
    tape = rg.Tape()
    x = tape.variable(2.0)
    with tape.scope():
        y = x * x
    with pytest.raises(rg.StaleNodeError):
        recorder.value_of(y)


def test_a_var_whose_operator_was_rewound_is_refused(recorder):
    with pytest.raises(rg.StaleNodeError):
        recorder.rewound(rg.Tape().variable(2.0))


def test_a_var_kept_over_a_rewind_is_refused_and_one_below_it_is_not(recorder):
    tape = rg.Tape()
    x = tape.variable(2.0)
    below = recorder.Kept(x)
    with tape.scope():
        y = x * x
        kept = recorder.Kept(y)
        assert kept.value() == 4.0
    other = x * 10.0
    with pytest.raises(rg.StaleNodeError):
        kept.value()
    with pytest.raises(rg.StaleNodeError):
        kept.doubled()
    assert below.doubled().value == 4.0
    assert other.value == 20.0


def test_a_var_kept_after_its_tape_is_gone_is_refused(recorder):
    kept = recorder.Kept(rg.Tape().variable(1.0))
    with pytest.raises(rg.StaleNodeError):
        kept.value()


def test_another_thread_may_not_record(recorder):
    x = rg.Node(2.0)
    kept = recorder.Kept(x)
    raised = []

    def record():
        for attempt in (lambda: recorder.simulate(x, 1.0, 0.0, 1), kept.doubled, lambda: recorder.backward(x, 1.0)):
            try:
                attempt()
            except rg.TapeThreadError as error:
                raised.append(error)

    before = len(x.tape)
    thread = threading.Thread(target=record)
    thread.start()
    thread.join()
    assert len(raised) == 3
    assert len(x.tape) == before


def test_threads_record_on_their_own_tapes(recorder):
    slopes = []

    def record():
        x = rg.Node(0.5)
        recorder.simulate(x, 0.2, 0.1, 1000).backward()
        slopes.append(x.grad)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record()
    assert len(slopes) == 5
    assert len(set(slopes)) == 1


def test_a_collection_spares_a_pinned_recording_and_makes_others_stale(recorder):
    with rg.Tape() as tape:
        x = rg.Node(2.0)
        rubbish = [x + k for k in range(100)]
        rubbish.clear()
        freed = []
        y = recorder.calling(x, lambda: freed.append(tape.collect()), True)
        assert freed == [0]
        assert y.value == 12.0
        with pytest.raises(rg.StaleNodeError):
            recorder.calling(x, lambda: freed.append(tape.collect()), False)
        assert freed[1] > 100
        y.backward()
        assert x.grad == 12.0
        y = None
        assert tape.collect() == 2, "the pin went with the function"


def test_operands_of_two_tapes_are_refused(recorder):
    with pytest.raises(rg.TapeMismatchError):
        recorder.simulate(rg.Tape().variable(1.0), rg.Tape().variable(1.0), 0.0, 1)


def test_what_is_no_number_is_refused(recorder):
    with pytest.raises(rg.NodeTypeError, match="argument"):
        recorder.value_of("1.0")
    assert not recorder.is_a_node(1.0)
    assert recorder.is_a_node(rg.Node(1.0))


def test_a_full_tape_raises_and_stays_usable(recorder):
    tape = rg.Tape(limit=100)
    x = tape.variable(0.5)
    with pytest.raises(rg.TapeMemoryError):
        recorder.simulate(x, 0.2, 0.0, 1000)
    tape.reset()
    assert recorder.simulate(x, 0.2, 0.0, 5).value == recorder.simulate_numbers(0.5, 0.2, 0.0, 5)


def test_the_mean_of_nothing_is_refused(recorder):
    with pytest.raises(rg.LengthError, match="no elements"):
        recorder.no_elements()


def test_anomalies_in_code_without_the_lock_are_reported(recorder):
    with rg.detect_anomaly():
        x = rg.Node(1e308)
        with pytest.raises(rg.AnomalyError, match=r"operator 'mul'.*test_embedding"):
            recorder.simulate(x, 1e308, 0.0, 1)


# --- The headers of another version


class Head(ctypes.Structure):
    """The beginning of the table of functions (csrc/reelgrad/embed/interface.hpp)."""

    _fields_ = (
        ("abi", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("version", ctypes.c_char_p),
        ("facts", ctypes.c_void_p),
        ("facts_size", ctypes.c_uint64),
    )


class Fact(ctypes.Structure):
    """A fact that an extension module and the engine must agree on."""

    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_uint64))


CAPSULE = b"reelgrad._core._C_API"


def tampered_table(monkeypatch, **changes):
    """Put a copy of the table, with changes to its head or facts, in the place of the real one."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    address = pointer(rg._core._C_API, CAPSULE)
    head = Head.from_address(address)
    copy = ctypes.create_string_buffer(ctypes.string_at(address, head.bytes), head.bytes)
    facts = (Fact * head.facts_size).from_buffer_copy(
        ctypes.string_at(head.facts, ctypes.sizeof(Fact) * head.facts_size)
    )
    mine = Head.from_buffer(copy)
    mine.facts = ctypes.addressof(facts)
    for name, value in changes.items():
        if hasattr(mine, name):
            setattr(mine, name, value)
        else:
            [fact] = [fact for fact in facts if fact.name.decode() == name.replace("__", "::")]
            fact.value += value
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    monkeypatch.setattr(rg._core, "_C_API", new(ctypes.addressof(copy), CAPSULE, None))
    return copy, facts, changes  # to be kept alive: the table points into them


@pytest.fixture(scope="module")
def importer(tmp_path_factory):
    """A module that does nothing but import the table, as often as it is asked to."""
    folder = tmp_path_factory.mktemp("importer")
    source = SOURCES / "importer.cpp"
    return load(compile_module(source, folder))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"abi": 99}, r"ABI is number \d+, that of the installed one is 99"),
        ({"version": b"9.9.9"}, r"installed reelgrad 9\.9\.9: their versions differ"),
        ({"bytes": 8}, "tables of functions differ"),
        ({"facts_size": 3}, "what is compared differs"),
        ({"sizeof(Tape)": 8}, r"sizeof\(Tape\) is \d+ in its headers and \d+ in the installed one"),
        ({"Tape__values_": 8}, r"Tape::values_ is \d+ in its headers"),
        ({"the list of operators": 1}, "the list of operators"),
    ],
    ids=str,
)
def test_another_version_is_an_import_error_that_says_what_to_rebuild(importer, monkeypatch, changes, told):
    kept = tampered_table(monkeypatch, **changes)
    with pytest.raises(ImportError, match=told) as raised:
        importer.connect()
    assert "Rebuild the extension module" in str(raised.value)
    assert f"install reelgrad {rg.__version__}" in str(raised.value)
    assert kept


@pytest.mark.parametrize(
    ("header", "text", "other", "told"),
    [
        (
            "version.hpp",
            f'"{rg.__version__}"',
            '"9.9.9"',
            r"headers of reelgrad 9\.9\.9, .* versions differ",
        ),
        ("tape/tape.hpp", "double* values_ = nullptr;", "double* others_ = nullptr, *values_ = nullptr;", "sizeof"),
        ("ops/exponential.hpp", 'name = "exp2"', 'name = "exp3"', "the list of operators"),
    ],
)
def test_a_module_compiled_with_other_headers_is_refused(tmp_path, header, text, other, told):
    include = tmp_path / "include"
    shutil.copytree(Path(rg.get_include()) / "reelgrad", include / "reelgrad", ignore=shutil.ignore_patterns("*.cpp"))
    changed = include / "reelgrad" / header
    before = changed.read_text()
    assert text in before
    changed.write_text(before.replace(text, other))
    module = load(compile_module(SOURCES / "importer.cpp", tmp_path, include=str(include)))
    with pytest.raises(ImportError, match=told):
        module.connect()


def test_a_patch_release_with_the_same_interface_is_accepted(importer, monkeypatch):
    series = rg.__version__.rpartition(".")[0]
    kept = tampered_table(monkeypatch, version=f"{series}.99".encode())
    importer.connect()
    assert kept


def test_a_package_without_the_table_is_an_import_error(importer, monkeypatch):
    monkeypatch.delattr(rg._core, "_C_API")
    with pytest.raises(ImportError, match="install a newer one"):
        importer.connect()


def test_a_module_that_forgot_the_import_is_told(importer):
    with pytest.raises(ImportError, match="import_reelgrad"):
        importer.use_without_import()


def test_the_header_that_extensions_need_comes_first(tmp_path):
    source = tmp_path / "wrong.cpp"
    source.write_text('#include "reelgrad/tape/var.hpp"\n#include "reelgrad/python.hpp"\n')
    with pytest.raises(AssertionError, match="before any other header of reelgrad"):
        compile_module(source, tmp_path, "-fsyntax-only")


# --- Where things are


def test_without_a_compiler_these_tests_are_skipped_and_say_why(monkeypatch):
    require_compiler()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no C\+\+ compiler"):
        require_compiler()


def test_the_module_tells_compilers_where_to_look():
    printed = run([sys.executable, "-m", "reelgrad", "--includes"], env=environment())
    folders = [option.removeprefix("-I") for option in printed.split()]
    assert rg.get_include() in folders
    assert len(folders) == 2
