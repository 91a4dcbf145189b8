"""W6: the tape from C++, `bench/cpp/w6_tape.cpp`.

The problem is the same straight-line code on plain doubles and on recording numbers, so that the ratio is the price of
the tape and of nothing else.
"""

import ctypes

from bench.cpp_build import Library, build


def library() -> Library:
    """Build with the flags of an ordinary release build."""
    return build("w6_tape")


class CppTape:
    """The benchmark's functions, and one tape that keeps its memory from run to run."""

    def __init__(self, library: Library) -> None:
        self.compiler = library.compiler
        function = library.function
        self.operators = function("w6_operators", ctypes.c_size_t, ctypes.c_size_t)
        self.plain = function("w6_plain", ctypes.c_double, ctypes.c_size_t)
        self._new = function("w6_new", ctypes.c_void_p)
        self._delete = function("w6_delete", None, ctypes.c_void_p)
        self._record = function("w6_record", ctypes.c_double, ctypes.c_void_p, ctypes.c_size_t)
        self._reverse = function("w6_reverse", ctypes.c_double, ctypes.c_void_p)
        self._size = function("w6_size", ctypes.c_size_t, ctypes.c_void_p)
        self._bytes_used = function("w6_bytes_used", ctypes.c_size_t, ctypes.c_void_p)
        self._tape: int | None = self._new()

    def steps(self, operators: int) -> int:
        """Return how many steps of the body make about so many operators."""
        per_step = self.operators(1) - self.operators(0)
        return round(operators / int(per_step))

    def record(self, steps: int) -> float:
        """Record on the tape, reset before; return the value."""
        return float(self._record(self._tape, steps))

    def reverse(self) -> float:
        """Sweep back from the last operator; return a gradient."""
        return float(self._reverse(self._tape))

    def bytes_per_operator(self) -> float:
        """Return the memory in use divided by the operators on the tape."""
        return float(self._bytes_used(self._tape) / self._size(self._tape))

    def record_on_new_tape(self, steps: int) -> float:
        """Record on a tape that has no memory yet."""
        tape = self._new()
        try:
            return float(self._record(tape, steps))
        finally:
            self._delete(tape)

    def close(self) -> None:
        """Free the tape."""
        if self._tape is not None:
            self._delete(self._tape)
            self._tape = None
