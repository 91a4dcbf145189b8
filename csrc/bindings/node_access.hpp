// bindings/node_access.hpp: Nodes that Python hands over, checked before their numbers are read or set.
#pragma once

#include <Python.h>

#include <string>

#include "bindings/condition.hpp"
#include "bindings/errors.hpp"
#include "bindings/node.hpp"

namespace reelgrad::python {

inline Handle& alive(PyObject* self) {
    Handle& handle = handle_of(self);
    check_alive(handle);
    return handle;
}

inline Handle& variable(PyObject* self, const char* what) {
    Handle& handle = alive(self);
    if (is_variable(handle.index)) return handle;
    throw VariableError(std::string(what) + " of an intermediate: this Node is the result of '" +
                        std::string(handle.tape->operator_name(handle.index)) +
                        "', and only a variable has one that can be set; make one with reelgrad.variable(value)");
}

// For what would turn a Node into a plain number: refused in a trace.
inline double value_of(PyObject* self, const char* what) {
    const Handle& handle = alive(self);
    require_untraced(self, what);
    return handle.tape->value(handle.index);
}

}  // namespace reelgrad::python
