// exec/math_logarithm.hpp: logarithms, and what is made of one: the inverse hyperbolic functions and logit.
//
// x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2); log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)) with
// s = f / (2 + f): the method and the coefficients of R are fdlibm's (Sun Microsystems, e_log.c, 1993).
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_exponential.hpp"

namespace reelgrad::exec {
namespace {

template <int W>
struct Split {
    Pack<W> k;
    Pack<W> mantissa;  // between sqrt(1/2) and sqrt(2)
};

// x = 2^k mantissa for finite x > 0.
template <int W>
[[gnu::always_inline]] inline Split<W> split(Pack<W> x) {
    constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
    constexpr std::uint64_t one = 0x3ff0000000000000;
    const Mask<W> subnormal = x < 0x1p-1022;
    const Words<W> word = bits(select(subnormal, x * 0x1p54, x)) + words<W>(one - sqrt_half);
    const Words<W> exponent = (word >> 52) + words<W>(0x4338000000000000);  // the bits of k + 1023 + round_shift
    const Pack<W> shift = select(subnormal, Pack<W>(round_shift + 1023.0 + 54.0), Pack<W>(round_shift + 1023.0));
    return {from_bits(exponent) - shift, from_bits((word & words<W>(0x000fffffffffffff)) + words<W>(sqrt_half))};
}

// log(1 + f), split: f - tail, for 1 + f between sqrt(1/2) and sqrt(2).
template <int W>
[[gnu::always_inline]] inline Pack<W> log_tail(Pack<W> f, Pack<W> addend) {
    using P = Pack<W>;
    const P s = f / (2.0 + f);
    const P z = s * s;
    const P w = z * z;
    const P even = w * mul_add(w, mul_add(w, P(1.531383769920937332e-01), P(2.222219843214978396e-01)),
                               P(3.999999999940941908e-01));
    const P odd = z * mul_add(w,
                              mul_add(w, mul_add(w, P(1.479819860511658591e-01), P(1.818357216161805012e-01)),
                                      P(2.857142874366239149e-01)),
                              P(6.666666666666735130e-01));
    const P half_square = 0.5 * f * f;
    return half_square - mul_add(s, half_square + (even + odd), addend);
}

// What a logarithm of x is where x is not a positive finite number, else y.
template <int W>
[[gnu::always_inline]] inline Pack<W> at_edges(Pack<W> x, Pack<W> y) {
    using P = Pack<W>;
    const Mask<W> inside = x > 0.0 && x < ops::infinity;
    const P edge = select(x == 0.0, P(-ops::infinity), select(x == ops::infinity, x, P(ops::quiet_nan)));
    return select(inside, y, edge);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> log(Pack<W> x) {
    using P = Pack<W>;
    const Split<W> parts = split(x);
    const P f = parts.mantissa - 1.0;
    const P tail = log_tail(f, parts.k * ln_2_low);
    return at_edges(x, mul_add(parts.k, P(ln_2_high), f - tail));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> log2(Pack<W> x) {
    using P = Pack<W>;
    const Split<W> parts = split(x);
    const P f = parts.mantissa - 1.0;
    return at_edges(x, mul_add(f - log_tail(f, P(0.0)), P(ops::log2_e), parts.k));
}

// log10(2) in two parts, the first of 42 bits, so that its product with k is exact.
template <int W>
[[gnu::always_inline]] inline Pack<W> log10(Pack<W> x) {
    using P = Pack<W>;
    const Split<W> parts = split(x);
    const P f = parts.mantissa - 1.0;
    const P rest = mul_add(parts.k, P(0x1.fef311f12b358p-46), (f - log_tail(f, P(0.0))) * ops::log10_e);
    return at_edges(x, mul_add(parts.k, P(0x1.34413509f7800p-2), rest));
}

// log(x + rest), where rest is too small to change x: it is added to f.
template <int W>
[[gnu::always_inline]] inline Pack<W> log_of_sum(Pack<W> x, Pack<W> rest) {
    using P = Pack<W>;
    const Split<W> parts = split(x);
    const P inverse_power = power_of_2(round_shift - lesser(parts.k, P(1000.0)));
    const P f = mul_add(rest, inverse_power, parts.mantissa - 1.0);
    const P tail = log_tail(f, parts.k * ln_2_low);
    return at_edges(x, mul_add(parts.k, P(ln_2_high), f - tail));
}

// What 1 + x loses when it is rounded (Knuth).
template <int W>
[[gnu::always_inline]] inline Pack<W> rest_of_1_plus(Pack<W> x, Pack<W> sum) {
    const Pack<W> rounded_x = sum - 1.0;
    return (1.0 - (sum - rounded_x)) + (x - rounded_x);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> log1p(Pack<W> x) {
    const Pack<W> sum = 1.0 + x;
    return select(abs(x) < negligible, x, log_of_sum(sum, rest_of_1_plus(x, sum)));
}

constexpr double square_root_exact = 0x1p54;  // sqrt(x^2 + 1) rounds to x from here on

// log(a + sqrt(a^2 + 1)) with a = |x|; log(2 a) where the square might overflow.
template <int W>
[[gnu::always_inline]] inline Pack<W> asinh(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> square = size * size;
    const Mask<W> large = size > square_root_exact;
    const Pack<W> excess = select(large, size, size + square / (1.0 + sqrt(1.0 + square)));
    return with_sign(log1p(excess) + select(large, Pack<W>(ops::ln_2), Pack<W>(0.0)), sign_of(x));
}

// log(x + sqrt(x^2 - 1)), by x - 1, which is exact where it matters.
template <int W>
[[gnu::always_inline]] inline Pack<W> acosh(Pack<W> x) {
    const Pack<W> above = x - 1.0;
    const Mask<W> large = x > square_root_exact;
    const Pack<W> excess = select(large, x, above + sqrt(above * (x + 1.0)));
    const Pack<W> y = log1p(excess) + select(large, Pack<W>(ops::ln_2), Pack<W>(0.0));
    return select(x < 1.0, Pack<W>(ops::quiet_nan), y);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> atanh(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> y = 0.5 * log1p((size + size) / (1.0 - size));
    return with_sign(select(size > 1.0, Pack<W>(ops::quiet_nan), y), sign_of(x));
}

// log(p / (1 - p)). Around 1/2, where the quotient rounds close to 1, it is log(1 + (2 p - 1) / (1 - p)).
template <int W>
[[gnu::always_inline]] inline Pack<W> logit(Pack<W> p) {
    const Mask<W> middle = p > 0.3 && p < 0.65;
    const Pack<W> quotient = select(middle, 2.0 * p - 1.0, p) / (1.0 - p);
    const Pack<W> sum = 1.0 + quotient;
    const Pack<W> rest = select(middle, rest_of_1_plus(quotient, sum), Pack<W>(0.0));
    return log_of_sum(select(middle, sum, quotient), rest);
}

}  // namespace
}  // namespace reelgrad::exec
