// exec/together.hpp: instructions of the body that are done together, as one.
//
// What that saves is mostly results' way through memory: a comparison is made by each where that asks for it; two sums
// over the same slots load them once; and an operator whose result is only a factor of a product, or the scaled and
// shifted argument of a smooth function, hands it over in a register.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/lane_sums.hpp"
#include "reelgrad/program/program.hpp"

namespace reelgrad::exec {

struct Together {
    enum Made : std::uint8_t {
        here,
        before,    // along with an earlier one
        by_users,  // by those that use it: it has no slot
    };
    // By value: where it is made, and which is made along with it, kNoValue if none: of a sum another sum, of an
    // elementwise operator its operand.
    std::vector<Made> made;
    std::vector<program::ValueId> with;
};

// `uses` says how often each value is used by what is needed.
Together plan_together(const program::Program& program, std::span<const std::uint32_t> uses, const KernelTable& kernels,
                       const LaneSums& lane_sums);

}  // namespace reelgrad::exec
