#include "bindings/errors.hpp"

#include <pybind11/pybind11.h>

#include <new>
#include <string>

#include "reelgrad/program/errors.hpp"

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
    try {
        throw;
    } catch (const PythonError&) {  // is set already
    } catch (pybind11::error_already_set& e) {
        e.restore();
    } catch (const Interrupted& e) {
        if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_KeyboardInterrupt, e.what());
    } catch (const StaleNodeError& e) {
        PyErr_SetString(exceptions.stale_node, e.what());
    } catch (const TapeMismatchError& e) {
        PyErr_SetString(exceptions.tape_mismatch, e.what());
    } catch (const TapeThreadError& e) {
        PyErr_SetString(exceptions.tape_thread, e.what());
    } catch (const TapeBusyError& e) {
        PyErr_SetString(exceptions.tape_busy, e.what());
    } catch (const TapeMemoryError& e) {
        PyErr_SetString(exceptions.tape_memory, e.what());
    } catch (const VariableError& e) {
        PyErr_SetString(exceptions.variable, e.what());
    } catch (const TraceError& e) {
        PyErr_SetString(exceptions.trace, e.what());
    } catch (const SettingError& e) {
        PyErr_SetString(exceptions.setting, e.what());
    } catch (const LengthError& e) {
        PyErr_SetString(exceptions.length, e.what());
    } catch (const ProgramError& e) {
        PyErr_SetString(exceptions.program, e.what());
    } catch (const std::bad_alloc&) {
        PyErr_SetString(exceptions.tape_memory,
                        "the system gives no more memory; the tape is as it was before this operation");
    } catch (const std::exception& e) {
        PyErr_SetString(exceptions.error, e.what());
    }
}

}  // namespace reelgrad::python
