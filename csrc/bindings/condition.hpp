// bindings/condition.hpp: Condition, what a comparison of traced Nodes gives.
//
// Outside of a trace a comparison is a bool. In a trace it is recorded as an operator of conditions, and the Condition
// stands for that entry of the tape. Asking for its truth (`if`, `while`, `and`, `not`, max, sorted ...) takes a branch
// and records a guard; `&`, `|`, `^`, `~` and reelgrad.where compute with it and record none.
#pragma once

#include <Python.h>

namespace reelgrad::python {

extern PyTypeObject* condition_type;

// Makes the type and adds it to the module.
bool add_condition_type(PyObject* module);

inline bool is_condition(PyObject* object) { return Py_IS_TYPE(object, condition_type); }

// The Node that holds the condition's number, 1.0 or 0.0; borrowed.
PyObject* node_of_condition(PyObject* condition);

// The comparison of the Node l with r, where one of them is traced or stands outside of a trace that is under way.
// Returns NotImplemented for what is no number. Throws PythonError or an engine error.
PyObject* compare_traced(PyObject* l, PyObject* r, int operation);

// The truth of a traced Node: a guard on its not being 0. Throws.
bool decide_node(PyObject* node);

// Throws TraceError, for what would turn a traced Node into a plain number; nothing for other Nodes. `what` begins the
// message.
void require_untraced(PyObject* node, const char* what);

}  // namespace reelgrad::python
