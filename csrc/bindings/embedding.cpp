#include "bindings/embedding.hpp"

#include <memory>
#include <string>
#include <vector>

#include "bindings/anomaly.hpp"
#include "bindings/errors.hpp"
#include "bindings/lock.hpp"
#include "bindings/node.hpp"
#include "bindings/tape.hpp"
#include "reelgrad/embed/interface.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using embed::Failure;
using embed::Interface;
using embed::Outcome;

// Apart from attempt(), of which there are many: what is local to a thread takes from a small reserve of the system's.
Outcome failure_of_current() noexcept {
    struct Told {
        std::string message;
        Failure failure;
    };
    static thread_local const auto told = std::make_unique<Told>();
    told->failure.kind = kind_of_current(told->message);
    told->failure.message = told->message.c_str();
    return &told->failure;
}

template <class Body>
Outcome attempt(Body&& body) noexcept {
    try {
        body();
        return nullptr;
    } catch (...) {
        return failure_of_current();
    }
}

Tape& mine(Tape* tape) {
    if (!tape->is_mine()) {
        throw TapeThreadError(
            "this tape belongs to another thread: use it on the thread that made it, or make an OwnTape on this one");
    }
    return *tape;
}

const std::vector<embed::Fact>& facts() {
    static const auto& known = *new std::vector<embed::Fact>([] {
        std::vector<embed::Fact> result;
        const Tape any(1);
        embed::for_each_fact(any, [&](const char* name, std::uint64_t value) { result.push_back({name, value}); });
        return result;
    }());
    return known;
}

Interface make_interface() {
    Interface table{};
    table.abi = embed::kAbi;
    table.bytes = sizeof(Interface);
    table.version = kVersion;
    table.facts = facts().data();
    table.facts_size = facts().size();

    table.active = []() -> const Active* { return &active_tape; };
    table.known_thread_id = known_thread_id;

    table.tape_for = [](const Var* operands, std::size_t n, Tape** tape) {
        return attempt([&] { *tape = detail::tape_for({operands, n}); });
    };
    table.observed = [](Tape* tape, Index i, double value, Var* result) {
        return attempt([&] { *result = detail::observed(*tape, {i, value}); });
    };
    table.record_row = [](Tape* tape, Opcode opcode, double value, const Var* operands, std::size_t n, double* partials,
                          Var* result) {
        return attempt([&] { *result = detail::record_row(*tape, opcode, value, {operands, n}, {partials, n}); });
    };
    table.entry = [](Tape* tape, Index i, double value, Var* result) {
        return attempt([&] { *result = Var(tape, {i, value}); });
    };
    table.variable = [](Tape* tape, double value, Var* result) {
        return attempt([&] { *result = Var::variable(*tape, value); });
    };
    table.check = [](const Var* x, Tape** tape) { return attempt([&] { *tape = x->check(); }); };
    table.tape_of = [](const Var* x, Tape** tape) { return attempt([&] { *tape = x->tape(); }); };
    table.compare = [](Opcode condition, const Var* a, const Var* b, bool* result) {
        return attempt([&] {
            const WithLock lock;  // a guard asks which line of Python is running
            *result = detail::compare_slowly(condition, *a, *b);
        });
    };

    table.make_room = [](Tape* tape, bool may_collect, std::size_t operators, std::size_t row) {
        return attempt([&] { mine(tape).make_room(may_collect, operators, row); });
    };
    table.backward = [](Tape* tape, const Index* outputs, const double* seeds, std::size_t n) {
        return attempt([&] { backward(mine(tape), {outputs, n}, {seeds, n}); });
    };
    table.gradient = [](Tape* tape, const Index* outputs, const double* seeds, std::size_t n, const Index* xs,
                        std::size_t m, double* result) {
        return attempt([&] { gradient(mine(tape), {outputs, n}, {seeds, n}, {xs, m}, {result, m}); });
    };
    table.grad = [](const Tape* tape, Index i, double* result) { return attempt([&] { *result = tape->grad(i); }); };
    table.zero_grad = [](Tape* tape) { return attempt([&] { mine(tape).zero_grad(); }); };
    table.mark = [](Tape* tape, Mark* result) { return attempt([&] { *result = mine(tape).mark(); }); };
    table.release = [](Tape* tape, Mark mark) { return attempt([&] { mine(tape).release(mark); }); };
    table.rewind = [](Tape* tape, Mark mark) { return attempt([&] { mine(tape).rewind(mark); }); };
    table.reset = [](Tape* tape) { return attempt([&] { mine(tape).reset(); }); };
    table.collect = [](Tape* tape, std::size_t* freed) { return attempt([&] { *freed = mine(tape).collect(); }); };
    table.bytes_used = [](const Tape* tape, std::size_t* result) {
        return attempt([&] { *result = tape->bytes_used(); });
    };

    table.current_tape = [](Tape** result) {
        return attempt([&] {
            if (PyGILState_GetThisThreadState() == nullptr) {
                throw TapeThreadError(
                    "current_tape() on a thread that runs no Python code, and so has none: make an OwnTape");
            }
            const WithLock lock;
            *result = &current_tape();
        });
    };
    table.own_tape = [](std::size_t limit, Tape** result) {
        return attempt([&] {
            const WithLock lock;
            TapeOwner tape = new_tape(limit);
            ++tape->owners;
            *result = tape.get();
        });
    };
    table.disown_tape = [](Tape* tape) {
        const WithLock lock;
        const TapeOwner last(tape);
        --tape->owners;
    };
    table.is_node = [](PyObject* object) { return is_node(object) ? 1 : 0; };
    table.to_var = [](PyObject* object, const char* what, Var* result) {
        return attempt([&] { *result = as_var(object, what); });
    };
    table.to_node = [](const Var* x, PyObject** result) {
        return attempt([&] {
            x->check();
            *result = from_var(*x);
        });
    };
    table.to_tape = [](PyObject* object, const char* what, Tape** result) {
        return attempt([&] {
            if (!py::isinstance<Tape>(object)) {
                PyErr_Format(exceptions.node_type, "%s: got %.200s, but a Tape is needed", what,
                             Py_TYPE(object)->tp_name);
                throw PythonError{};
            }
            *result = py::handle(object).cast<Tape*>();
        });
    };
    table.set_error = set_error;
    return table;
}

}  // namespace

void add_embedding(py::module_& module) {
    static const Interface& table = *new Interface(make_interface());
    module.attr("_C_API") = py::capsule(&table, embed::kCapsule);
}

}  // namespace reelgrad::python
