#include "bindings/errors.hpp"

#include <pybind11/pybind11.h>

#include <new>
#include <string>

#include "bindings/lock.hpp"

namespace reelgrad::python {

Exceptions exceptions{};

namespace {

bool add(PyObject* module, PyObject*& slot, const char* name, const char* doc, PyObject* base, PyObject* builtin) {
    PyObject* bases = builtin == nullptr ? PyTuple_Pack(1, base) : PyTuple_Pack(2, base, builtin);
    if (bases == nullptr) return false;
    slot = PyErr_NewExceptionWithDoc((std::string("reelgrad.") + name).c_str(), doc, bases, nullptr);
    Py_DECREF(bases);
    return slot != nullptr && PyModule_AddObjectRef(module, name, slot) == 0;
}

PyObject* class_of(ErrorKind kind) {
    const Exceptions& e = exceptions;
    switch (kind) {
        case ErrorKind::stale_node:
            return e.stale_node;
        case ErrorKind::tape_mismatch:
            return e.tape_mismatch;
        case ErrorKind::tape_thread:
            return e.tape_thread;
        case ErrorKind::tape_busy:
            return e.tape_busy;
        case ErrorKind::tape_memory:
            return e.tape_memory;
        case ErrorKind::variable:
            return e.variable;
        case ErrorKind::length:
            return e.length;
        case ErrorKind::setting:
            return e.setting;
        case ErrorKind::trace:
            return e.trace;
        case ErrorKind::program:
            return e.program;
        case ErrorKind::interrupted:
            return PyExc_KeyboardInterrupt;
        default:
            return e.error;
    }
}

// The Python error that is set, in words, for a thread on which it may be lost; it stays set.
std::string set_error_text() {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    std::string text = "a Python error";
    if (type != nullptr) text = reinterpret_cast<PyTypeObject*>(type)->tp_name;
    PyObject* const words = value == nullptr ? nullptr : PyObject_Str(value);
    const char* const utf8 = words == nullptr ? nullptr : PyUnicode_AsUTF8(words);
    if (utf8 != nullptr) text += std::string(": ") + utf8;
    Py_XDECREF(words);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return text;
}

}  // namespace

bool add_exceptions(PyObject* module) {
    Exceptions& e = exceptions;
    return add(module, e.error, "ReelgradError", "Base of all errors that reelgrad raises.", PyExc_Exception,
               nullptr) &&
           add(module, e.stale_node, "StaleNodeError",
               "A node or mark was used whose entry a rewind or a reset had removed from the tape.", e.error,
               PyExc_RuntimeError) &&
           add(module, e.tape_mismatch, "TapeMismatchError", "Nodes of two tapes met in one operation.", e.error,
               PyExc_ValueError) &&
           add(module, e.tape_thread, "TapeThreadError", "A tape was used on a thread that did not make it.", e.error,
               PyExc_RuntimeError) &&
           add(module, e.tape_busy, "TapeBusyError",
               "A tape was swept, rewound or collected while a reverse sweep of it was under way.", e.error,
               PyExc_RuntimeError) &&
           add(module, e.tape_memory, "TapeMemoryError",
               "The tape reached its limit, or the system gives no more memory.", e.error, PyExc_MemoryError) &&
           add(module, e.variable, "VariableError",
               "Something that only variables have was asked of an intermediate node.", e.error,
               PyExc_AttributeError) &&
           add(module, e.length, "LengthError", "Lengths do not fit each other, or a sequence is empty.", e.error,
               PyExc_ValueError) &&
           add(module, e.setting, "SettingError",
               "A setting or an argument, such as a learning rate or a limit, is outside the range that makes sense.",
               e.error, PyExc_ValueError) &&
           add(module, e.node_type, "NodeTypeError",
               "An argument is of the wrong type, no number above all, or a Node would lose its derivative.", e.error,
               PyExc_TypeError) &&
           add(module, e.program, "ProgramError",
               "A Program is malformed, or cannot be had or run in the way asked for.", e.error, PyExc_ValueError) &&
           add(module, e.trace, "TraceError",
               "A number was asked of a traced Node, which stands for any, or a traced function is not pure.", e.error,
               PyExc_TypeError) &&
           add(module, e.branch, "BranchError",
               "Arguments with which a function branches otherwise than its Program does.", e.error,
               PyExc_ValueError) &&
           add(module, e.paths, "PathsError", "A compiled function takes more paths through its branches than allowed.",
               e.error, PyExc_RuntimeError) &&
           add(module, e.anomaly, "AnomalyError",
               "Inside detect_anomaly(): an operator made a value or an adjoint that is not finite.", e.error,
               PyExc_FloatingPointError) &&
           add(module, e.anomaly_warning, "AnomalyWarning",
               "Inside detect_anomaly(): a contribution of 0 * inf to a gradient was taken as 0.", PyExc_RuntimeWarning,
               nullptr);
}

void raise_current() {
    std::string message;
    const ErrorKind kind = kind_of_current(message);
    set_error(kind, message.c_str());
}

ErrorKind kind_of_current(std::string& message) {
    try {
        throw;
    } catch (const PythonError&) {
        const WithLock lock;
        message = set_error_text();
        return ErrorKind::python;
    } catch (pybind11::error_already_set& e) {
        const WithLock lock;
        e.restore();
        message = set_error_text();
        return ErrorKind::python;
    } catch (const Error& e) {
        message = e.what();
        return e.kind();
    } catch (const std::bad_alloc&) {
        message = "the system gives no more memory; the tape is as it was before this operation";
        return ErrorKind::tape_memory;
    } catch (const std::exception& e) {
        message = e.what();
        return ErrorKind::error;
    }
}

void set_error(ErrorKind kind, const char* message) {
    const bool is_set = kind == ErrorKind::python || kind == ErrorKind::interrupted;
    if (is_set && PyErr_Occurred() != nullptr) return;
    PyErr_SetString(class_of(kind), message);
}

}  // namespace reelgrad::python
