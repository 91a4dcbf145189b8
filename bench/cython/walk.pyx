"""W9: a driven pendulum on the tape, in C++ (bench/cpp/w9_walk.hpp) and in Cython."""

from reelgrad cimport Var, import_reelgrad, set_python_error, sin, to_node, to_var

import_reelgrad()

cdef extern from "w9_walk.hpp" nogil:
    Var walk_in_cpp "walk<reelgrad::Var>"(Var x, Var v, double drift, size_t steps) except +set_python_error


cdef int walk(Var x, Var v, double drift, size_t steps, Var* result) except -1 nogil:
    cdef size_t k
    cdef Var force
    for k in range(steps):
        force = drift * v - sin(x) * 0.5
        v = v + 0.01 * force
        x = x + 0.01 * v
        if x > 3.0:
            x = x - 6.0
    result[0] = x * v
    return 0


def in_cpp(x, v, double drift, size_t steps):
    cdef Var a = to_var(x), b = to_var(v), result
    with nogil:
        result = walk_in_cpp(a, b, drift, steps)
    return to_node(result)


def in_cython(x, v, double drift, size_t steps):
    cdef Var a = to_var(x), b = to_var(v), result
    with nogil:
        walk(a, b, drift, steps, &result)
    return to_node(result)
