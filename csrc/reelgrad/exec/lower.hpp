// exec/lower.hpp: from a Program to instructions that kernels run.
//
// Work is split by how often it must be done: what is uniform and needs no sum over lanes goes to the prologue, what
// varies to the body, which is run for every block of lanes, and what depends on sums over lanes to the epilogue.
// Prologue and epilogue compute on cells, one number at a time, the body on slots, a block at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/program/program.hpp"

namespace reelgrad::exec {

struct Lowered {
    std::vector<Op> prologue, body, epilogue;
    std::vector<std::uint32_t> rows;

    // Cells: uniform inputs, the number of lanes, constants, the accumulators' sums, temporaries. `cells` is what they
    // hold before a run.
    std::vector<double> cells;
    std::size_t lanes_cell = 0;
    std::size_t first_sum = 0;
    std::size_t accumulators = 0;
    std::vector<std::uint32_t> uniform_outputs;  // cells

    // Offsets in the arena, in bytes.
    std::size_t first_accumulator = 0, slots = 0, end = 0;
    std::size_t slot_count = 0;
    std::size_t block = 0;  // lanes
};

enum class Flavour {
    relaxed,
    checked,  // only gradients are stored, where what is there is nan
};

// `outputs_vary` says of each output whether it is a number per lane (it may have been optimised to a uniform one).
// Throws ProgramError for a Program whose lanes depend on sums over lanes.
Lowered lower(const program::Program& program, std::span<const char> outputs_vary, const KernelTable& kernels,
              Flavour flavour);

}  // namespace reelgrad::exec
