// bindings/node.cpp: Nodes and the engine: their memory, their checks, what goes in and comes out.
#include "bindings/node.hpp"

#include <string>

#include "bindings/node_slots.hpp"
#include "bindings/number.hpp"

namespace reelgrad::python {

PyTypeObject* node_type = nullptr;

HandleSlabs::Header node_header() {
    static_assert(sizeof(NodeObject) == offsetof(NodeObject, handle) + sizeof(Handle));
    return {.bytes = offsetof(NodeObject, handle),
            // A free slot keeps the reference to its type that an instance of a heap type owns.
            .construct =
                [](void* header) {
                    auto* object = static_cast<PyObject*>(header);
                    PyObject_Init(object, node_type);
                    Py_SET_REFCNT(object, 0);
                },
            .destroy = [](void*) { Py_DECREF(node_type); }};
}

void check_alive(Handle& handle) {
    if (handle.tape->refresh(handle)) return;
    if (handle.tape->was_traced()) {
        throw StaleNodeError(
            "this Node is of a trace that is over: what a traced function computes is there while it runs only; return "
            "it from the function instead of keeping it elsewhere");
    }
    throw StaleNodeError(
        "this Node is no longer on its tape: a rewind() or reset() of the tape, or the end of a scope(), removed it; "
        "compute it "
        "again, or take its .value before");
}

void check_usable(Handle& handle) {
    if (!handle.tape->is_mine()) {
        throw TapeThreadError(
            "this Node's tape belongs to another thread: record and call backward() on the thread that made the tape, "
            "or make "
            "a Tape and variables on this one");
    }
    check_alive(handle);
}

void prepare(Tape& tape, std::size_t operators, std::size_t row) {
    tape.make_room(true, operators, row);
    if (!tape.handles().has_free()) tape.handles().add_slab();
}

PyObject* observed_node(Tape& tape, Tape::Recorded entry) {
    tape.observe(entry.index);
    return new_node(tape, entry.index);
}

PyObject* new_variable(Tape& tape, double value, PyObject* name) {
    if (!tape.is_mine()) {
        throw TapeThreadError("this tape belongs to another thread: make variables on the thread that made the tape");
    }
    const char* text = nullptr;
    Py_ssize_t length = 0;
    if (name != nullptr && name != Py_None) {
        text = PyUnicode_AsUTF8AndSize(name, &length);
        if (text == nullptr) {
            if (!PyUnicode_Check(name)) {
                PyErr_Clear();
                PyErr_Format(exceptions.node_type, "name of a variable: got %.200s %.200R, but a name is a str",
                             Py_TYPE(name)->tp_name, name);
            }
            throw PythonError{};
        }
    }
    if (!tape.handles().has_free()) tape.handles().add_slab();
    const Index i = tape.add_variable(value, true);
    PyObject* node = new_node(tape, i);
    if (text != nullptr) {
        try {
            tape.set_name(i, std::string(text, static_cast<std::size_t>(length)));
        } catch (...) {
            Py_DECREF(node);
            throw;
        }
    }
    return node;
}

Var as_var(PyObject* object, const char* what) {
    if (is_node(object)) {
        Handle& handle = handle_of(object);
        check_usable(handle);
        return {handle.tape, {handle.index, handle.tape->value(handle.index)}};
    }
    double value;
    const NumberKind kind = as_number(object, &value);
    if (kind == NumberKind::real) return value;
    if (kind != NumberKind::failed) raise_not_a_number(what, object);
    throw PythonError{};
}

PyObject* from_var(const Var& x) {
    if (x.is_constant()) {
        PyObject* number = PyFloat_FromDouble(x.value());
        if (number == nullptr) throw PythonError{};
        return number;
    }
    Tape& tape = *x.tape();
    if (!tape.handles().has_free()) tape.handles().add_slab();
    return new_node(tape, x.index());
}

Answer prepare_binary(PyObject* l, PyObject* r, const char* symbol, BinaryOperands& o) {
    o = {};
    o.is_node_a = is_node(l);
    o.is_node_b = is_node(r);
    PyObject* const plain = o.is_node_a ? r : l;
    if (!(o.is_node_a && o.is_node_b)) {
        double number = 0.0;
        switch (as_number(plain, &number)) {
            case NumberKind::real:
                break;
            case NumberKind::failed:
                throw PythonError{};
            case NumberKind::other:
                return Answer::not_implemented;
            case NumberKind::refused:
                raise_not_a_number((std::string("operator ") + symbol).c_str(), plain);
                throw PythonError{};
        }
        (o.is_node_a ? o.y : o.x) = number;
    }
    o.tape = handle_of(o.is_node_a ? l : r).tape;
    if (o.is_node_a) check_usable(handle_of(l));
    if (o.is_node_b) check_usable(handle_of(r));
    if (o.is_node_a && o.is_node_b && handle_of(l).tape != handle_of(r).tape) {
        handle_of(l).tape->refuse_mixing(std::string("operator ") + symbol, *handle_of(r).tape);
    }
    prepare(*o.tape);  // may collect: only now are the indices what they will be
    if (o.is_node_a) o.a = handle_of(l).index;
    if (o.is_node_b) o.b = handle_of(r).index;
    return Answer::ready;
}

bool match_operands(const char* function, const std::string_view* names, std::size_t count, bool last_has_default,
                    PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** operands) {
    const auto expected = static_cast<Py_ssize_t>(count);
    if (nargs > expected) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %zd arguments (%zd given)", function, expected, nargs);
        return false;
    }
    for (Py_ssize_t k = 0; k < nargs; ++k) operands[k] = args[k];
    const Py_ssize_t keywords = kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t k = 0; k < keywords; ++k) {
        PyObject* keyword = PyTuple_GET_ITEM(kwnames, k);
        std::size_t n = 0;
        while (n < count && PyUnicode_CompareWithASCIIString(keyword, names[n].data()) != 0) ++n;
        if (n == count) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function, keyword);
            return false;
        }
        if (operands[n] != nullptr) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", function, keyword);
            return false;
        }
        operands[n] = args[nargs + k];
    }
    for (std::size_t n = 0; n < count; ++n) {
        if (operands[n] != nullptr || (last_has_default && n + 1 == count)) continue;
        PyErr_Format(PyExc_TypeError, "%s() is missing the argument '%s'", function, names[n].data());
        return false;
    }
    return true;
}

}  // namespace reelgrad::python
