// bindings/embedding.hpp: the table of functions for other compiled modules, in the capsule reelgrad._core._C_API.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_embedding(pybind11::module_& module);

}  // namespace reelgrad::python
