// bindings/errors.hpp: the exceptions as Python sees them, and the way from C++ to Python.
//
// No C++ exception may leave a slot of a Python type: it would abort the interpreter. Each slot's slow path therefore
// ends in `catch (...) { raise_current(); }`. The fast paths throw nothing.
#pragma once

#include <Python.h>

#include <string>

#include "reelgrad/tape/errors.hpp"

namespace reelgrad::python {

struct Exceptions {
    PyObject* error;            // ReelgradError, base of all
    PyObject* stale_node;       // StaleNodeError (RuntimeError)
    PyObject* tape_mismatch;    // TapeMismatchError (ValueError)
    PyObject* tape_thread;      // TapeThreadError (RuntimeError)
    PyObject* tape_busy;        // TapeBusyError (RuntimeError)
    PyObject* tape_memory;      // TapeMemoryError (MemoryError)
    PyObject* variable;         // VariableError (AttributeError)
    PyObject* length;           // LengthError (ValueError)
    PyObject* setting;          // SettingError (ValueError)
    PyObject* node_type;        // NodeTypeError (TypeError)
    PyObject* program;          // ProgramError (ValueError)
    PyObject* trace;            // TraceError (TypeError)
    PyObject* branch;           // BranchError (ValueError)
    PyObject* paths;            // PathsError (RuntimeError)
    PyObject* anomaly;          // AnomalyError (FloatingPointError)
    PyObject* anomaly_warning;  // AnomalyWarning (RuntimeWarning)
};

extern Exceptions exceptions;

// Makes the classes and adds them to the module. False with a Python error set if that fails.
bool add_exceptions(PyObject* module);

// Thrown where a Python error is set already.
struct PythonError {};

// Sets the Python error for the C++ exception being handled.
void raise_current();

// Runs `body` and turns what it throws into a Python error.
template <class Body>
PyObject* guarded(Body&& body) {
    try {
        return body();
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

// What the C++ exception being handled is, and what it says. A Python error is set or stays set; this is the only case
// in which the interpreter's lock is needed, and taken.
ErrorKind kind_of_current(std::string& message);
// Sets the Python error of that kind, unless one is set for which it stands.
void set_error(ErrorKind kind, const char* message);

}  // namespace reelgrad::python
