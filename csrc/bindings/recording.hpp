// bindings/recording.hpp: the recording of one trace, as Python drives it.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_recording(pybind11::module_& module);

}  // namespace reelgrad::python
