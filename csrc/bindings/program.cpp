#include "bindings/program.hpp"

#include <pybind11/stl.h>

#include <map>
#include <numeric>
#include <optional>

#include "bindings/html.hpp"
#include "bindings/program_call.hpp"
#include "reelgrad/program/differentiate.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/evaluate.hpp"
#include "reelgrad/program/optimise.hpp"
#include "reelgrad/program/python_text.hpp"
#include "reelgrad/program/text.hpp"
#include "reelgrad/program/verify.hpp"

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

py::dict operator_counts(const Program& program) {
    std::map<std::string, std::size_t> counts;
    for (const program::Instruction& instruction : program.instructions()) {
        ++counts[std::string(program::info(instruction.code).name)];
    }
    return py::cast(counts);
}

py::dict stats_of(const Program& program, bool relaxed) {
    std::vector<program::PassCount> counts;
    const Program fast = program::optimised(program, {.relaxed = relaxed}, &counts);
    py::list passes;
    for (const program::PassCount& count : counts) {
        passes.append(py::make_tuple(std::string(count.pass), count.before, count.after));
    }
    py::dict result;
    result["instructions"] = program.size();
    result["passes"] = passes;
    result["optimised"] = fast.size();
    result["operators"] = operator_counts(fast);
    result["flops"] = program::flops(fast);
    result["varying_flops"] = program::flops(fast, program::Rate::varying);
    return result;
}

Program after_pass(const Program& program, const std::string& name) {
    if (name == "fold") return folded(program, program::kernel);
    if (name == "cse") return without_duplicates(program);
    if (name == "dce") return without_dead_code(program);
    if (name == "strength") return strength_reduced(program);
    if (name == "relax") return relaxed(program);
    if (name == "expand") return expanded(program);
    if (name == "dot") return dots_fused(program);
    if (name == "fma") return products_fused(program);
    throw ProgramError("there is no pass \"" + name + "\"");
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
        .def("code", program::python_text, R"(The Program as a Python function, for people to read.

It computes what the Program does for one lane, with the functions of reelgrad. ``str(program)`` is the form that can be
read back.

Examples
--------
>>> import reelgrad as rg
>>> traced = rg.trace(lambda w, x: 1.0 / (1.0 + rg.exp(-(w * x))), 0.5, 2.0)
>>> print(traced.program.code())
def program(w, x):
    return (1/(1 + exp(-w*x)),)  # result
)")
        .def(
            "_repr_html_",
            [](const py::object& program) {
                PyObject* const html = html_of(program.ptr(), "program_html");
                if (html == nullptr) throw py::error_already_set();
                return py::reinterpret_steal<py::object>(html);
            },
            "The Program as HTML, for notebooks.")
        .def("__len__", &Program::size)
        .def("__call__", call_program, R"(Compute the outputs, as a tuple.

Takes a number for each uniform input and an array of a number per lane for each varying one; gives a float for each
uniform output and an array for each varying one. Raises BranchError if a lane disagrees with a guard.

Examples
--------
>>> import numpy as np
>>> import reelgrad as rg
>>> traced = rg.trace(lambda w, x: rg.exp(w * x), 0.0, np.zeros(1), in_axes=(None, 0))
>>> traced.program(1.0, np.array([0.0, 1.0]))
(array([1.        , 2.71828183]),)
)")
        .def(
            "__eq__", [](const Program& a, const Program& b) { return a == b; }, py::is_operator())
        .def("__hash__", [](const Program& p) { return py::hash(py::int_(p.size() + 31 * p.inputs().size())); })
        .def_property_readonly("inputs", inputs_of, "Name and rate of each input.")
        .def_property_readonly("outputs", outputs_of, "Name and rate of each output, and whether it is a derivative.")
        .def_property_readonly("guards", guards_of, "Source line of each guard, and whether its condition was true.")
        .def(
            "differentiate",
            [](const Program& p, const Numbers& inputs, bool per_lane, bool seeds, std::optional<std::size_t> outputs) {
                const std::vector<std::uint32_t> chosen = chosen_inputs(p, inputs);
                return program::differentiate(p, {.inputs = chosen,
                                                  .seeds = seeds ? program::Seeds::inputs : program::Seeds::ones,
                                                  .per_lane = per_lane,
                                                  .differentiated_outputs = outputs.value_or(p.outputs().size())});
            },
            py::arg("inputs") = py::none(), py::kw_only(), py::arg("per_lane") = false, py::arg("seeds") = false,
            py::arg("outputs") = py::none(),
            R"(The Program with an output more for each of the inputs: the derivative of the sum of all outputs.

Parameters
----------
inputs : sequence of int, optional
    The numbers of the inputs to differentiate for; all by default.
per_lane : bool
    Whether derivatives for uniform inputs are left lane by lane instead of summed.
seeds : bool
    Whether each output gets a seed, a new input, to multiply its derivatives with.
outputs : int, optional
    How many outputs, the first ones, are differentiated; all by default.
)")
        .def(
            "linearise",
            [](const Program& p, const Numbers& inputs, bool varying_tangents) {
                return program::linearise(p, chosen_inputs(p, inputs), varying_tangents);
            },
            py::arg("inputs") = py::none(), py::kw_only(), py::arg("varying_tangents") = false,
            "The Program with a tangent more for each of the inputs (by number; all by default) and of the outputs.\n\n"
            "With `varying_tangents` there is a number per lane for each tangent: the lanes are directions.")
        .def(
            "optimised", [](const Program& p, bool relaxed) { return program::optimised(p, {.relaxed = relaxed}); },
            py::kw_only(), py::arg("relaxed") = true,
            R"(The Program that is executed in place of this one.

Parameters
----------
relaxed : bool
    Whether contributions to derivatives are plain products, without absolute zero.
)")
        .def("stats", stats_of, py::kw_only(), py::arg("relaxed") = true,
             R"(What the optimiser makes of the Program.

Returns
-------
dict
    ``instructions`` before, ``passes`` (name, instructions before, after), ``optimised`` instructions, how many of
    each of the ``operators`` these are, ``flops`` per lane and those of them that are ``varying_flops``.
)")
        .def(
            "reduced",
            [](const Program& p, std::optional<std::size_t> outputs) {
                return program::reduced(p, outputs.value_or(p.outputs().size()));
            },
            py::arg("outputs") = py::none(),
            "The Program with its first outputs, or all of them, summed over the lanes.");
}

void add_program_testing(py::module_& testing) {
    testing.def("after_pass", after_pass, py::arg("program"), py::arg("name"), "The Program after one pass.");
    testing.def("verify", program::verify, py::arg("program"), "Raise ProgramError unless the Program is well-formed.");
    testing.def("evaluate", evaluate, py::arg("program"), py::arg("inputs"), py::arg("lanes") = 1,
                py::arg("relaxed") = false, "The outputs' values by the reference evaluator.");
}

}  // namespace reelgrad::python
