// exec/math_normal.hpp: the error function and the normal distribution.
//
// Up to 1/2, erf(x) = x + x p(x^2). Above, everything rests on erfcx(x) = exp(x^2) erfc(x): (1 + 2 x) erfcx(x) is
// smooth in (x - 4) / (x + 4) up to infinity (M. M. Shepherd and J. G. Laframboise, Mathematics of Computation 36,
// 1981), here by a polynomial of degree 23. Both polynomials are minimax approximations in relative error (4e-18 and
// 3e-18), made with Remez's algorithm. Squares keep their rounding error, which exp would magnify.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_power.hpp"

namespace reelgrad::exec {
namespace {

constexpr double erf_end = 0.5;  // of the polynomial for erf

template <int W>
[[gnu::always_inline]] inline Pack<W> erf_small(Pack<W> x) {
    const Pack<W> p = polynomial(x * x, {0x1.06eba8214db68p-3, -0x1.812746b0379b5p-2, 0x1.ce2f21a03d800p-4,
                                         -0x1.b82ce30f2816cp-6, 0x1.565bcbf7ca828p-8, -0x1.c02d4f15fa550p-11,
                                         0x1.f98da4d070556p-14, -0x1.f223ad9fc6a0fp-17, 0x1.8b41512f18826p-20});
    return mul_add(x, p, x);
}

// erfcx(x) for x >= erf_end.
template <int W>
[[gnu::always_inline]] inline Pack<W> erfcx_right(Pack<W> x) {
    const Pack<W> bounded = lesser(Pack<W>(0x1p1000), x);
    const Pack<W> p =
        polynomial((bounded - 4.0) / (bounded + 4.0),
                   {0x1.3ba5916e9fd7fp+0,   -0x1.1df1ad154a28ep-3,  0x1.f7f5df66fdae0p-7,   0x1.16ecefcfa530dp-4,
                    -0x1.9ddb23c3ea930p-4,  0x1.7fee004e13e89p-4,   -0x1.0fb06dfe245b2p-4,  0x1.3079edf63b0ddp-5,
                    -0x1.0962388c493ffp-6,  0x1.49c672a27364fp-8,   -0x1.8d4a9347ab293p-11, -0x1.a1df406818ac9p-13,
                    0x1.3bdfc2dacbb5fp-13,  -0x1.995533df6ae33p-16, -0x1.786dbdcf97880p-17, 0x1.7ef6376285d74p-18,
                    0x1.33fbf42e74a2cp-22,  -0x1.b7edd3d3172d3p-21, 0x1.64e5962778d4bp-24,  0x1.ba39d8dc898c3p-24,
                    -0x1.97d98a88964f6p-26, -0x1.41ba8bcd876a0p-27, 0x1.eb6e8ad376868p-29,  -0x1.b2cf80d5d0b04p-34});
    return 0.5 * p / (0.5 + x);
}

// factor exp(scale x^2), where scale is a power of two or its negative; the exponent stays above -1000.
template <int W>
[[gnu::always_inline]] inline Pack<W> exp_of_square(double scale_factor, Pack<W> x, Pack<W> factor) {
    const Pack<W> square = x * x;
    const Pack<W> rest = rest_of_product(x, x, square);
    const Reduced<W> reduced = reduce_by_ln_2(scale_factor * square);
    const Pack<W> r = mul_add(Pack<W>(scale_factor), rest, reduced.r);
    return exp_reduced(Reduced<W>{reduced.shifted, reduced.n, r}, factor);
}

// erfc(x) for x >= erf_end.
template <int W>
[[gnu::always_inline]] inline Pack<W> erfc_right(Pack<W> x) {
    const Pack<W> bounded = lesser(Pack<W>(28.0), x);  // 0 from 27.3 on
    return exp_of_square(-1.0, bounded, erfcx_right(bounded));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> erf(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> y = select(size < erf_end, erf_small(size), 1.0 - erfc_right(size));
    return with_sign(y, sign_of(x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> erfc(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> tail = erfc_right(size);
    return select(size < erf_end, 1.0 - erf_small(x), select(x < 0.0, 2.0 - tail, tail));
}

// The cumulative distribution function of the standard normal distribution, erfc(-x / sqrt(2)) / 2.
template <int W>
[[gnu::always_inline]] inline Pack<W> ndtr(Pack<W> x) {
    const Pack<W> size = lesser(Pack<W>(39.0), abs(x));
    const Pack<W> tail = exp_of_square(-0.5, size, 0.5 * erfcx_right(size * ops::inv_sqrt_2));
    const Pack<W> small = mul_add(Pack<W>(0.5), erf_small(x * ops::inv_sqrt_2), Pack<W>(0.5));
    return select(size * ops::inv_sqrt_2 < erf_end, small, select(x < 0.0, tail, 1.0 - tail));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> normal_pdf(Pack<W> x) {
    return exp_of_square(-0.5, lesser(Pack<W>(39.0), abs(x)), Pack<W>(ops::inv_sqrt_2pi));
}

// exp(x^2) (1 - erf(x)) around 0, 2 exp(x^2) - erfcx(-x) to the left, where it overflows at -26.6.
template <int W>
[[gnu::always_inline]] inline Pack<W> erfcx(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Mask<W> small = size < erf_end;
    const Pack<W> right = erfcx_right(size);
    const Pack<W> factor = select(small, 1.0 - erf_small(x), Pack<W>(2.0));
    const Pack<W> grown = exp_of_square(1.0, lesser(Pack<W>(27.0), size), factor);
    return select(small, grown, select(x < 0.0, grown - right, right));
}

}  // namespace
}  // namespace reelgrad::exec
