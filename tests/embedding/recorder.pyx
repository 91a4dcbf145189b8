# cython: language_level=3
# distutils: language = c++
"""What tests/test_embedding.py does to tapes from Cython."""

from reelgrad cimport (
    OwnTape, Mark, Pin, Tape, Var, cross_entropy, current_tape, dot, exp, import_reelgrad, is_node, logsumexp, mse,
    softmax, sum, tanh, to_node, to_tape, to_var, variable, where,
)
from libcpp.vector cimport vector

import_reelgrad()

ctypedef fused Number:
    double
    Var


cdef int pendulum(Number angle, Number speed, double friction, size_t steps, Number* result) except -1 nogil:
    # 8 operators a step
    cdef size_t k
    for k in range(steps):
        speed = speed - 0.001 * (tanh(angle) + friction * speed)
        angle = angle + 0.001 * speed + 0.0001 * angle
        if angle > 2.0:
            angle = angle - 4.0
    result[0] = angle * speed
    return 0


def simulate(angle, speed, double friction, size_t steps):
    cdef Var a = to_var(angle), s = to_var(speed), result
    with nogil:
        pendulum(a, s, friction, steps, &result)
    return to_node(result)


def simulate_numbers(double angle, double speed, double friction, size_t steps):
    cdef double result
    pendulum(angle, speed, friction, steps, &result)
    return result


def decay(x, rate, size_t steps):
    cdef Var y = to_var(x), r = to_var(rate)
    cdef size_t k
    with nogil:
        for k in range(steps):
            y = y - r * y
    return to_node(y)


def arithmetic(x, y):
    cdef Var a = to_var(x), b = to_var(y)
    return [
        to_node(-a),
        to_node(a + b), to_node(a - b), to_node(a * b), to_node(a / b),
        to_node(a + 3.0), to_node(a - 3.0), to_node(a * 3.0), to_node(a / 3.0),
        to_node(3.0 + a), to_node(3.0 - a), to_node(3.0 * a), to_node(3.0 / a),
    ]


def comparisons(x, y):
    cdef Var a = to_var(x), b = to_var(y)
    return [a < b, a <= b, a > b, a >= b, a == b, a != b, a < 2.0, a <= 2.0, a > 2.0, a >= 2.0, a == 2.0, a != 2.0]


def branch(x):
    cdef Var a = to_var(x)
    cdef size_t k
    for k in range(3):
        if a > 1.0:
            a = a * 0.5
        else:
            a = a + tanh(a)
    return to_node(a)


def sequences(xs, ts):
    cdef vector[Var] x, t
    for each in xs:
        x.push_back(to_var(each))
    for each in ts:
        t.push_back(to_var(each))
    cdef vector[Var] shares = softmax(x.data(), x.size())
    return [
        to_node(sum(x)), to_node(dot(x, t)), to_node(logsumexp(x.data(), x.size())),
        to_node(mse(x.data(), t.data(), x.size())), to_node(cross_entropy(x.data(), x.size(), 1)),
        to_node(shares[0]), to_node(where(1.0, x[0], t[0])),
    ]


def no_elements():
    cdef vector[Var] nothing
    return to_node(mse(nothing.data(), nothing.data(), 0))


def new_variable(double value):
    return to_node(variable(current_tape(), value))


def gradient_on_an_own_tape(double x):
    cdef OwnTape own
    cdef Var v = variable(own.get()[0], x)
    cdef Var y
    with nogil:
        y = exp(v) * v
        y.backward()
    return v.grad()


def node_of_an_own_tape(double x):
    cdef OwnTape own
    return to_node(exp(variable(own.get()[0], x)))


def value_of(x):
    return to_var(x).value()


def is_a_node(x):
    return is_node(x)


def backward(x, double seed):
    cdef Var v = to_var(x)
    with nogil:
        v.backward(seed)


def size_of(tape):
    return to_tape(tape).size()


cdef class Kept:
    """A Var that outlives the call it came with."""

    cdef Var var

    def __init__(self, node):
        self.var = to_var(node)

    def value(self):
        return self.var.value()

    def doubled(self):
        return to_node(self.var * 2.0)


def rewound(x):
    """Use an operator that a rewind removed."""
    cdef Var a = to_var(x)
    cdef Tape* tape = a.tape()
    cdef Mark mark = tape.mark()
    cdef Var y = a * 2.0
    tape.rewind(mark)
    return to_node(y + 1.0)


def calling(x, function, bint pinned):
    """Record, call Python code, record on."""
    cdef Var a = to_var(x)
    cdef Pin pin
    if pinned:
        pin = Pin(a.tape()[0])
    cdef Var y = a * 3.0
    function()
    return to_node(y * a)
