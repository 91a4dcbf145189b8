#include "reelgrad/program/program.hpp"

#include <algorithm>
#include <bit>

namespace reelgrad::program {

thread_local Builder* Builder::current_ = nullptr;

// Equal up to where constants and rows are kept.
bool operator==(const Program& a, const Program& b) {
    if (a.size() != b.size() || a.inputs_.size() != b.inputs_.size() || a.outputs_.size() != b.outputs_.size() ||
        a.guards_.size() != b.guards_.size()) {
        return false;
    }
    for (ValueId v = 0; v < a.size(); ++v) {
        if (a[v].code != b[v].code || a[v].accumulates != b[v].accumulates || a.rate(v) != b.rate(v)) return false;
        if (a[v].code == Code::constant) {
            if (std::bit_cast<std::uint64_t>(a.constant(v)) != std::bit_cast<std::uint64_t>(b.constant(v)))
                return false;
        } else if (a[v].code == Code::input) {
            if (a[v].operand[0] != b[v].operand[0]) return false;
        } else if (!std::ranges::equal(a.operands(v), b.operands(v))) {
            return false;
        }
    }
    const auto same_input = [](const Input& x, const Input& y) { return x.name == y.name && x.rate == y.rate; };
    const auto same_output = [](const Output& x, const Output& y) {
        return x.name == y.name && x.value == y.value && x.gradient == y.gradient;
    };
    const auto same_guard = [](const Guard& x, const Guard& y) {
        return x.condition == y.condition && x.taken == y.taken && x.source == y.source;
    };
    return std::ranges::equal(a.inputs_, b.inputs_, same_input) &&
           std::ranges::equal(a.outputs_, b.outputs_, same_output) &&
           std::ranges::equal(a.guards_, b.guards_, same_guard);
}

Program Program::from(Parts parts) {
    Program program;
    program.instructions_ = std::move(parts.instructions);
    program.rates_ = std::move(parts.rates);
    program.constants_ = std::move(parts.constants);
    program.rows_ = std::move(parts.rows);
    program.inputs_ = std::move(parts.inputs);
    program.input_values_ = std::move(parts.input_values);
    program.outputs_ = std::move(parts.outputs);
    program.guards_ = std::move(parts.guards);
    return program;
}

Program::Parts Program::parts() const {
    return {instructions_, rates_, constants_, rows_, inputs_, input_values_, outputs_, guards_};
}

ValueId Builder::input(std::string name, Rate rate) {
    const auto number = static_cast<ValueId>(program_.inputs_.size());
    const auto v = static_cast<ValueId>(size());
    program_.inputs_.push_back({std::move(name), rate});
    program_.input_values_.push_back(v);
    program_.instructions_.push_back({.code = Code::input, .operand = {number, kNoValue, kNoValue}});
    program_.rates_.push_back(rate);
    return v;
}

ValueId Builder::constant(double number) {
    const auto v = static_cast<ValueId>(size());
    const auto [found, is_new] = constants_by_bits_.try_emplace(std::bit_cast<std::uint64_t>(number), v);
    if (!is_new) return found->second;
    program_.instructions_.push_back(
        {.code = Code::constant, .operand = {static_cast<ValueId>(program_.constants_.size()), kNoValue, kNoValue}});
    program_.constants_.push_back(number);
    program_.rates_.push_back(Rate::constant);
    return v;
}

ValueId Builder::emit(Code code, std::span<const ValueId> operands, bool accumulates) {
    Instruction instruction{.code = code, .accumulates = accumulates};
    Rate rate = Rate::uniform;
    for (const ValueId operand : operands) rate = std::max(rate, program_.rates_[operand]);
    if (is_reduction(code)) {
        instruction.operand[0] = static_cast<ValueId>(program_.rows_.size());
        instruction.operand[1] = static_cast<ValueId>(operands.size());
        program_.rows_.insert(program_.rows_.end(), operands.begin(), operands.end());
    } else {
        std::ranges::copy(operands, instruction.operand.begin());
        if (code == Code::lane_sum) rate = Rate::uniform;
    }
    program_.instructions_.push_back(instruction);
    program_.rates_.push_back(rate);
    return static_cast<ValueId>(size() - 1);
}

ValueId Builder::copy(const Program& from, ValueId v, std::span<const ValueId> map) {
    const Instruction& instruction = from[v];
    if (instruction.code == Code::constant) return constant(from.constant(v));
    if (instruction.code == Code::input) {
        const Input& which = from.inputs()[instruction.operand[0]];
        return input(which.name, which.rate);
    }
    const auto operands = from.operands(v);
    if (operands.size() <= 3) {
        std::array<ValueId, 3> mapped{};
        for (std::size_t k = 0; k < operands.size(); ++k) mapped[k] = map[operands[k]];
        return emit(instruction.code, std::span(mapped).first(operands.size()), instruction.accumulates);
    }
    std::vector<ValueId> mapped(operands.size());
    for (std::size_t k = 0; k < operands.size(); ++k) mapped[k] = map[operands[k]];
    return emit(instruction.code, mapped, instruction.accumulates);
}

void Builder::copy_guards(const Program& from, std::span<const ValueId> map) {
    for (const Guard& g : from.guards()) guard(map[g.condition], g.taken, g.source);
}

void Builder::copy_outputs(const Program& from, std::span<const ValueId> map) {
    for (const Output& o : from.outputs()) output(o.name, map[o.value], o.gradient);
}

Builder Builder::with_values_of(const Program& from) {
    Builder builder;
    builder.program_ = from;
    builder.program_.outputs_.clear();
    builder.program_.guards_.clear();
    for (ValueId v = 0; v < from.size(); ++v) {
        if (from.is_constant(v))
            builder.constants_by_bits_.try_emplace(std::bit_cast<std::uint64_t>(from.constant(v)), v);
    }
    return builder;
}

void Builder::reserve(std::size_t instructions) {
    program_.instructions_.reserve(instructions);
    program_.rates_.reserve(instructions);
}

}  // namespace reelgrad::program
