// exec/sums.hpp: which sums over lanes share an accumulator, and what is added to each.
//
// A parameter that a loop uses fifty times gets fifty sums over lanes, added up. They become one accumulator, to which
// the body adds fifty contributions: additions of sums that are used nowhere else are not computed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reelgrad/program/program.hpp"

namespace reelgrad::exec {

struct Contribution {
    program::ValueId value;  // varying
    std::uint32_t accumulator;
};

struct Sums {
    static constexpr std::uint32_t kNone = 0xffffffff;
    std::vector<std::uint32_t> accumulator_of;  // by value: the accumulator whose total it is
    std::vector<char> absorbed;                 // by value: part of another's accumulator
    std::vector<Contribution> contributions;    // ascending in value
    std::vector<program::ValueId> totals;       // by accumulator: the value that it is
};

// `uses` says how often each value is used by what is needed; what is not needed has no uses.
Sums plan_sums(const program::Program& program, std::span<const std::uint32_t> uses);

}  // namespace reelgrad::exec
