// exec/kernel_table.hpp: the kernels of one instruction set, as function pointers.
//
// An instruction set's file compiles the kernels over its Packs and exports one table; nothing else of it is visible.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "reelgrad/exec/frame.hpp"
#include "reelgrad/program/code.hpp"

namespace reelgrad::exec {

inline constexpr std::size_t kCodes = static_cast<std::size_t>(program::Code::count);

// Which operands are scalars (uniform, read from a cell) instead of slots: bit k for operand k.
inline constexpr std::size_t kKinds = 8;

struct KernelTable {
    std::size_t width = 0;  // lanes of a pack

    // Runs instructions one after another.
    void (*run)(const Op* begin, const Op* end, Frame& frame) = nullptr;

    // Elementwise operators: over a block by kinds of the operands (null where there is none: a scalar is then splatted
    // into a slot first), and over cells.
    std::array<std::array<Handler, kKinds>, kCodes> wide{};
    std::array<Handler, kCodes> lane{};
    // Several of one operator over cells. Row: for each its operands and its result; b: how many. No operand is another
    // one's result.
    std::array<Handler, kCodes> lane_run{};

    // where(compare(a, b), x, y), by comparison (less, less_equal, equal, not_equal) and kinds: bits as above, a first.
    // Row: a, b, x, y.
    std::array<std::array<Handler, 16>, 4> gate{};

    // op(operands) * factor, by code (null where there is none) and kinds of the operands; the factor is a slot. Row:
    // the operands, the factor.
    std::array<std::array<Handler, kKinds>, kCodes> then_mul{};

    // op(a * b + c) of a slot a and scalars b and c, by code; null where there is none.
    std::array<Handler, kCodes> of_affine{};

    // Sums. Row: the operands; b: their number.
    Handler wide_sum = nullptr, lane_sum = nullptr;

    // addend + sum of products. Row: addend, then pairs; b: number of pairs. By what the addend is, and by whether the
    // pairs' second factors are scalars.
    enum Addend { no_addend, scalar_addend, slot_addend };
    std::array<std::array<Handler, 2>, 3> dot{};
    std::array<Handler, 2> lane_dot{};  // without and with addend
    // Two such sums of the same slots times scalars, without and with addends, which are scalars. Row: the addends,
    // then triples of a slot and its two factors; b: number of triples; the second result is c.
    std::array<Handler, 2> two_dots{};

    // Accumulators. Row: pairs (a, accumulator), before which an update has a g; b: number of pairs.
    // accumulator += the sum over lanes of a, or of a * g.
    Handler row_sum = nullptr, row_update = nullptr;

    // load: a is the number of the source. store: a the slot, b the number of the sink. store_gradient also takes note
    // of nan; store_where_nan replaces what is nan. splat: a scalar to a slot; copy: a cell to a cell.
    Handler load = nullptr, store = nullptr, store_gradient = nullptr, store_where_nan = nullptr, splat = nullptr,
            copy = nullptr;
};

extern const KernelTable kernels_baseline;
#if defined(REELGRAD_X86_64)
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
#endif

}  // namespace reelgrad::exec
