// ops/kernels.hpp: values of the elementary functions for double.
//
// They follow IEEE 754 and NumPy: no exceptions, no errno, nan outside the domain. Kernels may branch as they like.
// What the C library does within its 1 to 2 ulp is left to it; generic.hpp has the functions that need no branch.
#pragma once

#include <cmath>

#include "reelgrad/ops/number.hpp"

namespace reelgrad::ops {

inline double abs(double x) { return std::fabs(x); }
inline double sqrt(double x) { return std::sqrt(x); }
inline double fma(double a, double b, double c) { return std::fma(a, b, c); }
inline double hypot(double a, double b) { return std::hypot(a, b); }

inline double exp(double x) { return std::exp(x); }
inline double exp2(double x) { return std::exp2(x); }
inline double expm1(double x) { return std::expm1(x); }
inline double log(double x) { return std::log(x); }
inline double log2(double x) { return std::log2(x); }
inline double log10(double x) { return std::log10(x); }
inline double log1p(double x) { return std::log1p(x); }

inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }
inline double tan(double x) { return std::tan(x); }
inline double asin(double x) { return std::asin(x); }
inline double acos(double x) { return std::acos(x); }
inline double atan(double x) { return std::atan(x); }
inline double atan2(double a, double b) { return std::atan2(a, b); }

inline double sinh(double x) { return std::sinh(x); }
inline double cosh(double x) { return std::cosh(x); }
inline double asinh(double x) { return std::asinh(x); }
inline double acosh(double x) { return std::acosh(x); }
inline double atanh(double x) { return std::atanh(x); }

inline double floor(double x) { return std::floor(x); }
inline double ceil(double x) { return std::ceil(x); }
inline double round(double x) { return std::nearbyint(x); }  // half to even
inline double trunc(double x) { return std::trunc(x); }
inline double copysign(double a, double b) { return std::copysign(a, b); }
inline double fmod(double a, double b) { return std::fmod(a, b); }

// One step of Newton's method, because the C library's cbrt may be off by more than 3 ulp, which the partial doubles.
inline double cbrt(double x) {
    const double size = std::fabs(x);
    if (!(size > 0.0 && size < 1e300)) return std::cbrt(x);
    if (size < 1e-200) return cbrt(x * 0x1p600) * 0x1p-200;  // where the residual would be subnormal
    const double y = std::cbrt(x);
    const double square = y * y;
    const double residual = std::fma(square, y, -x) + std::fma(y, y, -square) * y;
    return y - residual / (3.0 * square);
}

// The exponents 0, 1 and 2 are what x * x and its derivatives need; these shortcuts are correctly rounded.
inline double pow(double a, double b) {
    if (b == 2.0) return a * a;
    if (b == 1.0) return a;
    if (b == 0.0) return 1.0;
    return std::pow(a, b);
}

// Below 0.625 a rational approximation from Cephes (S. Moshier, tanh.c); above it exp, which is cheaper than the C
// library's tanh. At 22 the result has rounded to 1.
inline double tanh(double x) {
    const double size = std::fabs(x);
    double y = 1.0;
    if (size < 0.625) {
        const double z = x * x;
        const double p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
        const double q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
        y = size + size * (z * (p / q));
    } else if (!(size > 22.0)) {
        y = 1.0 - 2.0 / (std::exp(2.0 * size) + 1.0);
    }
    return std::copysign(y, x);
}

// log(p / (1 - p)). Around 1/2, where the quotient rounds close to 1, p - (1 - p) is exact.
inline double logit(double p) {
    if (p > 0.3 && p < 0.65) return std::log1p((2.0 * p - 1.0) / (1.0 - p));
    return std::log(p / (1.0 - p));
}

// Python's remainder: the sign of b, also of a zero (CPython, float_rem).
inline double mod(double a, double b) {
    const double remainder = std::fmod(a, b);
    if (remainder == 0.0) return std::copysign(0.0, b);
    return (b < 0.0) != (remainder < 0.0) ? remainder + b : remainder;
}

// NumPy's floor_divide: the quotient that belongs to mod; a / b where b is 0.
inline double floordiv(double a, double b) {
    if (b == 0.0) return a / b;
    const double remainder = std::fmod(a, b);
    double quotient = (a - remainder) / b;
    if (remainder != 0.0 && (b < 0.0) != (remainder < 0.0)) quotient -= 1.0;
    if (quotient == 0.0) return std::copysign(0.0, a / b);
    const double whole = std::floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

}  // namespace reelgrad::ops
