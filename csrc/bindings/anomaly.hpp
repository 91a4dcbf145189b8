// bindings/anomaly.hpp: detect_anomaly(): which operator, on which Python line, first made a value that is not finite.
#pragma once

#include <pybind11/pybind11.h>

#include <span>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad::python {

// tape.backward, with the checks and reports of detect_anomaly() if this thread is inside one. Throws PythonError.
void backward(Tape& tape, std::span<const Index> outputs, std::span<const double> seeds);
// The same for tape.gradient.
void gradient(Tape& tape, std::span<const Index> outputs, std::span<const double> seeds, std::span<const Index> xs,
              std::span<double> result);

// To be called for a new tape: it is watched if this thread is inside detect_anomaly().
void watch_if_detecting(Tape& tape);

void add_detect_anomaly(pybind11::module_& module);

}  // namespace reelgrad::python
