// program/errors.hpp: what goes wrong with Programs.
#pragma once

#include "reelgrad/tape/errors.hpp"

namespace reelgrad {

// A Program is malformed, or cannot be had or run in the way asked for.
struct ProgramError : ErrorOf<ErrorKind::program> {
    using ErrorOf::ErrorOf;
};

}  // namespace reelgrad
