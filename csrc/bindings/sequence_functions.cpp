// bindings/sequence_functions.cpp: reductions and composites of the table, as functions of sequences (or of one
// number).
//
// All arithmetic is the engine's: a sequence of Nodes and numbers becomes Vars and constants, the table's template runs
// on them, and the result is a Node, or a float if no Node was among the operands.
#include <pybind11/numpy.h>

#include <string>
#include <vector>

#include "bindings/array_value.hpp"
#include "bindings/functions.hpp"
#include "bindings/names.hpp"
#include "bindings/node_slots.hpp"

namespace reelgrad::python {
namespace {

constexpr std::size_t kOperatorsPerElement = 8;  // bce_with_logits records 7
constexpr std::size_t kRowsPerElement = 4;       // cross_entropy: one of 3 parents and the share in a sum

// The elements of a list, a tuple, an array or another iterable; a Node or a number counts as one element.
class Elements {
  public:
    Elements(PyObject* object, const char* what) : what_(what) {
        double number;
        if (is_node(object) || (!is_array(object) && as_number(object, &number) == NumberKind::real)) {
            single_ = object;
            return;
        }
        if (PyUnicode_Check(object) || PyBytes_Check(object)) {
            raise_not_a_number(what, object);
            throw PythonError{};
        }
        PyErr_Clear();
        fast_ = PySequence_Fast(object, "");
        if (fast_ == nullptr) {
            if (PyErr_ExceptionMatches(PyExc_TypeError)) {
                PyErr_Clear();
                PyErr_Format(exceptions.node_type, "%s: got %.200s, but a sequence of Nodes and numbers is needed",
                             what, Py_TYPE(object)->tp_name);
            }
            throw PythonError{};
        }
    }
    ~Elements() { Py_XDECREF(fast_); }
    Elements(const Elements&) = delete;
    Elements& operator=(const Elements&) = delete;

    std::size_t size() const {
        return fast_ == nullptr ? 1 : static_cast<std::size_t>(PySequence_Fast_GET_SIZE(fast_));
    }
    PyObject* operator[](std::size_t k) const {
        return fast_ == nullptr ? single_ : PySequence_Fast_GET_ITEM(fast_, static_cast<Py_ssize_t>(k));
    }
    bool is_single() const { return fast_ == nullptr; }

    // The tape of the first Node, nullptr if there is none. Throws if it may not be used here.
    Tape* tape() const {
        for (std::size_t k = 0; k < size(); ++k) {
            PyObject* element = (*this)[k];
            if (!is_node(element)) continue;
            check_usable(handle_of(element));
            return handle_of(element).tape;
        }
        return nullptr;
    }
    // Makes room on it for what the hungriest composite records. Collecting, if it comes to that, happens here, before
    // indices are read: once a composite runs, the tape can only grow.
    void prepare_tape() const {
        Tape* const found = tape();
        if (found != nullptr) prepare(*found, kOperatorsPerElement * (size() + 1), kRowsPerElement * (size() + 1));
    }
    std::vector<Var> vars() const {
        std::vector<Var> result;
        result.reserve(size());
        for (std::size_t k = 0; k < size(); ++k) result.push_back(as_var((*this)[k], what_));
        return result;
    }

