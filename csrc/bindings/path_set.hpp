// bindings/path_set.hpp: the paths of a compiled function, for the Python code that finds them.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_path_set(pybind11::module_& module);

}  // namespace reelgrad::python
