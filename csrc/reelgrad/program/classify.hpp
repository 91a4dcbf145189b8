// program/classify.hpp: which guard of a Program a lane disagrees with first.
#pragma once

#include <cstddef>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

// A Program of the same inputs and one output: the number of the first guard from `first_guard` on whose condition is
// not as recorded, or the number of guards. It has no guards itself. Throws ProgramError if there are fewer guards.
Program classifier(const Program& program, std::size_t first_guard = 0);

}  // namespace reelgrad::program
