"""Cython modules record on the tapes of Python code: same numbers, same errors.

The module of these tests, embedding/recorder.pyx, is compiled once, against this very package.
"""

from __future__ import annotations

import math
import signal
import threading
from types import ModuleType

import numpy as np
import pytest

import reelgrad as rg
from extension_build import SOURCES, compile_module, load, translate


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
