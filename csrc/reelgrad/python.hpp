// python.hpp: for extension modules (of Cython, pybind11, or by hand) that record on the tapes of Python code.
//
//     #include <reelgrad/python.hpp>
//
//     if (reelgrad::import_reelgrad() < 0) return nullptr;             // once, where the module is initialised
//     reelgrad::Var x = reelgrad::to_var(object);                      // from a Node, or a number as a constant
//     PyObject* node = reelgrad::to_node(exp(x) * x);                  // and back
//
// Include it before any other header of reelgrad, in every file of the module; it brings reelgrad/tape/var.hpp. Nothing
// is linked: what is not inline is called in reelgrad._core, through a table that import_reelgrad() fetches and checks
// (embed/interface.hpp). Recording needs no interpreter lock, only the thread that the tape belongs to.
#pragma once

#if !defined(REELGRAD_EXTENSION)
#if defined(REELGRAD_LIBRARY)
#error "include reelgrad/python.hpp before any other header of reelgrad, in every file of an extension module"
#endif
#define REELGRAD_EXTENSION  // tells the headers of tape/ that they are not part of the library
#endif

#include <Python.h>

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "reelgrad/embed/client.hpp"

namespace reelgrad {
namespace embed {

// Why modules compiled with these headers cannot use that table; empty if they can.
inline std::string mismatch(const Interface& theirs) {
    const std::string mine = kVersion, installed = theirs.version;
    const auto series = [](const std::string& version) { return version.substr(0, version.rfind('.')); };
    if (theirs.abi != kAbi) {
        return "its ABI is number " + std::to_string(kAbi) + ", that of the installed one is " +
               std::to_string(theirs.abi);
    }
    if (series(mine) != series(installed)) return "their versions differ";
    if (theirs.bytes != sizeof(Interface)) return "the tables of functions differ";
    Tape* tape = nullptr;
    if (theirs.current_tape(&tape) != nullptr) return "there is no tape";
    std::string problem;
    std::size_t k = 0;
    for_each_fact(*tape, [&](const char* name, std::uint64_t value) {
        if (!problem.empty()) return;
        if (k >= theirs.facts_size || std::strcmp(theirs.facts[k].name, name) != 0) {
            problem = std::string("what is compared differs from ") + name + " on";
        } else if (theirs.facts[k].value != value) {
            problem = std::string(name) + " is " + std::to_string(value) + " in its headers and " +
                      std::to_string(theirs.facts[k].value) + " in the installed one";
        }
        ++k;
    });
    return problem;
}

}  // namespace embed

// Connects this module with reelgrad._core; again and again if need be. 0, or -1 with an ImportError set. Needs the
// interpreter's lock.
inline int import_reelgrad() {
    if (embed::host != nullptr) return 0;
    const auto* const table = static_cast<const embed::Interface*>(PyCapsule_Import(embed::kCapsule, 0));
    if (table == nullptr) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_SetString(PyExc_ImportError,
                            "this extension module needs a reelgrad that offers its C++ interface: install a newer "
                            "one, pip install --upgrade reelgrad");
        }
        return -1;
    }
    const std::string problem = embed::mismatch(*table);
    if (!problem.empty()) {
        PyErr_Format(PyExc_ImportError,
                     "this extension module was compiled with the headers of reelgrad %s, which do not fit the "
                     "installed reelgrad %s: %s. Rebuild the extension module against the installed reelgrad (pip "
                     "install --force-reinstall --no-cache-dir --no-binary :all: of its package), or install reelgrad "
                     "%s",
                     kVersion, table->version, problem.c_str(), kVersion);
        return -1;
    }
    embed::host = table;
    return 0;
}

// Whether it is a Node. This and what follows needs the interpreter's lock.
inline bool is_node(PyObject* object) { return embed::functions().is_node(object) != 0; }

// A Node as a Var, a number as a constant; `what` begins the message of the NodeTypeError for anything else. The Node
// must live, or the tape be pinned, for as long as the Var is used while Python code runs.
inline Var to_var(PyObject* object, const char* what = "argument") {
    Var result;
    embed::require(embed::functions().to_var(object, what, &result));
    return result;
}

// A new reference to a Node for the Var, or to a float for a constant.
inline PyObject* to_node(const Var& x) {
    PyObject* result = nullptr;
    embed::require(embed::functions().to_node(&x, &result));
    return result;
}

// The tape of a reelgrad.Tape.
inline Tape& to_tape(PyObject* object, const char* what = "argument") {
    Tape* result = nullptr;
    embed::require(embed::functions().to_tape(object, what, &result));
    return *result;
}

// In a catch block: sets the Python error for the C++ exception.
inline void set_python_error() {
    try {
        throw;
    } catch (const Error& e) {
        if (embed::host == nullptr) {
            PyErr_SetString(PyExc_ImportError, e.what());
        } else {
            embed::host->set_error(e.kind(), e.what());
        }
    } catch (const std::bad_alloc& e) {
        PyErr_SetString(PyExc_MemoryError, e.what());
    } catch (const std::out_of_range& e) {
        PyErr_SetString(PyExc_IndexError, e.what());
    } catch (const std::invalid_argument& e) {
        PyErr_SetString(PyExc_ValueError, e.what());
    } catch (const std::exception& e) {
        PyErr_SetString(PyExc_RuntimeError, e.what());
    } catch (...) {
        PyErr_SetString(PyExc_RuntimeError, "a C++ exception that is no std::exception");
    }
}

}  // namespace reelgrad
