#include "reelgrad/program/differentiate.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/partials.hpp"

namespace reelgrad::program {
namespace {

// Whether a value depends on one of the inputs, along edges that may carry a derivative.
std::vector<char> depending(const Program& program, std::span<const std::uint32_t> inputs) {
    std::vector<char> depends(program.size(), 0);
    for (const std::uint32_t number : inputs) depends[program.input_value(number)] = 1;
    for (ValueId v = 0; v < program.size(); ++v) {
        for (const ValueId operand : program.operands(v)) depends[v] |= depends[operand];
    }
    return depends;
}

void require_no_sums(const Program& program, const char* what) {
    for (const Instruction& instruction : program.instructions()) {
        if (instruction.code != Code::lane_sum) continue;
        throw ProgramError(std::string(what) +
                           " of a Program that sums over lanes: take the derivative first and reduce it afterwards");
    }
}

Expr accumulated(const Expr& sum, const Expr& more) {
    return Expr::of(Builder::current().emit(code_of<ops::Add>, {sum.id(), more.id()}, true));
}

}  // namespace

Program differentiate(const Program& program, const Differentiation& what) {
    if (what.per_lane) require_no_sums(program, "adjoints per lane");
    const std::vector<char> depends = depending(program, what.inputs);
    Builder builder = Builder::with_values_of(program);
    builder.reserve(4 * program.size());
    const Builder::Scope scope(builder);

    // The adjoint of each value, once there is a contribution to it.
    std::vector<Expr> adjoints(program.size(), Expr(0.0));
    std::vector<char> has_adjoint(program.size(), 0);
    const auto add = [&](ValueId to, const Expr& contribution) {
        adjoints[to] = has_adjoint[to] != 0 ? accumulated(adjoints[to], contribution) : contribution;
        has_adjoint[to] = 1;
    };
    // What an instruction at rate `from` adds to an operand at rate `to`: a uniform operand hears from all lanes.
    const auto lanes_summed = [&](const Expr& contribution, Rate from, ValueId to) {
        if (what.per_lane || from != Rate::varying || builder.rate(to) == Rate::varying) return contribution;
        return Expr::of(builder.emit(Code::lane_sum, {contribution.id()}));
    };

    const std::size_t differentiated = std::min(what.differentiated_outputs, program.outputs().size());
    for (std::size_t k = 0; k < differentiated; ++k) {
        const Output& output = program.outputs()[k];
        if (what.seeds == Seeds::inputs) {
            const Rate rate =
                what.per_lane || builder.rate(output.value) == Rate::varying ? Rate::varying : Rate::uniform;
            const ValueId seed = builder.input("seed/" + output.name, rate);
            if (depends[output.value]) add(output.value, Expr::of(seed));
        } else if (depends[output.value]) {
            add(output.value, Expr(1.0));
        }
    }
    for (auto v = static_cast<ValueId>(program.size()); v-- > 0;) {
        if (has_adjoint[v] == 0) continue;
        const Code code = program[v].code;
        if (code == Code::input || code == Code::constant) continue;
        const bool selecting = info(code).selecting;
        // An instruction is varying also where it turns what varies into a sum over lanes.
        const Rate rate = code == Code::lane_sum ? Rate::varying : program.rate(v);
        const std::vector<Expr> partials = partials_of(v);
        for (std::size_t k = 0; k < partials.size(); ++k) {
            const ValueId operand = program.operands(v)[k];
            if (depends[operand] == 0 || partials[k].is_constant(0.0)) continue;
            add(operand, lanes_summed(contribution(adjoints[v], partials[k], selecting), rate, operand));
        }
    }
    std::vector<ValueId> same(program.size());
    for (ValueId v = 0; v < same.size(); ++v) same[v] = v;
    builder.copy_guards(program, same);
    builder.copy_outputs(program, same);
    for (const std::uint32_t number : what.inputs) {
        builder.output("d/d" + program.inputs()[number].name, adjoints[program.input_value(number)].id(), true);
    }
    return builder.finish();
}

Program linearise(const Program& program, std::span<const std::uint32_t> inputs, bool varying_tangents) {
    if (varying_tangents) require_no_sums(program, "varying tangents");
    const std::vector<char> depends = depending(program, inputs);
    Builder builder = Builder::with_values_of(program);
    builder.reserve(3 * program.size());
    const Builder::Scope scope(builder);

    std::vector<Expr> tangents(program.size(), Expr(0.0));
    std::vector<char> has_tangent(program.size(), 0);
    for (const std::uint32_t number : inputs) {
        const Input& which = program.inputs()[number];
        const ValueId v = program.input_value(number);
        tangents[v] = Expr::of(builder.input("t/" + which.name, varying_tangents ? Rate::varying : which.rate));
        has_tangent[v] = 1;
    }
    for (ValueId v = 0; v < program.size(); ++v) {
        if (depends[v] == 0 || program[v].code == Code::input) continue;
        if (program[v].code == Code::lane_sum) {
            const ValueId operand = program.operands(v)[0];
            if (has_tangent[operand] == 0) continue;
            tangents[v] = Expr::of(builder.emit(Code::lane_sum, {tangents[operand].id()}));
            has_tangent[v] = 1;
            continue;
        }
        const std::vector<Expr> partials = partials_of(v);
        for (std::size_t k = 0; k < partials.size(); ++k) {
            const ValueId operand = program.operands(v)[k];
            if (has_tangent[operand] == 0 || partials[k].is_constant(0.0)) continue;
            const Expr c = contribution(tangents[operand], partials[k], info(program[v].code).selecting);
            tangents[v] = has_tangent[v] != 0 ? accumulated(tangents[v], c) : c;
            has_tangent[v] = 1;
        }
    }
    std::vector<ValueId> same(program.size());
    for (ValueId v = 0; v < same.size(); ++v) same[v] = v;
    builder.copy_guards(program, same);
    builder.copy_outputs(program, same);
    for (const Output& output : program.outputs()) {
        builder.output("t/" + output.name, tangents[output.value].id(), true);
    }
    return builder.finish();
}

Program reduced(const Program& program, std::size_t outputs) {
    Builder builder = Builder::with_values_of(program);
    std::vector<ValueId> same(program.size());
    for (ValueId v = 0; v < same.size(); ++v) same[v] = v;
    builder.copy_guards(program, same);
    for (std::size_t k = 0; k < program.outputs().size(); ++k) {
        const Output& output = program.outputs()[k];
        const ValueId v = k < outputs ? builder.emit(Code::lane_sum, {output.value}) : output.value;
        builder.output(output.name, v, output.gradient);
    }
    return builder.finish();
}

}  // namespace reelgrad::program
