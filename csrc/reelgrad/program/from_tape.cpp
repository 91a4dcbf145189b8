#include "reelgrad/program/from_tape.hpp"

#include <vector>

#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/tape_operands.hpp"

namespace reelgrad::program {

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
    TapeOperands operands(tape);
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
