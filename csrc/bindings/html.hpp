// bindings/html.hpp: what notebooks show of the compiled classes, which the Python module reelgrad.show.reprs writes.
#pragma once

#include <Python.h>

namespace reelgrad::python {

// The result of reelgrad.show.reprs.<function>(object): a new reference, or nullptr with an error set.
PyObject* html_of(PyObject* object, const char* function);

}  // namespace reelgrad::python
