#include <algorithm>
#include <bit>

#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {
namespace {

// Values of the new Program, found by what they compute. Open addressing: a slot holds a value or none.
class Known {
  public:
    explicit Known(std::size_t most) : slots_(std::bit_ceil(2 * most + 2), kNoValue) {}

    // The value that computes the same, or kNoValue. Either way `slot` is where it stands or would stand.
    ValueId find(const Program& program, Code code, bool accumulates, std::span<const ValueId> operands) {
        const std::size_t mask = slots_.size() - 1;
        for (slot_ = hash(code, operands) & mask;; slot_ = (slot_ + 1) & mask) {
            const ValueId v = slots_[slot_];
            if (v == kNoValue) return kNoValue;
            const Instruction& instruction = program[v];
            if (instruction.code == code && instruction.accumulates == accumulates &&
                std::ranges::equal(program.operands(v), operands)) {
                return v;
            }
        }
    }
    // Enters what find() has just not found.
    void enter(ValueId v) { slots_[slot_] = v; }

  private:
    static std::size_t hash(Code code, std::span<const ValueId> operands) {
        std::uint64_t h = static_cast<std::uint64_t>(code) + 1;
        for (const ValueId operand : operands) {
            h = (h ^ operand) * 0x9e3779b97f4a7c15;
            h ^= h >> 32;
        }
        return static_cast<std::size_t>(h ^ (h >> 16));
    }

    std::vector<ValueId> slots_;
    std::size_t slot_ = 0;
};

}  // namespace

Program without_duplicates(const Program& program) {
    Rewriting to(program);
    Known known(program.size());
    std::vector<ValueId> operands;
    for (ValueId v = 0; v < program.size(); ++v) {
        const Instruction& instruction = program[v];
        if (instruction.code == Code::input || instruction.code == Code::constant) {
            to.copy(v);  // the Builder emits a constant once
            continue;
        }
        operands.clear();
        for (const ValueId operand : program.operands(v)) operands.push_back(to.map[operand]);
        if (info(instruction.code).commutative && operands[1] < operands[0]) std::swap(operands[0], operands[1]);
        to.map[v] = known.find(to.builder.so_far(), instruction.code, instruction.accumulates, operands);
        if (to.map[v] != kNoValue) continue;
        known.enter(to.map[v] = to.builder.emit(instruction.code, operands, instruction.accumulates));
    }
    return to.finish();
}

}  // namespace reelgrad::program
