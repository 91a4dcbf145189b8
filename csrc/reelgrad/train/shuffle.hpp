// train/shuffle.hpp: random permutations that depend on (seed, epoch) and nothing else.
//
// The generator is counter-based: Philox4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011. It is integer arithmetic only, the same on every platform, and the
// permutation of any epoch can be had without those before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace reelgrad::train {

// One block of four random words.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A uniformly random permutation of 0 .. n - 1 into `permutation`, whose memory is reused. n is below 2^32.
void shuffle(std::uint64_t seed, std::uint64_t epoch, std::size_t n, std::vector<std::uint32_t>& permutation);

}  // namespace reelgrad::train
