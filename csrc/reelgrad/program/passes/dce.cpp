#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {

Program without_dead_code(const Program& program) {
    std::vector<char> needed(program.size(), 0);
    for (const Output& output : program.outputs()) needed[output.value] = 1;
    for (const Guard& guard : program.guards()) needed[guard.condition] = 1;
    for (auto v = static_cast<ValueId>(program.size()); v-- > 0;) {
        if (needed[v] == 0) continue;
        for (const ValueId operand : program.operands(v)) needed[operand] = 1;
    }
    Rewriting to(program);
    for (ValueId v = 0; v < program.size(); ++v) {
        if (needed[v] != 0 || program[v].code == Code::input) to.copy(v);
    }
    return to.finish();
}

}  // namespace reelgrad::program
