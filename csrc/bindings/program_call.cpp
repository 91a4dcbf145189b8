#include "bindings/program_call.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/errors.hpp"
#include "bindings/executable.hpp"
#include "bindings/lock.hpp"
#include "bindings/number.hpp"
#include "reelgrad/program/classify.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using exec::Executable;
using program::Program;
using program::Rate;

// The arguments of a call, which are kept alive, and the batch that refers to them.
struct Arguments {
    std::vector<py::array> arrays;
    std::vector<double> uniforms;
    std::vector<exec::Column> columns;
    std::size_t lanes = 1;

    Arguments(const Program& program, const py::args& inputs) {
        if (inputs.size() != program.inputs().size()) {
            throw LengthError("the Program has " + std::to_string(program.inputs().size()) +
                              " inputs, but it was called with " + std::to_string(inputs.size()) +
                              " arguments: a number for each uniform input, an array for each varying one");
        }
        py::ssize_t length = -1;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            const program::Input& input = program.inputs()[k];
            if (input.rate == Rate::uniform) {
                if (!require_number(inputs[k].ptr(), input.name.c_str(), &uniforms.emplace_back())) throw PythonError{};
                continue;
            }
            const py::array& array =
                arrays.emplace_back(py::module_::import("numpy").attr("asarray")(inputs[k]).cast<py::array>());
            columns.push_back(column_of(array, length));
            length = array.shape(0);
        }
        if (length >= 0) lanes = static_cast<std::size_t>(length);
    }
    exec::Batch batch() const { return {.lanes = lanes, .uniforms = uniforms, .columns = columns}; }
};

// The outputs' numbers: of uniform ones, and of varying ones lane by lane.
struct Numbers {
    std::vector<double> uniforms;
    std::vector<py::array_t<double>> columns;

    Numbers(const Executable& executable, const Arguments& arguments) : uniforms(executable.uniform_outputs()) {
        std::vector<exec::Destination> destinations;
        for (std::size_t k = 0; k < executable.varying_outputs(); ++k) {
            py::array_t<double>& column = columns.emplace_back(static_cast<py::ssize_t>(arguments.lanes));
            destinations.push_back({column.mutable_data(), 1});
        }
        const WithoutLock unlocked;
        executable.run(arguments.batch(), {uniforms, destinations}, {.interrupt = python_interrupt});
    }
};

[[noreturn]] void refuse_branch(const Program& program, const py::args& inputs, const Arguments& arguments,
                                std::size_t lane, std::size_t number) {
    constexpr std::size_t shown = 8;
    const program::Guard& guard = program.guards()[number];
    const std::string at = guard.source.empty() ? "guard " + std::to_string(number) : guard.source;
    std::string message = (arguments.arrays.empty() ? "the arguments" : "lane " + std::to_string(lane)) +
                          std::string(arguments.arrays.empty() ? " take" : " takes") + " the other branch at " + at +
                          ", whose condition was " + (guard.taken ? "true" : "false") + " when this was traced, with ";
    std::size_t column = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        const program::Input& input = program.inputs()[k];
        py::object value = inputs[k];
        if (input.rate == Rate::varying) value = arguments.arrays[column++][py::int_(lane)];
        if (k < shown) message += (k == 0 ? "" : ", ") + input.name + " = " + std::string(py::str(value));
    }
    if (inputs.size() > shown) message += " and so on";
    message +=
        ". A Program is one path through the function: trace it with such arguments, or let reelgrad.compile find "
        "every "
        "path";
    PyErr_SetString(exceptions.branch, message.c_str());
    throw PythonError{};
}

void require_same_branches(const Program& program, const py::args& inputs, const Arguments& arguments) {
    if (program.guards().empty() || arguments.lanes == 0) return;
    const Numbers numbers(Executable(program::classifier(program)), arguments);
    const auto all = static_cast<double>(program.guards().size());
    const bool uniform = numbers.columns.empty();
    const double* const first = uniform ? numbers.uniforms.data() : numbers.columns[0].data();
    const double* const end = first + (uniform ? 1 : arguments.lanes);
    const double* const found = std::find_if(first, end, [all](double number) { return number != all; });
    if (found == end) return;
    refuse_branch(program, inputs, arguments, static_cast<std::size_t>(found - first),
                  static_cast<std::size_t>(*found));
}

}  // namespace

py::tuple call_program(const Program& program, const py::args& inputs) {
    const Arguments arguments(program, inputs);
    require_same_branches(program, inputs, arguments);
    const Numbers numbers(Executable(program), arguments);
    py::tuple outputs(program.outputs().size());
    std::size_t uniform = 0, column = 0;
    for (std::size_t k = 0; k < outputs.size(); ++k) {
        if (program.rate(program.outputs()[k].value) == Rate::varying) {
            outputs[k] = numbers.columns[column++];
        } else {
            outputs[k] = py::float_(numbers.uniforms[uniform++]);
        }
    }
    return outputs;
}

}  // namespace reelgrad::python
