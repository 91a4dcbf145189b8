#include "bindings/region.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bindings/anomaly.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"
#include "bindings/tape.hpp"
#include "reelgrad/program/inline.hpp"
#include "reelgrad/program/region.hpp"
#include "reelgrad/tape/forward.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Entries = std::vector<std::optional<Index>>;

class Region;
thread_local std::vector<const Region*> open_regions;

// What a function records between open and close. On the tape of a trace nothing can be swept or rewound.
class Region {
  public:
    explicit Region(TapeOwner tape) : tape_(std::move(tape)), mark_(tape_->mark()) { open_regions.push_back(this); }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region() {
        std::erase(open_regions, this);
        tape_->release(mark_);
    }

    bool tracing() const { return tape_->tracing(); }
    bool has_argument(const PyObject* node) const { return std::ranges::find(arguments_, node) != arguments_.end(); }

    // The function's arguments: variables, which nothing else depends on. In a trace they stay tied to what they are
    // copied from, because guards will ask for them.
    py::list inputs(const py::list& operands) {
        py::list result;
        for (const py::handle operand : operands) {
            PyObject* copy = nullptr;
            if (is_node(operand.ptr())) {
                check_usable(handle_of(operand.ptr()));
                const Handle& handle = handle_of(operand.ptr());
                if (handle.tape->tracing()) {
                    copy = PyNumber_Multiply(operand.ptr(), py::float_(1.0).ptr());
                } else {
                    copy = new_variable(*tape_, handle.tape->value(handle.index), Py_None);
                }
            } else {
                double value;
                if (!require_number(operand.ptr(), "an argument", &value)) throw PythonError{};
                copy = new_variable(*tape_, value, Py_None);
            }
            if (copy == nullptr) throw PythonError{};
            arguments_.push_back(copy);
            result.append(py::reinterpret_steal<py::object>(copy));
        }
        return result;
    }

    // Whether it is an entry of this stretch, and so goes when it is closed.
    bool owns(const py::object& node) {
        if (!is_node(node.ptr())) return false;
        Handle& handle = handle_of(node.ptr());
        check_alive(handle);
        return handle.tape == tape_.get() && !start().contains(handle.index);
    }

    // A row of derivatives of the seeded outputs; None if they depend on what stood on the tape before.
    py::object reverse(const py::list& outputs, const Doubles& seeds, const py::list& inputs) {
        const Entries of = entries(outputs);
        const std::vector<Index> xs = indices(inputs);
        Doubles result(static_cast<py::ssize_t>(xs.size()));
        if (!swept(of, {seeds.data(), static_cast<std::size_t>(seeds.size())}, xs, result.mutable_data())) {
            return py::none();
        }
        return result;
    }

    // The derivatives of each output, in rows.
    py::object rows(const py::list& outputs, const py::list& inputs) {
        const Entries of = entries(outputs);
        const std::vector<Index> xs = indices(inputs);
        Doubles result({of.size(), xs.size()});
        const double one = 1.0;
        for (std::size_t k = 0; k < of.size(); ++k) {
            if (!swept({of[k]}, {&one, 1}, xs, result.mutable_data() + k * xs.size())) return py::none();
        }
        return result;
    }

    // The derivatives of the outputs along each direction, a row of `tangents`, in rows.
    py::object forward(const py::list& outputs, const py::list& inputs, const Doubles& tangents) {
        const Entries of = entries(outputs);
        const std::vector<Index> xs = indices(inputs);
        if (reaches_before(*tape_, start(), of)) return py::none();
        const auto directions = static_cast<std::size_t>(tangents.shape(0));
        Doubles result({directions, of.size()});
        ForwardSweep sweep(*tape_, start());
        for (std::size_t k = 0; k < directions; ++k) {
            sweep.run(xs, {tangents.data() + k * xs.size(), xs.size()}, of,
                      {result.mutable_data() + k * of.size(), of.size()});
        }
        return result;
    }

    // The Program of the outputs, and the Nodes from outside that are its inputs after those given.
    py::tuple program(const py::list& outputs, const py::list& inputs, bool variables_outside) {
        const Entries of = entries(outputs);
        std::vector<program::TapeOutput> results;
        for (std::size_t k = 0; k < of.size(); ++k) {
            program::TapeOutput output{{}, of[k], 0.0};
            if (!of[k] && !require_number(outputs[k].ptr(), "the result", &output.constant)) throw PythonError{};
            results.push_back(std::move(output));
        }
        program::RegionProgram made =
            program::program_of_region(*tape_, start(), variables_outside, indices(inputs), results);
        py::list outside;
        for (const Index i : made.outside) {
            if (!tape_->handles().has_free()) tape_->handles().add_slab();
            outside.append(py::reinterpret_steal<py::object>(new_node(*tape_, i)));
        }
        return py::make_tuple(std::move(made.program), std::move(outside));
    }

