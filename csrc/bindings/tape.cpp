// bindings/tape.cpp: the Python class Tape, marks and scopes, and each thread's current tape.
#include "bindings/tape.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "bindings/anomaly.hpp"
#include "bindings/array.hpp"
#include "bindings/html.hpp"
#include "bindings/lock.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

std::vector<Tape*> g_tapes;

// A tape that Python made: it is listed while it lives.
class ListedTape : public Tape {
  public:
    explicit ListedTape(std::size_t limit) : Tape(limit, node_header()) { g_tapes.push_back(this); }
    ~ListedTape() override { std::erase(g_tapes, this); }
};

// The current tapes of a thread, innermost last; the first is the thread's own. They are owned by a capsule in the
// thread's dictionary, so that they go when the thread does.
struct TapeStack {
    std::vector<TapeOwner> tapes;

    TapeStack() { tapes.push_back(new_tape(Tape::kDefaultLimit)); }
    TapeStack(const TapeStack&) = delete;
    TapeStack& operator=(const TapeStack&) = delete;
    ~TapeStack();
};
thread_local TapeStack* g_stack = nullptr;

// What runs while the thread's dictionary is cleared may ask for a current tape once more: it gets a new stack.
TapeStack::~TapeStack() {
    if (g_stack == this) g_stack = nullptr;
}

TapeStack& tape_stack() {
    if (g_stack == nullptr) {
        auto thread = py::reinterpret_borrow<py::dict>(PyThreadState_GetDict());
        auto stack = std::make_unique<TapeStack>();
        thread["reelgrad.tapes"] = py::capsule(stack.get(), [](void* p) { delete static_cast<TapeStack*>(p); });
        g_stack = stack.release();
    }
    return *g_stack;
}

void require_mine(const Tape& tape) {
    if (!tape.is_mine()) {
        throw TapeThreadError(
            "this tape belongs to another thread: use it on the thread that made it, or make a Tape on this one");
    }
}

py::object wrap(PyObject* object) {
    if (object == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(object);
}

double number(py::handle object, const char* what) {
    double value;
    if (!require_number(object.ptr(), what, &value)) throw PythonError{};
    return value;
}

std::size_t as_limit(const py::object& limit) {
    PyObject* const exact = PyNumber_Index(limit.ptr());
    if (exact == nullptr) {
        PyErr_Clear();
        PyErr_Format(exceptions.node_type, "Tape(limit): got %.200s, but a limit is a number of operations, an int",
                     Py_TYPE(limit.ptr())->tp_name);
        throw PythonError{};
    }
    const auto number = py::reinterpret_steal<py::int_>(exact);
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow < 0 || (overflow == 0 && value < 1)) {
        throw SettingError("Tape(limit): got " + std::string(py::str(number)) +
                           ", but a tape has room for at least 1 operation");
    }
    return overflow > 0 ? SIZE_MAX : static_cast<std::size_t>(value);  // the tape knows the most it can address
}

// One node or several, as a list: it keeps the Nodes alive, and no code of others (a generator's) runs after it is
// made.
py::list several(const py::object& nodes, const char* what) {
    py::list result;
    if (is_node(nodes.ptr()) || is_node_array(nodes.ptr())) {
        result.append(nodes);
        return result;
    }
    if (!py::isinstance<py::iterable>(nodes)) {
        PyErr_Format(exceptions.node_type, "%s: got %.200s, but a Node or a sequence of Nodes is needed", what,
                     Py_TYPE(nodes.ptr())->tp_name);
        throw PythonError{};
    }
    for (const py::handle node : nodes) {
        if (!is_node(node.ptr()) && !is_node_array(node.ptr())) {
            PyErr_Format(exceptions.node_type, "%s: got %.200s %.200R, but only Nodes and Arrays have derivatives",
                         what, Py_TYPE(node.ptr())->tp_name, node.ptr());
            throw PythonError{};
        }
        result.append(node);
    }
    return result;
}

