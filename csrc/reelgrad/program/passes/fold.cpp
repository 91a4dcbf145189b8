#include <algorithm>

#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {

Program folded(const Program& program, Kernel kernel) {
    Rewriting to(program);
    std::vector<double> numbers;
    for (ValueId v = 0; v < program.size(); ++v) {
        const Code code = program[v].code;
        const auto operands = program.operands(v);
        const auto known = [&](ValueId operand) { return to.builder.rate(to.map[operand]) == Rate::constant; };
        // A sum over lanes depends on how many there are.
        if (code == Code::input || code == Code::constant || code == Code::lane_sum ||
            !std::ranges::all_of(operands, known)) {
            to.copy(v);
            continue;
        }
        numbers.clear();
        for (const ValueId operand : operands) numbers.push_back(to.builder.so_far().constant(to.map[operand]));
        to.map[v] = to.builder.constant(kernel(code, numbers));
    }
    return to.finish();
}

}  // namespace reelgrad::program
