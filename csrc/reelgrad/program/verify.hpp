// program/verify.hpp: what every Program must be.
#pragma once

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

// Throws ProgramError, which says what is wrong with which instruction, unless the Program is well-formed: operands
// stand before their uses and are as many as the code takes, inputs are numbered in their order, rates follow from the
// operands, outputs and guards have values.
void verify(const Program& program);

}  // namespace reelgrad::program
