// bindings/array_value.hpp: Arrays as a number type, so that the table's composites run on them.
//
// It has the functions of the table by calling those of the module. A loss of one "element" that is a whole Array is
// the Array of its terms: the sum of one is that one.
#pragma once

#include <pybind11/pybind11.h>

#include <span>
#include <utility>

#include "bindings/node_slots.hpp"

namespace reelgrad::python {

class ArrayValue {
  public:
    ArrayValue(double number) : object_(pybind11::float_(number)) {}
    explicit ArrayValue(PyObject* object) : object_(pybind11::reinterpret_borrow<pybind11::object>(object)) {}

    // What a function returned; throws PythonError for nullptr.
    static ArrayValue made(PyObject* result) {
        if (result == nullptr) throw PythonError{};
        ArrayValue value(result);
        Py_DECREF(result);
        return value;
    }
    PyObject* ptr() const { return object_.ptr(); }
    PyObject* release() { return object_.release().ptr(); }

  private:
    pybind11::object object_;
};

#define REELGRAD_FUNCTION(Type, name)                                         \
    inline ArrayValue name(const ArrayValue& x) {                             \
        return ArrayValue::made(unary_function<ops::Type>(nullptr, x.ptr())); \
    }
REELGRAD_UNARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION
#define REELGRAD_FUNCTION(Type, name)                                       \
    inline ArrayValue name(const ArrayValue& a, const ArrayValue& b) {      \
        return ArrayValue::made(apply_binary<ops::Type>(a.ptr(), b.ptr())); \
    }
REELGRAD_BINARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION
#define REELGRAD_FUNCTION(Type, name)                                                       \
    inline ArrayValue name(const ArrayValue& a, const ArrayValue& b, const ArrayValue& c) { \
        return ArrayValue::made(apply_ternary<ops::Type>(a.ptr(), b.ptr(), c.ptr()));       \
    }
REELGRAD_TERNARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION

inline ArrayValue operator+(const ArrayValue& a, const ArrayValue& b) { return add(a, b); }
inline ArrayValue operator-(const ArrayValue& a, const ArrayValue& b) { return sub(a, b); }
inline ArrayValue operator*(const ArrayValue& a, const ArrayValue& b) { return mul(a, b); }
inline ArrayValue operator-(const ArrayValue& x) { return neg(x); }
inline ArrayValue operator/(const ArrayValue& total, double) { return total; }  // by the number of elements, 1
inline ArrayValue sum(std::span<const ArrayValue> x) { return x[0]; }

}  // namespace reelgrad::python
