// bindings/operator_table.cpp: the table of operators as Python data, from which docs, stubs and tests are made.
#include "bindings/functions.hpp"
#include "bindings/names.hpp"
#include "reelgrad/ops/formula.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

template <class Op>
py::dict entry(const char* kind) {
    py::dict result;
    result["name"] = std::string(Op::name);
    result["kind"] = kind;
    py::list aliases;
    for_each_word(Op::aliases, [&](const std::string& alias) { aliases.append(alias); });
    result["aliases"] = aliases;
    py::list operands;
    for (const std::string_view operand : Op::operands) operands.append(std::string(operand));
    result["operands"] = operands;
    result["symbol"] = std::string(Op::symbol);
    result["note"] = std::string(Op::note);
    result["selecting"] = Op::selecting;
    result["constant_first"] = Op::constant_first;
    result["default"] = py::none();
    if constexpr (ops::has_default_b_v<Op>) result["default"] = Op::default_b;
    if constexpr (requires { Op::default_delta; }) result["default"] = Op::default_delta;
    return result;
}

}  // namespace

void add_operator_table(py::module_& module) {
    module.def(
        "operator_table",
        [] {
            py::list table;
            ops::for_each_primitive([&]<class Op>() {
                py::dict row = entry<Op>("primitive");
                const std::vector<std::string> formulas = ops::formulas<Op>();  // of the value, then of each partial
                row["formula"] = formulas[0];
                py::list partials;
                for (std::size_t k = 1; k < formulas.size(); ++k) partials.append(formulas[k]);
                row["partials"] = partials;
                table.append(row);
            });
            ops::for_each(ops::Reductions{}, [&]<class Op>() {
                py::dict row = entry<Op>("reduction");
                row["formula"] = std::string(Op::formula);
                py::list partials;
                partials.append(std::string(Op::partial_formula));
                row["partials"] = partials;
                table.append(row);
            });
            ops::for_each(ops::Composites{}, [&]<class Op>() {
                py::dict row = entry<Op>("composite");
                row["formula"] = std::string(Op::formula);
                row["partials"] = py::list();
                table.append(row);
            });
            return table;
        },
        "The table of operators: a dict for each, with its names, operands, formulas and conventions.");
}

}  // namespace reelgrad::python
