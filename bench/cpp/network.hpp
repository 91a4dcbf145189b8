// The network 2-16-16-1 of W3 and W4: where its 337 parameters lie in their one array, rows of weights one after the
// other.
#pragma once

namespace limits {

constexpr int kHidden = 16;
constexpr int kWeights1 = 0, kBiases1 = 32, kWeights2 = 48, kBiases2 = 304, kWeights3 = 320, kBias3 = 336;
constexpr int kParameters = 337;

}  // namespace limits
