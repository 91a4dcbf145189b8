// bindings/node_slots.hpp: from an operator of the table to a slot, a method and a module function of Python.
//
// Each comes as a fast path (operands are Nodes of one tape that is ready, or exact floats and ints) that throws
// nothing, and a slow path, not inlined, that does everything else: conversions, checks, collection, errors.
#pragma once

#include <Python.h>

#include <array>
#include <string>

#include "bindings/array.hpp"
#include "bindings/condition.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"
#include "bindings/vectorize.hpp"

namespace reelgrad::python {

// --- Unary

template <class Op>
[[gnu::noinline, gnu::cold]] PyObject* unary_slowly(PyObject* x) {
    try {
        Handle& handle = handle_of(x);
        check_usable(handle);
        Tape& tape = *handle.tape;
        prepare(tape);
        return observed_node(tape, tape.record<Op>(tape.operand(handle.index)));
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

template <class Op>
inline PyObject* unary(PyObject* x) {
    const Handle& handle = handle_of(x);
    Tape& tape = *handle.tape;
    if (ready(tape, handle)) [[likely]] {
        return new_node(tape, tape.record<Op>(tape.operand(handle.index)).index);
    }
    return unary_slowly<Op>(x);
}

template <class Op>
PyObject* unary_method(PyObject* x, PyObject*) {
    return unary<Op>(x);
}

template <class Op>
PyObject* unary_function(PyObject*, PyObject* x) {
    if (is_node(x)) return unary<Op>(x);
    if (PyFloat_CheckExact(x)) return PyFloat_FromDouble(Op::value(PyFloat_AS_DOUBLE(x)));
    if (is_node_array(x)) return apply_to_arrays<Op>(x);
    return apply_to_numbers(Op::name.data(), +[](double a) { return Op::value(a); }, x);
}

// --- Binary

// The operands of a binary operator once checked, with room made on the tape.
struct BinaryOperands {
    Tape* tape;  // nullptr: both are plain numbers
    bool is_node_a, is_node_b;
    Index a, b;
    double x, y;  // the numbers, where they are not nodes
};

enum class Answer { ready, not_implemented };

// Throws PythonError or an engine error. `symbol` is for messages. Where `other` may know better (arrays, strange
// types), the answer is not_implemented.
Answer prepare_binary(PyObject* l, PyObject* r, const char* symbol, BinaryOperands& operands);

template <class Op>
[[gnu::noinline, gnu::cold]] PyObject* binary_slowly(PyObject* l, PyObject* r) {
    try {
        BinaryOperands o;
        if (prepare_binary(l, r, Op::symbol.empty() ? Op::name.data() : Op::symbol.data(), o) ==
            Answer::not_implemented) {
            Py_RETURN_NOTIMPLEMENTED;
        }
        Tape& tape = *o.tape;
        if (!o.is_node_a) return observed_node(tape, tape.record<Op>(o.x, tape.operand(o.b)));
        if (!o.is_node_b) return observed_node(tape, tape.record<Op>(tape.operand(o.a), o.y));
        return observed_node(tape, tape.record<Op>(tape.operand(o.a), tape.operand(o.b)));
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

// The value of an exact float or int, which need no looking into; false for anything else (and for an int of -1 or out
// of range, which the slow path takes).
inline bool exact_number(PyObject* object, double* value) {
    if (PyFloat_CheckExact(object)) {
        *value = PyFloat_AS_DOUBLE(object);
        return true;
    }
    if (!PyLong_CheckExact(object)) return false;
    *value = PyLong_AsDouble(object);
    if (*value != -1.0) return true;
    PyErr_Clear();
    return false;
}

// At least one of l and r is a Node.
template <class Op>
inline PyObject* binary(PyObject* l, PyObject* r) {
    double number;
    if (is_node(l)) {
        const Handle& a = handle_of(l);
        Tape& tape = *a.tape;
        if (ready(tape, a)) [[likely]] {
            if (is_node(r)) {
                const Handle& b = handle_of(r);
                if (b.tape == &tape && tape.is_current(b)) [[likely]] {
                    return new_node(tape, tape.record<Op>(tape.operand(a.index), tape.operand(b.index)).index);
                }
            } else if (exact_number(r, &number)) {
                return new_node(tape, tape.record<Op>(tape.operand(a.index), number).index);
            }
        }
    } else if (exact_number(l, &number)) {
        const Handle& b = handle_of(r);
        Tape& tape = *b.tape;
        if (ready(tape, b)) [[likely]] {
            return new_node(tape, tape.record<Op>(number, tape.operand(b.index)).index);
        }
    }
    return binary_slowly<Op>(l, r);
}

template <class Op>
PyObject* binary_slot(PyObject* l, PyObject* r) {
    return binary<Op>(l, r);
}

template <class Op>
PyObject* power_slot(PyObject* l, PyObject* r, PyObject* modulus) {
    if (modulus != Py_None) {
        PyErr_SetString(exceptions.node_type, "pow(a, b, modulus): a Node takes no modulus; write (a ** b) % modulus");
        return nullptr;
    }
    if (!is_node(l) && !is_node(r)) Py_RETURN_NOTIMPLEMENTED;
    return binary<Op>(l, r);
}

// --- Methods and functions with several operands

// Fills `operands` from positional and keyword arguments by the operands' names; where the last is left out and has a
// default, it stays nullptr. False with a TypeError set if they do not fit.
bool match_operands(const char* function, const std::string_view* names, std::size_t count, bool last_has_default,
                    PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** operands);

// A result for any mix of Nodes, numbers and arrays.
template <class Op>
PyObject* apply_binary(PyObject* a, PyObject* b) {
    constexpr const char* name = Op::name.data();
    if (Op::constant_first && is_node(a)) {
        PyErr_Format(exceptions.node_type,
                     "%s: '%s' must be a plain number, it is never differentiated; pass its .value", name,
                     Op::operands[0].data());
        return nullptr;
    }
    if (is_node_array(a) || is_node_array(b)) return apply_to_arrays<Op>(a, b);
    if (is_node(a) || is_node(b)) {
        PyObject* result = binary<Op>(a, b);
        if (result != Py_NotImplemented) return result;
        Py_DECREF(result);
        if (is_array(a) || is_array(b)) return apply_elementwise(name, a, b);
        raise_not_a_number(name, is_node(a) ? b : a);
        return nullptr;
    }
    return apply_to_numbers(name, +[](double x, double y) { return Op::value(x, y); }, a, b);
}

template <class Op>
PyObject* default_operand() {
    if constexpr (ops::has_default_b_v<Op>) {
        return PyFloat_FromDouble(Op::default_b);
    } else {
        return nullptr;
    }
}

template <class Op>
PyObject* binary_function(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* o[2] = {};
    constexpr bool defaulted = ops::has_default_b_v<Op>;
    if (!match_operands(Op::name.data(), Op::operands.data(), 2, defaulted, args, nargs, kwnames, o)) return nullptr;
    if (o[1] != nullptr) return apply_binary<Op>(o[0], o[1]);
    PyObject* second = default_operand<Op>();
    PyObject* result = apply_binary<Op>(o[0], second);
    Py_DECREF(second);
    return result;
}

// The same with the Node itself as the first operand.
template <class Op>
PyObject* binary_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* o[1] = {};
    constexpr bool defaulted = ops::has_default_b_v<Op>;
    if (!match_operands(Op::name.data(), Op::operands.data() + 1, 1, defaulted, args, nargs, kwnames, o))
        return nullptr;
    if (o[0] != nullptr) return apply_binary<Op>(self, o[0]);
    PyObject* second = default_operand<Op>();
    PyObject* result = apply_binary<Op>(self, second);
    Py_DECREF(second);
    return result;
}

template <class Op>
PyObject* apply_ternary(PyObject* a, PyObject* b, PyObject* c) {
    constexpr const char* name = Op::name.data();
    if (is_node_array(a) || is_node_array(b) || is_node_array(c)) return apply_to_arrays<Op>(a, b, c);
    if (is_array(a) || is_array(b) || is_array(c)) {
        if (is_node(a) || is_condition(a) || is_node(b) || is_node(c)) return apply_elementwise(name, a, b, c);
        return apply_to_numbers(name, +[](double x, double y, double z) { return Op::value(x, y, z); }, a, b, c);
    }
    try {
        if (Op::constant_first && is_node(a)) {
            PyErr_Format(exceptions.node_type,
                         "%s: '%s' must be a plain bool or number, it is never differentiated; compare (a > b), or "
                         "pass its .value",
                         name, Op::operands[0].data());
            return nullptr;
        }
        if (Op::constant_first && is_condition(a)) a = node_of_condition(a);
        for (PyObject* x : {a, b, c}) {
            if (!is_node(x)) continue;
            check_usable(handle_of(x));
            prepare(*handle_of(x).tape, 1, 3);
        }
        return from_var(detail::apply<Op>(as_var(a, name), as_var(b, name), as_var(c, name)));
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

template <class Op>
PyObject* ternary_function(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* o[3] = {};
    if (!match_operands(Op::name.data(), Op::operands.data(), 3, false, args, nargs, kwnames, o)) return nullptr;
    return apply_ternary<Op>(o[0], o[1], o[2]);
}

template <class Op>
PyObject* ternary_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* o[2] = {};
    if (!match_operands(Op::name.data(), Op::operands.data() + 1, 2, false, args, nargs, kwnames, o)) return nullptr;
    return apply_ternary<Op>(self, o[0], o[1]);
}

}  // namespace reelgrad::python
