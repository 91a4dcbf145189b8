"""What only a process of its own can try: memory that runs out, interrupts, fork, and ending with nodes alive.

Each program ends with status 0, having printed "ok" and nothing else, or it failed.
"""

from __future__ import annotations

import sys

import pytest

from tape_state import assert_runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals, limits and fork")

CHAIN = """
import reelgrad as rg

def chain(x, length):
    y = x
    for _ in range(length):
        y = y + x
    return y
"""


# --- Memory


def test_running_out_of_memory_leaves_a_tape_that_can_go_on() -> None:
    assert_runs(
        CHAIN
        + """
import resource

with open("/proc/self/statm") as statm:
    in_use = int(statm.read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (in_use + (100 << 20), resource.RLIM_INFINITY))
x = rg.Node(1.0)
y = x
recorded = 0
try:
    while True:
        y = y + x
        recorded += 1
except MemoryError as error:
    assert isinstance(error, rg.TapeMemoryError), error
    assert "no more memory" in str(error) and "let go" in str(error), error
assert recorded == len(x.tape) >= 2**20, recorded
assert y.value == 1.0 + recorded
y.backward()
assert x.grad == 1.0 + recorded
try:
    y + x
except rg.TapeMemoryError:
    pass
else:
    raise AssertionError("there should be no room")
del y
for _ in range(3):
    y = chain(x, 1_000_000)
    x.zero_grad()
    y.backward()
    assert x.grad == 1_000_001.0
    del y
print("ok")
"""
    )


# --- Interrupts


def test_ctrl_c_in_a_long_recording_loop_loses_nothing() -> None:
    assert_runs(
        CHAIN
        + """
import os, signal, threading

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
x = rg.Node(1.0)
y = x
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

def record():  # a function: CPython 3.13.0 does not catch what interrupts a while loop directly inside try
    global y
    while len(x.tape) < 30_000_000:
        y = y + x

try:
    record()
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("not interrupted")
recorded = len(x.tape)
assert y.value in (recorded, recorded + 1.0)
y.backward()
assert x.grad == y.value
print("ok")
"""
    )


# A sweep asks for signals every 2**22 operators.
LONG_SWEEP = (
    CHAIN
    + """
import signal

length = 4_500_000
x, other = rg.variables(1.0, 5.0)
tape = x.tape
z = other * 2.0
z.backward()
y = chain(x, length)

def swept_with(handler, sweep=y.backward):
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        return sweep()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
"""
)


def test_ctrl_c_in_a_long_sweep_stops_it_and_leaves_the_gradients() -> None:
    assert_runs(
        LONG_SWEEP
        + """
def interrupt(*_):
    raise KeyboardInterrupt("mine")

for sweep in (y.backward, lambda: tape.gradient(y, [x]), lambda: tape.backward([y, x])):
    try:
        swept_with(interrupt, sweep)
    except KeyboardInterrupt as error:
        assert str(error) == "mine"
    else:
        raise AssertionError("not interrupted")
    assert (x.grad, other.grad, len(tape)) == (0.0, 2.0, length + 1)
y.backward()
assert (x.grad, other.grad) == (length + 1.0, 2.0)
print("ok")
"""
    )


def test_a_signal_handler_in_the_middle_of_a_sweep_may_record_read_and_sweep_another_tape() -> None:
    assert_runs(
        LONG_SWEEP
        + """
made = []

def record(*_):
    made.extend((other * 3.0, tape.variable(1.0)))
    made.append(made[-1] * x)

def record_a_lot(*_):
    made.extend(other * k for k in map(float, range(100_000)))

def read(*_):
    made.append(y.value + x.grad + len(tape))

def sweep_another(*_):
    w = rg.Tape().variable(1.0)
    (w * w).backward()
    made.append(w.grad)

for handler in (record, record_a_lot, read, sweep_another):
    swept_with(handler)
    assert made, f"{handler.__name__} did not run"
    assert (x.grad, other.grad) == (length + 1.0, 2.0), (handler.__name__, x.grad)
    made.clear()
    x.zero_grad()
print("ok")
"""
    )


