// program/from_tape.hpp: the Program of what a tracing tape recorded.
//
// Only what outputs and guards need becomes instructions, and all inputs do, needed or not. Constant operands and
// variables that are no inputs become constants: their numbers are the traced function's own. An output that depends on
// derivatives which the function took is a gradient, so that absolute zero holds in it.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "reelgrad/program/program.hpp"
#include "reelgrad/tape/tape.hpp"

namespace reelgrad::program {

struct TapeInput {
    Index variable;
    std::string name;
    Rate rate;  // uniform or varying
};

struct TapeOutput {
    std::string name;
    std::optional<Index> entry;  // none: the constant
    double constant = 0.0;
};

// Guards are those of the tape's trace, if it has one. Linear in the size of the tape. Throws ProgramError if an input
// is no variable, or the same as another.
Program program_of(const Tape& tape, std::span<const TapeInput> inputs, std::span<const TapeOutput> outputs);

}  // namespace reelgrad::program
