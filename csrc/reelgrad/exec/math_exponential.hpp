// exec/math_exponential.hpp: exponentials, and what is made of one: tanh, sigmoid, sinh, cosh.
//
// x = k log(2) + r with a whole k and |r| <= log(2) / 2; exp(x) = 2^k exp(r) (Cody and Waite). exp(r) - 1 is
// r + r^2 q(r), q a polynomial of degree 9: the minimax approximation in relative error (6e-18), 1/2 held fixed,
// calculated with Remez's algorithm.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"

namespace reelgrad::exec {
namespace {

// log(2) in two parts. Without fma the first has 32 bits, so that its product with k is exact.
constexpr double ln_2_high = has_fma ? 0x1.62e42fefa39efp-1 : 0x1.62e42feep-1;
constexpr double ln_2_low = has_fma ? 0x1.abc9e3b39803fp-56 : 0x1.a39ef35793c76p-33;

template <int W>
struct Reduced {
    Pack<W> shifted;  // k + round_shift: the last bits are those of k
    Pack<W> k;
    Pack<W> r;
};

// x - k log(2). |x| below 2^20.
template <int W>
[[gnu::always_inline]] inline Reduced<W> reduce_by_ln_2(Pack<W> x) {
    const Pack<W> shifted = mul_add(x, Pack<W>(ops::log2_e), Pack<W>(round_shift));
    const Pack<W> k = shifted - round_shift;
    return {shifted, k, mul_add(-k, Pack<W>(ln_2_low), mul_add(-k, Pack<W>(ln_2_high), x))};
}

// exp(r) - 1. The terms are grouped so that few wait for each other.
template <int W>
[[gnu::always_inline]] inline Pack<W> expm1_reduced(Pack<W> r) {
    using P = Pack<W>;
    const P r2 = r * r;
    const P r4 = r2 * r2;
    const P a = mul_add(r, P(0x1.5555555555501p-3), P(0.5));
    const P b = mul_add(r, P(0x1.111111112882dp-7), P(0x1.555555555320ep-5));
    const P c = mul_add(r, P(0x1.a01a011c37ae8p-13), P(0x1.6c16c17cc0bf4p-10));
    const P d = mul_add(r, P(0x1.71df5523134d0p-19), P(0x1.a019ab35abf6ap-16));
    const P e = mul_add(r, P(0x1.ad202ae77132dp-26), P(0x1.289f81b3c8cabp-22));
    const P q = mul_add(r4, mul_add(r4, e, mul_add(r2, d, c)), mul_add(r2, b, a));
    return mul_add(r2, q, r);
}

// 2^k of k + round_shift, for -1023 < k < 1024.
template <int W>
[[gnu::always_inline]] inline Pack<W> power_of_2(Pack<W> shifted) {
    return from_bits((bits(shifted) + words<W>(1023)) << 52);
}

// y 2^k, rounded once, for |k| < 2000.
template <int W>
[[gnu::always_inline]] inline Pack<W> scale(Pack<W> y, Pack<W> k) {
    if constexpr (has_scale<W>) {
        return Pack<W>::of(scale_lanes<W>(y.lanes, k.lanes));
    } else {
        const Pack<W> half = mul_add(k, Pack<W>(0.5), Pack<W>(round_shift));
        const Pack<W> rest = (k - (half - round_shift)) + round_shift;
        return (y * power_of_2(half)) * power_of_2(rest);
    }
}

// nan stays nan: lesser and greater yield their second operand then.
template <int W>
[[gnu::always_inline]] inline Pack<W> between(double low, double high, Pack<W> x) {
    return greater(Pack<W>(low), lesser(Pack<W>(high), x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> exp(Pack<W> x) {
    const Reduced<W> reduced = reduce_by_ln_2(between(-750.0, 710.0, x));
    return scale(1.0 + expm1_reduced(reduced.r), reduced.k);
}

// r = (x - k) log(2) rounds once more, by a part of |r| < 0.35.
template <int W>
[[gnu::always_inline]] inline Pack<W> exp2(Pack<W> x) {
    const Pack<W> bounded = between(-1100.0, 1025.0, x);
    const Pack<W> k = (bounded + round_shift) - round_shift;
    return scale(1.0 + expm1_reduced((bounded - k) * ops::ln_2), k);
}

// Where exp(x) / 2 overflows: a bound that keeps 2^(k - 2) finite.
constexpr double overflowing = 710.6;

// (exp(x) - 1) / 2, which does not overflow before sinh does, for -40 <= x <= overflowing. Zero and subnormal numbers
// lose their sign and their last bit.
template <int W>
[[gnu::always_inline]] inline Pack<W> half_expm1(Pack<W> x) {
    const Reduced<W> reduced = reduce_by_ln_2(x);
    const Pack<W> power = power_of_2(reduced.shifted - 2.0);
    return 2.0 * mul_add(power, expm1_reduced(reduced.r), power - 0.25);
}

constexpr double negligible = 0x1p-54;  // the square of a number below does not count beside it

template <int W>
[[gnu::always_inline]] inline Pack<W> expm1(Pack<W> x) {
    const Pack<W> y = 2.0 * half_expm1(between(-40.0, overflowing, x));
    return select(abs(x) < negligible, x, y);
}

// E / (E + 2) with E = exp(2 |x|) - 1. At 22 it has rounded to 1.
template <int W>
[[gnu::always_inline]] inline Pack<W> tanh(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Reduced<W> reduced = reduce_by_ln_2(lesser(Pack<W>(44.0), size + size));
    const Pack<W> power = power_of_2(reduced.shifted);
    const Pack<W> e = mul_add(power, expm1_reduced(reduced.r), power - 1.0);
    return with_sign(e / (e + 2.0), sign_of(x));
}

// exp of a number that is not positive does not overflow, and is the result itself where x is far below 0.
template <int W>
[[gnu::always_inline]] inline Pack<W> sigmoid(Pack<W> x) {
    const Reduced<W> reduced = reduce_by_ln_2(greater(Pack<W>(-750.0), -abs(x)));
    const Pack<W> e = scale(1.0 + expm1_reduced(reduced.r), reduced.k);
    return select(x < 0.0, e, Pack<W>(1.0)) / (1.0 + e);
}

// With H = (exp(|x|) - 1) / 2: sinh(|x|) = H + H / (2 H + 1). The quotient is at most 1/2, also where H is infinite.
template <int W>
[[gnu::always_inline]] inline Pack<W> sinh(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> half = half_expm1(lesser(Pack<W>(overflowing), size));
    const Pack<W> y = half + lesser(half / mul_add(Pack<W>(2.0), half, Pack<W>(1.0)), Pack<W>(0.5));
    return with_sign(select(size < negligible, size, y), sign_of(x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> cosh(Pack<W> x) {
    const Reduced<W> reduced = reduce_by_ln_2(lesser(Pack<W>(overflowing), abs(x)));
    const Pack<W> half = scale(1.0 + expm1_reduced(reduced.r), reduced.k - 1.0);
    return half + 0.25 / half;
}

}  // namespace
}  // namespace reelgrad::exec
