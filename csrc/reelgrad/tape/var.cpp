#include "reelgrad/tape/var.hpp"

namespace reelgrad {
namespace {

[[noreturn]] void refuse_thread() {
    throw TapeThreadError(
        "this tape belongs to another thread: record and sweep on the thread that made it, or make a Tape here");
}

Tape& usable(Tape& tape) {
    if (!tape.is_of_this_library()) {
        throw TapeMismatchError(
            "this tape was made by another copy of the library, in another shared library: make a Tape here, or link "
            "both to one copy");
    }
    if (!tape.is_mine()) refuse_thread();
    return tape;
}

}  // namespace

Var::Var(Tape* tape, Tape::Recorded entry) : Var(entry.value) {
    if (tape != nullptr) *this = Var(entry, usable(*tape).serial());
}

Var Var::variable(Tape& tape, double value) { return {&tape, {usable(tape).add_variable(value), value}}; }

Tape* Var::tape() const {
    if (is_constant()) return nullptr;
    Tape* const tape = SerialRegistry::instance().find(serial()).tape;
    if (tape == nullptr) throw StaleNodeError("this value's tape is gone: a Var does not keep its tape alive");
    return tape;
}

void Var::backward(double seed) const {
    Tape* const tape = check();
    if (tape == nullptr) throw VariableError("backward() of a constant: it depends on no variable");
    const Index i = index();
    tape->backward({&i, 1}, {&seed, 1});
}

// Of another thread's tape only what the registry tells is looked at: the tape may be on its way out.
Tape* Var::check_slowly() const {
    const SerialRegistry::Entry entry = SerialRegistry::instance().find(serial());
    if (entry.tape != nullptr && entry.owner != known_thread_id()) refuse_thread();
    if (entry.tape == nullptr || !entry.tape->is_valid(index(), serial())) {
        throw StaleNodeError(
            "this value is no longer on its tape: a rewind, a reset or a collection removed it, or the tape is gone");
    }
    return entry.tape;
}

namespace detail {

bool compare_slowly(Opcode condition, const Var& a, const Var& b) {
    const double x = a.value_unchecked(), y = b.value_unchecked();
    Tape* tape = nullptr;
    for (const Var& operand : {a, b}) {
        Tape* const its = operand.check();
        if (its != nullptr && (tape == nullptr || !its->compares_by_value())) tape = its;
    }
    const auto with = [&]<class Op>() {
        if (tape == nullptr || tape->compares_by_value()) return Op::value(x, y) != 0.0;
        if (tape->is_outside_a_trace() || !tape->tracing()) {
            throw TapeMismatchError(
                "a value from outside is compared while a function is traced, which would freeze the branch; pass it "
                "to the function as an argument");
        }
        const Var holds = apply<Op>(a, b);
        return tape->trace()->decide(holds.index(), holds.value_unchecked() != 0.0);
    };
    switch (condition) {
        case opcode_of<ops::Less>:
            return with.operator()<ops::Less>();
        case opcode_of<ops::LessEqual>:
            return with.operator()<ops::LessEqual>();
        case opcode_of<ops::Equal>:
            return with.operator()<ops::Equal>();
        default:
            return with.operator()<ops::NotEqual>();
    }
}

Tape* tape_for(std::span<const Var> operands) {
    Tape* tape = nullptr;
    for (const Var& x : operands) {
        Tape* const its = x.check();
        if (its == nullptr) continue;
        if (tape != nullptr && its != tape) tape->refuse_mixing("operands", *its);
        tape = its;
    }
    if (tape == nullptr) return nullptr;
    tape->make_room(false, 1, operands.size());
    tape->activate();
    return tape;
}

Var observed(Tape& tape, Tape::Recorded entry) {
    const Serial serial = tape.serial();
    tape.observe(entry.index);
    return {entry, serial};
}

Var record_row(Tape& tape, Opcode opcode, double value, std::span<const Var> operands, std::span<double> partials) {
    thread_local std::vector<Index> parents;
    parents.resize(operands.size());
    for (std::size_t k = 0; k < operands.size(); ++k) {
        parents[k] = operands[k].is_constant() ? sink_for(k) : operands[k].index();
        if (operands[k].is_constant()) partials[k] = operands[k].value_unchecked();
    }
    return observed(tape, tape.record_wide(opcode, value, parents, partials));
}

}  // namespace detail
}  // namespace reelgrad
