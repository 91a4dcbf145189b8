// bindings/signatures.hpp: signatures of the functions that pybind11 makes, for inspect.signature and tab completion.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

// Call it when all functions and classes of the module are there.
void add_signatures(const pybind11::module_& module);

}  // namespace reelgrad::python
