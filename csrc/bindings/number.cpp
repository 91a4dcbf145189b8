#include "bindings/number.hpp"

#include "bindings/condition.hpp"
#include "bindings/errors.hpp"

namespace reelgrad::python {
namespace {

// Classes looked up once, when first needed. NumPy's stay null until somebody has imported it.
struct Classes {
    PyObject* array = nullptr;
    PyObject* scalar = nullptr;          // numpy.generic
    PyObject* complex_scalar = nullptr;  // numpy.complexfloating
    PyObject* number_scalar = nullptr;   // numpy.number
    PyObject* bool_scalar = nullptr;     // numpy.bool_
    PyObject* time_span = nullptr;       // numpy.timedelta64, which NumPy counts among the integers
    PyObject* number = nullptr;          // numbers.Number
};
Classes classes;

PyObject* attribute(PyObject* module, const char* name) {
    PyObject* found = PyObject_GetAttrString(module, name);
    if (found == nullptr) PyErr_Clear();
    return found;
}

bool numpy_is_loaded() {
    if (classes.array != nullptr) return true;
    PyObject* numpy = PyDict_GetItemString(PyImport_GetModuleDict(), "numpy");  // borrowed
    if (numpy == nullptr) return false;
    classes.scalar = attribute(numpy, "generic");
    classes.complex_scalar = attribute(numpy, "complexfloating");
    classes.number_scalar = attribute(numpy, "number");
    classes.bool_scalar = attribute(numpy, "bool_");
    classes.time_span = attribute(numpy, "timedelta64");
    PyObject* array = attribute(numpy, "ndarray");
    if (!classes.scalar || !classes.complex_scalar || !classes.number_scalar || !classes.bool_scalar) return false;
    classes.array = array;
    return array != nullptr;
}

bool is_instance(PyObject* object, PyObject* cls) {
    return cls != nullptr && PyObject_TypeCheck(object, reinterpret_cast<PyTypeObject*>(cls));
}

// numbers.Number is an abstract class: membership may be registered, as Decimal's is.
bool is_registered_number(PyObject* object) {
    if (classes.number == nullptr) {
        PyObject* numbers = PyImport_ImportModule("numbers");
        if (numbers != nullptr) classes.number = attribute(numbers, "Number");
        Py_XDECREF(numbers);
        PyErr_Clear();
        if (classes.number == nullptr) return false;
    }
    const int answer = PyObject_IsInstance(object, classes.number);
    if (answer < 0) PyErr_Clear();
    return answer == 1;
}

NumberKind by_float(PyObject* object, double* value) {
    *value = PyFloat_AsDouble(object);
    return *value == -1.0 && PyErr_Occurred() != nullptr ? NumberKind::failed : NumberKind::real;
}

}  // namespace

NumberKind as_number(PyObject* object, double* value) {
    // The usual other things, so that they do not wait for the abstract classes below.
    if (PyList_CheckExact(object) || PyTuple_CheckExact(object) || object == Py_None) return NumberKind::other;
    if (PyFloat_Check(object)) {
        *value = PyFloat_AS_DOUBLE(object);
        return NumberKind::real;
    }
    if (PyLong_Check(object)) {
        *value = PyLong_AsDouble(object);
        return *value == -1.0 && PyErr_Occurred() != nullptr ? NumberKind::failed : NumberKind::real;
    }
    if (PyComplex_Check(object) || PyUnicode_Check(object) || PyBytes_Check(object)) return NumberKind::refused;
    if (numpy_is_loaded()) {
        if (is_instance(object, classes.scalar)) {
            if (is_instance(object, classes.complex_scalar)) return NumberKind::refused;
            const bool real = (is_instance(object, classes.number_scalar) && !is_instance(object, classes.time_span)) ||
                              is_instance(object, classes.bool_scalar);
            return real ? by_float(object, value) : NumberKind::refused;
        }
        if (is_instance(object, classes.array)) {
            PyObject* item = nullptr;
            if (PyObject* ndim = PyObject_GetAttrString(object, "ndim")) {
                if (PyLong_AsLong(ndim) == 0) item = PyObject_CallMethod(object, "item", nullptr);
                Py_DECREF(ndim);
            }
            if (PyErr_Occurred() != nullptr) return NumberKind::failed;
            if (item == nullptr) return NumberKind::other;
            const NumberKind kind = is_array(item) ? NumberKind::other : as_number(item, value);
            Py_DECREF(item);
            return kind;
        }
    }
    return is_registered_number(object) ? NumberKind::refused : NumberKind::other;
}

bool require_number(PyObject* object, const char* what, double* value) {
    switch (as_number(object, value)) {
        case NumberKind::real:
            return true;
        case NumberKind::failed:
            return false;
        default:
            break;
    }
    PyErr_Format(
        exceptions.node_type,
        "%s: got %.200s %.200R, but only one plain real number will do (int, float, bool or a NumPy real scalar)", what,
        Py_TYPE(object)->tp_name, object);
    return false;
}

bool is_array(PyObject* object) { return numpy_is_loaded() && is_instance(object, classes.array); }

void refuse_mask(PyObject* array, const char* what) {
    if (reinterpret_cast<PyObject*>(Py_TYPE(array)) == classes.array) return;
    PyObject* const module = PyImport_ImportModule("numpy.ma");
    PyObject* const answer = module == nullptr ? nullptr : PyObject_CallMethod(module, "is_masked", "O", array);
    Py_XDECREF(module);
    const int masked = answer == nullptr ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    if (masked == 0) return;
    if (masked == 1) {
        PyErr_Format(exceptions.node_type,
                     "%s: got a masked array, whose mask would be lost: pass .filled(...) or .compressed()", what);
    }
    throw PythonError{};
}

void raise_not_a_number(const char* what, PyObject* object) {
    if (is_condition(object)) {
        PyErr_Format(exceptions.trace,
                     "%s: got a Condition, which is not a number; write reelgrad.where(condition, a, b), or "
                     "reelgrad.where(condition, 1.0, 0.0) for the number",
                     what);
        return;
    }
    PyErr_Format(
        exceptions.node_type,
        "%s: got %.200s %.200R, but operands are Nodes and real numbers (int, float, bool, NumPy's real scalars); "
        "convert it first",
        what, Py_TYPE(object)->tp_name, object);
}

}  // namespace reelgrad::python