  private:
    const char* what_;
    PyObject* single_ = nullptr;
    PyObject* fast_ = nullptr;
};

// The tape that operands are on, nullptr if all are numbers; throws if they are on several. The operands are fresh, and
// a current serial is one tape's only.
Tape* common_tape(const char* name, std::span<const Var> a, std::span<const Var> b = {}) {
    const Var* first = nullptr;
    for (const std::span<const Var> operands : {a, b}) {
        for (const Var& x : operands) {
            if (x.is_constant()) continue;
            if (first == nullptr) first = &x;
            if (x.serial() != first->serial() && x.tape() != first->tape()) {
                first->tape()->refuse_mixing(name, *x.tape());
            }
        }
    }
    return first == nullptr ? nullptr : first->tape();
}

// Runs a composite, which records several operators: if it fails half-way, those already recorded are taken back.
template <class Body>
PyObject* all_or_nothing(Tape* tape, Body&& body) {
    const NoFinalizers guard;
    const std::size_t size = tape == nullptr ? 0 : tape->size();
    try {
        return body();
    } catch (...) {
        if (tape != nullptr) tape->take_back(size);
        throw;
    }
}

void require_elements(const char* name, std::size_t size) {
    if (size == 0) throw LengthError(std::string(name) + " of no elements: it has no value; pass at least one");
}
void require_same_length(const char* name, const std::string_view* operands, std::size_t a, std::size_t b) {
    if (a == b) return;
    throw LengthError(std::string(name) + ": '" + std::string(operands[0]) + "' has " + std::to_string(a) +
                      " elements and '" + std::string(operands[1]) + "' has " + std::to_string(b) +
                      "; they must have as many");
}

PyObject* from_vars(const std::vector<Var>& xs) {
    PyObject* list = PyList_New(static_cast<Py_ssize_t>(xs.size()));
    if (list == nullptr) throw PythonError{};
    for (std::size_t k = 0; k < xs.size(); ++k) {
        try {
            PyList_SET_ITEM(list, static_cast<Py_ssize_t>(k), from_var(xs[k]));
        } catch (...) {
            Py_DECREF(list);
            throw;
        }
    }
    return list;
}
PyObject* to_python(const Var& x) { return from_var(x); }
PyObject* to_python(const std::vector<Var>& xs) { return from_vars(xs); }

// For Arrays: the functions of the package that take them, by name, with all their arguments.
PyObject* g_array_functions = nullptr;

PyObject* call_for_arrays(const char* name, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    PyObject* const function = g_array_functions == nullptr ? nullptr : PyDict_GetItemString(g_array_functions, name);
    if (function == nullptr) {
        PyErr_Format(exceptions.node_type, "%s: not a function of Arrays", name);
        return nullptr;
    }
    return PyObject_Vectorcall(function, args, static_cast<std::size_t>(nargs), kwnames);
}

pybind11::ssize_t dimensions(PyObject* array) { return pybind11::reinterpret_borrow<pybind11::array>(array).ndim(); }

// Of a NumPy array of numbers or Nodes, along axes: as of the Array that it can be.
PyObject* call_for_ndarray(const char* name, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    const pybind11::str function(name);
    std::vector<PyObject*> given{function.ptr()};
    const Py_ssize_t all = nargs + (kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames));
    given.insert(given.end(), args, args + all);
    return call_for_arrays("of an ndarray", given.data(), nargs + 1, kwnames);
}

bool any_array(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    const Py_ssize_t all = nargs + (kwnames == nullptr ? 0 : PyTuple_GET_SIZE(kwnames));
    for (Py_ssize_t k = 0; k < all; ++k) {
        if (is_node_array(args[k])) return true;
    }
    return false;
}

template <class Op>
concept ScalarFunction = requires(double x) {
    { Op::value(x) };
};
template <class Op>
concept FunctionOfOne = requires(std::span<const Var> x) {
    { Op::value(x) };
};
template <class Op>
concept FunctionOfTwo = requires(std::span<const Var> x) {
    { Op::value(x, x) };
};
template <class Op>
constexpr bool is_reduction = ops::detail::position<Op>(ops::Reductions{}) < ops::Reductions::size;

// x -> f(x), for a Node, a number or an array.
template <class Op>
PyObject* scalar_function(PyObject*, PyObject* x) {
    try {
        if (is_node_array(x)) return Op::value(ArrayValue(x)).release();
        if (!is_node(x)) return apply_to_numbers(Op::name.data(), +[](double a) { return Op::value(a); }, x);
        check_usable(handle_of(x));
        Tape& tape = *handle_of(x).tape;
        prepare(tape);
        return all_or_nothing(&tape, [&] { return from_var(Op::value(as_var(x, Op::name.data()))); });
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

template <class Op>
PyObject* function_of_one(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    if (any_array(args, nargs, kwnames)) return call_for_arrays(Op::name.data(), args, nargs, kwnames);
    const bool has_options = nargs > 1 || (kwnames != nullptr && PyTuple_GET_SIZE(kwnames) > 0);
    if (nargs > 0 && is_array(args[0]) && (has_options || dimensions(args[0]) != 1)) {
        return call_for_ndarray(Op::name.data(), args, nargs, kwnames);
    }
    if (nargs != 1 || (kwnames != nullptr && PyTuple_GET_SIZE(kwnames) > 0)) {
        PyErr_Format(PyExc_TypeError, "%s() of a sequence takes exactly one argument; axes are for Arrays",
                     Op::name.data());
        return nullptr;
    }
    PyObject* const object = args[0];
    try {
        const Elements x(object, Op::name.data());
        x.prepare_tape();
        const std::vector<Var> vars = x.vars();
        if constexpr (is_reduction<Op>) {
            return to_python(detail::reduce<Op>(vars));
        } else {
            require_elements(Op::name.data(), vars.size());
            const std::span<const Var> elements(vars);
            return all_or_nothing(common_tape(Op::name.data(), elements),
                                  [&] { return to_python(Op::value(elements)); });
        }
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

bool is_matrix(PyObject* x) { return is_array(x) && dimensions(x) > 1; }

template <class Op>
PyObject* function_of_two(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

// A loss is the mean of its terms. Its operands have one shape: broadcasting a column with a row would compare each
// with each.
template <class Op>
PyObject* function_of_two_arrays(PyObject* a, PyObject* b, PyObject* delta) {
    constexpr const char* name = Op::name.data();
    if constexpr (is_reduction<Op> || std::is_same_v<Op, ops::CrossEntropy>) {
        PyObject* const operands[2] = {a, b};
        return call_for_arrays(name, operands, 2, nullptr);
    } else {
        try {
            const pybind11::str loss(name);
            PyObject* const given[3] = {loss.ptr(), a, b};
            const auto pair =
                pybind11::reinterpret_steal<pybind11::object>(call_for_arrays("operands of a loss", given, 3, nullptr));
            if (!pair) throw PythonError{};
            PyObject* const alike[3] = {PyTuple_GET_ITEM(pair.ptr(), 0), PyTuple_GET_ITEM(pair.ptr(), 1), delta};
            if (!is_node_array(alike[0]) && !is_node_array(alike[1])) {
                return function_of_two<Op>(nullptr, alike, delta == nullptr ? 2 : 3, nullptr);
            }
            const ArrayValue x(alike[0]), y(alike[1]);
            const std::span<const ArrayValue> xs(&x, 1), ys(&y, 1);
            ArrayValue terms(0.0);
            if constexpr (requires { Op::default_delta; }) {
                double number = Op::default_delta;
                if (delta != nullptr && !require_number(delta, "delta", &number)) return nullptr;
                if (!(number > 0.0)) throw SettingError(std::string(name) + ": delta must be positive");
                terms = Op::value(xs, ys, number);
            } else {
                static_cast<void>(delta);
                terms = Op::value(xs, ys);
            }
            PyObject* const mean[1] = {terms.ptr()};
            return call_for_arrays("mean", mean, 1, nullptr);
        } catch (...) {
            raise_current();
            return nullptr;
        }
    }
}

template <class Op>
PyObject* function_of_two(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    constexpr const char* name = Op::name.data();
    constexpr bool has_delta = requires { Op::default_delta; };
    PyObject* operands[3] = {};
    if (!match_operands(name, Op::operands.data(), Op::operands.size(), has_delta, args, nargs, kwnames, operands))
        return nullptr;
    const bool has_rows = !is_reduction<Op> && (is_matrix(operands[0]) || is_matrix(operands[1]));
    if (has_rows || is_node_array(operands[0]) || is_node_array(operands[1])) {
        return function_of_two_arrays<Op>(operands[0], operands[1], operands[2]);
    }
    try {
        const Elements a(operands[0], name);
        if constexpr (std::is_same_v<Op, ops::CrossEntropy>) {  // a class, or a probability for each
            double number;
            if (PyIndex_Check(operands[1]) && !PyBool_Check(operands[1]) &&
                as_number(operands[1], &number) == NumberKind::real) {
                require_elements(name, a.size());
                const Py_ssize_t target = PyNumber_AsSsize_t(operands[1], PyExc_OverflowError);
                if (target == -1 && PyErr_Occurred() != nullptr) throw PythonError{};
                if (target < 0 || static_cast<std::size_t>(target) >= a.size()) {
                    throw LengthError(std::string(name) + ": target " + std::to_string(target) + " is no class of " +
                                      std::to_string(a.size()) + " logits; classes count from 0");
                }
                a.prepare_tape();
                const std::vector<Var> logits = a.vars();
                const std::span<const Var> elements(logits);
                return all_or_nothing(common_tape(name, elements),
                                      [&] { return from_var(Op::value(elements, static_cast<std::size_t>(target))); });
            }
        }
        const Elements b(operands[1], name);
        require_same_length(name, Op::operands.data(), a.size(), b.size());
        if constexpr (!is_reduction<Op>) require_elements(name, a.size());
        a.prepare_tape();
        b.prepare_tape();
        const std::vector<Var> x = a.vars(), y = b.vars();
        const std::span<const Var> xs(x), ys(y);
        Tape* const tape = common_tape(name, xs, ys);
        if constexpr (is_reduction<Op>) {
            return from_var(dot(xs, ys));
        } else if constexpr (has_delta) {
            double delta = Op::default_delta;
            if (operands[2] != nullptr && !require_number(operands[2], "delta", &delta)) return nullptr;
            if (!(delta > 0.0)) throw SettingError(std::string(name) + ": delta must be positive");
            return all_or_nothing(tape, [&] { return from_var(Op::value(xs, ys, delta)); });
        } else {
            return all_or_nothing(tape, [&] { return from_var(Op::value(xs, ys)); });
        }
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

template <class Op>
std::string documentation(const std::string& signature) {
    std::string doc = signature + "\n--\n\n" + std::string(Op::formula) + ".";
    if (!Op::note.empty()) doc += "\n\n" + std::string(Op::note);
    return doc;
}

}  // namespace

void add_sequence_functions(pybind11::module_& module) {
    static std::vector<PyMethodDef> functions;
    const auto add = [&]<class Op>() {
        PyCFunction function;
        int flags = METH_O;
        std::string signature;
        if constexpr (ScalarFunction<Op>) {
            function = scalar_function<Op>;
            signature = "(x, /)";
        } else if constexpr (FunctionOfTwo<Op>) {
            function = fast_call(function_of_two<Op>);
            flags = METH_FASTCALL | METH_KEYWORDS;
            signature = "(" + std::string(Op::operands[0]) + ", " + std::string(Op::operands[1]) +
                        (Op::operands.size() == 3 ? ", delta=1.0)" : ")");
        } else {
            function = fast_call(function_of_one<Op>);
            flags = METH_FASTCALL | METH_KEYWORDS;
            signature = "(x, /, axis=None, keepdims=False)";
        }
        for_each_name<Op>([&](const std::string& name) {
            functions.push_back({keep(name), function, flags, keep(documentation<Op>(name + signature))});
        });
    };
    module.def(
        "_use_array_functions", [](const pybind11::dict& functions) { g_array_functions = functions.inc_ref().ptr(); },
        pybind11::arg("functions"), "What reductions and composites are for Arrays, by name.");
    ops::for_each(ops::Reductions{}, add);
    ops::for_each(ops::Composites{}, add);
    functions.push_back({nullptr, nullptr, 0, nullptr});
    if (PyModule_AddFunctions(module.ptr(), functions.data()) < 0) throw pybind11::error_already_set();
}

}  // namespace reelgrad::python
