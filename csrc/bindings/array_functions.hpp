// bindings/array_functions.hpp: what Arrays do beyond the operators of the table.
#pragma once

#include <pybind11/pybind11.h>

#include <span>

#include "bindings/array.hpp"

namespace reelgrad::python {

void add_array_reductions(pybind11::module_& module);
void add_array_making(pybind11::module_& module);
void add_array_product(pybind11::module_& module);
void add_array_rule(pybind11::module_& module);

// a @ b by NumPy's rules.
PyObject* matrix_product(PyObject* a, PyObject* b);

// Entries that are this number, and have no derivative.
pybind11::object filled(Tape& tape, std::span<const std::ptrdiff_t> shape, double number);

}  // namespace reelgrad::python
