// exec/math_exponential.hpp: exponentials, and what is made of one: tanh, sigmoid, sinh, cosh.
//
// x = n log(2) / m + r with a whole n and |r| <= log(2) / 2 m; exp(x) = 2^(n / m) exp(r) (Cody and Waite). m is 16
// where the powers of 2^(1/16) can be looked up in a register (Tang, ACM Trans. Math. Software 15, 1989), so that a
// shorter polynomial does, and 1 elsewhere. The polynomials for exp(r) - 1 are minimax approximations in relative
// error, the coefficients of r and r^2 held fixed, calculated with Remez's algorithm.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"

namespace reelgrad::exec {
namespace {

// log(2) in two parts. Without fma the first has 32 bits, so that its product with k is exact.
constexpr double ln_2_high = has_fma ? 0x1.62e42fefa39efp-1 : 0x1.62e42feep-1;
constexpr double ln_2_low = has_fma ? 0x1.abc9e3b39803fp-56 : 0x1.a39ef35793c76p-33;

// How many steps there are from a power of 2 to the next.
template <int W>
constexpr int steps = has_lookup<W> ? 16 : 1;

template <int W>
struct Reduced {
    Pack<W> shifted;  // n + round_shift: the last bits are those of n
    Pack<W> n;
    Pack<W> r;
};

// x - n log(2) / steps. |x| below 2^16. Where errors of n 2^-57 do not count, `exactly` may be false.
template <int W>
[[gnu::always_inline]] inline Reduced<W> reduce_by_ln_2(Pack<W> x, bool exactly = true) {
    constexpr double m = steps<W>;
    const Pack<W> shifted = mul_add(x, Pack<W>(m * ops::log2_e), Pack<W>(round_shift));
    const Pack<W> n = shifted - round_shift;
    const Pack<W> r = mul_add(-n, Pack<W>(ln_2_high / m), x);
    return {shifted, n, exactly || !has_fma ? mul_add(-n, Pack<W>(ln_2_low / m), r) : r};
}

// Of x - k log(2).
template <int W>
[[gnu::always_inline]] inline Reduced<W> less_ln_2(Reduced<W> reduced, int k) {
    const double n = k * steps<W>;
    return {reduced.shifted - n, reduced.n - n, reduced.r};
}

// exp(r) - 1. The terms are grouped so that few wait for each other.
template <int W>
[[gnu::always_inline]] inline Pack<W> expm1_reduced(Pack<W> r) {
    using P = Pack<W>;
    const P r2 = r * r;
    if constexpr (steps<W> == 16) {  // to 1.5e-18
        const P a = mul_add(r, P(0x1.555555555554dp-3), P(0.5));
        const P b = mul_add(r, P(0x1.11111111caf7cp-7), P(0x1.55555554f2644p-5));
        const P c = mul_add(r, P(0x1.a019a4cf9c685p-13), P(0x1.6c17eb1997f7bp-10));
        return mul_add(r2, mul_add(r2, mul_add(r2, c, b), a), r);
    } else {  // to 6e-18
        const P r4 = r2 * r2;
        const P a = mul_add(r, P(0x1.5555555555501p-3), P(0.5));
        const P b = mul_add(r, P(0x1.111111112882dp-7), P(0x1.555555555320ep-5));
        const P c = mul_add(r, P(0x1.a01a011c37ae8p-13), P(0x1.6c16c17cc0bf4p-10));
        const P d = mul_add(r, P(0x1.71df5523134d0p-19), P(0x1.a019ab35abf6ap-16));
        const P e = mul_add(r, P(0x1.ad202ae77132dp-26), P(0x1.289f81b3c8cabp-22));
        const P q = mul_add(r4, mul_add(r4, e, mul_add(r2, d, c)), mul_add(r2, b, a));
        return mul_add(r2, q, r);
    }
}

// 2^(j/16), rounded, and what is missing.
alignas(64) constexpr double fractions[16] = {
    0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
    0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
    0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
    0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0};
// clang-format off
alignas(64) constexpr double fractions_low[16] = {
    0x0.0p+0, 0x1.8a62e4adc610bp-54, -0x1.19041b9d78a76p-55, 0x1.9b07eb6c70573p-54,
    0x1.6f46ad23182e4p-55, 0x1.ada0911f09ebcp-55, 0x1.d4397afec42e2p-56, 0x1.6324c054647adp-54,
    -0x1.bdd3413b26456p-54, -0x1.41577ee04992fp-55, 0x1.6e9f156864b27p-54, 0x1.c7c46b071f2bep-56,
    0x1.7a1cd345dcc81p-54, 0x1.11065895048ddp-55, 0x1.2ed02d75b3707p-55, -0x1.e9c23179c2893p-54};
// clang-format on

// The element of n mod 16, for n + round_shift.
template <int W>
[[gnu::always_inline]] inline Pack<W> element(const double (&table)[16], Pack<W> shifted) {
    return Pack<W>::of(look_up<W, typename Pack<W>::Vector>(table, bits(shifted).lanes));
}

// 2^k of k + round_shift, for -1023 < k < 1024.
template <int W>
[[gnu::always_inline]] inline Pack<W> power_of_2(Pack<W> shifted) {
    return from_bits((bits(shifted) + words<W>(1023)) << 52);
}

// y 2^k, rounded once, for |k| < 2000; k is rounded down.
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

// factor exp(x), rounded once more than it has to be where factors are looked up.
template <int W>
[[gnu::always_inline]] inline Pack<W> exp_reduced(Reduced<W> x, Pack<W> factor) {
    if constexpr (steps<W> == 16) {
        factor = element(fractions, x.shifted) * factor;
    }
    return scale(mul_add(factor, expm1_reduced(x.r), factor), x.n * (1.0 / steps<W>));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> exp_reduced(Reduced<W> x) {
    const Pack<W> p = expm1_reduced(x.r);
    if constexpr (steps<W> == 16) {
        const Pack<W> t = element(fractions, x.shifted);
        return scale(mul_add(t, p, t), x.n * (1.0 / 16.0));
    } else {
        return scale(1.0 + p, x.n);
    }
}

// exp(x) - one, where exp(x) is a normal number; accurate also near 0 if one is 1.
template <int W>
[[gnu::always_inline]] inline Pack<W> exp_less(Reduced<W> x, double one) {
    const Pack<W> p = expm1_reduced(x.r);
    if constexpr (steps<W> == 16) {
        const Pack<W> power = from_bits(((bits(x.shifted) >> 4) + words<W>(1023)) << 52);
        const Pack<W> t = power * element(fractions, x.shifted);
        const Pack<W> low = element(fractions_low, x.shifted);
        return mul_add(t, p, mul_add(power, low, t - one));
    } else {
        const Pack<W> power = power_of_2(x.shifted);
        return mul_add(power, p, power - one);
    }
}

// nan stays nan: lesser and greater yield their second operand then.
template <int W>
[[gnu::always_inline]] inline Pack<W> between(double low, double high, Pack<W> x) {
    return greater(Pack<W>(low), lesser(Pack<W>(high), x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> exp(Pack<W> x) {
    return exp_reduced(reduce_by_ln_2(between(-750.0, 710.0, x)));
}

// r = (x - n / steps) log(2) rounds once more, by a part of |r| < 0.35.
template <int W>
[[gnu::always_inline]] inline Pack<W> exp2(Pack<W> x) {
    constexpr double m = steps<W>;
    const Pack<W> bounded = between(-1100.0, 1025.0, x);
    const Pack<W> shifted = mul_add(bounded, Pack<W>(m), Pack<W>(round_shift));
    const Pack<W> n = shifted - round_shift;
    return exp_reduced(Reduced<W>{shifted, n, (bounded - n * (1.0 / m)) * ops::ln_2});
}

// Where exp(x) / 2 overflows: a bound that keeps 2^(k - 2) finite.
constexpr double overflowing = 710.6;

// (exp(x) - 1) / 2, which does not overflow before sinh does, for -40 <= x <= overflowing. Zero and subnormal numbers
// lose their sign and their last bit.
template <int W>
[[gnu::always_inline]] inline Pack<W> half_expm1(Pack<W> x) {
    return 2.0 * exp_less(less_ln_2(reduce_by_ln_2(x), 2), 0.25);
}

constexpr double negligible = 0x1p-54;  // the square of a number below does not count beside it

template <int W>
[[gnu::always_inline]] inline Pack<W> expm1(Pack<W> x) {
    const Pack<W> y = 2.0 * half_expm1(between(-40.0, overflowing, x));
    return select(abs(x) < negligible, x, y);
}

// E / (E + 2) with E = exp(2 |x|) - 1. At 22 it has rounded to 1. An error of E counts for 2 / (E + 2) of itself.
template <int W>
[[gnu::always_inline]] inline Pack<W> tanh(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> e = exp_less(reduce_by_ln_2(lesser(Pack<W>(44.0), size + size), false), 1.0);
    return with_sign(e / (e + 2.0), sign_of(x));
}

// exp of a number that is not positive does not overflow, and is the result itself where x is far below 0.
template <int W>
[[gnu::always_inline]] inline Pack<W> sigmoid(Pack<W> x) {
    const Pack<W> e = exp_reduced(reduce_by_ln_2(greater(Pack<W>(-750.0), -abs(x))));
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
    const Pack<W> half = exp_reduced(less_ln_2(reduce_by_ln_2(lesser(Pack<W>(overflowing), abs(x))), 1));
    return half + 0.25 / half;
}

}  // namespace
}  // namespace reelgrad::exec
