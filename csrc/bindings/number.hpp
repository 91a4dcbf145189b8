// bindings/number.hpp: which Python objects count as plain numbers beside a Node.
#pragma once

#include <Python.h>

namespace reelgrad::python {

enum class NumberKind {
    real,     // int, float, bool, NumPy's real scalars, 0-d arrays of them
    refused,  // a number or a text that may not be mixed in silently: complex, Fraction, Decimal, str
    other,    // anything else, which may know what to do with a Node: arrays above all
    failed,   // a Python error is set (an int too large for a float)
};

// The kind of `object`; its value where that is `real`.
NumberKind as_number(PyObject* object, double* value);

// The same where only a plain number will do, no Node; false with an error set that names `what` and the object.
bool require_number(PyObject* object, const char* what, double* value);

// True if `object` is a NumPy array (of any shape). Does not import NumPy: without it there are no arrays.
bool is_array(PyObject* object);

// Throws PythonError, NodeTypeError being set, if a mask would be lost with the array.
void refuse_mask(PyObject* array, const char* what);

// Sets NodeTypeError: "`what`: got Fraction Fraction(1, 3), ...". For operands, which may be Nodes.
void raise_not_a_number(const char* what, PyObject* object);

}  // namespace reelgrad::python
