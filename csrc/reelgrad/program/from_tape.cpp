#include "reelgrad/program/from_tape.hpp"

#include <array>
#include <vector>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::program {
namespace {

// The code of each opcode of the tape.
constexpr auto kCodes = [] {
    std::array<Code, 256> codes{};
    const auto enter = [&]<class Op>() { codes[static_cast<std::uint8_t>(opcode_of<Op>)] = code_of<Op>; };
    ops::for_each(ops::Primitives{}, enter);
    ops::for_each(ops::Reductions{}, enter);
    ops::for_each(ops::Conditions{}, enter);
    return codes;
}();

// The operands of an operator, in order: a constant operand has a sink as its entry.
class Operands {
  public:
    explicit Operands(const Tape& tape) : tape_(tape), wide_(tape.wide()) {}

    // Calls visit(entry, constant) for each. Operators must be asked for in ascending or in descending order.
    template <class Visitor>
    void for_each(Index i, Visitor&& visit) {
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

    Code code_of(Index i) const { return kCodes[static_cast<std::uint8_t>(tape_.opcode(i))]; }

  private:
    const Tape& tape_;
    const WideNodes& wide_;
    std::size_t row_ = 0;
};

}  // namespace

Program program_of(const Tape& tape, std::span<const TapeInput> inputs, std::span<const TapeOutput> outputs) {
    Builder builder;
    std::vector<ValueId> of_operator(tape.size(), kNoValue), of_variable(tape.variables(), kNoValue);
    for (const TapeInput& input : inputs) {
        if (!is_variable(input.variable) || variable_number(input.variable) >= tape.variables()) {
            throw ProgramError("input '" + input.name + "' is no variable of the tape");
        }
        ValueId& value = of_variable[variable_number(input.variable)];
        if (value != kNoValue) throw ProgramError("input '" + input.name + "' is the same variable as another input");
        value = builder.input(input.name, input.rate);
    }

    // What is needed, from the last operator down.
    std::vector<bool> needed(tape.size());
    const auto need = [&](Index i) {
        if (is_operator(i)) needed[static_cast<std::size_t>(i)] = true;
    };
    const std::span<const TraceLog::Guard> guards =
        tape.tracing() ? tape.trace()->guards() : std::span<const TraceLog::Guard>();
    for (const TraceLog::Guard& guard : guards) need(guard.condition);
    for (const TapeOutput& output : outputs) {
        if (output.entry) need(*output.entry);
    }
    Operands operands(tape);
    for (std::size_t i = tape.size(); i-- > 0;) {
        if (needed[i]) operands.for_each(static_cast<Index>(i), [&](Index parent, double) { need(parent); });
    }

    const auto value_of = [&](Index entry, double constant) {
        if (is_operator(entry)) return of_operator[static_cast<std::size_t>(entry)];
        if (is_sink(entry)) return builder.constant(constant);
        const ValueId input = of_variable[variable_number(entry)];
        return input != kNoValue ? input : builder.constant(tape.value(entry));
    };
    std::vector<ValueId> values;
    for (std::size_t i = 0; i < tape.size(); ++i) {
        if (!needed[i]) continue;
        const auto entry = static_cast<Index>(i);
        values.clear();
        operands.for_each(entry, [&](Index parent, double constant) { values.push_back(value_of(parent, constant)); });
        of_operator[i] = builder.emit(operands.code_of(entry), values);
    }
    for (const TapeOutput& output : outputs) {
        builder.output(output.name, output.entry ? value_of(*output.entry, 0.0) : builder.constant(output.constant));
    }
    for (const TraceLog::Guard& guard : guards) {
        builder.guard(value_of(guard.condition, 0.0), guard.taken, guard.source);
    }
    return builder.finish();
}

}  // namespace reelgrad::program
