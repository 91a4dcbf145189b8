#include "reelgrad/exec/sums.hpp"

#include <algorithm>

namespace reelgrad::exec {

using program::Code;
using program::code_of;
using program::Program;
using program::Rate;
using program::ValueId;

Sums plan_sums(const Program& program, std::span<const std::uint32_t> uses) {
    Sums sums;
    sums.accumulator_of.assign(program.size(), Sums::kNone);
    sums.absorbed.assign(program.size(), 0);
    std::vector<char> is_sum(program.size(), 0);
    std::vector<ValueId> absorber(program.size(), program::kNoValue);
    for (ValueId v = 0; v < program.size(); ++v) {
        if (uses[v] == 0) continue;
        const Code code = program[v].code;
        const auto operands = program.operands(v);
        if (code == Code::lane_sum) {
            is_sum[v] = program.rate(operands[0]) == Rate::varying;
        } else if (code == code_of<ops::Add> || code == code_of<ops::Sum>) {
            is_sum[v] = !operands.empty() && std::ranges::all_of(operands, [&](ValueId operand) {
                return is_sum[operand] != 0 && uses[operand] == 1;
            });
            if (is_sum[v] == 0) continue;
            for (const ValueId operand : operands) {
                absorber[operand] = v;
                sums.absorbed[operand] = 1;
            }
        }
    }
    for (auto v = static_cast<ValueId>(program.size()); v-- > 0;) {
        if (is_sum[v] == 0) continue;
        if (absorber[v] == program::kNoValue) {
            sums.accumulator_of[v] = static_cast<std::uint32_t>(sums.totals.size());
            sums.totals.push_back(v);
        } else {
            sums.accumulator_of[v] = sums.accumulator_of[absorber[v]];
        }
        if (program[v].code == Code::lane_sum) {
            sums.contributions.push_back({program.operands(v)[0], sums.accumulator_of[v]});
        }
    }
    std::ranges::reverse(sums.contributions);
    std::ranges::stable_sort(sums.contributions, {}, &Contribution::value);
    return sums;
}

}  // namespace reelgrad::exec
