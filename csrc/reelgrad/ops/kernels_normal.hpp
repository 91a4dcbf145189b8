// ops/kernels_normal.hpp: the error function and the normal distribution for double.
//
// Everything rests on erfcx(x) = exp(x^2) erfc(x), which neither overflows nor cancels for x > 0, and on squares with
// their rounding error: exp magnifies the rounding of x^2 by x^2.
#pragma once

#include <cmath>

#include "reelgrad/ops/number.hpp"

namespace reelgrad::ops {

namespace detail {

// exp(scale * x^2), where scale is a power of two or its negative. The result must not overflow.
inline double exp_of_square(double scale, double x) {
    const double square = x * x;
    const double error = std::fma(x, x, -square);
    const double y = std::exp(scale * square);
    return y + y * (scale * error);
}

// erfcx for x >= 0.46875 by the rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error
// function", Mathematics of Computation 23 (1969), as in his CALERF. Up to 4 his numerator p is turned into
// (1 + 2 x) p / q = 1 + n / q, where n / q < 0.29 contributes little rounding.
inline double erfcx_right(double x) {
    if (x <= 4.0) {
        constexpr double n[] = {4.30623070948807692e-8, 1.28377015508493725e-1,
                                2.58556197505558727e0,  2.34275801773591359e1,
                                1.26208365169932034e2,  4.41150006114248121e2,
                                1.01524821077645062e3,  1.45158527814296637e3,
                                1.07238941327834433e3,  -5.75217e-9};
        constexpr double d[] = {1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
                                1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
                                3.43936767414372164e3, 1.23033935480374942e3};
        double p = n[0];
        double q = 1.0;
        for (int i = 1; i < 10; ++i) p = p * x + n[i];
        for (const double coefficient : d) q = q * x + coefficient;
        return (1.0 + p / q) / (1.0 + 2.0 * x);
    }
    constexpr double c[] = {3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
                            1.60837851487422766e-2, 6.58749161529837803e-4, 1.63153871373020978e-2};
    constexpr double d[] = {2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
                            6.05183413124413191e-2, 2.33520497626869185e-3};
    const double z = 1.0 / x / x;
    double p = c[5] * z;
    double q = z;
    for (int i = 0; i < 4; ++i) {
        p = (p + c[i]) * z;
        q = (q + d[i]) * z;
    }
    return (inv_sqrt_pi - z * (p + c[4]) / (q + d[4])) / x;
}

}  // namespace detail

inline double erf(double x) { return std::erf(x); }

inline double erfcx(double x) {
    if (!(x < 0.46875)) return detail::erfcx_right(x);
    if (x < -26.64) return infinity;
    if (x > -0.46875) return std::exp(x * x) * (1.0 - std::erf(x));
    return 2.0 * detail::exp_of_square(1.0, x) - detail::erfcx_right(-x);
}

// The C library's erfc may be off by more than 5 ulp.
inline double erfc(double x) {
    if (x < 0.46875) return 1.0 - std::erf(x);
    if (x > 27.3) return 0.0;
    return detail::exp_of_square(-1.0, x) * detail::erfcx_right(x);
}

// A start, refined by Halley's method with the residual of erfc(y) = 1 - |x| in the tail. The start is that of M.
// Giles, "Approximating the erfinv function" (2010), good to 1e-7 there, and for 1 - |x| < 3e-6 the leading term of
// erfc's asymptotic series.
inline double erfinv(double x) {
    const double size = std::fabs(x);
    if (!(size < 1.0)) return size == 1.0 ? std::copysign(infinity, x) : quiet_nan;
    if (size < 1e-8) return half_sqrt_pi * x;
    const double tail = 1.0 - size;
    const double w = -std::log(tail * (1.0 + size));
    double y = 0.0;
    int steps = 1;
    if (w < 5.0) {
        for (const double c : {2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4,
                               -1.25372503e-3, -4.17768164e-3, 2.46640727e-1, 1.50140941}) {
            y = y * (w - 2.5) + c;
        }
        y *= size;
    } else if (w < 12.0) {
        for (const double c : {-2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3,
                               -7.6224613e-3, 9.43887047e-3, 1.00167406, 2.83297682}) {
            y = y * (std::sqrt(w) - 3.0) + c;
        }
        y *= size;
    } else {
        y = std::sqrt(-std::log(tail));
        for (int i = 0; i < 2; ++i) y = std::sqrt(-std::log(tail * y / inv_sqrt_pi));
        steps = 2;
    }
    for (int step = 0; step < steps; ++step) {
        const double residual = size < 0.75 ? std::erf(y) - size : tail - erfc(y);
        const double newton = residual / (two_inv_sqrt_pi * std::exp(-y * y));
        y -= newton / (1.0 + y * newton);
    }
    return std::copysign(y, x);
}

inline double normal_pdf(double x) {
    if (std::fabs(x) > 38.7) return 0.0;
    return inv_sqrt_2pi * detail::exp_of_square(-0.5, x);
}

// The cumulative distribution function of the standard normal distribution.
inline double ndtr(double x) {
    const double z = std::fabs(x) * inv_sqrt_2;
    if (!(z >= 0.46875)) return 0.5 + 0.5 * std::erf(x * inv_sqrt_2);
    const double tail = z > 27.4 ? 0.0 : 0.5 * detail::exp_of_square(-0.5, x) * detail::erfcx_right(z);
    return x < 0.0 ? tail : 1.0 - tail;
}

}  // namespace reelgrad::ops
