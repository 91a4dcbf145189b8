#include "bindings/condition.hpp"

#include <string>

#include "bindings/node_slots.hpp"
#include "reelgrad/ops/conditions.hpp"

namespace reelgrad::python {

PyTypeObject* condition_type = nullptr;

namespace {

struct ConditionObject {
    PyObject_HEAD PyObject* node;
    signed char decided;  // the answer that its guard gave; -1: it has none
};

ConditionObject& condition(PyObject* object) { return *reinterpret_cast<ConditionObject*>(object); }

// Takes the reference to the Node of a condition's operator. Passes nullptr (an error) and NotImplemented through.
PyObject* new_condition(PyObject* node) {
    if (node == nullptr || node == Py_NotImplemented) return node;
    PyObject* object = condition_type->tp_alloc(condition_type, 0);
    if (object == nullptr) {
        Py_DECREF(node);
        return nullptr;
    }
    condition(object).node = node;
    condition(object).decided = -1;
    return object;
}

void condition_dealloc(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    Py_DECREF(condition(self).node);
    type->tp_free(self);
    Py_DECREF(type);
}

// The tape of a trace under way. Throws for a Node that is stale, or not traced.
bool decide(PyObject* node) {
    Handle& handle = handle_of(node);
    check_usable(handle);
    const Tape& tape = *handle.tape;
    return tape.trace()->decide(handle.index, tape.value(handle.index) != 0.0);
}

int condition_bool(PyObject* self) {
    ConditionObject& c = condition(self);
    try {
        if (c.decided < 0) {
            c.decided = decide(c.node) ? 1 : 0;
        } else {
            check_usable(handle_of(c.node));
        }
        return c.decided;
    } catch (...) {
        raise_current();
        return -1;
    }
}

PyObject* condition_repr(PyObject* self) {
    return guarded([&]() -> PyObject* {
        Handle& handle = handle_of(condition(self).node);
        if (!handle.tape->refresh(handle)) return PyUnicode_FromString("Condition(stale)");
        return PyUnicode_FromString(handle.tape->value(handle.index) != 0.0 ? "Condition(True, traced)"
                                                                            : "Condition(False, traced)");
    });
}

// --- Logic and equality

bool is_truth(PyObject* object, double* value) {
    if (PyBool_Check(object)) {
        *value = object == Py_True ? 1.0 : 0.0;
        return true;
    }
    return std::string_view(Py_TYPE(object)->tp_name).starts_with("numpy.bool") &&
           as_number(object, value) == NumberKind::real;
}

// Op of two conditions, or of a condition and a bool.
template <class Op>
PyObject* logic_slot(PyObject* l, PyObject* r) {
    PyObject* operands[2];
    for (int k = 0; k < 2; ++k) {
        PyObject* const x = k == 0 ? l : r;
        double truth;
        if (is_condition(x)) {
            operands[k] = Py_NewRef(condition(x).node);
        } else if (is_truth(x, &truth)) {
            operands[k] = PyFloat_FromDouble(truth);
        } else {
            operands[k] = nullptr;
            if (PyErr_Occurred() == nullptr) operands[k] = Py_NewRef(Py_NotImplemented);
        }
        if (operands[k] == nullptr || operands[k] == Py_NotImplemented) {
            if (k == 1) Py_DECREF(operands[0]);
            return operands[k];
        }
    }
    PyObject* result = binary<Op>(operands[0], operands[1]);
    Py_DECREF(operands[0]);
    Py_DECREF(operands[1]);
    return new_condition(result);
}

PyObject* invert_slot(PyObject* self) { return new_condition(unary<ops::LogicalNot>(condition(self).node)); }

PyObject* not_a_number() {
    PyErr_SetString(exceptions.trace,
                    "a Condition is not a number: it stands for a comparison that may come out differently for other "
                    "arguments; write reelgrad.where(condition, a, b), or reelgrad.where(condition, 1.0, 0.0) for the "
                    "number");
    return nullptr;
}

PyObject* condition_compare(PyObject* l, PyObject* r, int operation) {
    if (operation != Py_EQ && operation != Py_NE) return not_a_number();
    PyObject* other = r;
    if (is_condition(r)) {
        other = condition(r).node;
    } else if (!is_node(r)) {
        double number;
        const NumberKind kind = as_number(r, &number);
        if (kind == NumberKind::failed) return nullptr;
        if (kind != NumberKind::real) Py_RETURN_NOTIMPLEMENTED;
    }
    PyObject* const node = condition(l).node;
    return new_condition(operation == Py_EQ ? binary<ops::Equal>(node, other) : binary<ops::NotEqual>(node, other));
}

PyObject* refuse_unary(PyObject*) { return not_a_number(); }
PyObject* refuse_binary(PyObject*, PyObject*) { return not_a_number(); }
PyObject* refuse_ternary(PyObject*, PyObject*, PyObject*) { return not_a_number(); }

const char* const kDoc =
    "What a comparison of Nodes gives while a function is traced; elsewhere it gives a bool.\n\n"
    "Where the code asks whether it holds (if, while, and, or, not, max, sorted ...) a *guard* is recorded, with the "
    "line: what was traced counts for arguments that decide alike. &, |, ^ and ~ combine conditions without a guard, "
    "and reelgrad.where(condition, a, b) chooses without one. Code that runs outside of traces too should write "
    "x <= 0 instead of ~(x > 0): of a bool, ~ gives -1 or -2, and both count as true.\n\n"
    "Examples\n--------\n"
    ">>> import reelgrad as rg\n"
    ">>> def clipped(x):\n"
    "...     return rg.where((x > 0.0) & (x < 1.0), x, 0.0)\n"
    ">>> clipped(0.5)\n"
    "0.5\n";

}  // namespace

PyObject* node_of_condition(PyObject* object) { return condition(object).node; }

PyObject* compare_traced(PyObject* l, PyObject* r, int operation) {
    for (PyObject* const x : {l, r}) {
        if (!is_node(x)) continue;
        check_usable(handle_of(x));
        if (handle_of(x).tape->is_outside_a_trace() || !handle_of(x).tape->tracing()) {
            throw TapeMismatchError(
                "a Node from outside is compared while a function is traced, which would freeze the branch; pass it to "
                "the function as an argument, or compare its .value if it is a constant");
        }
    }
    if (!is_node(r) && !is_condition(r)) {
        double number;
        const NumberKind kind = as_number(r, &number);
        if (kind == NumberKind::failed) {
            if (!PyErr_ExceptionMatches(PyExc_OverflowError)) throw PythonError{};
            PyErr_Clear();
        }
        if (kind == NumberKind::other || kind == NumberKind::refused) Py_RETURN_NOTIMPLEMENTED;
        if (PyLong_Check(r)) {
            PyObject* const nearest = kind == NumberKind::real ? PyFloat_FromDouble(number) : nullptr;
            const int same = nearest == nullptr ? 0 : PyObject_RichCompareBool(nearest, r, Py_EQ);
            Py_XDECREF(nearest);
            if (same < 0) throw PythonError{};
            if (same == 0) {
                throw TraceError(
                    "a traced Node is compared with an int that no float equals; compare with float(...) of it");
            }
        }
    }
    PyObject* const other = is_condition(r) ? condition(r).node : r;
    switch (operation) {
        case Py_LT:
            return new_condition(binary<ops::Less>(l, other));
        case Py_LE:
            return new_condition(binary<ops::LessEqual>(l, other));
        case Py_GT:
            return new_condition(binary<ops::Less>(other, l));
        case Py_GE:
            return new_condition(binary<ops::LessEqual>(other, l));
        case Py_EQ:
            return new_condition(binary<ops::Equal>(l, other));
        default:
            return new_condition(binary<ops::NotEqual>(l, other));
    }
}

bool decide_node(PyObject* node) {
    Handle& handle = handle_of(node);
    check_usable(handle);
    if (handle.tape->is_outside_a_trace() || !handle.tape->tracing()) {
        throw TapeMismatchError(
            "the truth of a Node from outside is asked for while a function is traced, which would freeze the branch; "
            "pass it to the function as an argument, or take its .value if it is a constant");
    }
    prepare(*handle.tape);
    PyObject* const nonzero =
        observed_node(*handle.tape, handle.tape->record<ops::NotEqual>(handle.tape->operand(handle.index), 0.0));
    if (nonzero == nullptr) throw PythonError{};
    try {
        const bool truth = decide(nonzero);
        Py_DECREF(nonzero);
        return truth;
    } catch (...) {
        Py_DECREF(nonzero);
        throw;
    }
}

void require_untraced(PyObject* node, const char* what) {
    if (!handle_of(node).tape->tracing()) return;
    throw TraceError(std::string(what) +
                     " of a traced Node would freeze the number that this one call has; compute with the Node itself, "
                     "choose with reelgrad.where(condition, a, b), take reelgrad.stop_gradient(x) for x without its "
                     "derivative, or return it as an output");
}

bool add_condition_type(PyObject* module) {
    static PyType_Slot slots[] = {
        {Py_tp_dealloc, reinterpret_cast<void*>(condition_dealloc)},
        {Py_tp_repr, reinterpret_cast<void*>(condition_repr)},
        {Py_tp_hash, reinterpret_cast<void*>(PyBaseObject_Type.tp_hash)},  // identity, as a Node's
        {Py_tp_richcompare, reinterpret_cast<void*>(condition_compare)},
        {Py_tp_doc, const_cast<char*>(kDoc)},
        {Py_nb_bool, reinterpret_cast<void*>(condition_bool)},
        {Py_nb_and, reinterpret_cast<void*>(logic_slot<ops::LogicalAnd>)},
        {Py_nb_or, reinterpret_cast<void*>(logic_slot<ops::LogicalOr>)},
        {Py_nb_xor, reinterpret_cast<void*>(logic_slot<ops::NotEqual>)},
        {Py_nb_invert, reinterpret_cast<void*>(invert_slot)},
        {Py_nb_float, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_int, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_index, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_negative, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_positive, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_absolute, reinterpret_cast<void*>(refuse_unary)},
        {Py_nb_add, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_subtract, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_multiply, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_true_divide, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_floor_divide, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_remainder, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_divmod, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_lshift, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_rshift, reinterpret_cast<void*>(refuse_binary)},
        {Py_nb_power, reinterpret_cast<void*>(refuse_ternary)},
        {0, nullptr}};
    PyType_Spec spec{"reelgrad.Condition", sizeof(ConditionObject), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    condition_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    return condition_type != nullptr &&
           PyModule_AddObjectRef(module, "Condition", reinterpret_cast<PyObject*>(condition_type)) == 0;
}

}  // namespace reelgrad::python
