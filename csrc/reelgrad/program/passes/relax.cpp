#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {

Program relaxed(const Program& program) {
    Rewriting to(program);
    for (ValueId v = 0; v < program.size(); ++v) {
        const Code code = program[v].code;
        const auto operands = program.operands(v);
        if (code == code_of<ZMul> || code == code_of<SMul>) {
            to.map[v] = to.builder.emit(code_of<ops::Mul>, {to.map[operands[0]], to.map[operands[1]]});
        } else if (code == code_of<ZeroProduct>) {
            to.map[v] = to.builder.constant(0.0);
        } else {
            to.copy(v);
        }
    }
    return to.finish();
}

}  // namespace reelgrad::program
