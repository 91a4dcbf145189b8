// exec/math_lanewise.hpp: functions that are calculated lane by lane.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"

namespace reelgrad::exec {
namespace {

template <int W>
inline Pack<W> lgamma(Pack<W> x) {
    return lane_by_lane(scalar_lgamma, x);
}

template <int W>
inline Pack<W> digamma(Pack<W> x) {
    return lane_by_lane(scalar_digamma, x);
}

template <int W>
inline Pack<W> polygamma(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_polygamma, a, b);
}

}  // namespace
}  // namespace reelgrad::exec
