// program/program.hpp: Program, a straight-line list of instructions in single-assignment form.
//
// A value is known by the position of the instruction that makes it, so operands stand before their uses. Inputs are
// *uniform* (the same number in all lanes of a batch) or *varying* (a number per lane); what is computed from uniform
// values is uniform. `lane_sum` makes a uniform value of a varying one. A *guard* is a decision that the recorded code
// took: the Program says what the code would have computed only for lanes in which every guard's condition has the
// recorded truth.
//
// A Program does not change once made; passes, differentiate() and linearise() make new ones through a Builder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reelgrad/program/code.hpp"

namespace reelgrad::program {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = 0xffffffff;

enum class Rate : std::uint8_t { constant, uniform, varying };

// Up to three operands stand in the instruction; a reduction's stand in the Program's rows: operand[0] is where the row
// begins and operand[1] its length. An input has its number, a constant its place among the constants, in operand[0].
struct Instruction {
    Code code{};
    bool accumulates = false;  // an addition of contributions to an adjoint: free to be fused and reordered
    std::array<ValueId, 3> operand{kNoValue, kNoValue, kNoValue};

    friend bool operator==(const Instruction&, const Instruction&) = default;
};

struct Input {
    std::string name;
    Rate rate;  // uniform or varying
};

struct Output {
    std::string name;
    ValueId value;
    bool gradient = false;  // a derivative: recomputed with absolute zero if it comes out nan
};

struct Guard {
    ValueId condition;
    bool taken;          // whether the condition was true
    std::string source;  // "file.py:12", the line that branched; may be empty
};

class Program {
  public:
    std::size_t size() const { return instructions_.size(); }
    const Instruction& operator[](ValueId v) const { return instructions_[v]; }
    std::span<const Instruction> instructions() const { return instructions_; }
    std::span<const ValueId> operands(ValueId v) const { return operands_of(instructions_[v]); }
    double constant(ValueId v) const { return constants_[instructions_[v].operand[0]]; }
    bool is_constant(ValueId v) const { return instructions_[v].code == Code::constant; }
    Rate rate(ValueId v) const { return rates_[v]; }

    const std::vector<Input>& inputs() const { return inputs_; }
    ValueId input_value(std::size_t number) const { return input_values_[number]; }
    const std::vector<Output>& outputs() const { return outputs_; }
    const std::vector<Guard>& guards() const { return guards_; }

    // The number of the input that instruction `v` is.
    std::uint32_t input_number(ValueId v) const { return instructions_[v].operand[0]; }

    friend bool operator==(const Program&, const Program&);

    // What a Program is made of, for whoever has it in another form. Nothing is checked: see verify().
    struct Parts {
        std::vector<Instruction> instructions;
        std::vector<Rate> rates;  // of each value
        std::vector<double> constants;
        std::vector<ValueId> rows;
        std::vector<Input> inputs;
        std::vector<ValueId> input_values;
        std::vector<Output> outputs;
        std::vector<Guard> guards;
    };
    static Program from(Parts parts);
    Parts parts() const;

  private:
    friend class Builder;

    std::span<const ValueId> operands_of(const Instruction& i) const {
        if (is_reduction(i.code)) return std::span(rows_).subspan(i.operand[0], i.operand[1]);
        return std::span(i.operand).first(static_cast<std::size_t>(info(i.code).arity));
    }

    std::vector<Instruction> instructions_;
    std::vector<Rate> rates_;  // of each value
    std::vector<double> constants_;
    std::vector<ValueId> rows_;
    std::vector<Input> inputs_;
    std::vector<ValueId> input_values_;
    std::vector<Output> outputs_;
    std::vector<Guard> guards_;
};

// Makes a Program, instruction by instruction. It emits what it is told to, except that a constant is emitted once
// (constants are the same if their bits are).
class Builder {
  public:
    ValueId input(std::string name, Rate rate);
    ValueId constant(double number);
    // Operands must be values emitted before, as many as the code takes.
    ValueId emit(Code code, std::span<const ValueId> operands, bool accumulates = false);
    ValueId emit(Code code, std::initializer_list<ValueId> operands, bool accumulates = false) {
        return emit(code, std::span(operands.begin(), operands.size()), accumulates);
    }
    void output(std::string name, ValueId value, bool gradient = false) {
        program_.outputs_.push_back({std::move(name), value, gradient});
    }
    void guard(ValueId condition, bool taken, std::string source) {
        program_.guards_.push_back({condition, taken, std::move(source)});
    }

    // Copies the instruction at `v` of another Program, with its operands replaced by map[operand]. Inputs and
    // constants too.
    ValueId copy(const Program& from, ValueId v, std::span<const ValueId> map);
    // Copies guards and, if asked, outputs, with values replaced by map[value].
    void copy_guards(const Program& from, std::span<const ValueId> map);
    void copy_outputs(const Program& from, std::span<const ValueId> map);
    // Copies all instructions of `from` into a new Builder: values keep their numbers. No outputs and guards.
    static Builder with_values_of(const Program& from);

    std::size_t size() const { return program_.size(); }
    const Program& so_far() const { return program_; }
    Rate rate(ValueId v) const { return program_.rates_[v]; }
    void reserve(std::size_t instructions);

    Program finish() { return std::move(program_); }

    // The Builder into which this thread's Exprs emit.
    static Builder& current() { return *current_; }
    class Scope {
      public:
        explicit Scope(Builder& builder) : outer_(current_) { current_ = &builder; }
        ~Scope() { current_ = outer_; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        Builder* outer_;
    };

  private:
    Program program_;
    std::unordered_map<std::uint64_t, ValueId> constants_by_bits_;
    static thread_local Builder* current_;
};

}  // namespace reelgrad::program
