#include <algorithm>
#include <array>

#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {
namespace {

bool is_plain_product(Code code) { return code == code_of<ops::Mul> || code == code_of<ops::Square>; }

// Products of user code are not fused with each other: a*b - c*d is 0 where both round alike, and a square root of it
// or a division by it relies on that. Where only smooth functions use the sum, nothing does.
bool is_product(const Program& program, ValueId v) {
    if (program[v].code == code_of<ops::Neg>) v = program[v].operand[0];
    const Code code = program[v].code;
    return is_plain_product(code) || code == code_of<ZMul> || code == code_of<SMul>;
}

// Functions to which the last bits of an argument make no more difference than rounding does: smooth and finite at
// every finite argument (but for overflow).
constexpr std::array kSmooth{code_of<ops::Exp>,  code_of<ops::Exp2>,    code_of<ops::Sin>,      code_of<ops::Cos>,
                             code_of<ops::Tanh>, code_of<ops::Sigmoid>, code_of<ops::Softplus>, code_of<ops::Atan>,
                             code_of<ops::Erf>,  code_of<ops::Ndtr>};

// By value: how often it is the argument of such a function.
std::vector<std::uint32_t> smooth_uses(const Program& program) {
    std::vector<std::uint32_t> counts(program.size(), 0);
    for (ValueId v = 0; v < program.size(); ++v) {
        if (std::ranges::find(kSmooth, program[v].code) != kSmooth.end()) ++counts[program[v].operand[0]];
    }
    return counts;
}

}  // namespace

Program products_fused(const Program& program) {
    const std::vector<std::uint32_t> uses = use_counts(program);
    const std::vector<std::uint32_t> smooth = smooth_uses(program);
    // Of each addition: which operand, a product, becomes part of it. kNoValue: none.
    std::vector<ValueId> part(program.size(), kNoValue);
    std::vector<char> fused(program.size(), 0);
    for (ValueId v = 0; v < program.size(); ++v) {
        const Instruction& i = program[v];
        if (i.code != code_of<ops::Add> && i.code != code_of<ops::Sub>) continue;
        for (const ValueId k : {1U, 0U}) {
            const ValueId product = i.operand[k];
            // A product that is made once for all lanes stays where it is.
            if (!is_plain_product(program[product].code) || uses[product] != 1 ||
                program.rate(product) != program.rate(v)) {
                continue;
            }
            const bool rounds_freely = i.accumulates || smooth[v] == uses[v];
            if (!rounds_freely && is_product(program, i.operand[1 - k])) continue;
            part[v] = k;
            fused[product] = 1;
            break;
        }
    }
    Rewriting to(program);
    for (ValueId v = 0; v < program.size(); ++v) {
        if (fused[v] != 0) continue;
        if (part[v] == kNoValue) {
            to.copy(v);
            continue;
        }
        const Instruction& i = program[v];
        const auto factors = program.operands(i.operand[part[v]]);
        ValueId a = to.map[factors.front()];
        ValueId b = to.map[factors.back()];
        if (to.builder.rate(a) < to.builder.rate(b)) std::swap(a, b);
        const Code code = i.code == code_of<ops::Add> ? code_of<ops::Fma> : part[v] == 0 ? code_of<Fms> : code_of<Fnma>;
        to.map[v] = to.builder.emit(code, {a, b, to.map[i.operand[1 - part[v]]]});
    }
    return to.finish();
}

}  // namespace reelgrad::program
