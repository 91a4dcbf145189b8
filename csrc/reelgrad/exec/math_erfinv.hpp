// exec/math_erfinv.hpp: the inverse of the error function.
//
// As M. Giles does ("Approximating the erfinv function", 2010), by w = -log((1 - x)(1 + x)): erfinv(x) / x is smooth in
// it, and what w lost in rounding hardly counts. Up to w = 4 it is a rational function of w; beyond, erfinv(x) is
// t = sqrt(-log(1 - |x|)), where 1 - |x| is exact, plus a rational function of t - 2. Both were made by interpolation
// at Chebyshev's points with 300 bits, and are good to 8e-19 and 8e-18; their coefficients have one sign.
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
    const P w = -log((1.0 - abs(x)) * (1.0 + abs(x)));
    const P p = polynomial(w, {0x1.c5bf891b4ef6bp-1, 0x1.5cbffc196cebep-2, 0x1.70329aed01a71p-4, 0x1.17206e83d5eb4p-6,
                               0x1.38a84dfd70a7bp-9, 0x1.08ae7adbb20bfp-12, 0x1.49197a5434b2fp-16,
                               0x1.113616ef2828fp-20, 0x1.d26bee4ad49b0p-26});
    const P q =
        polynomial(w, {1.0, 0x1.f5c224ff3d460p-4, 0x1.cd74645de7057p-5, 0x1.696e5f1185b2cp-8, 0x1.0126e171850d7p-10,
                       0x1.2433598658d87p-14, 0x1.5389931d96864p-18, 0x1.a9839a579b101p-23, 0x1.d41f468534b47p-30});
    const Mask<W> tail = w > 4.0;
    const P y = x * (p / q);
    if (any(tail)) return select(tail, erfinv_tail(x), y);
    return y;
}

}  // namespace
}  // namespace reelgrad::exec
