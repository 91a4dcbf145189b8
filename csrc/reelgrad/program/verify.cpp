#include "reelgrad/program/verify.hpp"

#include <algorithm>
#include <string>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::program {
namespace {

std::string number(std::size_t n) { return std::to_string(n); }

std::string_view name_of(Rate rate) {
    return rate == Rate::constant ? "constant" : rate == Rate::uniform ? "uniform" : "varying";
}

class Verifier {
  public:
    explicit Verifier(const Program& program) : parts_(program.parts()) {}

    void run() {
        const std::size_t size = parts_.instructions.size();
        if (size >= kNoValue) throw ProgramError("a Program of " + number(size) + " instructions is too long");
        if (parts_.rates.size() != size) {
            throw ProgramError("a Program of " + number(size) + " instructions has rates for " +
                               number(parts_.rates.size()));
        }
        for (ValueId v = 0; v < size; ++v) check(v);
        if (inputs_ != parts_.inputs.size() || inputs_ != parts_.input_values.size()) {
            throw ProgramError("the Program declares " + number(parts_.inputs.size()) +
                               " inputs, but its instructions make " + number(inputs_));
        }
        for (const Output& output : parts_.outputs) {
            if (output.value >= size) throw ProgramError("output \"" + output.name + "\" has no value");
        }
        for (std::size_t k = 0; k < parts_.guards.size(); ++k) {
            if (parts_.guards[k].condition >= size) throw ProgramError("guard " + number(k) + " has no condition");
        }
    }

  private:
    [[noreturn]] void reject(ValueId v, const std::string& why) const {
        const Code code = parts_.instructions[v].code;
        const std::string name = code < Code::count ? " (" + std::string(info(code).name) + ")" : "";
        throw ProgramError("v" + number(v) + name + ": " + why);
    }

    void check(ValueId v) {
        const Instruction& instruction = parts_.instructions[v];
        if (instruction.code >= Code::count) {
            reject(v, "code " + number(static_cast<std::size_t>(instruction.code)) + " is no operator");
        }
        if (instruction.code == Code::input) return check_input(v);
        if (instruction.code == Code::constant) return check_constant(v);
        if (instruction.accumulates && instruction.code != code_of<ops::Add> && instruction.code != code_of<ops::Sub>) {
            reject(v, "only add and sub accumulate");
        }
        const std::span<const ValueId> operands = is_reduction(instruction.code) ? row(v) : fixed(v);
        Rate rate = Rate::uniform;
        for (const ValueId operand : operands) {
            if (operand >= v) {
                reject(v, "its operand v" + number(operand) + " does not stand before it");
            }
            rate = std::max(rate, parts_.rates[operand]);
        }
        check_rate(v, instruction.code == Code::lane_sum ? Rate::uniform : rate);
    }

    void check_input(ValueId v) {
        const std::size_t which = parts_.instructions[v].operand[0];
        if (which != inputs_) {
            reject(v, "it is numbered " + number(which) + ", but inputs are numbered in their order, and this one is " +
                          number(inputs_));
        }
        if (which >= parts_.inputs.size() || which >= parts_.input_values.size()) {
            reject(v, "the Program does not declare input " + number(which));
        }
        if (parts_.input_values[which] != v) reject(v, "the Program declares another value as this input");
        if (parts_.inputs[which].rate == Rate::constant) reject(v, "an input is uniform or varying");
        check_rate(v, parts_.inputs[which].rate);
        ++inputs_;
    }

    void check_constant(ValueId v) const {
        if (parts_.instructions[v].operand[0] >= parts_.constants.size()) reject(v, "it has no number");
        check_rate(v, Rate::constant);
    }

    void check_rate(ValueId v, Rate expected) const {
        if (parts_.rates[v] == expected) return;
        reject(v, "its rate is " + std::string(name_of(parts_.rates[v])) + ", but what it is made of makes it " +
                      std::string(name_of(expected)));
    }

    std::span<const ValueId> fixed(ValueId v) const {
        const auto& operand = parts_.instructions[v].operand;
        const auto arity = static_cast<std::size_t>(info(parts_.instructions[v].code).arity);
        const auto given = static_cast<std::size_t>(std::ranges::find(operand, kNoValue) - operand.begin());
        if (given != arity || std::any_of(operand.begin() + static_cast<std::ptrdiff_t>(given), operand.end(),
                                          [](ValueId o) { return o != kNoValue; })) {
            reject(v, "it takes " + number(arity) + " operands, not " + number(given));
        }
        return std::span(operand).first(arity);
    }

    std::span<const ValueId> row(ValueId v) const {
        const Instruction& instruction = parts_.instructions[v];
        const std::size_t begin = instruction.operand[0];
        const std::size_t length = instruction.operand[1];
        if (begin > parts_.rows.size() || length > parts_.rows.size() - begin) {
            reject(v, "its operands are outside the Program's rows");
        }
        if (instruction.code == code_of<ops::Dot> && length % 2 != 0) {
            reject(v, "it takes as many a as b, not " + number(length) + " operands in all");
        }
        if (instruction.code == Code::dot_add && length % 2 != 1) {
            reject(v, "it takes an addend and pairs, not " + number(length) + " operands in all");
        }
        return std::span(parts_.rows).subspan(begin, length);
    }

    const Program::Parts parts_;
    std::size_t inputs_ = 0;
};

}  // namespace

void verify(const Program& program) { Verifier(program).run(); }

}  // namespace reelgrad::program
