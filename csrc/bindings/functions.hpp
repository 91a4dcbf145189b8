// bindings/functions.hpp: the module's functions, made from the table: primitives, reductions, composites.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_primitive_functions(pybind11::module_& module);
void add_sequence_functions(pybind11::module_& module);  // reductions and composites
void add_operator_table(pybind11::module_& module);      // the table itself, for docs, stubs and tests
void add_vector_math(pybind11::module_& module, pybind11::module_& testing);

}  // namespace reelgrad::python
