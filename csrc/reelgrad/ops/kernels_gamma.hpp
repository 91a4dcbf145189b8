// ops/kernels_gamma.hpp: the logarithm of the gamma function and its derivatives for double.
#pragma once

#include <math.h>  // lgamma_r, which POSIX keeps outside namespace std

#include <cmath>

#include "reelgrad/ops/number.hpp"

#if defined(__APPLE__)
extern "C" double lgamma_r(double, int*);  // which its math.h hides without _REENTRANT
#endif

namespace reelgrad::ops {

// log |gamma(x)|. POSIX lets lgamma write a global; lgamma_r does not.
inline double lgamma(double x) {
#if defined(_WIN32)
    return std::lgamma(x);
#else
    int sign = 0;
    return ::lgamma_r(x, &sign);
#endif
}

namespace detail {

// pi / tan(pi x), by the distance to the nearest pole or zero, which is exact, and by pi in two parts.
inline double pi_cot_pi(double x) {
    const auto tan_pi = [](double z) {
        const double product = pi * z;
        const double error = std::fma(pi, z, -product) + 1.2246467991473532e-16 * z;
        const double y = std::tan(product);
        return y + error * (1.0 + y * y);
    };
    const double distance = x - std::nearbyint(x);
    if (std::fabs(distance) <= 0.25) return pi / tan_pi(distance);
    return std::copysign(pi * tan_pi(0.5 - std::fabs(distance)), distance);
}

// digamma on [1, 2], relative to its root: coefficients of the Boost Math library (J. Maddock, digamma.hpp).
inline double digamma_1_2(double x) {
    constexpr double p[] = {0.25479851061131551,  -0.32555031186804491,  -0.65031853770896507,
                            -0.28919126444774784, -0.045251321448739056, -0.0020713321167745952};
    constexpr double q[] = {1.0,
                            2.0767117023730469,
                            1.4606242909763515,
                            0.43593529692665969,
                            0.054151797245674225,
                            0.0021284987017821144,
                            -0.55789841321675513e-6};
    constexpr double root_1 = 1569415565.0 / 1073741824.0;  // the root in three parts: the difference keeps its digits
    constexpr double root_2 = (381566830.0 / 1073741824.0) / 1073741824.0;
    constexpr double root_3 = 0.9016312093258695918615325266959189453125e-19;
    const double distance = ((x - root_1) - root_2) - root_3;
    const double z = x - 1.0;
    double numerator = 0.0;
    double denominator = q[6];
    for (int i = 5; i >= 0; --i) {
        numerator = numerator * z + p[i];
        denominator = denominator * z + q[i];
    }
    return distance * 0.99558162689208984 + distance * (numerator / denominator);
}

// factor n! / x^(n + 1), by factors that do not overflow or underflow before the result does.
inline double factorial_over_power(double factor, double n, double x) {
    double y = factor / x;
    for (double k = 1.0; k <= n && y != 0.0 && std::fabs(y) < infinity; k += 1.0) y *= k / x;
    return y;
}

// x^s zeta(s, x), the sum of (x / (x + k))^s over k >= 0, for s > 1 and x > 0: the Euler-Maclaurin formula (NIST DLMF
// 25.11.28), or the terms alone where s is so large that few of them count. Terms are added from small to large.
inline double scaled_hurwitz_zeta(double s, double x) {
    constexpr double coefficients[] = {// B_2j / (2j)!
                                       8.3333333333333333e-2,   -1.3888888888888889e-3,  3.3068783068783069e-5,
                                       -8.2671957671957672e-7,  2.0876756987868099e-8,   -5.2841901386874932e-10,
                                       1.3382536530684679e-11,  -3.3896802963225829e-13, 8.5860620562778446e-15,
                                       -2.1748686985580619e-16, 5.5090028283602295e-18,  -1.3954464685812523e-19};
    const auto power = [s](double ratio) { return s == 2.0 ? ratio * ratio : std::pow(ratio, s); };
    const double start = 9.0 + s;
    double count = x < start ? std::ceil(start - x) : 0.0;
    const double enough = std::ceil(x * std::expm1(40.0 / s)) + 1.0;
    double sum = 0.0;
    if (enough < count) {
        count = enough;
    } else {
        const double a = x + count;
        double factor = s / a;
        for (int j = 0; j < 12; ++j) {
            sum += coefficients[j] * factor;
            factor *= (s + 2.0 * j + 1.0) / a * ((s + 2.0 * j + 2.0) / a);
        }
        sum = power(x / a) * (sum + 0.5 + a / (s - 1.0));
    }
    for (double k = count - 1.0; k >= 0.0; k -= 1.0) sum += power(x / (x + k));
    return sum;
}

// n! zeta(n + 1, x) for x > 0.
inline double factorial_zeta(double n, double x) {
    return x == infinity ? 0.0 : factorial_over_power(scaled_hurwitz_zeta(n + 1.0, x), n, x);
}

}  // namespace detail

// Asymptotic series from 10 on (NIST DLMF 5.11.2), recurrence down to [1, 2], reflection below 0.
inline double digamma(double x) {
    if (x <= 0.0) {
        if (x == 0.0) return std::copysign(infinity, -x);
        if (x == std::floor(x)) return quiet_nan;  // a pole; -inf too
        return digamma(1.0 - x) - detail::pi_cot_pi(x);
    }
    if (x >= 10.0) {
        const double z = 1.0 / x / x;
        double series = 0.0;
        for (const double c : {1.0 / 12, -691.0 / 32760, 1.0 / 132, -1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12}) {
            series = (series + c) * z;
        }
        return std::log(x) - 0.5 / x - series;
    }
    if (x < 1.0) return detail::digamma_1_2(x + 1.0) - 1.0 / x;
    double sum = 0.0;
    while (x > 2.0) {
        x -= 1.0;
        sum += 1.0 / x;
    }
    return sum + detail::digamma_1_2(x);
}

// The n-th derivative of digamma, n a whole number: (-1)^(n + 1) n! zeta(n + 1, x). Below 0 the sum over all whole
// numbers is taken from the nearest pole in both directions.
inline double polygamma(double n, double x) {
    if (!(n >= 0.0) || n != std::floor(n) || n == infinity || x != x) return quiet_nan;
    if (n == 0.0) return digamma(x);
    const bool even = std::fmod(n, 2.0) == 0.0;
    double size = 0.0;
    if (x > 0.0) {
        size = detail::factorial_zeta(n, x);
    } else if (x == std::floor(x)) {
        if (x == -infinity || (even && x != 0.0)) return quiet_nan;
        size = even ? std::copysign(infinity, x) : infinity;
    } else {
        const double distance = x - std::nearbyint(x);
        const double left = detail::factorial_zeta(n, 1.0 - distance) - detail::factorial_zeta(n, 1.0 - x);
        const double right = detail::factorial_zeta(n, 1.0 + distance);
        const double nearest = detail::factorial_over_power(1.0, n, std::fabs(distance));
        size = (even ? std::copysign(nearest, distance) : nearest) + (right + (even ? -left : left));
    }
    return even ? -size : size;
}

}  // namespace reelgrad::ops
