// program/tape_operands.hpp: the operators of a tape as instructions: their codes and their operands.
#pragma once

#include <array>
#include <string>

#include "reelgrad/program/code.hpp"
#include "reelgrad/tape/tape.hpp"

namespace reelgrad::program {

// The code of each opcode of the tape.
inline constexpr auto code_of_opcode = [] {
    std::array<Code, 256> codes{};
    const auto enter = [&]<class Op>() { codes[static_cast<std::uint8_t>(opcode_of<Op>)] = code_of<Op>; };
    ops::for_each(ops::Primitives{}, enter);
    ops::for_each(ops::Reductions{}, enter);
    ops::for_each(ops::Conditions{}, enter);
    ops::for_each(ops::Contributions{}, enter);
    return codes;
}();

// The operands of an operator, in order: a constant operand has a sink as its entry.
class TapeOperands {
  public:
    explicit TapeOperands(const Tape& tape) : tape_(tape), wide_(tape.wide()), blocks_(tape.blocks()) {}

    // Calls visit(entry, constant) for each. Operators must be asked for in ascending or in descending order.
    template <class Visitor>
    void for_each(Index i, Visitor&& visit) {
        if (block_ == nullptr || !block_->contains(i)) block_ = blocks_.find(i);
        if (block_ != nullptr) {
            if (block_->kind == Block::Kind::rule) {
                throw TraceError("'" + std::string(block_->rule->name()) +
                                 "' of an Array has no form as a Program: compute it outside of what is traced");
            }
            return for_each_operand(blocks_, *block_, i, visit);
        }
        const Code code = code_of(i);
        const int arity = info(code).arity;
        if (arity == 1 || arity == 2) {
            const Edges& e = tape_.edges(i);
            visit(e.a, e.partial_a);
            if (arity == 2) visit(e.b, e.partial_b);
            return;
        }
        while (row_ < wide_.size() && wide_.node[row_] < i) ++row_;
        while (row_ > 0 && (row_ == wide_.size() || wide_.node[row_] > i)) --row_;
        const auto parents = wide_.parents_of(row_);
        const auto constants = wide_.partials_of(row_);
        for (std::size_t k = 0; k < parents.size(); ++k) visit(parents[k], constants[k]);
    }

    Code code_of(Index i) const { return code_of_opcode[static_cast<std::uint8_t>(tape_.opcode(i))]; }

  private:
    const Tape& tape_;
    const WideNodes& wide_;
    const Blocks& blocks_;
    const Block* block_ = nullptr;  // the last one asked for
    std::size_t row_ = 0;
};

}  // namespace reelgrad::program
