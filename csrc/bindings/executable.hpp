// bindings/executable.hpp: running Programs over arrays.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "reelgrad/exec/executable.hpp"

namespace reelgrad::python {

void add_executable(pybind11::module_& module);

// A one-dimensional array of real numbers as it lies in memory. Throws PythonError (NodeTypeError, LengthError) for
// other types, shapes and, unless `lanes` is -1, lengths.
exec::Column column_of(const pybind11::array& array, pybind11::ssize_t lanes);

// For RunOptions::interrupt: whether Python has a signal to handle whose handler raised. Takes the GIL.
bool python_interrupt();

}  // namespace reelgrad::python
