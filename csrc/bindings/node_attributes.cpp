// bindings/node_attributes.cpp: the attributes of a Node: value, grad, name and what it is.
#include <string>

#include "bindings/node.hpp"
#include "bindings/node_access.hpp"
#include "bindings/node_members.hpp"
#include "bindings/number.hpp"
#include "bindings/tape.hpp"

namespace reelgrad::python {

PyObject* get_value(PyObject* self, void*) {
    return guarded([&] { return PyFloat_FromDouble(value_of(self, "the value")); });
}

PyObject* get_name(PyObject* self, void*) {
    return guarded([&]() -> PyObject* {
        const Handle& handle = alive(self);
        const std::string* name = is_variable(handle.index) ? handle.tape->name(handle.index) : nullptr;
        if (name == nullptr) Py_RETURN_NONE;
        return PyUnicode_FromStringAndSize(name->data(), static_cast<Py_ssize_t>(name->size()));
    });
}

namespace {

PyObject* get_grad(PyObject* self, void*) {
    return guarded([&] {
        const Handle& handle = alive(self);
        require_untraced(self, "the gradient");
        return PyFloat_FromDouble(handle.tape->grad(handle.index));
    });
}

using Setter = void (*)(Tape&, Index, double);

int set_number(PyObject* self, PyObject* object, const char* what, Setter set) {
    try {
        if (object == nullptr) throw VariableError(std::string(what) + " cannot be deleted; set it to 0.0");
        check_usable(handle_of(self));
        if (handle_of(self).tape->tracing()) {
            throw TraceError(std::string(what) +
                             " of a traced Node cannot be set: a traced function computes and changes nothing; go on "
                             "with a new Node, and return it");
        }
        Handle& handle = variable(self, what);
        double number;
        if (!require_number(object, what, &number)) return -1;
        set(*handle.tape, handle.index, number);
        return 0;
    } catch (...) {
        raise_current();
        return -1;
    }
}
int set_value(PyObject* self, PyObject* object, void*) {
    return set_number(self, object, "value", [](Tape& tape, Index i, double x) { tape.set_value(i, x); });
}
int set_grad(PyObject* self, PyObject* object, void*) {
    return set_number(self, object, "grad", [](Tape& tape, Index i, double x) { tape.set_grad(i, x); });
}

PyObject* get_is_variable(PyObject* self, void*) {
    return guarded([&] { return PyBool_FromLong(is_variable(alive(self).index)); });
}
PyObject* get_operator(PyObject* self, void*) {
    return guarded([&]() -> PyObject* {
        const Handle& handle = alive(self);
        if (is_variable(handle.index)) Py_RETURN_NONE;
        const std::string_view name = handle.tape->operator_name(handle.index);
        return PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
    });
}
PyObject* get_tape(PyObject* self, void*) {
    return guarded([&] { return pybind11::cast(TapeOwner(handle_of(self).tape)).release().ptr(); });
}
PyObject* get_self(PyObject* self, void*) { return Py_NewRef(self); }
PyObject* get_zero(PyObject*, void*) { return PyFloat_FromDouble(0.0); }

PyGetSetDef attributes[] = {
    {"value", get_value, set_value, "The number. Setting it is for variables, and changes nothing that was recorded.",
     nullptr},
    {"data", get_value, set_value, "Alias of value.", nullptr},
    {"grad", get_grad, set_grad,
     "The gradient. Of a variable: the sum over backward() calls since zero_grad(). Of an intermediate: from the last "
     "backward().",
     nullptr},
    {"name", get_name, nullptr, "The name given to the variable, or None.", nullptr},
    {"is_variable", get_is_variable, nullptr, "Whether this is a variable (and not the result of an operation).",
     nullptr},
    {"operator", get_operator, nullptr, "The operator that made this node; None for a variable.", nullptr},
    {"tape", get_tape, nullptr, "The Tape that this node is on.", nullptr},
    {"real", get_self, nullptr, "The node itself.", nullptr},
    {"imag", get_zero, nullptr, "0.0.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyGetSetDef* member_attributes() { return attributes; }

}  // namespace reelgrad::python
