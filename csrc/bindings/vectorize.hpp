// bindings/vectorize.hpp: the table's functions on plain numbers and on NumPy arrays.
//
// Arrays of real numbers give arrays of float64, with NumPy's broadcasting; arrays of objects, which may hold Nodes,
// are taken element by element.
#pragma once

#include <Python.h>

namespace reelgrad::python {

using UnaryKernel = double (*)(double);
using BinaryKernel = double (*)(double, double);
using TernaryKernel = double (*)(double, double, double);

PyObject* apply_to_numbers(const char* name, UnaryKernel kernel, PyObject* a);
PyObject* apply_to_numbers(const char* name, BinaryKernel kernel, PyObject* a, PyObject* b);
PyObject* apply_to_numbers(const char* name, TernaryKernel kernel, PyObject* a, PyObject* b, PyObject* c);

// reelgrad.<name> over the broadcast operands, as an array of objects.
PyObject* apply_elementwise(const char* name, PyObject* a, PyObject* b, PyObject* c = nullptr);

}  // namespace reelgrad::python
