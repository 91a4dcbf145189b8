// bindings/fast_call.hpp: the short way into a compiled function of flat arrays.
//
// What a call through Python costs beside the arithmetic (flattening structures, finding the specialisation, making
// arrays) is some microseconds, as much as thousands of operations. A FastCall is the callable that users hold. It
// looks whether the arguments are plain floats and contiguous float64 arrays of the shapes that its plan was made for;
// if so it runs the plan, and in every other case it calls the Python function behind it, which may set a new plan.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_fast_call(pybind11::module_& module);

}  // namespace reelgrad::python
