// exec/load.hpp: columns that kernels cannot read or write as they lie: strided, of other types, chosen lanes, padded.
#pragma once

#include "reelgrad/exec/frame.hpp"

namespace reelgrad::exec {

// Converts the block's lanes to doubles in a slot; padding repeats the last lane. Reads no other lane.
void fetch(const Frame& frame, const Source& source, double* slot);
// Writes the block's lanes, and no padding.
void put(const Frame& frame, const Sink& sink, const double* slot);

}  // namespace reelgrad::exec
