// program/region.hpp: the Program of a stretch of a tape, for derivatives of what was recorded on it.
//
// Where what was computed depends on entries that stood on the tape before, these become inputs too: what is
// differentiated inside of something that is differentiated itself depends on its variables.
#pragma once

#include <span>
#include <vector>

#include "reelgrad/program/from_tape.hpp"

namespace reelgrad::program {

struct RegionProgram {
    Program program;             // its inputs: those asked for, then those from outside
    std::vector<Index> outside;  // the entries of the latter
};

// What was recorded since `start`. Inputs are entries that stand after it. Variables from before are inputs from
// outside or, unless asked for, constants; so are those made since that are no inputs. No guards are kept.
RegionProgram program_of_region(const Tape& tape, Extent start, bool variables_outside, std::span<const Index> inputs,
                                std::span<const TapeOutput> outputs);

}  // namespace reelgrad::program
