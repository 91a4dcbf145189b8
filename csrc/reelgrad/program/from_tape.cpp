#include "reelgrad/program/from_tape.hpp"

#include <vector>

#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/tape_operands.hpp"

namespace reelgrad::program {
namespace {

// Products with absolute zero written out, for what guards ask: relaxed code makes plain products of zmul and smul,
// which are computed again only where they end as a nan in an output.
ValueId written_out(Builder& builder, Code code, std::span<const ValueId> x) {
    const auto binary = [&]<class Op>(ValueId a, ValueId b) { return builder.emit(code_of<Op>, {a, b}); };
    const auto is_zero = [&](ValueId v) { return binary.template operator()<ops::Equal>(v, builder.constant(0.0)); };
    const auto isnt_number = [&](ValueId v) { return binary.template operator()<ops::NotEqual>(v, v); };
    const auto both = [&](ValueId a, ValueId b) { return binary.template operator()<ops::LogicalAnd>(a, b); };
    if (code == code_of<ZeroProduct>) return both(is_zero(x[0]), isnt_number(x[1]));
    const ValueId c = binary.template operator()<ops::Mul>(x[0], x[1]);
    ValueId zero = is_zero(x[0]);
    if (code == code_of<SMul>) zero = binary.template operator()<ops::LogicalOr>(zero, is_zero(x[1]));
    return builder.emit(code_of<ops::Where>, {both(isnt_number(c), zero), builder.constant(0.0), c});
}

bool is_contribution(Code code) {
    return code == code_of<ZMul> || code == code_of<SMul> || code == code_of<ZeroProduct>;
}

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

    // What is needed, and what decides guards, from the last operator down.
    std::vector<bool> needed(tape.size()), decides(tape.size());
    const auto need = [&](Index i) {
        if (is_operator(i)) needed[static_cast<std::size_t>(i)] = true;
    };
    const std::span<const TraceLog::Guard> guards =
        tape.tracing() ? tape.trace()->guards() : std::span<const TraceLog::Guard>();
    for (const TraceLog::Guard& guard : guards) {
        need(guard.condition);
        if (is_operator(guard.condition)) decides[static_cast<std::size_t>(guard.condition)] = true;
    }
    for (const TapeOutput& output : outputs) {
        if (output.entry) need(*output.entry);
    }
    TapeOperands operands(tape);
    for (std::size_t i = tape.size(); i-- > 0;) {
        if (!needed[i]) continue;
        operands.for_each(static_cast<Index>(i), [&](Index parent, double) {
            need(parent);
            if (decides[i] && is_operator(parent)) decides[static_cast<std::size_t>(parent)] = true;
        });
    }

    const auto value_of = [&](Index entry, double constant) {
        if (is_operator(entry)) return of_operator[static_cast<std::size_t>(entry)];
        if (is_sink(entry)) return builder.constant(constant);
        const ValueId input = of_variable[variable_number(entry)];
        return input != kNoValue ? input : builder.constant(tape.value(entry));
    };
    // What depends on products with absolute zero: derivatives that the function itself computed.
    std::vector<bool> derived(tape.size());
    const auto is_derived = [&](Index i) { return is_operator(i) && derived[static_cast<std::size_t>(i)]; };
    std::vector<ValueId> values;
    for (std::size_t i = 0; i < tape.size(); ++i) {
        if (!needed[i]) continue;
        const auto entry = static_cast<Index>(i);
        values.clear();
        const Code code = operands.code_of(entry);
        const bool is_product = is_contribution(code);
        derived[i] = is_product && !decides[i];
        operands.for_each(entry, [&](Index parent, double constant) {
            values.push_back(value_of(parent, constant));
            if (is_derived(parent)) derived[i] = true;
        });
        of_operator[i] = is_product && decides[i] ? written_out(builder, code, values) : builder.emit(code, values);
    }
    for (const TapeOutput& output : outputs) {
        const ValueId value = output.entry ? value_of(*output.entry, 0.0) : builder.constant(output.constant);
        builder.output(output.name, value, output.entry && is_derived(*output.entry));
    }
    for (const TraceLog::Guard& guard : guards) {
        builder.guard(value_of(guard.condition, 0.0), guard.taken, guard.source);
    }
    return builder.finish();
}

}  // namespace reelgrad::program