// A weight for each element of the outputs. Those of an Array are numbers that broadcast to its shape; it may do
// without if it has one element.
std::vector<double> seeds_for(const py::list& outputs, const py::object& seeds, const char* what) {
    std::vector<double> result;
    const auto append = [&](const py::handle& output, const py::object& seed) {
        if (is_node(output.ptr())) {
            result.push_back(seed.is_none() ? 1.0 : number(seed, what));
            return;
        }
        const std::vector<double> weights = seeds_of(output.ptr(), seed);
        result.insert(result.end(), weights.begin(), weights.end());
    };
    if (seeds.is_none()) {
        for (const py::handle output : outputs) append(output, seeds);
        return result;
    }
    double single;
    const bool is_single = as_number(seeds.ptr(), &single) == NumberKind::real;
    PyErr_Clear();
    if (outputs.size() == 1 && (is_single || is_node_array(py::handle(outputs[0]).ptr()))) {
        append(outputs[0], seeds);
        return result;
    }
    if (!is_single && !py::isinstance<py::iterable>(seeds)) number(seeds, what);  // raises
    py::list each;
    if (is_single) {
        each.append(seeds);
    } else {
        for (const py::handle seed : seeds) each.append(seed);
    }
    if (each.size() != outputs.size()) {
        throw LengthError(std::string(what) + ": " + std::to_string(outputs.size()) +
                          " outputs need as many seeds, not " + std::to_string(each.size()));
    }
    for (std::size_t k = 0; k < each.size(); ++k) append(outputs[k], each[k]);
    return result;
}

// The entries of the Nodes and Arrays, all on `tape`. Valid until something is recorded.
std::vector<Index> entries(const Tape& tape, const py::list& nodes, const char* what) {
    std::vector<Index> result;
    const auto require_here = [&](const Tape* its) {
        if (its == &tape) return;
        throw TapeMismatchError(std::string(what) +
                                ": a Node is on another tape than the one that was asked; use node.tape");
    };
    for (const py::handle node : nodes) {
        if (is_node_array(node.ptr())) {
            ArrayObject& array = array_of(node.ptr());
            check_usable(array);
            require_here(&array.set->tape());
            const std::vector<Index> own = entries_of(array);
            result.insert(result.end(), own.begin(), own.end());
            continue;
        }
        Handle& handle = handle_of(node.ptr());
        check_usable(handle);
        require_here(handle.tape);
        result.push_back(handle.index);
    }
    return result;
}

// A float for a Node, an array for an Array, from their elements' numbers on.
py::object shaped(const py::handle& node, const double*& numbers) {
    if (is_node(node.ptr())) return py::float_(*numbers++);
    const Layout& layout = array_of(node.ptr()).layout;
    py::array_t<double> result(std::vector<py::ssize_t>(layout.shape.begin(), layout.shape.begin() + layout.dims));
    std::copy_n(numbers, result.size(), result.mutable_data());
    numbers += result.size();
    return result;
}

// A mark that the tape forgets when Python does.
struct PyMark {
    TapeOwner tape;
    Mark mark;

    explicit PyMark(TapeOwner owner) : tape(std::move(owner)), mark(tape->mark()) {}
    PyMark(const PyMark&) = delete;
    PyMark& operator=(const PyMark&) = delete;
    ~PyMark() { tape->release(mark); }
};

struct Scope {
    TapeOwner tape;
    std::vector<Mark> marks;  // of the entries not left yet
};

void rewind(Tape& tape, const py::object& object) {
    require_mine(tape);
    if (!py::isinstance<PyMark>(object)) {
        PyErr_Format(exceptions.node_type, "rewind(mark): got %.200s, but a Mark is needed: take it from tape.mark()",
                     Py_TYPE(object.ptr())->tp_name);
        throw PythonError{};
    }
    const PyMark& mark = object.cast<const PyMark&>();
    if (mark.tape.get() != &tape) throw TapeMismatchError("rewind: this mark was taken on another tape");
    tape.rewind(mark.mark);
}

py::dict stats(const Tape& tape) {
    const TapeStats s = tape.stats();
    py::dict result;
    result["operators"] = s.operators;
    result["variables"] = s.variables;
    result["wide"] = s.wide;
    result["blocks"] = s.blocks;
    result["nodes"] = s.handles;
    result["arrays"] = s.sets;
    result["marks"] = s.marks;
    result["capacity"] = s.capacity;
    result["limit"] = s.limit;
    result["bytes_used"] = s.bytes_used;
    result["bytes_committed"] = s.bytes_committed;
    result["collections"] = s.collections;
    result["collected"] = s.collected;
    result["rewinds"] = s.rewinds;
    return result;
}

