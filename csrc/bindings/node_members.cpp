// bindings/node_members.cpp: what a Node does that is not an operator: life, text, comparison, methods.
#include "bindings/node_members.hpp"

#include <string>

#include "bindings/anomaly.hpp"
#include "bindings/condition.hpp"
#include "bindings/html.hpp"
#include "bindings/names.hpp"
#include "bindings/node.hpp"
#include "bindings/node_access.hpp"
#include "bindings/node_slots.hpp"
#include "bindings/number.hpp"
#include "bindings/region.hpp"
#include "bindings/tape.hpp"

namespace reelgrad::python {
namespace {

// --- Life

PyObject* node_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
    static const char* keywords[] = {"value", "name", nullptr};
    PyObject* value = nullptr;
    PyObject* name = Py_None;
    if (kwargs == nullptr && PyTuple_GET_SIZE(args) == 1) {  // the usual call, without the cost of parsing
        value = PyTuple_GET_ITEM(args, 0);
    } else if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:Node", const_cast<char**>(keywords), &value, &name))
        return nullptr;
    return guarded([&] {
        double number;
        if (is_node(value)) {
            PyErr_SetString(exceptions.node_type,
                            "Node(value): got a Node; a new variable starts from a plain number: pass its .value");
            throw PythonError{};
        }
        if (!require_number(value, "Node(value)", &number)) throw PythonError{};
        return new_variable(current_tape(), number, name);
    });
}

void node_dealloc(PyObject* self) {
    Handle& handle = handle_of(self);
    Tape* const tape = handle.tape;
    tape->handles().give_back(&handle);
    if (tape->owners == 0 && tape->abandoned()) [[unlikely]]
        delete tape;
}

// --- Text

PyObject* number_text(double value) {
    PyObject* number = PyFloat_FromDouble(value);
    if (number == nullptr) throw PythonError{};
    PyObject* text = PyObject_Repr(number);  // the shortest digits that give the same float back
    Py_DECREF(number);
    if (text == nullptr) throw PythonError{};
    return text;
}

PyObject* node_repr(PyObject* self) {
    return guarded([&]() -> PyObject* {
        Handle& handle = handle_of(self);
        if (!handle.tape->refresh(handle)) return PyUnicode_FromString("Node(stale)");
        const Tape& tape = *handle.tape;
        const std::string* name = is_variable(handle.index) ? tape.name(handle.index) : nullptr;
        const double grad = tape.grad(handle.index);
        PyObject* text = number_text(tape.value(handle.index));
        PyObject* result = PyUnicode_FromFormat("Node(%U", text);
        Py_DECREF(text);
        if (result != nullptr && name != nullptr) {
            PyObject* quoted = PyUnicode_FromStringAndSize(name->data(), static_cast<Py_ssize_t>(name->size()));
            PyUnicode_AppendAndDel(&result, PyUnicode_FromFormat(", name=%R", quoted));
            Py_XDECREF(quoted);
        }
        if (result != nullptr && tape.tracing()) PyUnicode_AppendAndDel(&result, PyUnicode_FromString(", traced"));
        if (result != nullptr && grad != 0.0) {
            PyUnicode_AppendAndDel(&result, PyUnicode_FromString(", grad="));
            if (result != nullptr) PyUnicode_AppendAndDel(&result, number_text(grad));
        }
        if (result != nullptr) PyUnicode_AppendAndDel(&result, PyUnicode_FromString(")"));
        return result;
    });
}

PyObject* node_format(PyObject* self, PyObject* spec) {
    return guarded([&]() -> PyObject* {
        if (!PyUnicode_Check(spec)) {
            PyErr_Format(PyExc_TypeError, "__format__() argument must be str, not %.200s", Py_TYPE(spec)->tp_name);
            return nullptr;
        }
        if (PyUnicode_GetLength(spec) == 0) return node_repr(self);
        PyObject* number = PyFloat_FromDouble(value_of(self, "format()"));
        PyObject* text = number == nullptr ? nullptr : PyObject_Format(number, spec);
        Py_XDECREF(number);
        return text;
    });
}

// --- Comparison and truth: by value, as plain bools, but for traces

PyObject* compare_slowly(PyObject* l, PyObject* r, int operation) {
    return guarded([&]() -> PyObject* {
        if (!handle_of(l).tape->compares_by_value() || (is_node(r) && !handle_of(r).tape->compares_by_value())) {
            return compare_traced(l, r, operation);
        }
        const double x = value_of(l, "comparison");
        double y;
        if (is_node(r)) {
            y = value_of(r, "comparison");
        } else if (PyLong_Check(r)) {  // float knows how to compare with an int that no float equals
            PyObject* number = PyFloat_FromDouble(x);
            PyObject* answer = number == nullptr ? nullptr : PyObject_RichCompare(number, r, operation);
            Py_XDECREF(number);
            return answer;
        } else {
            const NumberKind kind = as_number(r, &y);
            if (kind == NumberKind::failed) return nullptr;
            if (kind != NumberKind::real) Py_RETURN_NOTIMPLEMENTED;
        }
        Py_RETURN_RICHCOMPARE(x, y, operation);
    });
}

// Branches are made of these: a comparison of Nodes that are there, or with a float or an int, takes the short way.
PyObject* node_compare(PyObject* l, PyObject* r, int operation) {
    const Handle& a = handle_of(l);
    if (a.tape->is_current(a) && a.tape->compares_by_value()) [[likely]] {
        const double x = a.tape->value(a.index);
        if (is_node(r)) {
            const Handle& b = handle_of(r);
            if (b.tape->is_current(b) && b.tape->compares_by_value())
                Py_RETURN_RICHCOMPARE(x, b.tape->value(b.index), operation);
        } else if (PyFloat_CheckExact(r)) {
            Py_RETURN_RICHCOMPARE(x, PyFloat_AS_DOUBLE(r), operation);
        } else if (PyLong_CheckExact(r)) {
            int overflow = 0;
            const long long y = PyLong_AsLongLongAndOverflow(r, &overflow);
            constexpr long long exact = 1LL << 53;  // up to here a double holds every int
            if (overflow == 0 && y >= -exact && y <= exact) Py_RETURN_RICHCOMPARE(x, static_cast<double>(y), operation);
        }
    }
    return compare_slowly(l, r, operation);
}

int node_bool(PyObject* self) {
    try {
        if (!handle_of(self).tape->compares_by_value()) return decide_node(self);
        return value_of(self, "truth") != 0.0;
    } catch (...) {
        raise_current();
        return -1;
    }
}

// --- Conversions that would lose the derivative

PyObject* refuse(const char* message) {
    PyErr_SetString(exceptions.node_type, message);
    return nullptr;
}
// In a trace the cure is another one than outside.
PyObject* refuse_conversion(PyObject* self, const char* what, const char* message) {
    return guarded([&] {
        require_untraced(self, what);
        return refuse(message);
    });
}
PyObject* node_float(PyObject* self) {
    return refuse_conversion(
        self, "float() (also math.sin() and other functions of floats, instead of reelgrad.sin())",
        "float(Node) would silently drop the derivative: take node.value for the number, and reelgrad.sin(node) and "
        "the like "
        "where math.sin(node) or another function of floats asked for it");
}
PyObject* node_int(PyObject* self) {
    return refuse_conversion(
        self, "int() (instead of .trunc())",
        "int(Node) would silently drop the derivative: take int(node.value), or node.trunc() to stay on the tape");
}
PyObject* node_ratio(PyObject* self, PyObject*) {
    return refuse_conversion(
        self, "as_integer_ratio()",
        "a Node has no integer ratio: functions of exact numbers, as in statistics or fractions, would drop the "
        "derivative; use "
        "reelgrad.mean and the like, or node.value");
}

// --- Methods

PyObject* node_backward(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    static constexpr std::string_view kSeed[] = {"seed"};
    PyObject* seed_object = nullptr;
    if (!match_operands("backward", kSeed, 1, true, args, nargs, kwnames, &seed_object)) return nullptr;
    return guarded([&]() -> PyObject* {
        double seed = 1.0;
        if (seed_object != nullptr && !require_number(seed_object, "backward(seed)", &seed)) return nullptr;
        Handle& handle = handle_of(self);
        check_usable(handle);
        backward(*handle.tape, {&handle.index, 1}, {&seed, 1});
        Py_RETURN_NONE;
    });
}

PyObject* node_zero_grad(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        check_usable(handle_of(self));
        require_untraced(self, "the gradient");
        Handle& handle = variable(self, "grad");
        handle.tape->set_grad(handle.index, 0.0);
        Py_RETURN_NONE;
    });
}

