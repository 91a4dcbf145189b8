"""Hodgkin and Huxley's model of a nerve cell, in steps of explicit Euler, on numbers or on the tape.

Potentials are in mV from rest, currents in uA/cm2, conductances in mS/cm2, times in ms; the capacity is 1 uF/cm2.
"""

from reelgrad cimport Var, exp, import_reelgrad, is_node, square, to_node, to_var

import_reelgrad()

# The simulation is compiled twice: once for plain numbers, once for numbers that record.
ctypedef fused Number:
    double
    Var


cdef int simulate(
    Number sodium, Number potassium, Number leak, Number current, double dt, size_t steps, Number* mean
) except -1 nogil:
    cdef Number v, m, h, n, opened, flow, decay, total
    cdef Number alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n
    cdef size_t step
    # Numbers turn into Vars, which are constants until they meet a Node.
    v, m, h, n, total = <Number>0.0, <Number>0.0529, <Number>0.5961, <Number>0.3177, <Number>0.0
    for step in range(steps):
        alpha_m = (2.5 - 0.1 * v) / (exp(2.5 - 0.1 * v) - 1.0)
        beta_m = 4.0 * exp(v * (-1.0 / 18.0))
        alpha_h = 0.07 * exp(v * -0.05)
        beta_h = 1.0 / (exp(3.0 - 0.1 * v) + 1.0)
        alpha_n = (0.1 - 0.01 * v) / (exp(1.0 - 0.1 * v) - 1.0)
        beta_n = 0.125 * exp(v * -0.0125)
        opened = m * square(m) * h
        flow = sodium * opened * (v - 115.0) + potassium * square(square(n)) * (v + 12.0) + leak * (v - 10.613)
        v = v + dt * (current - flow)
        m = m + dt * (alpha_m - (alpha_m + beta_m) * m)
        h = h + dt * (alpha_h - (alpha_h + beta_h) * h)
        n = n + dt * (alpha_n - (alpha_n + beta_n) * n)
        total = total + v
    mean[0] = total / <double>steps
    return 0


def mean_potential(sodium, potassium, leak, current, *, double duration=500.0, double dt=0.01):
    """Return the mean potential of the cell over `duration`: a Node if any argument is one, else a float.

    Millions of operations are recorded on the Nodes' tape, without Python's lock: other threads run meanwhile.
    """
    cdef size_t steps = <size_t>(duration / dt)
    cdef double number
    cdef Var result, a, b, c, d
    if steps == 0:
        raise ValueError(f"mean_potential(duration): {duration} ms are less than one step of {dt} ms")
    if not (is_node(sodium) or is_node(potassium) or is_node(leak) or is_node(current)):
        simulate[double](sodium, potassium, leak, current, dt, steps, &number)
        return number
    a, b, c, d = to_var(sodium), to_var(potassium), to_var(leak), to_var(current)
    with nogil:
        simulate[Var](a, b, c, d, dt, steps, &result)
    return to_node(result)
