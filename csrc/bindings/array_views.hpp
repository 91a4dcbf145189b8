// bindings/array_views.hpp: views of an Array, and where its elements stand.
#pragma once

#include <Python.h>
#include <pybind11/numpy.h>

#include <vector>

#include "bindings/array.hpp"

namespace reelgrad::python {

std::vector<pybind11::ssize_t> shape_of(const Layout& layout);
Layout layout_of(const pybind11::array& array, const char* what);

// Methods, an attribute and the slot of the C type.
PyObject* array_positions(PyObject* self, PyObject*);
PyObject* array_view(PyObject* self, PyObject* positions);
PyObject* array_entries(PyObject* self, PyObject*);
PyObject* get_transposed(PyObject* self, void*);
PyObject* array_subscript(PyObject* self, PyObject* key);

}  // namespace reelgrad::python
