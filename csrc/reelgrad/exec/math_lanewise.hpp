// exec/math_lanewise.hpp: functions that are calculated lane by lane.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"

namespace reelgrad::exec {
namespace {

template <int W>
inline Pack<W> asin(Pack<W> x) {
    return lane_by_lane(scalar_asin, x);
}

template <int W>
inline Pack<W> acos(Pack<W> x) {
    return lane_by_lane(scalar_acos, x);
}

template <int W>
inline Pack<W> atan(Pack<W> x) {
    return lane_by_lane(scalar_atan, x);
}

template <int W>
inline Pack<W> asinh(Pack<W> x) {
    return lane_by_lane(scalar_asinh, x);
}

template <int W>
inline Pack<W> acosh(Pack<W> x) {
    return lane_by_lane(scalar_acosh, x);
}

template <int W>
inline Pack<W> atanh(Pack<W> x) {
    return lane_by_lane(scalar_atanh, x);
}

template <int W>
inline Pack<W> log2(Pack<W> x) {
    return lane_by_lane(scalar_log2, x);
}

template <int W>
inline Pack<W> log10(Pack<W> x) {
    return lane_by_lane(scalar_log10, x);
}

template <int W>
inline Pack<W> log1p(Pack<W> x) {
    return lane_by_lane(scalar_log1p, x);
}

template <int W>
inline Pack<W> cbrt(Pack<W> x) {
    return lane_by_lane(scalar_cbrt, x);
}

template <int W>
inline Pack<W> erf(Pack<W> x) {
    return lane_by_lane(scalar_erf, x);
}

template <int W>
inline Pack<W> erfc(Pack<W> x) {
    return lane_by_lane(scalar_erfc, x);
}

template <int W>
inline Pack<W> ndtr(Pack<W> x) {
    return lane_by_lane(scalar_ndtr, x);
}

template <int W>
inline Pack<W> normal_pdf(Pack<W> x) {
    return lane_by_lane(scalar_normal_pdf, x);
}

template <int W>
inline Pack<W> logit(Pack<W> x) {
    return lane_by_lane(scalar_logit, x);
}

template <int W>
inline Pack<W> erfcx(Pack<W> x) {
    return lane_by_lane(scalar_erfcx, x);
}

template <int W>
inline Pack<W> erfinv(Pack<W> x) {
    return lane_by_lane(scalar_erfinv, x);
}

template <int W>
inline Pack<W> lgamma(Pack<W> x) {
    return lane_by_lane(scalar_lgamma, x);
}

template <int W>
inline Pack<W> digamma(Pack<W> x) {
    return lane_by_lane(scalar_digamma, x);
}

template <int W>
inline Pack<W> atan2(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_atan2, a, b);
}

template <int W>
inline Pack<W> hypot(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_hypot, a, b);
}

template <int W>
inline Pack<W> pow(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_pow, a, b);
}

template <int W>
inline Pack<W> fmod(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_fmod, a, b);
}

template <int W>
inline Pack<W> mod(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_mod, a, b);
}

template <int W>
inline Pack<W> floordiv(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_floordiv, a, b);
}

template <int W>
inline Pack<W> polygamma(Pack<W> a, Pack<W> b) {
    return lane_by_lane(scalar_polygamma, a, b);
}

}  // namespace
}  // namespace reelgrad::exec
