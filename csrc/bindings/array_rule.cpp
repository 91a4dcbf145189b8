// bindings/array_rule.cpp: blocks whose value and derivative Python code computes, as for linear algebra.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Shape = std::vector<py::ssize_t>;

class PythonRule : public BlockRule {
  public:
    PythonRule(std::string name, py::function vjp, Shape shape, std::vector<Shape> operands)
        : name_(std::move(name)), vjp_(std::move(vjp)), shape_(std::move(shape)), operands_(std::move(operands)) {}

    std::string_view name() const override { return name_; }

    void reverse(std::span<const double> adjoints, std::span<const std::span<double>> operands) const override {
        py::array_t<double> g(shape_);
        std::ranges::copy(adjoints, g.mutable_data());
        const py::sequence contributions = vjp_(g);
        if (contributions.size() != operands.size()) {
            throw LengthError("the derivative of '" + name_ + "' gave " + std::to_string(contributions.size()) +
                              " arrays for " + std::to_string(operands.size()) + " operands");
        }
        for (std::size_t k = 0; k < operands.size(); ++k) {
            const py::object given = contributions[k];
            if (operands[k].empty() || given.is_none()) continue;
            const Doubles contribution(given);
            if (Shape(contribution.shape(), contribution.shape() + contribution.ndim()) != operands_[k]) {
                throw LengthError("the derivative of '" + name_ + "' by operand " + std::to_string(k) +
                                  " has another shape than the operand");
            }
            for (std::size_t e = 0; e < operands[k].size(); ++e) operands[k][e] += contribution.data()[e];
        }
    }

  private:
    std::string name_;
    py::function vjp_;
    Shape shape_;
    std::vector<Shape> operands_;
};

py::object record_rule(const std::string& name, const std::vector<py::object>& objects, const Doubles& value,
                       const py::function& vjp) {
    if (objects.empty() || objects.size() > 3) {
        throw LengthError("'" + name + "': a rule has 1 to 3 operands, not " + std::to_string(objects.size()));
    }
    std::vector<ArrayOperand> operands;
    operands.reserve(objects.size());
    std::vector<Shape> shapes;
    for (const py::object& object : objects) {
        const Layout& layout = operands.emplace_back(object.ptr(), name.c_str()).layout();
        shapes.emplace_back(layout.shape.begin(), layout.shape.begin() + layout.dims);
    }
    Tape* const tape = common_tape(name.c_str(), operands);
    if (tape == nullptr) throw LengthError("'" + name + "': one of the operands has to be an Array or a Node");
    const Shape shape(value.shape(), value.shape() + value.ndim());
    const auto count = static_cast<std::size_t>(value.size());
    if (count == 0) throw LengthError("'" + name + "': the result is empty");
    tape->make_block_room(true, count);
    BlockInMaking making(*tape);
    Block& block = making.block;
    block.kind = Block::Kind::rule;
    block.opcode = kRuleOpcode;
    block.arity = static_cast<std::uint8_t>(operands.size());
    block.first = static_cast<Index>(tape->size());
    block.count = count;
    block.rule = std::make_shared<PythonRule>(name, vjp, shape, std::move(shapes));
    for (std::size_t k = 0; k < operands.size(); ++k) {
        enter_elements(*tape, block.operands[k], operands[k]);
    }
    std::copy_n(value.data(), count, tape->new_values());
    return py::reinterpret_steal<py::object>(record_array(*tape, making, shape));
}

}  // namespace

void add_array_rule(py::module_& module) {
    module.def("_array_rule", record_rule, py::arg("name"), py::arg("operands"), py::arg("value"), py::arg("vjp"),
               "Records `value`, computed from the operands, as one block. vjp(g), for the adjoints g of the value, "
               "returns for each operand the array of its adjoints, or None.");
}

}  // namespace reelgrad::python
