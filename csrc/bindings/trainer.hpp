// bindings/trainer.hpp: the training loop and its parts, for reelgrad.training and reelgrad.optim.
#pragma once

#include <pybind11/pybind11.h>

namespace reelgrad::python {

void add_trainer(pybind11::module_& module);

}  // namespace reelgrad::python
