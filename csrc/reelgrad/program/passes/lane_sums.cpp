#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {

// An adjoint of a uniform value that is used n times is a chain of n sums over lanes: with this, one.
Program lane_sums_merged(const Program& program) {
    const std::vector<std::uint32_t> uses = use_counts(program);
    Rewriting to(program);
    const auto is_lone = [&](ValueId v, Code code) { return uses[v] == 1 && program[v].code == code; };
    // What is summed over lanes in the new value of `v`, or kNoValue if that is not a sum over lanes.
    std::vector<ValueId> summed(program.size(), kNoValue);
    // Of a new sum u + lane_sum(x): u.
    std::vector<ValueId> rest(program.size(), kNoValue);
    for (ValueId v = 0; v < program.size(); ++v) {
        const Instruction& instruction = program[v];
        if (instruction.code == Code::lane_sum) {
            to.copy(v);
            summed[v] = to.map[instruction.operand[0]];
            continue;
        }
        if (instruction.code != code_of<ops::Add> || !instruction.accumulates) {
            to.copy(v);
            continue;
        }
        ValueId left = instruction.operand[0];
        ValueId right = instruction.operand[1];
        const auto mergeable = [&](ValueId x) {
            return summed[x] != kNoValue && (is_lone(x, Code::lane_sum) || (is_lone(x, instruction.code)));
        };
        if (mergeable(right) && !mergeable(left)) std::swap(left, right);
        if (!mergeable(left)) {
            to.copy(v);
            continue;
        }
        // left is lane_sum(x), or u + lane_sum(x).
        ValueId others = rest[left];
        ValueId within = summed[left];
        if (mergeable(right)) {
            within = to.builder.emit(code_of<ops::Add>, {within, summed[right]}, true);
            if (rest[right] != kNoValue) {
                others =
                    others == kNoValue ? rest[right] : to.builder.emit(code_of<ops::Add>, {others, rest[right]}, true);
            }
        } else {
            others =
                others == kNoValue ? to.map[right] : to.builder.emit(code_of<ops::Add>, {others, to.map[right]}, true);
        }
        const ValueId sum = to.builder.emit(Code::lane_sum, {within});
        summed[v] = within;
        rest[v] = others;
        to.map[v] = others == kNoValue ? sum : to.builder.emit(code_of<ops::Add>, {others, sum}, true);
    }
    return without_dead_code(to.finish());
}

}  // namespace reelgrad::program
