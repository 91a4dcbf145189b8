#include "reelgrad/tape/var.hpp"

namespace reelgrad {

void Var::check_slowly() const {
    if (!tape_->is_mine()) {
        throw TapeThreadError("this tape belongs to another thread: record and sweep on the thread that made it, or make a Tape here");
    }
    if (!tape_->is_valid(index(), serial())) {
        throw StaleNodeError("this value is no longer on its tape: a rewind, a reset or a collection removed it");
    }
}

namespace detail {

Tape* tape_for(std::span<const Var> operands) {
    Tape* tape = nullptr;
    for (const Var& x : operands) {
        if (x.is_constant()) continue;
        x.check();
        if (tape != nullptr && x.tape() != tape) {
            throw TapeMismatchError("operands of two tapes: record them on one, or pass plain values across");
        }
        tape = x.tape();
    }
    if (tape != nullptr) tape->make_room(false, 1, operands.size());
    return tape;
}

Tape::Recorded observed(Tape& tape, Tape::Recorded entry) {
    tape.observe(entry.index);
    return entry;
}

Var record_row(Tape& tape, Opcode opcode, double value, std::span<const Var> operands, std::span<const double> partials) {
    std::vector<Index> parents(operands.size());
    std::vector<double> row(partials.begin(), partials.end());
    for (std::size_t k = 0; k < operands.size(); ++k) {
        parents[k] = operands[k].is_constant() ? sink_for(k) : operands[k].index();
        if (operands[k].is_constant()) row[k] = operands[k].value();
    }
    return {&tape, observed(tape, tape.record_wide(opcode, value, parents, row))};
}

}  // namespace detail
}  // namespace reelgrad
