// exec/place.hpp: gives values their places and writes the steps out.
#pragma once

#include <span>

#include "reelgrad/exec/lower.hpp"
#include "reelgrad/exec/steps.hpp"

namespace reelgrad::exec {

struct Selected {
    Steps prologue, body, epilogue;
    std::size_t values = 0;  // ids of values are below
    // By id of a value: where uniform inputs, constants and sums are (Places::kNone for what has no fixed cell).
    std::vector<std::uint32_t> fixed_cells;
    std::vector<std::uint32_t> source_of;  // by id of a value: of a varying input its number, else kNone
    std::vector<std::uint32_t> kept;       // uniform values that outputs need at the end
};

inline constexpr std::uint32_t kNone = 0xffffffff;

// Fills in instructions, cells, slots and offsets; `lowered.cells` holds the fixed cells already. `cell_of` becomes the
// cell of every uniform value that is needed at the end.
void place(const Selected& selected, const KernelTable& kernels, Lowered& lowered, std::vector<std::uint32_t>& cell_of);

}  // namespace reelgrad::exec
