// exec/math_power.hpp: powers, cube root and length.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_logarithm.hpp"

namespace reelgrad::exec {
namespace {

// The 26 leading bits: products of them are exact.
template <int W>
[[gnu::always_inline]] inline Pack<W> leading(Pack<W> x) {
    return from_bits(bits(x) & words<W>(0xfffffffff8000000));
}

// What the product of a and b lost when it was rounded (without fma: T. J. Dekker, 1971).
template <int W>
[[gnu::always_inline]] inline Pack<W> rest_of_product(Pack<W> a, Pack<W> b, Pack<W> product) {
    if constexpr (has_fma) {
        return fma(a, b, -product);
    } else {
        const Pack<W> a_high = leading(a);
        const Pack<W> b_high = leading(b);
        const Pack<W> a_low = a - a_high;
        const Pack<W> b_low = b - b_high;
        return (((a_high * b_high - product) + a_high * b_low) + a_low * b_high) + a_low * b_low;
    }
}

// A number as the sum of two, the second below the rounding of the first.
template <int W>
struct Sum {
    Pack<W> high, low;
};

// log(x) for finite x > 0, to some 66 bits: with s = f / (2 + f) = tanh(log(1 + f) / 2) it is k log(2) + 2 s + s^3 (2/3
// + s^2 q(s^2)), where all but q is done in two parts. q is the minimax polynomial of degree 7 (Remez's algorithm).
template <int W>
[[gnu::always_inline]] inline Sum<W> precise_log(Pack<W> x) {
    using P = Pack<W>;
    const Split<W> parts = split(x);
    const P f = parts.mantissa - 1.0;
    const P divisor = 2.0 + f;
    const P inverse = 1.0 / divisor;
    const P s = f * inverse;
    const P product = s * divisor;
    const P remainder = ((f - product) - rest_of_product(s, divisor, product)) - s * (f - (divisor - 2.0));
    const P s_low = remainder * inverse;

    const P z = s * s;
    const P z_low = rest_of_product(s, s, z) + 2.0 * s * s_low;
    const P q = polynomial(z, {0x1.9999999999996p-2, 0x1.2492492493043p-2, 0x1.c71c71c57ea42p-3, 0x1.745d1833366f7p-3,
                               0x1.3b13627734014p-3, 0x1.1120bf5389673p-3, 0x1.de31deddfd570p-4, 0x1.eb1e6c039ece2p-4});
    const P zq = z * q;
    const P c = 2.0 / 3.0 + zq;
    const P c_low = 0x1.5555555555555p-55 + (zq - (c - 2.0 / 3.0));
    const P zc = z * c;
    const P zc_low = rest_of_product(z, c, zc) + (z_low * c + z * c_low);
    const P cubic = s * zc;
    const P cubic_low = rest_of_product(s, zc, cubic) + (s * zc_low + s_low * zc);

    const P high = 2.0 * s + cubic;
    const P low = (cubic - (high - 2.0 * s)) + (cubic_low + 2.0 * s_low);
    const P whole = parts.k * 0x1.62e42feep-1;  // log(2) to 32 bits: exact
    const P sum = whole + high;
    return {sum, (high - (sum - whole)) + mul_add(parts.k, P(0x1.a39ef35793c76p-33), low)};
}

// What pow is (C, annex F) for the lanes where the base is not a positive finite number or the exponent is not finite;
// y is the power of |a|.
template <int W>
[[gnu::noinline]] Pack<W> pow_at_edges(Pack<W> a, Pack<W> b, Pack<W> y) {
    using P = Pack<W>;
    const P size = abs(a);
    const P b_size = abs(b);
    const Mask<W> whole = round(b) == b;
    const Mask<W> odd = whole && round(0.5 * b) != 0.5 * b;
    const Mask<W> grows = (size == 0.0 && b < 0.0) || (size == ops::infinity && b > 0.0);
    y = select(size == 0.0 || size == ops::infinity, select(grows, P(ops::infinity), P(0.0)), y);
    y = select(b_size == ops::infinity,
               select((size > 1.0 && b > 0.0) || (size < 1.0 && b < 0.0), P(ops::infinity), P(0.0)), y);
    y = select(a < 0.0 && size < ops::infinity && !whole, P(ops::quiet_nan), y);
    y = select(odd, with_sign(y, sign_of(a)), y);
    y = select(a != a || b != b, P(ops::quiet_nan), y);
    return select(b == 0.0 || a == 1.0 || (a == -1.0 && b_size == ops::infinity), P(1.0), y);
}

// exp(b log|a|), the logarithm and the product in two parts. 1000 stands for all that overflows.
template <int W>
[[gnu::always_inline]] inline Pack<W> pow(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const Sum<W> logarithm = precise_log(abs(a));
    const P product = b * logarithm.high;
    const P rest = rest_of_product(b, logarithm.high, product) + b * logarithm.low;
    const Reduced<W> reduced = reduce_by_ln_2(between(-1000.0, 1000.0, product));
    const P r = reduced.r + select(abs(product) < 1000.0, rest, P(0.0));
    const P power = exp_reduced(Reduced<W>{reduced.shifted, reduced.n, r});
    const P y = select(b == 1.0, a, power);  // exact, as the eager pow is
    if (any(!(a > 0.0 && a < ops::infinity && abs(b) < ops::infinity))) [[unlikely]]
        return pow_at_edges(a, b, y);
    return y;
}

// x = m 2^(3 q) with a whole q. A polynomial to 1e-6 (Remez's algorithm), then one step of Halley's method.
template <int W>
[[gnu::always_inline]] inline Pack<W> cbrt(Pack<W> x) {
    using P = Pack<W>;
    const P size = abs(x);
    const Split<W> parts = split(size);
    const P q_shifted = mul_add(parts.k, P(1.0 / 3.0), P(round_shift));
    const P rest = parts.k - 3.0 * (q_shifted - round_shift);  // -1, 0 or 1
    const P start = polynomial(parts.mantissa, {0.42168941089292766, 1.0560169043146805, -0.836073381246044,
                                                0.5109693855631345, -0.17955854880499364, 0.026955242552127716});
    const P m = parts.mantissa * select(rest > 0.0, P(2.0), select(rest < 0.0, P(0.5), P(1.0)));
    const P t = start * select(rest > 0.0, P(1.2599210498948732), select(rest < 0.0, P(0.7937005259840998), P(1.0)));
    const P cube = t * t * t;
    const P y = (t - t * ((cube - m) / (cube + cube + m))) * power_of_2(q_shifted);
    return select(size > 0.0 && size < ops::infinity, with_sign(y, sign_of(x)), x);
}

// sqrt(a^2 + b^2), scaled where the squares might overflow or underflow.
template <int W>
[[gnu::always_inline]] inline Pack<W> hypot(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const P larger = greater(abs(a), abs(b));
    const Mask<W> huge = larger > 0x1p500;
    const Mask<W> tiny = larger < 0x1p-450;
    const P factor = select(huge, P(0x1p-600), select(tiny, P(0x1p600), P(1.0)));
    const P u = a * factor;
    const P v = b * factor;
    const P y = sqrt(mul_add(u, u, v * v)) * select(huge, P(0x1p600), select(tiny, P(0x1p-600), P(1.0)));
    const Mask<W> infinite = abs(a) == ops::infinity || abs(b) == ops::infinity;
    return select(infinite, P(ops::infinity), y);
}

}  // namespace
}  // namespace reelgrad::exec
