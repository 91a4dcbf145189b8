// exec/listing.hpp: lowered code as text, to be read by people.
#pragma once

#include <string>

#include "reelgrad/exec/lower.hpp"

namespace reelgrad::exec {

// A line for each instruction of prologue, body and epilogue. Uniform inputs and columns have the names of the
// Program's inputs and outputs, constants are numbers; s0, s1, ... are slots, c0, c1, ... cells of temporaries, and
// sum0, sum1, ... what is summed over the lanes.
std::string listing(const Lowered& lowered, const KernelTable& kernels, const program::Program& program);

}  // namespace reelgrad::exec
