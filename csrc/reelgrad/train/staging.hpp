// train/staging.hpp: the data of a training, laid out as the interpreter reads it fastest.
//
// A training reads its data once an epoch, so columns that are not doubles in a row (a row-major matrix, integers,
// float32) are converted once instead of at every reading, and the last vector of lanes is filled up, so that a batch
// of any length is read in whole vectors.
#pragma once

#include <cstddef>
#include <vector>

#include "reelgrad/exec/executable.hpp"

namespace reelgrad::train {

// Replaces columns by copies where that helps and the copies are not too large; returns their numbers, which the
// columns then point to.
std::vector<double> stage(std::vector<exec::Column>& columns, std::size_t lanes);

}  // namespace reelgrad::train