py::object tape_gradient(Tape& tape, const py::object& y, const py::object& xs, const py::object& seeds) {
    require_mine(tape);
    const py::list outputs = several(y, "gradient(y, xs)"), inputs = several(xs, "gradient(y, xs)");
    const std::vector<double> weights = seeds_for(outputs, seeds, "gradient(y, xs, seeds)");
    const std::vector<Index> wanted = entries(tape, inputs, "gradient(y, xs)");
    std::vector<double> result(wanted.size());
    gradient(tape, entries(tape, outputs, "gradient(y, xs)"), weights, wanted, result);
    const double* numbers = result.data();
    if (is_node(xs.ptr()) || is_node_array(xs.ptr())) return shaped(xs, numbers);
    py::list derivatives;
    for (const py::handle input : inputs) derivatives.append(shaped(input, numbers));
    return derivatives;
}

void tape_backward(Tape& tape, const py::object& outputs, const py::object& seeds) {
    require_mine(tape);
    const py::list nodes = several(outputs, "backward(outputs)");
    const std::vector<double> weights = seeds_for(nodes, seeds, "backward(outputs, seeds)");
    backward(tape, entries(tape, nodes, "backward(outputs)"), weights);
}

py::object tape_variable(Tape& tape, const py::object& value, const py::object& name) {
    return wrap(new_variable(tape, number(value, "variable(value)"), name.ptr()));
}

py::tuple tape_variables(Tape& tape, const py::args& values) {
    py::tuple result(values.size());
    for (std::size_t k = 0; k < values.size(); ++k) result[k] = tape_variable(tape, values[k], py::none());
    return result;
}

}  // namespace

TapeOwner new_tape(std::size_t limit) {
    TapeOwner tape(new ListedTape(limit));
    tape->set_interrupt([] {  // a sweep may run without the interpreter's lock
        const WithLock lock;
        return PyErr_CheckSignals() != 0;
    });
    watch_if_detecting(*tape);
    return tape;
}

const std::vector<Tape*>& live_tapes() { return g_tapes; }

Tape& current_tape() { return *tape_stack().tapes.back(); }

TapeOwner push_tape() { return tape_stack().tapes.emplace_back(new_tape(Tape::kDefaultLimit)); }

void pop_tape(const Tape& tape) {
    std::vector<TapeOwner>& tapes = tape_stack().tapes;
    for (std::size_t k = tapes.size(); k-- > 1;) {
        if (tapes[k].get() != &tape) continue;
        tapes.erase(tapes.begin() + static_cast<std::ptrdiff_t>(k));
        break;
    }
}