    void close() {
        if (!tape_->tracing() && tape_->knows(mark_)) tape_->rewind(mark_);
        tape_->release(mark_);
    }

  private:
    Extent start() const { return tape_->extent_of(mark_); }

    Entries entries(const py::list& nodes) {
        Entries result;
        for (const py::handle node : nodes) {
            if (!is_node(node.ptr())) {
                result.emplace_back();
                continue;
            }
            Handle& handle = handle_of(node.ptr());
            check_usable(handle);
            if (handle.tape != tape_.get()) {
                throw TapeMismatchError(
                    "the function returned a Node of another tape than the one that its arguments are on: compute with "
                    "the arguments on their own tape, or return .value of what is to count as a constant");
            }
            result.emplace_back(handle.index);
        }
        return result;
    }

    std::vector<Index> indices(const py::list& nodes) {
        std::vector<Index> result;
        for (const std::optional<Index>& entry : entries(nodes)) result.push_back(entry.value());
        return result;
    }

    bool swept(const Entries& outputs, std::span<const double> seeds, const std::vector<Index>& xs, double* result) {
        std::vector<Index> of;
        std::vector<double> weights;
        for (std::size_t k = 0; k < outputs.size(); ++k) {
            if (!outputs[k]) continue;
            if (is_operator(*outputs[k]) && start().contains(*outputs[k])) return false;
            of.push_back(*outputs[k]);
            weights.push_back(seeds[k]);
        }
        const std::span<double> row(result, xs.size());
        if (of.empty()) {
            std::ranges::fill(row, 0.0);
            return true;
        }
        gradient(*tape_, of, weights, xs, row);
        const std::size_t before = start().operators;
        return before == 0 || !tape_->has_adjoint(static_cast<Index>(before) - 1);
    }

    TapeOwner tape_;
    Mark mark_;
    std::vector<const PyObject*> arguments_;  // the caller keeps them alive
};

Tape* tape_of(const py::list& operands) {
    for (const py::handle operand : operands) {
        if (!is_node(operand.ptr())) continue;
        check_usable(handle_of(operand.ptr()));
        return handle_of(operand.ptr()).tape;
    }
    return nullptr;
}

py::list inline_program(const program::Program& program, const py::list& operands) {
    Tape* const tape = tape_of(operands);
    if (tape != nullptr) prepare(*tape, program.size());  // may collect: only now are the indices what they will be
    std::vector<Var> inputs;
    for (const py::handle operand : operands) inputs.push_back(as_var(operand.ptr(), "an input"));
    const NoFinalizers guard;
    const std::size_t size = tape == nullptr ? 0 : tape->size();
    py::list result;
    try {
        for (const Var& output : program::inlined(program, inputs)) {
            result.append(py::reinterpret_steal<py::object>(from_var(output)));
        }
    } catch (...) {
        if (tape != nullptr) tape->take_back(size);
        throw;
    }
    return result;
}

}  // namespace

bool is_argument(const PyObject* node) {
    return std::ranges::any_of(open_regions, [&](const Region* region) { return region->has_argument(node); });
}

void add_region(py::module_& module) {
    py::class_<Region>(module, "_Region",
                       "A stretch of a tape that a derivative is taken of; reelgrad.derivatives has it.")
        .def(py::init([](const TapeOwner& tape) { return std::make_unique<Region>(tape); }), py::arg("tape"))
        .def_property_readonly("tracing", &Region::tracing, "Whether the tape is that of a trace.")
        .def("inputs", &Region::inputs, py::arg("operands"), "Make the function's arguments of Nodes and numbers.")
        .def("owns", &Region::owns, py::arg("node"), "Whether the Node goes when this is closed.")
        .def("reverse", &Region::reverse, py::arg("outputs"), py::arg("seeds"), py::arg("inputs"),
             "Derivatives of the seeded outputs; None if they depend on what was there before.")
        .def("rows", &Region::rows, py::arg("outputs"), py::arg("inputs"), "Derivatives of each output, in rows.")
        .def("forward", &Region::forward, py::arg("outputs"), py::arg("inputs"), py::arg("tangents"),
             "Derivatives of the outputs along each row of tangents, in rows.")
        .def("program", &Region::program, py::arg("outputs"), py::arg("inputs"), py::arg("variables_outside"),
             "The Program of the outputs, and the Nodes that are its further inputs.")
        .def("close", &Region::close, "Rewind to where it began.");
    module.def("_inline", inline_program, py::arg("program"), py::arg("inputs"),
               "Record a Program on the tape of its inputs, Nodes and numbers; returns its outputs.");
    module.def(
        "_is_tracing", [] { return current_tape().tracing(); }, "Whether a function is being traced on this thread.");
}

}  // namespace reelgrad::python