def test_a_signal_handler_in_the_middle_of_a_sweep_cannot_sweep_or_shrink_that_tape() -> None:
    assert_runs(
        LONG_SWEEP
        + """
mark = tape.mark()

def leave_scope():
    with tape.scope():
        other * 2.0

calls = [z.backward, lambda: tape.gradient(z, other), tape.collect, tape.reset, lambda: tape.rewind(mark), leave_scope]
for call in calls:
    try:
        swept_with(lambda *_: call())
    except rg.TapeBusyError as error:
        assert "sweep" in str(error), error
    else:
        raise AssertionError("not refused")
    assert (x.grad, other.grad, y.value) == (0.0, 2.0, length + 1.0)
tape.rewind(mark)
y.backward()
assert (x.grad, other.grad) == (length + 1.0, 2.0)
print("ok")
"""
    )


# --- Fork


def test_a_forked_child_goes_on_with_the_tape_and_the_parent_does_not_notice() -> None:
    assert_runs(
        """
import os
import reelgrad as rg

x = rg.Node(2.0)
y = x * x
with rg.Tape() as inner:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            y.backward()
            assert x.grad == 4.0
            assert rg.current_tape() is inner
            for _ in range(100_000):
                z = x * rg.Node(3.0).value
            z.backward()
            assert x.grad == 7.0
            x.tape.collect()
            w = rg.Node(1.0)
            (w + w).backward()
            assert w.grad == 2.0
            x.tape.reset()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
assert (x.grad, y.value, len(x.tape), x.tape.stats()["rewinds"]) == (0.0, 4.0, 1, 0)
y.backward()
assert x.grad == 4.0
print("ok")
"""
    )


def test_a_fork_on_another_thread_keeps_that_threads_tape_usable() -> None:
    assert_runs(
        """
import os, threading, warnings
import reelgrad as rg

warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which this is about
main = rg.Node(1.0)
statuses = []

def work():
    x = rg.Node(3.0)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            (x * x).backward()
            try:
                main * 2.0
            except rg.TapeThreadError:
                status = 0 if x.grad == 6.0 else 2
        finally:
            os._exit(status)
    statuses.append(os.waitpid(child, 0)[1])

thread = threading.Thread(target=work)
thread.start()
thread.join()
assert statuses == [0], statuses
print("ok")
"""
    )


def test_multiprocessing_hands_variables_to_its_workers_by_value() -> None:
    """Results should be numbers: the pool unpickles them on a thread of its own, whose tape they would be on."""
    assert_runs(
        """
import multiprocessing
import reelgrad as rg

def slope(w):
    assert w.tape is rg.current_tape()
    (w * w).backward()
    return w.name, w.grad

if __name__ == "__main__":
    ws = [rg.Node(float(k), name=str(k)) for k in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(slope, ws) == [(str(k), 2.0 * k) for k in range(4)]
    assert [w.grad for w in ws] == [0.0] * 4
    print("ok")
"""
    )


# --- Ending

