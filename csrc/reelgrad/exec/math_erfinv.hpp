// exec/math_erfinv.hpp: the inverse of the error function.
//
// As M. Giles does ("Approximating the erfinv function", 2010), by w = -log((1 - x)(1 + x)): erfinv(x) / x is smooth in
// it, and what w lost in rounding hardly counts. Up to w = 4 it is sqrt(pi) / 2 plus w times a rational function of w;
// beyond, erfinv(x) is t = sqrt(-log(1 - |x|)), where 1 - |x| is exact, plus a rational function of t - 2. Both were
// made by interpolation at Chebyshev's points with 300 bits, and are good to 5e-19 and 8e-18; their coefficients have
// one sign.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_logarithm.hpp"

namespace reelgrad::exec {
namespace {

template <int W>
[[gnu::noinline]] Pack<W> erfinv_tail(Pack<W> x) {
    using P = Pack<W>;
    const P t = sqrt(-log(1.0 - abs(x)));
    const P u = t - 2.0;
    const P p = polynomial(u, {-0x1.53c6712bd67b7p-2, -0x1.29e30132d185fp-1, -0x1.a17fe06e423d8p-2,
                               -0x1.250f90d04653dp-3, -0x1.a42b117fbb3f8p-6, -0x1.1b0d884ea8c7bp-9,
                               -0x1.2da3769f78015p-14, -0x1.5d4529e85529ep-21, -0x1.01d19c3617ba7p-32});
    const P q =
        polynomial(u, {1.0, 0x1.e71c473229c8fp+0, 0x1.83fefc9569e9cp+0, 0x1.48467523f19c3p-1, 0x1.36837fcfa8bf8p-3,
                       0x1.3d891e3a106d0p-6, 0x1.3cece297bd1ebp-10, 0x1.fc0eb364bb1d7p-16, 0x1.a823262db669ap-23});
    return with_sign(select(t == ops::infinity, t, t + p / q), sign_of(x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> erfinv(Pack<W> x) {
    using P = Pack<W>;
    const P w = 0.0 - log((1.0 - abs(x)) * (1.0 + abs(x)));  // not -0, which would turn -0 into 0
    const P p =
        polynomial(w, {0x1.db29fb2fee5e4p-3, 0x1.3ff281296e0b6p-5, 0x1.88c72230851acp-7, 0x1.80b1a40604a54p-10,
                       0x1.848eb16600e5dp-13, 0x1.e573e9980314bp-17, 0x1.ae8c9f7b687eep-21, 0x1.9bc0dab924998p-26});
    const P q =
        polynomial(w, {1.0, 0x1.e59b79daa9d7dp-4, 0x1.c95463e5abb7cp-5, 0x1.5ac2a8fd9eebep-8, 0x1.f8246b20c56d6p-11,
                       0x1.14f1a8989c7f9p-14, 0x1.47c382db102efp-18, 0x1.8c3dafaf2a70ap-23, 0x1.bcc18e74ac456p-30});
    const Mask<W> tail = w > 4.0;
    const P y = mul_add(x, P(ops::half_sqrt_pi), x * (w * (p / q)));
    if (any(tail)) return select(tail, erfinv_tail(x), y);
    return y;
}

}  // namespace
}  // namespace reelgrad::exec
