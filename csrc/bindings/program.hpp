// bindings/program.hpp: Programs as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_program(pybind11::module_& module);
void add_program_testing(pybind11::module_& testing);  // single passes and the reference evaluator, for the tests

}  // namespace reelgrad::python
