// tape/block_sweep.hpp: what a block contributes to the adjoints of its operands.
#pragma once

#include "reelgrad/tape/block.hpp"

namespace reelgrad {

// adjoints[i] is the adjoint of entry i. Plain: to be followed by a check for nan. A rule may throw.
void sweep_block(const Blocks& blocks, std::size_t index, double* adjoints);

// Lets a rule contribute; where all adjoints of its entries are 0 it contributes nothing, whatever its partials.
void sweep_rule(const Blocks& blocks, std::size_t index, double* adjoints);

}  // namespace reelgrad