PyObject* node_html(PyObject* self, PyObject*) { return html_of(self, "node_html"); }

PyObject* node_item(PyObject* self, PyObject*) { return get_value(self, nullptr); }
PyObject* node_self(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyObject* node_round(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs == 0 || (nargs == 1 && args[0] == Py_None)) return unary<ops::Round>(self);
    return refuse_conversion(
        self, "round(x, digits)",
        "round(Node, digits) has no derivative to speak of: use round(node.value, digits), or f'{node:.2f}' to print");
}

// Records x * factor: NumPy's degrees() and radians() call these methods on objects.
template <int to_degrees>
PyObject* node_scaled(PyObject* self, PyObject*) {
    constexpr double pi = 3.141592653589793;
    PyObject* factor = PyFloat_FromDouble(to_degrees != 0 ? 180.0 / pi : pi / 180.0);
    PyObject* result = factor == nullptr ? nullptr : binary<ops::Mul>(self, factor);
    Py_XDECREF(factor);
    return result;
}

// A variable is copied and pickled as its value and name; the new one stands on the tape that is current then.
PyObject* node_reduce(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        const Handle& handle = alive(self);
        require_untraced(self, "a copy or pickle");
        if (!is_variable(handle.index)) {
            return refuse(
                "an intermediate Node cannot be copied or pickled: the copy would be cut off from the graph; copy or "
                "pickle the "
                "variables, or node.value");
        }
        if (is_argument(self)) {
            return refuse(
                "an argument of a function whose derivative is being taken cannot be copied or pickled: the copy would "
                "be a new variable, and the derivative would be lost; use the argument itself");
        }
        PyObject* name = get_name(self, nullptr);
        if (name == nullptr) return nullptr;
        return Py_BuildValue("O(dN)", node_type, handle.tape->value(handle.index), name);
    });
}

