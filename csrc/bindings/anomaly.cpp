#include "bindings/anomaly.hpp"

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/errors.hpp"
#include "bindings/lock.hpp"
#include "bindings/node.hpp"
#include "bindings/source.hpp"
#include "bindings/tape.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// Places in Python code, numbered; the tape keeps the number with the operator.
class SourceLines {
  public:
    std::uint32_t current() {
        const std::optional<SourcePlace> at = calling_place();
        if (!at) return number("<no Python code>");
        return number("\"" + at->file + "\", line " + std::to_string(at->line) + ", in " + at->function);
    }
    const std::string& operator[](std::uint32_t n) const { return *places_[n]; }

  private:
    std::uint32_t number(const std::string& place) {
        const auto [found, is_new] = numbers_.try_emplace(place, static_cast<std::uint32_t>(places_.size()));
        if (is_new) places_.push_back(&found->first);
        return found->second;
    }
    std::map<std::string, std::uint32_t> numbers_;
    std::vector<const std::string*> places_;
};

SourceLines& source_lines() {
    static SourceLines lines;
    return lines;
}

std::string text_of(double value) {
    char* digits = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
    if (digits == nullptr) throw PythonError{};
    std::string text = digits;
    PyMem_Free(digits);
    return text;
}

std::string place_of(const Tape& tape, Index i) {
    const std::uint32_t* source = tape.source(i);
    return source == nullptr ? "recorded outside detect_anomaly(); record inside it to learn the line"
                             : "recorded at " + source_lines()[*source];
}

std::string described(const Tape& tape, Index i) {
    return "operator '" + std::string(tape.operator_name(i)) + "' (value " + text_of(tape.value(i)) + ", " +
           place_of(tape, i) + ")";
}

// Whether all operands of operator i, constants too, are finite.
bool operands_finite(const Tape& tape, Index i) {
    const WideNodes& wide = tape.wide();
    const std::size_t row = wide.count_below(static_cast<std::size_t>(i));
    const auto finite = [&](Index parent, double constant) {
        return std::isfinite(is_sink(parent) ? constant : tape.value(parent));
    };
    if (row < wide.size() && wide.node[row] == i) {
        const auto parents = wide.parents_of(row);
        const auto partials = wide.partials_of(row);
        for (std::size_t k = 0; k < parents.size(); ++k) {
            if (!finite(parents[k], partials[k])) return false;
        }
        return true;
    }
    if (const Block* const block = tape.blocks().find(i)) {
        bool all = true;
        if (block->kind == Block::Kind::rule) {
            for (std::size_t k = 0; k < block->arity; ++k) {
                for_each_entry(tape.blocks(), *block, k, [&](std::size_t, Index x) { all &= finite(x, 0.0); });
            }
        } else {
            for_each_operand(tape.blocks(), *block, i, [&](Index x, double constant) { all &= finite(x, constant); });
        }
        return all;
    }
    const Edges& e = tape.edges(i);
    return finite(e.a, e.partial_a) && finite(e.b, e.partial_b);
}

class Detector : public Observer {
  public:
    void recorded(Tape& tape, Index i) override {
        const WithLock lock;
        const NoFinalizers guard;
        tape.set_source(i, source_lines().current());
        check(tape, i);
    }
    void recorded_block(Tape& tape, const Block& block) override {
        const NoFinalizers guard;
        tape.set_source(block.first, source_lines().current());
        for (Index i = block.first; i <= block.last(); ++i) check(tape, i);
    }

  private:
    static void check(const Tape& tape, Index i) {
        if (std::isfinite(tape.value(i)) || !operands_finite(tape, i)) return;
        const std::string message = described(tape, i) + " made a value that is not finite from operands that are";
        PyErr_SetString(exceptions.anomaly, message.c_str());
        throw PythonError{};
    }
};
Detector g_detector;
thread_local int g_depth = 0;  // how many detect_anomaly() this thread is inside

void watch_all(Observer* observer) {
    for (Tape* tape : live_tapes()) {
        if (tape->is_mine()) tape->set_observer(observer);
    }
}

class Reporter : public AnomalyListener {
  public:
    void found(const Tape& tape, const Anomaly& anomaly) override {
        const WithLock lock;  // extension modules sweep without it
        const std::string where = "reverse sweep: " + described(tape, anomaly.node);
        if (anomaly.kind == Anomaly::Kind::adjoint) {
            const std::string message = where + " passes on an adjoint that is not finite: its own adjoint is " +
                                        text_of(anomaly.adjoint) + ", the partial " + text_of(anomaly.partial) +
                                        ", their product " + text_of(anomaly.contribution) +
                                        "; gradients are as they were";
            PyErr_SetString(exceptions.anomaly, message.c_str());
            throw PythonError{};
        }
        const std::string message = where + " met an adjoint of " + text_of(anomaly.adjoint) + " with a partial of " +
                                    text_of(anomaly.partial) + "; their product is indeterminate and was taken as 0";
        if (PyErr_WarnEx(exceptions.anomaly_warning, message.c_str(), 1) < 0) throw PythonError{};
    }
};

struct DetectAnomaly {
    std::vector<ThreadId> entered;  // the threads on which it was entered and not yet left
};

}  // namespace

void backward(Tape& tape, std::span<const Index> outputs, std::span<const double> seeds) {
    if (g_depth == 0) return tape.backward(outputs, seeds);
    Reporter reporter;
    tape.backward(outputs, seeds, &reporter);
}

void gradient(Tape& tape, std::span<const Index> outputs, std::span<const double> seeds, std::span<const Index> xs,
              std::span<double> result) {
    if (g_depth == 0) return tape.gradient(outputs, seeds, xs, result);
    Reporter reporter;
    tape.gradient(outputs, seeds, xs, result, &reporter);
}

void watch_if_detecting(Tape& tape) {
    if (g_depth > 0) tape.set_observer(&g_detector);
}

void add_detect_anomaly(py::module_& module) {
    py::class_<DetectAnomaly>(module, "detect_anomaly", R"(A context manager that finds where inf or nan comes from.

Inside it, on this thread, an operator that makes a value or an adjoint that is not finite from finite ones raises
AnomalyError, which names the operator and the Python line that recorded it. Where the reverse sweep takes 0 * inf as 0 (so
that a branch that was not taken does not poison a gradient) it issues an AnomalyWarning. Recording takes several times
as long.

Examples
--------
>>> import reelgrad as rg
>>> with rg.detect_anomaly():
...     y = rg.log(rg.Node(-1.0))
Traceback (most recent call last):
    ...
reelgrad.AnomalyError: operator 'log' (value nan, recorded at ...) made a value that is not finite from operands that are
)")
        .def(py::init<>())
        .def("__enter__",
             [](py::object self) {
                 self.cast<DetectAnomaly&>().entered.push_back(thread_id());
                 if (++g_depth == 1) watch_all(&g_detector);
                 return self;
             })
        .def("__exit__", [](DetectAnomaly& self, const py::args&) {
            if (self.entered.empty() || self.entered.back() != thread_id()) {
                throw TapeThreadError(
                    "detect_anomaly() is left on another thread than it was entered on, or was not entered");
            }
            self.entered.pop_back();
            if (--g_depth == 0) watch_all(nullptr);
        });
}

}  // namespace reelgrad::python
