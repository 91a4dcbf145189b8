// bindings/node.hpp: Node, the Python handle of an entry of the tape.
//
// A Node is an ordinary small Python object of 32 bytes: the object header and a Handle. Its memory is a slot of its
// tape's slabs, so making one is to take a slot and dropping one is to give it back. The type is final, has no
// dictionary and is not tracked by the garbage collector: a Node refers to no Python object.
#pragma once

#include <Python.h>

#include <cstddef>

#include "bindings/errors.hpp"
#include "reelgrad/tape/var.hpp"

namespace reelgrad::python {

struct NodeObject {
    PyObject_HEAD Handle handle;
};

extern PyTypeObject* node_type;

// Makes the type, with a slot or method for each operator of the table, and adds it to the module.
bool add_node_type(PyObject* module);

inline bool is_node(PyObject* object) { return Py_IS_TYPE(object, node_type); }
inline Handle& handle_of(PyObject* node) { return reinterpret_cast<NodeObject*>(node)->handle; }

// What the slabs of a tape that Python uses need to know.
HandleSlabs::Header node_header();

// A Node for entry i. Precondition: tape.handles().has_free().
inline PyObject* new_node(Tape& tape, Index i) {
    Handle* handle = tape.make_handle(i);
    auto* object = reinterpret_cast<PyObject*>(reinterpret_cast<char*>(handle) - offsetof(NodeObject, handle));
#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED)
    _Py_NewReference(object);
#else
    Py_SET_REFCNT(object, 1);
#endif
    return object;
}

// All that a recording fast path asks at once of a node's tape: its thread, room for an operator, a slot for the
// result.
inline bool ready(const Tape& tape, const Handle& handle) {
    return tape.is_current(handle) && tape.has_room() && tape.handles().has_free() && tape.is_mine();
}

// Throws StaleNodeError unless the node's entry is still there; brings its serial up to date.
void check_alive(Handle& handle);
// The same, and that this thread may record on the tape.
void check_usable(Handle& handle);

// Makes room for so many operators (with rows of `row` parents in all) and for the Node that will stand for the last;
// this may collect.
void prepare(Tape& tape, std::size_t operators = 1, std::size_t row = 0);

// A Node for an operator just recorded, after telling the tape's observer; on an error the operator is taken back.
PyObject* observed_node(Tape& tape, Tape::Recorded entry);

// While it lives Python's cyclic garbage collector does not run, and so no finalizer that might rewind or collect the
// tape between an operator's recording and the making of the Node that holds it.
class NoFinalizers {
  public:
    NoFinalizers() : was_enabled_(PyGC_Disable()) {}
    ~NoFinalizers() {
        if (was_enabled_ != 0) PyGC_Enable();
    }
    NoFinalizers(const NoFinalizers&) = delete;
    NoFinalizers& operator=(const NoFinalizers&) = delete;

  private:
    int was_enabled_;
};

// A new variable on `tape`.
PyObject* new_variable(Tape& tape, double value, PyObject* name_or_none);

// A Node as a Var, a number as a constant. Throws PythonError (with the error naming `what`) for anything else.
Var as_var(PyObject* object, const char* what);
// The Node for a Var, or a float for a constant.
PyObject* from_var(const Var& x);

}  // namespace reelgrad::python
