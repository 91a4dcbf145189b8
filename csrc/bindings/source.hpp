// bindings/source.hpp: which line of the user's Python code is running.
#pragma once

#include <Python.h>

#include <optional>
#include <string>

namespace reelgrad::python {

struct SourcePlace {
    std::string file;
    int line;
    std::string function;
};

// Of the innermost frame whose code is not the library's own; of the innermost one if all are; none if no Python code
// runs. Throws PythonError.
std::optional<SourcePlace> calling_place();

// The same as "file.py:12".
std::string calling_line();

}  // namespace reelgrad::python
