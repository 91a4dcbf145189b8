// exec/math_trigonometric.hpp: sine, cosine and tangent.
//
// |x| = k pi/2 + r with a whole k and |r| <= pi/4, pi/2 in three parts (Cody and Waite), then sine or cosine of r by
// fdlibm's polynomials (Sun Microsystems, k_sin.c and k_cos.c, 1993). Lanes too large for three parts go to the C
// library one by one.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_exponential.hpp"

namespace reelgrad::exec {
namespace {

// With fma the parts have 53 bits each, and x - k part1 is exact while k < 2^52. Without it they have 33 bits, so that
// k part1 and k part2 are exact up to k = 2^20, and the third part's rounding is harmless up to 2^17.
constexpr double half_pi_1 = has_fma ? 0x1.921fb54442d18p+0 : 0x1.921fb544p+0;
constexpr double half_pi_2 = has_fma ? 0x1.1a62633145c07p-54 : 0x1.0b4611a6p-34;
constexpr double half_pi_3 = has_fma ? -0x1.f1976b7ed8fbcp-110 : 0x1.3198a2e037073p-69;
constexpr double reducible = has_fma ? 1e9 : 1e5;

template <int W>
[[gnu::always_inline]] inline Reduced<W> reduce_by_half_pi(Pack<W> size) {
    const Pack<W> shifted = mul_add(size, Pack<W>(0x1.45f306dc9c883p-1), Pack<W>(round_shift));
    const Pack<W> k = shifted - round_shift;
    const Pack<W> r = mul_add(-k, Pack<W>(half_pi_2), mul_add(-k, Pack<W>(half_pi_1), size));
    return {shifted, k, mul_add(-k, Pack<W>(half_pi_3), r)};
}

template <int W>
[[gnu::always_inline]] inline Pack<W> sin_reduced(Pack<W> r, Pack<W> z) {
    const Pack<W> tail =
        polynomial(z, {-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
                       2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10});
    return mul_add(z * r, tail, r);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> cos_reduced(Pack<W> z) {
    const Pack<W> tail =
        polynomial(z, {4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                       -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11});
    const Pack<W> half = 0.5 * z;
    const Pack<W> near = 1.0 - half;
    return near + mul_add(z * z, tail, (1.0 - near) - half);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> sin(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Reduced<W> reduced = reduce_by_half_pi(size);
    const Pack<W> z = reduced.r * reduced.r;
    const Pack<W> y = select(is_odd(bits(reduced.shifted)), cos_reduced(z), sin_reduced(reduced.r, z));
    const Words<W> sign = (bits(reduced.shifted) & words<W>(2)) << 62;
    return patch(size > reducible, from_bits(bits(y) ^ sign ^ sign_of(x)), scalar_sin, x);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> cos(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Reduced<W> reduced = reduce_by_half_pi(size);
    const Pack<W> z = reduced.r * reduced.r;
    const Pack<W> y = select(is_odd(bits(reduced.shifted)), sin_reduced(reduced.r, z), cos_reduced(z));
    const Words<W> sign = ((bits(reduced.shifted) + words<W>(1)) & words<W>(2)) << 62;
    return patch(size > reducible, from_bits(bits(y) ^ sign), scalar_cos, x);
}

// sin / cos, or -cos / sin where k is odd.
template <int W>
[[gnu::always_inline]] inline Pack<W> tan(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Reduced<W> reduced = reduce_by_half_pi(size);
    const Pack<W> z = reduced.r * reduced.r;
    const Pack<W> sine = sin_reduced(reduced.r, z);
    const Pack<W> cosine = cos_reduced(z);
    const Mask<W> odd = is_odd(bits(reduced.shifted));
    const Pack<W> y = select(odd, -cosine, sine) / select(odd, sine, cosine);
    return patch(size > reducible, from_bits(bits(y) ^ sign_of(x)), scalar_tan, x);
}

}  // namespace
}  // namespace reelgrad::exec
