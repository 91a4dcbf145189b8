#include "reelgrad/program/evaluate.hpp"

#include <string>

#include "reelgrad/tape/errors.hpp"

namespace reelgrad::program {
namespace {

using Kernel = double (*)(std::span<const double>);

template <class Op>
double elementwise(std::span<const double> x) {
    if constexpr (ops::arity_v<Op> == 1) {
        return Op::value(x[0]);
    } else if constexpr (ops::arity_v<Op> == 2) {
        return Op::value(x[0], x[1]);
    } else {
        return Op::value(x[0], x[1], x[2]);
    }
}

constexpr auto kKernels = [] {
    std::array<Kernel, static_cast<std::size_t>(Code::count)> kernels{};
    for_each_elementwise([&]<class Op>() { kernels[static_cast<std::size_t>(code_of<Op>)] = elementwise<Op>; });
    ops::for_each(ops::Reductions{},
                  [&]<class Op>() { kernels[static_cast<std::size_t>(code_of<Op>)] = Op::template value<double>; });
    kernels[static_cast<std::size_t>(Code::dot_add)] = DotAdd::value<double>;
    return kernels;
}();

Code relaxed(Code code) { return code == code_of<ZMul> || code == code_of<SMul> ? code_of<ops::Mul> : code; }

}  // namespace

double kernel(Code code, std::span<const double> operands) {
    return kKernels[static_cast<std::size_t>(code)](operands);
}

std::vector<std::vector<double>> evaluated(const Program& program, std::span<const std::vector<double>> inputs,
                                           const Evaluation& how) {
    if (inputs.size() != program.inputs().size()) {
        throw LengthError("the Program has " + std::to_string(program.inputs().size()) + " inputs, not " +
                          std::to_string(inputs.size()));
    }
    std::vector<std::vector<double>> values(program.size());
    std::vector<double> x;
    for (ValueId v = 0; v < program.size(); ++v) {
        const Code code = program[v].code;
        const std::size_t width = program.rate(v) == Rate::varying ? how.lanes : 1;
        if (code == Code::input) {
            values[v] = inputs[program.input_number(v)];
            if (values[v].size() != width) {
                throw LengthError("input \"" + program.inputs()[program.input_number(v)].name + "\" has " +
                                  std::to_string(values[v].size()) + " numbers, not " + std::to_string(width));
            }
            continue;
        }
        if (code == Code::constant) {
            values[v] = {program.constant(v)};
            continue;
        }
        const auto operands = program.operands(v);
        const auto in_lane = [&](ValueId operand, std::size_t lane) {
            return values[operand].size() == 1 && program.rate(operand) != Rate::varying ? values[operand][0]
                                                                                         : values[operand][lane];
        };
        values[v].resize(width);
        if (code == Code::lane_sum) {
            for (std::size_t lane = 0; lane < how.lanes; ++lane) values[v][0] += in_lane(operands[0], lane);
            continue;
        }
        if (code == code_of<ZeroProduct> && how.relaxed) continue;
        x.resize(operands.size());
        for (std::size_t lane = 0; lane < width; ++lane) {
            for (std::size_t k = 0; k < operands.size(); ++k) x[k] = in_lane(operands[k], lane);
            values[v][lane] = kernel(how.relaxed ? relaxed(code) : code, x);
        }
    }
    return values;
}

}  // namespace reelgrad::program
