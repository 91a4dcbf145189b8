// program/inline.hpp: a Program recorded on a tape, for numbers and entries of the tape as its inputs.
//
// This is how a derivative, which is a Program, takes part in a computation that is itself differentiated or traced.
// On an ordinary tape conditions are decided by their values and leave nothing behind, as `if` would. On the tape of a
// trace they are recorded, and products with absolute zero too: there a number stands for any.
#pragma once

#include <span>
#include <vector>

#include "reelgrad/program/program.hpp"
#include "reelgrad/tape/var.hpp"

namespace reelgrad::program {

// The outputs. A call is one lane: lane_sum is its operand. Where all operands of an instruction are constants, so is
// its value, and nothing is recorded. Throws ProgramError for a wrong number of inputs, and for instructions that only
// passes make; if it throws, what was recorded so far stays.
std::vector<Var> inlined(const Program& program, std::span<const Var> inputs);

}  // namespace reelgrad::program
