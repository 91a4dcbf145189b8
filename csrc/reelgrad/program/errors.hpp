// program/errors.hpp: what goes wrong with Programs.
#pragma once

#include "reelgrad/tape/errors.hpp"

namespace reelgrad {

// A Program is malformed, or cannot be had or run in the way asked for.
struct ProgramError : Error {
    using Error::Error;
};

}  // namespace reelgrad
