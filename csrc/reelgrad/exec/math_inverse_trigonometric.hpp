// exec/math_inverse_trigonometric.hpp: arc sine, cosine and tangent.
//
// asin by fdlibm's rational approximation on [0, 1/2] (Sun Microsystems, e_asin.c, 1993) and asin(x) = pi/2 -
// 2 asin(sqrt((1 - x) / 2)) above; atan by that of Cephes on [0, 0.66] (S. Moshier, atan.c), after a quarter or an
// eighth of a turn was taken off.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"

namespace reelgrad::exec {
namespace {

constexpr double half_pi_high = 0x1.921fb54442d18p+0;
constexpr double half_pi_low = 0x1.1a62633145c07p-54;

// asin(x) = s + s * rational(z) with s = x, z = x^2 for |x| <= 1/2, else of s = sqrt(z), z = (1 - |x|) / 2. A size
// above 1 makes the root nan.
template <int W>
struct ArcSine {
    Mask<W> small;
    Pack<W> s, correction;
};

template <int W>
[[gnu::always_inline]] inline ArcSine<W> arc_sine(Pack<W> size) {
    const Mask<W> small = size <= 0.5;
    const Pack<W> z = select(small, size * size, 0.5 - 0.5 * size);
    const Pack<W> s = select(small, size, sqrt(z));
    const Pack<W> p =
        polynomial(z, {1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
                       -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05});
    const Pack<W> q = polynomial(z, {1.0, -2.40339491173441421878e+00, 2.02094576023350569471e+00,
                                     -6.88283971605453293030e-01, 7.70381505559019352791e-02});
    return {small, s, s * (z * p / q)};
}

template <int W>
[[gnu::always_inline]] inline Pack<W> asin(Pack<W> x) {
    const auto [small, s, correction] = arc_sine(abs(x));
    const Pack<W> y = s + correction;
    return with_sign(select(small, y, half_pi_high - (2.0 * y - half_pi_low)), sign_of(x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> acos(Pack<W> x) {
    const auto [small, s, correction] = arc_sine(abs(x));
    const Pack<W> sign = copysign(Pack<W>(1.0), x);
    const Pack<W> near_zero = half_pi_high - (sign * s - (half_pi_low - sign * correction));
    const Pack<W> twice = 2.0 * (s + correction);
    const Pack<W> near_edge = select(x < 0.0, 2.0 * half_pi_high - (twice - 2.0 * half_pi_low), twice);
    return select(small, near_zero, near_edge);
}

// atan(a / b) for a and b that are not negative and not both 0 or infinite; a + b must not overflow.
template <int W>
[[gnu::always_inline]] inline Pack<W> arc_tangent(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const Mask<W> quarter = a > 2.41421356237309504880 * b;  // tan(3 pi / 8)
    const Mask<W> eighth = !quarter && a > 0.66 * b;
    const P t = select(quarter, -b, select(eighth, a - b, a)) / select(quarter, a, select(eighth, a + b, b));
    const P z = t * t;
    const P p = polynomial(z, {-6.485021904942025371773e1, -1.228866684490136173410e2, -7.500855792314704667340e1,
                               -1.615753718733365076637e1, -8.750608600031904122785e-1});
    const P q = polynomial(z, {1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2,
                               1.650270098316988542046e2, 2.485846490142306297962e1, 1.0});
    const P y = mul_add(t, z * (p / q), t);
    const P low = select(quarter, P(half_pi_low), select(eighth, P(0.5 * half_pi_low), P(0.0)));
    return select(quarter, P(half_pi_high), select(eighth, P(0.5 * half_pi_high), P(0.0))) + (y + low);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> atan(Pack<W> x) {
    return with_sign(arc_tangent(abs(x), Pack<W>(1.0)), sign_of(x));
}

// The angle of the point (b, a), from the quotient of the sizes.
template <int W>
[[gnu::always_inline]] inline Pack<W> atan2(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    P y = abs(a);
    P x = abs(b);
    const Mask<W> infinite = y == ops::infinity && x == ops::infinity;
    // Subnormal sizes are scaled too: their quotient has all bits, their sum and difference have not.
    const P larger = greater(y, x);
    const P factor = select(larger > 0x1p1000, P(0x1p-20), select(larger < 0x1p-900, P(0x1p100), P(1.0)));
    y = select(infinite, P(1.0), y * factor);
    x = select(infinite || (y == 0.0 && x == 0.0), P(1.0), x * factor);
    const P acute = arc_tangent(y, x);
    const Mask<W> left = copysign(P(1.0), b) < 0.0;
    const P angle = select(left, 2.0 * half_pi_high - (acute - 2.0 * half_pi_low), acute);
    return select(a != a || b != b, a + b, with_sign(angle, sign_of(a)));
}

}  // namespace
}  // namespace reelgrad::exec
