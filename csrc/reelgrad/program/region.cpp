#include "reelgrad/program/region.hpp"

#include <string>
#include <unordered_map>

#include "reelgrad/program/tape_operands.hpp"

namespace reelgrad::program {
namespace {

std::string numbered(std::string name, std::size_t k) {
    name += std::to_string(k);
    return name;
}

}  // namespace

RegionProgram program_of_region(const Tape& tape, Extent start, bool variables_outside, std::span<const Index> inputs,
                                std::span<const TapeOutput> outputs) {
    Builder builder;
    RegionProgram result;
    std::vector<ValueId> operators(tape.size() - start.operators, kNoValue);
    std::unordered_map<Index, ValueId> others;  // inputs and outside entries that are no operators of the region
    const auto is_inside = [&](Index i) { return is_operator(i) && !start.contains(i); };
    const auto place = [&](Index i) -> ValueId& { return operators[static_cast<std::size_t>(i) - start.operators]; };
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        const ValueId value = builder.input(numbered("x", k), Rate::uniform);
        (is_inside(inputs[k]) ? place(inputs[k]) : others[inputs[k]]) = value;
    }

    // What is needed, from the last operator down.
    std::vector<bool> needed(operators.size());
    const auto need = [&](Index i) {
        if (is_sink(i)) return;
        if (is_inside(i)) {
            if (place(i) == kNoValue) needed[static_cast<std::size_t>(i) - start.operators] = true;
            return;
        }
        if (is_variable(i) && !(variables_outside && start.contains(i))) return;
        const auto [found, is_new] = others.try_emplace(i, kNoValue);
        if (!is_new) return;
        found->second = builder.input(numbered("outside", result.outside.size()), Rate::uniform);
        result.outside.push_back(i);
    };
    for (const TapeOutput& output : outputs) {
        if (output.entry) need(*output.entry);
    }
    TapeOperands operands(tape);
    for (std::size_t i = tape.size(); i-- > start.operators;) {
        if (!needed[i - start.operators]) continue;
        operands.for_each(static_cast<Index>(i), [&](Index parent, double) { need(parent); });
    }

    const auto value_of = [&](Index entry, double constant) {
        if (is_inside(entry)) return place(entry);
        if (is_sink(entry)) return builder.constant(constant);
        const auto found = others.find(entry);
        return found != others.end() ? found->second : builder.constant(tape.value(entry));
    };
    std::vector<ValueId> values;
    for (std::size_t i = start.operators; i < tape.size(); ++i) {
        if (!needed[i - start.operators]) continue;
        const auto entry = static_cast<Index>(i);
        values.clear();
        operands.for_each(entry, [&](Index parent, double constant) { values.push_back(value_of(parent, constant)); });
        place(entry) = builder.emit(operands.code_of(entry), values);
    }
    for (const TapeOutput& output : outputs) {
        builder.output(output.name, output.entry ? value_of(*output.entry, 0.0) : builder.constant(output.constant));
    }
    result.program = builder.finish();
    return result;
}

}  // namespace reelgrad::program
