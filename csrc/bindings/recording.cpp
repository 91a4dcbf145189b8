#include "bindings/recording.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/condition.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"
#include "bindings/source.hpp"
#include "bindings/tape.hpp"
#include "reelgrad/program/classify.hpp"
#include "reelgrad/program/from_tape.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Decisions = std::vector<std::pair<bool, std::string>>;

// Between begin() and end() a fresh tape is current and tracing, and the thread's other tapes stand outside.
class Recording {
  public:
    explicit Recording(const Decisions& forced) : log_(decisions(forced)) { log_.set_locate(calling_line); }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording() {
        if (tape_.get() == nullptr) return;
        try {
            end();
        } catch (...) {  // an end that was never asked for: there is nobody to tell
        }
    }

    void begin() {
        if (tape_.get() != nullptr || over_) throw Error("a recording begins once");
        for (Tape* const tape : live_tapes()) {
            if (!tape->is_mine()) continue;
            outside_.emplace_back(tape);
            tape->stand_outside(true);
        }
        tape_ = push_tape();
        tape_->begin_trace(log_);
    }

    void end() {
        if (tape_.get() == nullptr) return;
        for (const TapeOwner& tape : outside_) tape->stand_outside(false);
        outside_.clear();
        const TapeOwner tape = std::exchange(tape_, TapeOwner());
        over_ = true;
        pop_tape(*tape);
        tape->end_trace();
    }

    // A variable for each number, the inputs of the Program to be.
    py::list inputs(const py::array_t<double, py::array::c_style | py::array::forcecast>& values) {
        py::list nodes;
        for (py::ssize_t k = 0; k < values.size(); ++k) {
            const auto node = py::reinterpret_steal<py::object>(new_variable(tape(), values.data()[k], Py_None));
            if (!node) throw PythonError{};
            nodes.append(node);
        }
        return nodes;
    }

    // `outputs` are traced Nodes, Conditions or numbers.
    program::Program program(const std::vector<std::string>& input_names, const std::vector<bool>& varying,
                             const std::vector<std::string>& output_names, const py::list& outputs) {
        std::vector<program::TapeInput> in;
        for (std::size_t k = 0; k < input_names.size(); ++k) {
            in.push_back(
                {variable_index(k), input_names[k], varying.at(k) ? program::Rate::varying : program::Rate::uniform});
        }
        std::vector<program::TapeOutput> out;
        for (std::size_t k = 0; k < output_names.size(); ++k) {
            PyObject* object = outputs[k].ptr();
            if (is_condition(object)) object = node_of_condition(object);
            program::TapeOutput output{output_names[k], {}, 0.0};
            if (is_node(object)) {
                Handle& handle = handle_of(object);
                check_usable(handle);
                if (handle.tape != tape_.get()) {
                    throw TapeMismatchError(output.name +
                                            " is a Node from outside: pass it to the function as an argument, or "
                                            "return its .value to make it a constant");
                }
                output.entry = handle.index;
            } else if (!require_number(object, output.name.c_str(), &output.constant)) {
                throw PythonError{};
            }
            out.push_back(std::move(output));
        }
        log_.require_all_decided();
        return program::program_of(tape(), in, out);
    }

    Decisions guards() const {
        Decisions result;
        for (const TraceLog::Guard& guard : log_.guards()) result.emplace_back(guard.taken, guard.source);
        return result;
    }

    // Where on the tape each guard's condition stands: the same for the same decisions of a pure function.
    std::vector<Index> positions() const {
        std::vector<Index> result;
        for (const TraceLog::Guard& guard : log_.guards()) result.push_back(guard.condition);
        return result;
    }

    std::size_t operators() { return tape().size(); }

  private:
    static std::vector<TraceLog::Decision> decisions(const Decisions& forced) {
        std::vector<TraceLog::Decision> result;
        for (const auto& [taken, source] : forced) result.push_back({taken, source});
        return result;
    }
    Tape& tape() {
        if (tape_.get() == nullptr) throw Error("this recording is not under way");
        return *tape_;
    }

    TraceLog log_;
    TapeOwner tape_;
    std::vector<TapeOwner> outside_;
    bool over_ = false;
};

}  // namespace

void add_recording(py::module_& module) {
    py::class_<Recording>(module, "_Recording", "The recording of one trace; reelgrad.trace drives it.")
        .def(py::init<const Decisions&>(), py::arg("forced") = Decisions())
        .def(
            "__enter__",
            [](Recording& recording) -> Recording& {
                recording.begin();
                return recording;
            },
            py::return_value_policy::reference)
        .def("__exit__", [](Recording& recording, const py::args&) { recording.end(); })
        .def("inputs", &Recording::inputs, py::arg("values"), "Make a traced variable of each number.")
        .def("program", &Recording::program, py::arg("inputs"), py::arg("varying"), py::arg("outputs"),
             py::arg("values"),
             "The Program of what was recorded: names and rates of inputs, names and Nodes of outputs.")
        .def_property_readonly("guards", &Recording::guards, "The decisions taken so far, each with its line.")
        .def_property_readonly("positions", &Recording::positions,
                               "How many operators stand before the condition of each guard.")
        .def_property_readonly("operators", &Recording::operators, "How many operators are recorded so far.");
    module.def("_classifier", program::classifier, py::arg("program"), py::arg("first_guard") = 0,
               "The Program that gives the number of the first guard, from `first_guard` on, that disagrees.");
}

}  // namespace reelgrad::python
