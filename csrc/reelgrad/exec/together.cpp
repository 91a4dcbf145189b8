#include "reelgrad/exec/together.hpp"

#include <map>

#include "reelgrad/exec/uniform_work.hpp"

namespace reelgrad::exec {
namespace {

using program::Code;
using program::code_of;
using program::kNoValue;
using program::Program;
using program::Rate;
using program::ValueId;

bool is_comparison(Code code) { return code >= code_of<ops::Less> && code <= code_of<ops::NotEqual>; }

class Planning {
  public:
    Planning(const Program& program, std::span<const std::uint32_t> uses, const KernelTable& kernels,
             const LaneSums& lane_sums)
        : program_(program), uses_(uses), kernels_(kernels), lane_sums_(lane_sums) {
        plan_.made.assign(program.size(), Together::here);
        plan_.with.assign(program.size(), kNoValue);
    }

    Together run() {
        plan_gates();
        plan_pairs();
        plan_chains();
        return std::move(plan_);
    }

  private:
    bool varies(ValueId v) const { return program_.rate(v) == Rate::varying; }

    // A comparison all of whose uses are conditions of where.
    void plan_gates() {
        std::vector<std::uint32_t> as_condition(program_.size(), 0);
        for (ValueId v = 0; v < program_.size(); ++v) {
            if (uses_[v] == 0 || program_[v].code != code_of<ops::Where>) continue;
            const auto operands = program_.operands(v);
            if (varies(operands[0]) && operands[1] != operands[0] && operands[2] != operands[0])
                ++as_condition[operands[0]];
        }
        for (ValueId v = 0; v < program_.size(); ++v) {
            if (uses_[v] == 0 || !is_comparison(program_[v].code)) continue;
            if (as_condition[v] == uses_[v]) plan_.made[v] = Together::by_users;
        }
    }

    // Two sums of the same slots times scalars, near each other: made where the first one stands.
    void plan_pairs() {
        constexpr ValueId kNear = 32;
        std::map<std::vector<ValueId>, ValueId> lonely;  // by their slots
        std::vector<Operand> row;
        for (ValueId v = 0; v < program_.size(); ++v) {
            if (uses_[v] == 0 || !varies(v)) continue;
            if (!program::is_reduction(program_[v].code) || program_[v].code == code_of<ops::Sum>) continue;
            products_of(program_, v, row);
            if (row[0].kind == Operand::slot) continue;
            std::vector<ValueId> slots{row[0].kind == Operand::none ? 1U : 0U};
            for (std::size_t k = 1; k < row.size(); k += 2) {
                if (row[k].kind == Operand::slot && row[k + 1].kind == Operand::cell) slots.push_back(row[k].id);
            }
            if (2 * slots.size() - 1 != row.size()) continue;  // other products are among them
            const auto [entry, is_new] = lonely.try_emplace(std::move(slots), v);
            if (is_new) continue;
            if (v - entry->second > kNear) {
                entry->second = v;
                continue;
            }
            plan_.with[entry->second] = v;
            plan_.made[v] = Together::before;
            lonely.erase(entry);
        }
    }

    // An operand nearby that is used once.
    void plan_chains() {
        constexpr ValueId kNear = 16;
        for (ValueId v = 0; v < program_.size(); ++v) {
            if (uses_[v] == 0 || !varies(v) || lane_sums_.holds(v)) continue;
            for (const ValueId u : program_.operands(v)) {
                if (uses_[u] != 1 || v - u > kNear || plan_.with[u] != kNoValue) continue;
                if (!varies(u) || plan_.made[u] != Together::here || !makes_chain(u, v)) continue;
                plan_.with[v] = u;
                plan_.made[u] = Together::by_users;
                break;
            }
        }
    }

    bool makes_chain(ValueId u, ValueId v) const {
        const auto code = static_cast<std::size_t>(program_[v].code);
        const auto first = program_.operands(u), operands = program_.operands(v);
        if (kernels_.of_affine[code] != nullptr) {
            return program_[u].code == code_of<ops::Fma> && !varies(first[2]) && varies(first[0]) != varies(first[1]);
        }
        if (program_[v].code != code_of<ops::Mul>) return false;
        const ValueId factor = operands[operands[0] == u ? 1 : 0];
        return varies(factor) && plan_.made[factor] != Together::by_users &&
               kernels_.then_mul[static_cast<std::size_t>(program_[u].code)][0] != nullptr;
    }

    const Program& program_;
    std::span<const std::uint32_t> uses_;
    const KernelTable& kernels_;
    const LaneSums& lane_sums_;
    Together plan_;
};

}  // namespace

Together plan_together(const Program& program, std::span<const std::uint32_t> uses, const KernelTable& kernels,
                       const LaneSums& lane_sums) {
    return Planning(program, uses, kernels, lane_sums).run();
}

}  // namespace reelgrad::exec
