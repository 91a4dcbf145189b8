// bindings/source.hpp: which line of the user's Python code is running.
#pragma once

#include <Python.h>

#include <string>

namespace reelgrad::python {

// "file.py:12" of the innermost frame whose code is not the library's own; of the innermost one if all are. Throws
// PythonError.
std::string calling_line();

}  // namespace reelgrad::python
