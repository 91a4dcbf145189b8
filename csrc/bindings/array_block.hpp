// bindings/array_block.hpp: from operands as Python gives them to the operands of a block.
#pragma once

#include <span>
#include <vector>

#include "bindings/array.hpp"

namespace reelgrad::python {

// Dimensions over which a map runs, with the strides of the entries made and of the operands; merged where all of them
// allow, so that most maps have one.
class MapLayout {
  public:
    // Over `shape`: entry_strides are 0 along what is reduced; operands broadcast to it.
    MapLayout(std::span<const std::ptrdiff_t> shape, std::span<const std::ptrdiff_t> entry_strides,
              std::span<const ArrayOperand> operands);

    // Fills in the block's dimensions and operands, whose lists and constants go to the tape's store. Room is made.
    void enter(Tape& tape, Block& block, std::span<const ArrayOperand> operands) const;

  private:
    static constexpr std::size_t kMost = 4;  // entries and three operands
    struct Dimension {
        std::ptrdiff_t length;
        std::array<std::ptrdiff_t, kMost> strides;  // of entries, then of operands
    };
    std::vector<Dimension> dims_, full_;
    std::size_t elements_ = 1, entries_ = 1;
};

// The numbers of operand k of a map from element `begin` on: where they stand, or copied to `buffer`.
const double* numbers_of_operand(const Tape& tape, const Block& block, std::size_t k, std::size_t begin,
                                 std::size_t count, double* buffer);

// Records the block and returns the Array, or the Node, of its entries. All or nothing.
PyObject* record_array(Tape& tape, BlockInMaking& making, std::span<const std::ptrdiff_t> shape);

// The matrix that a block of two dimensions sees of an operand, from `offset` on.
void enter_matrix(Tape& tape, BlockOperand& to, const ArrayOperand& operand, std::ptrdiff_t offset,
                  std::array<std::ptrdiff_t, 2> shape, std::array<std::ptrdiff_t, 2> strides, bool keep_values);

// All elements of an operand of a rule, in C order: one row.
void enter_elements(Tape& tape, BlockOperand& to, const ArrayOperand& operand);

}  // namespace reelgrad::python
