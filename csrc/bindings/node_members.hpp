// bindings/node_members.hpp: what a Node does that is not an operator of the table, for the type to be made from.
#pragma once

#include <Python.h>

#include <vector>

namespace reelgrad::python {

std::vector<PyMethodDef> member_methods();
PyObject* get_value(PyObject* self, void*);
PyObject* get_name(PyObject* self, void*);
PyGetSetDef* member_attributes();
std::vector<PyType_Slot> member_slots();

}  // namespace reelgrad::python
