// bindings/batch.hpp: NumPy arrays as the numbers, columns and destinations of a run.
//
// A batch's arrays have their lanes along the first axis; the other axes, in C order, count columns. Nothing is copied:
// the caller keeps the arrays alive.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "reelgrad/exec/executable.hpp"

namespace reelgrad::python {

// How the array's numbers lie in memory; nothing if the engine cannot read them as they are.
std::optional<exec::Dtype> dtype_of(const pybind11::array& array);

// A contiguous, one-dimensional float64 array's numbers. Throws NodeTypeError's PythonError for any other.
std::span<const double> numbers_of(const pybind11::array& array, const char* what);
std::span<double> writable_numbers_of(pybind11::array& array, const char* what);

// Appends the array's columns. The array has a native, aligned dtype of real numbers and `lanes` lanes.
void append_columns(const pybind11::array& array, std::size_t lanes, std::vector<exec::Column>& columns);
// The same for an array that is written: float64, and writable.
void append_destinations(pybind11::array& array, std::size_t lanes, std::vector<exec::Destination>& destinations);

std::vector<exec::Column> columns_of(const pybind11::sequence& arrays, std::size_t lanes);
std::vector<exec::Destination> destinations_of(const pybind11::sequence& arrays, std::size_t lanes);

}  // namespace reelgrad::python
