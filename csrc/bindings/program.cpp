#include "bindings/program.hpp"

#include <pybind11/stl.h>

#include <numeric>
#include <optional>

#include "reelgrad/program/differentiate.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/evaluate.hpp"
#include "reelgrad/program/text.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using program::Program;
using program::ValueId;
using Numbers = std::optional<std::vector<std::uint32_t>>;

// The numbers of inputs as asked for, all if none were.
std::vector<std::uint32_t> chosen_inputs(const Program& program, const Numbers& numbers) {
    if (numbers) {
        for (const std::uint32_t number : *numbers) {
            if (number < program.inputs().size()) continue;
            throw ProgramError("there is no input " + std::to_string(number) + ": the Program has " +
                               std::to_string(program.inputs().size()) + ", counted from 0");
        }
        return *numbers;
    }
    std::vector<std::uint32_t> all(program.inputs().size());
    std::iota(all.begin(), all.end(), 0);
    return all;
}

const char* rate_name(program::Rate rate) { return rate == program::Rate::varying ? "varying" : "uniform"; }

std::string summary(const Program& program) {
    return "<reelgrad.Program: " + std::to_string(program.inputs().size()) + " inputs, " +
           std::to_string(program.size()) + " instructions, " + std::to_string(program.guards().size()) + " guards, " +
           std::to_string(program.outputs().size()) + " outputs>";
}

py::list inputs_of(const Program& program) {
    py::list result;
    for (const program::Input& input : program.inputs()) {
        result.append(py::make_tuple(input.name, rate_name(input.rate)));
    }
    return result;
}

py::list outputs_of(const Program& program) {
    py::list result;
    for (const program::Output& output : program.outputs()) {
        result.append(py::make_tuple(output.name, rate_name(program.rate(output.value)), output.gradient));
    }
    return result;
}

py::list guards_of(const Program& program) {
    py::list result;
    for (const program::Guard& guard : program.guards()) result.append(py::make_tuple(guard.source, guard.taken));
    return result;
}

py::list evaluate(const Program& program, const std::vector<std::vector<double>>& inputs, std::size_t lanes,
                  bool relaxed) {
    const auto values = program::evaluated(program, inputs, {.lanes = lanes, .relaxed = relaxed});
    py::list result;
    for (const program::Output& output : program.outputs()) result.append(values[output.value]);
    return result;
}

}  // namespace

void add_program(py::module_& module) {
    py::class_<Program>(module, "Program", py::is_final(), R"(A straight-line list of instructions.

It says what a traced function computes, for inputs that are *uniform* (one number for a whole batch) or *varying* (a
number per lane), as long as every guard's condition is as it was recorded. A Program does not change; what changes it
gives a new one. ``str(program)`` is text that `Program.parse` reads back.

Examples
--------
>>> import reelgrad as rg
>>> program = rg.Program.parse('''
... v0 = uniform("w")
... v1 = varying("x")
... v2 = mul(v0, v1)
... output("y", v2)
... ''')
>>> program.inputs, program.outputs
([('w', 'uniform'), ('x', 'varying')], [('y', 'varying', False)])
>>> print(program.differentiate(inputs=[0]))
v0 = uniform("w")
v1 = varying("x")
v2 = mul(v0, v1)
v3 = lane_sum(v1)
output("y", v2)
gradient("d/dw", v3)
)")
        .def_static(
            "parse", [](const std::string& text) { return program::parse(text); }, py::arg("text"),
            "Read a Program from text, as ``str(program)`` gives it; ProgramError tells what is wrong with it.")
        .def("__str__", program::print)
        .def("__repr__", summary)
        .def("__len__", &Program::size)
        .def(
            "__eq__", [](const Program& a, const Program& b) { return a == b; }, py::is_operator())
        .def("__hash__", [](const Program& p) { return py::hash(py::int_(p.size() + 31 * p.inputs().size())); })
        .def_property_readonly("inputs", inputs_of, "Name and rate of each input.")
        .def_property_readonly("outputs", outputs_of, "Name and rate of each output, and whether it is a derivative.")
        .def_property_readonly("guards", guards_of, "Source line of each guard, and whether its condition was true.")
        .def(
            "differentiate",
            [](const Program& p, const Numbers& inputs, bool per_lane, bool seeds) {
                const std::vector<std::uint32_t> chosen = chosen_inputs(p, inputs);
                return program::differentiate(p, {.inputs = chosen,
                                                  .seeds = seeds ? program::Seeds::inputs : program::Seeds::ones,
                                                  .per_lane = per_lane});
            },
            py::arg("inputs") = py::none(), py::kw_only(), py::arg("per_lane") = false, py::arg("seeds") = false,
            R"(The Program with an output more for each of the inputs: the derivative of the sum of all outputs.

Parameters
----------
inputs : sequence of int, optional
    The numbers of the inputs to differentiate for; all by default.
per_lane : bool
    Whether derivatives for uniform inputs are left lane by lane instead of summed.
seeds : bool
    Whether each output gets a seed, a new input, to multiply its derivatives with.
)")
        .def(
            "linearise",
            [](const Program& p, const Numbers& inputs) { return program::linearise(p, chosen_inputs(p, inputs)); },
            py::arg("inputs") = py::none(),
            "The Program with a tangent more for each of the inputs (by number; all by default) and of the outputs.")
        .def(
            "reduced", [](const Program& p) { return program::reduced(p); },
            "The Program with its outputs summed over the lanes.");
}

void add_program_testing(py::module_& testing) {
    testing.def("evaluate", evaluate, py::arg("program"), py::arg("inputs"), py::arg("lanes") = 1,
                py::arg("relaxed") = false, "The outputs' values by the reference evaluator.");
}

}  // namespace reelgrad::python
