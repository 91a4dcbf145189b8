// bindings/program_call.hpp: a bare Program called with numbers and arrays.
#pragma once

#include <pybind11/pybind11.h>

#include "reelgrad/program/program.hpp"

namespace reelgrad::python {

// The outputs, a float each or an array of a number per lane. Throws PythonError with BranchError set if a lane
// disagrees with a guard: a Program is one path and must not be wrong silently.
pybind11::tuple call_program(const program::Program& program, const pybind11::args& inputs);

}  // namespace reelgrad::python
