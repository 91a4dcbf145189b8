// bindings/graph.hpp: the graph of a Node as Python data, and operators spelled out with names, for explain, draw and
// explore.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_graph(pybind11::module_& module);

}  // namespace reelgrad::python
