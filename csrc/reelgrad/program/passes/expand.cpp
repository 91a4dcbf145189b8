#include "reelgrad/program/expr.hpp"
#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {
namespace {

template <class Op>
Expr written_out(std::span<const Expr> x) {
    return Op::template value<Expr>(x);
}

using Writer = Expr (*)(std::span<const Expr>);

Writer writer_of(Code code) {
    if (code == code_of<ops::Prod>) return written_out<ops::Prod>;
    if (code == code_of<ops::LogSumExp>) return written_out<ops::LogSumExp>;
    if (code == code_of<ops::Norm>) return written_out<ops::Norm>;
    return nullptr;
}

}  // namespace

Program expanded(const Program& program) {
    Rewriting to(program);
    const Builder::Scope scope(to.builder);
    std::vector<Expr> operands;
    for (ValueId v = 0; v < program.size(); ++v) {
        const Writer writer = writer_of(program[v].code);
        if (writer == nullptr) {
            to.copy(v);
            continue;
        }
        operands.clear();
        for (const ValueId operand : program.operands(v)) operands.push_back(Expr::known(to.map[operand]));
        to.map[v] = writer(operands).id();
    }
    return to.finish();
}

}  // namespace reelgrad::program