PyObject* divmod_slot(PyObject* l, PyObject* r) {
    PyObject* quotient = binary<ops::FloorDiv>(l, r);
    if (quotient == nullptr || quotient == Py_NotImplemented) return quotient;
    PyObject* rest = binary<ops::Mod>(l, r);
    if (rest == nullptr) {  // all or nothing
        const Handle& handle = handle_of(quotient);
        handle.tape->take_back(static_cast<std::size_t>(handle.index));
        Py_DECREF(quotient);
        return nullptr;
    }
    return Py_BuildValue("(NN)", quotient, rest);
}

PyObject* positive_slot(PyObject* self) { return Py_NewRef(self); }

}  // namespace

std::vector<PyMethodDef> member_methods() {
    return {
        {"backward", fast_call(node_backward), METH_FASTCALL | METH_KEYWORDS,
         "backward($self, /, seed=1.0)\n--\n\nAdd seed * d(self)/d(v) to the gradient of every variable v that self "
         "depends on.\n\n"
         "Intermediates' gradients are overwritten. Calling it again adds the same again to variables."},
        {"zero_grad", node_zero_grad, METH_NOARGS, "zero_grad($self, /)\n--\n\nSet this variable's gradient to 0."},
        {"item", node_item, METH_NOARGS, "item($self, /)\n--\n\nThe value as a float; the same as .value."},
        {"conjugate", node_self, METH_NOARGS, "conjugate($self, /)\n--\n\nThe node itself: it is real."},
        {"degrees", node_scaled<1>, METH_NOARGS, "degrees($self, /)\n--\n\nThe angle in degrees."},
        {"rad2deg", node_scaled<1>, METH_NOARGS, "rad2deg($self, /)\n--\n\nThe angle in degrees."},
        {"radians", node_scaled<0>, METH_NOARGS, "radians($self, /)\n--\n\nThe angle in radians."},
        {"deg2rad", node_scaled<0>, METH_NOARGS, "deg2rad($self, /)\n--\n\nThe angle in radians."},
        {"as_integer_ratio", node_ratio, METH_NOARGS,
         "as_integer_ratio($self, /)\n--\n\nRaises: a Node is not an exact number."},
        {"__floor__", unary_method<ops::Floor>, METH_NOARGS, nullptr},
        {"__ceil__", unary_method<ops::Ceil>, METH_NOARGS, nullptr},
        {"__trunc__", unary_method<ops::Trunc>, METH_NOARGS, nullptr},
        {"__round__", fast_call(node_round), METH_FASTCALL, nullptr},
        {"__format__", node_format, METH_O, nullptr},
        {"_repr_html_", node_html, METH_NOARGS, "_repr_html_($self, /)\n--\n\nThe node as HTML, for notebooks."},
        {"__reduce__", node_reduce, METH_NOARGS, nullptr},
    };
}

std::vector<PyType_Slot> member_slots() {
    std::vector<PyType_Slot> slots;
    const auto slot = [&](int id, auto function) { slots.push_back({id, reinterpret_cast<void*>(function)}); };
    slot(Py_tp_new, node_new);
    slot(Py_tp_dealloc, node_dealloc);
    slot(Py_tp_repr, node_repr);
    slot(Py_tp_hash, PyBaseObject_Type.tp_hash);  // identity
    slot(Py_tp_richcompare, node_compare);
    slot(Py_nb_bool, node_bool);
    slot(Py_nb_float, node_float);
    slot(Py_nb_int, node_int);
    slot(Py_nb_positive, positive_slot);
    slot(Py_nb_divmod, divmod_slot);
    return slots;
}

}  // namespace reelgrad::python
