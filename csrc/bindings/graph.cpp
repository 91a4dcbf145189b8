#include "bindings/graph.hpp"

#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/condition.hpp"
#include "bindings/node.hpp"
#include "reelgrad/ops/spelled.hpp"
#include "reelgrad/program/tape_graph.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using program::GraphId;

py::object id_or_none(std::optional<GraphId> id) { return id ? py::object(py::int_(*id)) : py::object(py::none()); }

py::object name_or_none(const Tape& tape, Index i) {
    const std::string* name = is_variable(i) ? tape.name(i) : nullptr;
    return name == nullptr ? py::object(py::none()) : py::object(py::str(*name));
}

py::tuple as_tuple(const Tape& tape, const program::GraphNode& node) {
    py::object opcode = py::none();
    if (is_operator(node.entry)) opcode = py::str(std::string(tape.operator_name(node.entry)));
    py::object block = py::none();
    if (node.block) block = py::make_tuple(node.block->number, node.block->position, node.block->count);
    py::list operands, contributions;
    for (const program::GraphOperand& x : node.operands) {
        operands.append(py::make_tuple(x.position, id_or_none(x.node),
                                       x.node ? name_or_none(tape, x.entry) : py::none(), x.value, x.partial,
                                       x.contribution));
    }
    for (const program::GraphContribution& c : node.contributions) {
        contributions.append(py::make_tuple(c.consumer, c.position, c.adjoint, c.partial, c.value));
    }
    return py::make_tuple(node.id, node.steps, opcode, name_or_none(tape, node.entry), node.value, node.adjoint,
                          operands, node.operand_count, contributions, node.contribution_count,
                          node.other_contributions, block);
}

py::tuple read_graph(const py::object& output, std::size_t nodes, std::size_t steps, std::size_t operands,
                     std::size_t contributions, const py::list& named) {
    if (!is_node(output.ptr())) {
        PyErr_Format(exceptions.node_type, "got %.200s %.200R, but only a Node has a graph",
                     Py_TYPE(output.ptr())->tp_name, output.ptr());
        throw PythonError{};
    }
    Handle& handle = handle_of(output.ptr());
    check_usable(handle);
    require_untraced(output.ptr(), "the graph");
    const Tape& tape = *handle.tape;
    std::vector<Index> asked;
    constexpr Index nowhere = -1;  // a sink: in no graph
    for (const py::handle node : named) {
        const Handle& other = handle_of(node.ptr());
        const bool here = other.tape == &tape && tape.is_valid(other.index, other.serial);
        asked.push_back(here ? other.index : nowhere);
    }
    const program::TapeGraph graph = program::graph_of(
        tape, handle.index, {.nodes = nodes, .steps = steps, .operands = operands, .contributions = contributions},
        asked);
    py::list rows, ids;
    for (const program::GraphNode& node : graph.nodes) rows.append(as_tuple(tape, node));
    for (const std::optional<GraphId> id : graph.asked) ids.append(id_or_none(id));
    return py::make_tuple(graph.operators, graph.variables, rows, ids);
}

// The name of an operand, or a number to stand in its place, or none for a constant; and its value.
using Operand = std::pair<std::optional<std::string>, double>;

template <class Op>
py::tuple spelled(const std::vector<Operand>& operands, const std::string& y, double y_value) {
    constexpr auto arity = static_cast<std::size_t>(ops::arity_v<Op>);
    return [&]<std::size_t... k>(std::index_sequence<k...>) {
        const auto formula = [](const Operand& x) {
            if (!x.first) return ops::Formula(x.second);
            return ops::Formula(*x.first, x.first->starts_with('-') ? ops::Binding::minus : ops::Binding::atom);
        };
        const auto number = [&](const Operand& x) {
            return x.first ? ops::Spelled(x.second, formula(x)) : ops::Spelled(x.second);
        };
        const std::array<ops::Spelled, arity> x{number(operands[k])...};
        const ops::Spelled computed = Op::value(x[k]...);
        std::string expression = computed.text().str();
        if constexpr (ops::detail::position<Op>(ops::Contributions{}) == ops::Contributions::size) {
            expression = Op::value(formula(operands[k])...).str();
        }
        py::list partials;
        for (const ops::SpelledPartial& p : ops::spelled_partials<Op>(x, ops::Spelled(y_value, ops::Formula(y)))) {
            partials.append(py::make_tuple(p.formula, p.value));
        }
        return py::make_tuple(expression, computed.value(), partials);
    }(std::make_index_sequence<arity>{});
}

py::object spell(const std::string& opcode, const std::vector<Operand>& operands, const std::string& y,
                 double y_value) {
    py::object result = py::none();
    const auto try_one = [&]<class Op>() {
        if (Op::name == opcode && operands.size() == Op::operands.size()) result = spelled<Op>(operands, y, y_value);
    };
    ops::for_each(ops::Primitives{}, try_one);
    ops::for_each(ops::Conditions{}, try_one);
    ops::for_each(ops::Contributions{}, try_one);
    return result;
}

}  // namespace

void add_graph(py::module_& module) {
    module.def("_read_graph", read_graph, py::arg("output"), py::arg("nodes"), py::arg("steps"), py::arg("operands"),
               py::arg("contributions"), py::arg("named"),
               "The graph of a Node as plain data, its adjoints computed aside.");
    module.def("_spell", spell, py::arg("operator"), py::arg("operands"), py::arg("y"), py::arg("y_value"),
               "An operator's expression, its value, and for each operand its partial as (formula, value); None for a "
               "reduction.");
}

}  // namespace reelgrad::python
