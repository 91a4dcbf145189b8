// exec/steps.hpp: instructions on their way from values to places.
//
// Lowering first writes steps, whose operands are values; then every value gets a place, a cell or a slot, by how long
// it lives, and the steps are written out as Ops (place.cpp).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "reelgrad/exec/frame.hpp"

namespace reelgrad::exec {

struct Operand {
    enum Kind : std::uint8_t {
        none,
        slot,         // a varying value
        cell,         // a uniform value
        result_cell,  // the same, made by the step itself
        accumulator,  // by number
        raw,          // a number as it is
    };
    Kind kind = none;
    std::uint32_t id = 0;
};

struct Step {
    Handler handler;
    Operand result, second;      // second: of an instruction with two results
    std::uint32_t first, count;  // its operands, in Steps::operands
    bool in_row;                 // the operands stand in a row instead of in a, b, c
    std::uint32_t elements;      // of the row: Op::b
};

class Steps {
  public:
    void add(Handler handler, Operand result, std::initializer_list<Operand> operands) {
        add(handler, result, std::span(operands.begin(), operands.size()), false, 0);
    }
    void add(Handler handler, Operand result, std::span<const Operand> operands) {
        add(handler, result, operands, false, 0);
    }
    void add_row(Handler handler, Operand result, std::span<const Operand> operands, std::size_t elements) {
        add(handler, result, operands, true, elements);
    }
    void add_row(Handler handler, Operand result, Operand second, std::span<const Operand> operands,
                 std::size_t elements) {
        add(handler, result, operands, true, elements);
        steps_.back().second = second;
    }
    std::size_t size() const { return steps_.size(); }
    const Step& operator[](std::size_t i) const { return steps_[i]; }
    std::span<const Operand> operands(std::size_t i) const {
        return std::span(operands_).subspan(steps_[i].first, steps_[i].count);
    }
    std::span<const Operand> all_operands() const { return operands_; }
    void reserve(std::size_t steps) {
        steps_.reserve(steps);
        operands_.reserve(2 * steps);
    }

  private:
    void add(Handler handler, Operand result, std::span<const Operand> operands, bool in_row, std::size_t elements) {
        steps_.push_back({handler,
                          result,
                          {},
                          static_cast<std::uint32_t>(operands_.size()),
                          static_cast<std::uint32_t>(operands.size()),
                          in_row,
                          static_cast<std::uint32_t>(elements)});
        operands_.insert(operands_.end(), operands.begin(), operands.end());
    }
    std::vector<Step> steps_;
    std::vector<Operand> operands_;
};

}  // namespace reelgrad::exec
