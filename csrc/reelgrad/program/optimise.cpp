#include "reelgrad/program/optimise.hpp"

#include "reelgrad/program/evaluate.hpp"

namespace reelgrad::program {
namespace {

std::size_t flops_of(const Program& program, ValueId v) {
    const Code code = program[v].code;
    if (code == Code::input || code == Code::constant || code == code_of<ops::StopGradient>) return 0;
    if (code == code_of<ops::Fma> || code == code_of<Fms> || code == code_of<Fnma>) return 2;
    const std::size_t operands = program.operands(v).size();
    if (code == Code::dot_add) return operands - 1;
    return is_reduction(code) ? operands : 1;
}

}  // namespace

Program optimised(const Program& program, const Optimisation& how, std::vector<PassCount>* counts) {
    const Kernel numbers = how.kernel != nullptr ? how.kernel : kernel;
    Program made;
    const Program* now = &program;
    const auto apply = [&](std::string_view name, auto&& pass) {
        const std::size_t before = now->size();
        made = pass(*now);
        now = &made;
        if (counts != nullptr) counts->push_back({name, before, made.size()});
    };
    const auto fold = [&](const Program& p) { return folded(p, numbers); };
    apply("expand", expanded);
    apply("fold", fold);
    apply("strength", strength_reduced);
    if (how.relaxed) {
        apply("relax", relaxed);
        apply("fold", fold);
    }
    apply("cse", without_duplicates);
    apply("strength", strength_reduced);
    apply("dce", without_dead_code);
    apply("dot", dots_fused);
    apply("fma", products_fused);
    apply("dce", without_dead_code);
    return made;
}

std::size_t flops(const Program& program) {
    std::size_t total = 0;
    for (ValueId v = 0; v < program.size(); ++v) total += flops_of(program, v);
    return total;
}

std::size_t flops(const Program& program, Rate rate) {
    std::size_t total = 0;
    for (ValueId v = 0; v < program.size(); ++v) {
        // A sum over lanes is work in every lane, though its result is one number.
        const Rate at = program[v].code == Code::lane_sum ? Rate::varying : program.rate(v);
        if (at == rate) total += flops_of(program, v);
    }
    return total;
}

}  // namespace reelgrad::program
