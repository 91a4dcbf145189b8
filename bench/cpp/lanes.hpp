// A register of doubles, for the hand-written limits: eight with AVX-512, four with AVX, two elsewhere.
//
// GCC's vector extensions compile for any processor. exp needs nothing else, but its rounding tricks need arithmetic as
// written: no -ffast-math in a file that calls it.
#pragma once

#include <array>
#include <cstdint>

namespace limits {

// Wider than the machine's registers would be far slower than narrower: GCC 12 passes such vectors through memory.
#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif
using Lanes [[gnu::vector_size(8 * kLanes)]] = double;
using Bits [[gnu::vector_size(8 * kLanes)]] = std::int64_t;
using UnalignedLanes [[gnu::vector_size(8 * kLanes), gnu::aligned(8), gnu::may_alias]] = double;

inline Lanes load(const double* from) { return *reinterpret_cast<const UnalignedLanes*>(from); }
inline void store(double* to, Lanes x) { *reinterpret_cast<UnalignedLanes*>(to) = x; }
inline Lanes all(double x) { return x - Lanes{}; }

inline double sum(Lanes x) {
    double total = 0.0;
    for (int lane = 0; lane < kLanes; ++lane) total += x[lane];
    return total;
}

// exp(x) = 2^k exp(r) with r = x - k ln 2, |r| <= ln 2 / 2, and the Taylor polynomial of degree 13, whose remainder is
// below 4e-18. Adding 1.5 * 2^52 rounds to the integer k and leaves it in the low bits, where the exponent takes it
// from. For |x| < 700; no overflow, underflow or NaN is looked after.
inline Lanes exp(Lanes x) {
    constexpr double kLog2E = 1.4426950408889634, kLn2High = 0.693147180369123816490,
                     kLn2Low = 1.90821492927058770002e-10, kRound = 0x1.8p52;
    constexpr std::array<double, 14> c{
        1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
        1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    const Lanes shifted = x * kLog2E + kRound;
    const Lanes k = shifted - kRound;
    Lanes r = x - k * kLn2High;
    r = r - k * kLn2Low;
    const Lanes r2 = r * r, r4 = r2 * r2;  // Estrin's scheme: a shorter chain than Horner's
    const Lanes low = (c[3] * r + c[2]) * r2 + (c[1] * r + c[0]);
    const Lanes middle = (c[7] * r + c[6]) * r2 + (c[5] * r + c[4]);
    const Lanes high = (c[11] * r + c[10]) * r2 + (c[9] * r + c[8]);
    const Lanes top = c[13] * r + c[12];
    const Lanes polynomial = ((top * r4 + high) * r4 + middle) * r4 + low;
    return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(polynomial) + (reinterpret_cast<Bits>(shifted) << 52));
}

// tanh(x) = sign(x) (1 - 2 / (exp(2 |x|) + 1)); the absolute error is below 3e-16. From |x| = 20 on it is 1.
inline Lanes tanh(Lanes x) {
    constexpr std::int64_t kSign = INT64_MIN;
    const Bits sign = reinterpret_cast<Bits>(x) & kSign;
    Lanes twice = 2.0 * reinterpret_cast<Lanes>(reinterpret_cast<Bits>(x) & ~kSign);
    twice = twice < 40.0 ? twice : all(40.0);
    const Lanes t = 1.0 - 2.0 / (exp(twice) + 1.0);
    return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(t) | sign);
}

}  // namespace limits
