// exec/number_kernel.hpp: one instruction on plain numbers, as the prologue would compute it: for constant folding.
#pragma once

#include <span>

#include "reelgrad/program/code.hpp"

namespace reelgrad::exec {

// Of any code but input, constant, lane_sum and the reductions that are expanded (prod, logsumexp, norm).
double number_kernel(program::Code code, std::span<const double> operands);

}  // namespace reelgrad::exec