void add_tape(py::module_& module) {
    py::class_<PyMark>(module, "Mark", "A place in a tape's recording, from Tape.mark().")
        .def("__repr__", [](const PyMark& mark) {
            return mark.tape->knows(mark.mark) ? "<Mark>" : "<Mark, no longer on its tape>";
        });

    py::class_<Scope>(module, "Scope",
                      "What Tape.scope() returns: on leaving, the tape is rewound to where it was on entering.")
        .def("__enter__",
             [](Scope& scope) {
                 require_mine(*scope.tape);
                 scope.marks.push_back(scope.tape->mark());
                 return scope.tape;
             })
        .def("__exit__", [](Scope& scope, const py::args& raised) {
            require_mine(*scope.tape);
            if (scope.marks.empty()) throw Error("this scope was not entered: write 'with tape.scope():'");
            const Mark mark = scope.marks.back();
            scope.marks.pop_back();
            // A rewind past the scope's beginning leaves nothing to do, and the error on its way is the one to tell.
            const bool failing = !raised.empty() && !raised[0].is_none();
            if (!failing || scope.tape->knows(mark)) scope.tape->rewind(mark);
            scope.tape->release(mark);
        });

    py::class_<Tape, TapeOwner>(module, "Tape",
                                R"(A record of scalar operations, from which backward() finds derivatives.

Operations record on the tape of their operands; the *current* tape only receives new variables. Every thread has one from
the start; ``with Tape() as tape:`` makes another current. A tape belongs to the thread that made it.

Parameters
----------
limit : int, optional
    The most operations, and the most variables, that it will hold. By default 2**30.

Examples
--------
>>> import reelgrad as rg
>>> with rg.Tape() as tape:
...     w = rg.variable(3.0)
...     y = w * w
>>> tape.gradient(y, [w])
[6.0]
)")
        .def(py::init([](const py::object& limit) { return new_tape(as_limit(limit)); }), py::kw_only(),
             py::arg("limit") = Tape::kDefaultLimit)
        .def("variable", tape_variable, py::arg("value"), py::kw_only(), py::arg("name") = py::none(),
             "Make a variable on this tape.")
        .def(
            "array",
            [](const py::object& self, const py::object& values) {
                return py::module_::import("reelgrad.arrays").attr("array")(values, py::arg("tape") = self);
            },
            py::arg("values"), "Make an Array of variables on this tape; see reelgrad.array.")
        .def("variables", tape_variables, "Make a variable of each value; returns them as a tuple.")
        .def("backward", tape_backward, py::arg("outputs"), py::arg("seeds") = py::none(),
             "Add seeds[k] * d(outputs[k])/d(v) to the gradient of every variable v, in one reverse sweep.\n\n"
             "Seeds are 1.0 unless given. Intermediates' gradients are overwritten.")
        .def("gradient", tape_gradient, py::arg("y"), py::arg("xs"), py::arg("seeds") = py::none(),
             "Derivatives of y (or of the seeded sum of several outputs) with respect to xs: a float for a Node, an "
             "array for an Array, a "
             "list for a "
             "sequence.\n\nThe variables' .grad stay as they are; those of intermediates are overwritten.")
        .def(
            "zero_grad",
            [](Tape& tape) {
                require_mine(tape);
                tape.zero_grad();
            },
            "Set the gradients of all variables to 0.")
        .def(
            "mark",
            [](const TapeOwner& tape) {
                require_mine(*tape);
                return std::make_unique<PyMark>(tape);
            },
            "Remember this place in the recording, for rewind().")
        .def("rewind", rewind, py::arg("mark"),
             "Remove all that was recorded since the mark, variables too. Using a removed Node raises StaleNodeError.")
        .def(
            "reset",
            [](Tape& tape) {
                require_mine(tape);
                tape.reset();
            },
            "Remove all operations. Variables stay, with their values and gradients.")
        .def(
            "scope", [](const TapeOwner& tape) { return std::make_unique<Scope>(Scope{tape, {}}); },
            "A context manager that removes on leaving what was recorded inside.")
        .def(
            "collect",
            [](Tape& tape) {
                require_mine(tape);
                return tape.collect();
            },
            "Free what no Node needs any more; returns how many entries that were. A full tape does this by itself.")
        .def("stats", stats, "Figures about the tape, as a dict: sizes, memory, collections.")
        .def_property_readonly("nbytes", &Tape::bytes_used, "Bytes in use by operations and variables.")
        .def("__len__", &Tape::size, "The number of operations recorded.")
        .def("__bool__", [](const Tape&) { return true; })
        .def("__repr__",
             [](const Tape& tape) {
                 return "<Tape: " + std::to_string(tape.size()) + " operations, " + std::to_string(tape.variables()) +
                        " variables>";
             })
        .def(
            "_repr_html_", [](const py::object& tape) { return wrap(html_of(tape.ptr(), "tape_html")); },
            "The tape as HTML, for notebooks.")
        .def("__enter__",
             [](const TapeOwner& tape) {
                 require_mine(*tape);
                 tape_stack().tapes.push_back(tape);
                 return tape;
             })
        .def("__exit__", [](const TapeOwner& tape, const py::args&) { pop_tape(*tape); });

    module.def(
        "current_tape", [] { return TapeOwner(&current_tape()); },
        "The tape on which new variables are made on this thread.");
    module.def(
        "variable",
        [](const py::object& value, const py::object& name) { return tape_variable(current_tape(), value, name); },
        py::arg("value"), py::kw_only(), py::arg("name") = py::none(),
        "Make a variable on the current tape; the same as Node(value, name).");
    module.def(
        "variables", [](const py::args& values) { return tape_variables(current_tape(), values); },
        "Make a variable of each value on the current tape; returns them as a tuple.");
}

}  // namespace reelgrad::python