ENDINGS = {
    "nodes in globals": "x = rg.Node(1.0); y = x * 2.0; tape = rg.Tape(); z = tape.variable(1.0)",
    "nodes in a cycle": "class C: pass\nc = C(); c.c = c; c.x = rg.Node(1.0); c.y = c.x * 2.0; c.t = rg.Tape()",
    "nodes in modules": "sys.modules['node'] = rg.Node(1.0); rg.a = rg.Node(2.0); sys.b = rg.Tape().variable(1.0)",
    "a node in atexit": "y = rg.Node(3.0) * 2.0\natexit.register(lambda: (y * y).backward() or print(end=''))",
    "__del__ that records": (
        "class D:\n    def __del__(self):\n        x = rg.Node(3.0)\n        (x * x).backward()\n"
        "        assert x.grad == 6.0\n"
        "d = D(); e = D(); e.e = e; rg.d = D()"
    ),
    "a tape that is still entered": "tape = rg.Tape(); tape.__enter__(); x = rg.Node(1.0); tape.scope().__enter__()",
    "inside detect_anomaly": "d = rg.detect_anomaly(); d.__enter__(); x = rg.Node(1.0) * 2.0",
    "marks": "tape = rg.Tape(); marks = [tape.mark() for _ in range(5)]",
    "nodes of a thread that ended": (
        "made = []\nt = threading.Thread(target=lambda: made.append(rg.Node(1.0) * 2.0)); t.start(); t.join()"
    ),
    "a daemon thread that records": (
        "def work():\n    x = rg.Node(1.0)\n    while True:\n        y = x * 2.0\n"
        "threading.Thread(target=work, daemon=True).start(); time.sleep(0.02)"
    ),
    "a daemon thread that fits": (
        "import numpy as np\nx = np.linspace(0.0, 1.0, 100_000)\ndef work():\n"
        "    rg.fit(lambda p, x: (p - x) ** 2, 0.0, x, optimizer=rg.optim.SGD(0.0), epochs=10**9)\n"
        "threading.Thread(target=work, daemon=True).start(); time.sleep(0.4)"
    ),
    "a daemon thread that runs a compiled function": (
        "import numpy as np\nf = rg.compile(lambda x: rg.sum([rg.sin(k * x) for k in range(100)]), in_axes=0)\n"
        "x = np.linspace(0.0, 1.0, 200_000); f(x)\nout = np.empty(200_000)\ndef work():\n    while True:\n"
        "        f(x, out=out)\nthreading.Thread(target=work, daemon=True).start(); time.sleep(0.2)"
    ),
    "threading.local": "local = threading.local(); local.x = rg.Node(1.0); local.t = rg.Tape()",
    "an object array": "import numpy as np\na = np.array([rg.Node(1.0)] * 100) * rg.Node(2.0)",
    "an exception with nodes in its frames": (
        "def f():\n    x = rg.Node(1.0)\n    return x + 'a'\ntry:\n    f()\nexcept TypeError as e:\n    kept = e"
    ),
    "sys.exit": "x = rg.Node(1.0)\nprint('ok', flush=True)\nsys.exit(0)",
    "no gc": "import gc; gc.disable(); x = [rg.Node(1.0)]; x.append(x)",
    "many nodes": "xs = [rg.Node(float(k)) for k in range(100_000)]",
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_interpreter_ends_quietly_with(name: str) -> None:
    ending = "" if name == "sys.exit" else "print('ok', flush=True)\n"
    assert_runs(f"import atexit, sys, threading, time\nimport reelgrad as rg\n{ENDINGS[name]}\n{ending}")


def test_the_package_can_be_imported_again() -> None:
    assert_runs(
        """
import sys
import reelgrad as rg

x = rg.Node(2.0)
for name in [name for name in sys.modules if name.startswith("reelgrad") and name != "reelgrad._core"]:
    del sys.modules[name]
import reelgrad as again

y = again.exp(x) * again.Node(1.0)
y.backward()
assert type(y) is rg.Node is again.Node
assert x.grad == y.value
print("ok")
"""
    )


# --- Subinterpreters


def test_a_subinterpreter_is_refused_instead_of_hanging() -> None:
    assert_runs(
        """
import signal
import sys
from importlib import import_module

signal.alarm(20)
interpreters = import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
inner = interpreters.create()
code = f'''
import sys
sys.path[:] = {sys.path!r}
try:
    import reelgrad
except ImportError as error:
    assert "main interpreter" in str(error), error
else:
    raise AssertionError("imported")
'''
failed = (interpreters.exec if sys.version_info >= (3, 13) else interpreters.run_string)(inner, code)
assert failed is None, failed
print("ok")
"""
    )
