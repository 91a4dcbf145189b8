// bindings/region.hpp: a stretch of a tape that a derivative is taken of, as Python drives it.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

// Whether the Node is an argument of a function whose derivative is being taken on this thread.
bool is_argument(const PyObject* node);

void add_region(pybind11::module_& module);

}  // namespace reelgrad::python
