// exec/math_remainder.hpp: remainders and the quotient that belongs to them, exact like the C library's fmod.
//
// a - q b is a double for every whole q within 1 of a / b, because it is a multiple of the last place of the smaller of
// a and b, and no larger than b. So one rounding of it is none. Where the quotient has more bits than q can hold, the C
// library subtracts bit by bit: those lanes, and the singular ones, are left to it.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_power.hpp"

namespace reelgrad::exec {
namespace {

// Without fma the product q b is exact in two parts if q has no more than 26 bits, and must not overflow.
constexpr double largest_quotient = has_fma ? 0x1p51 : 0x1p26;
constexpr double largest_dividend = has_fma ? ops::infinity : 0x1p1000;

// C's remainder: the sign of a.
template <int W>
[[gnu::always_inline]] inline Pack<W> fmod(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const P size = abs(a);
    const P step = abs(b);
    const P quotient = size / step;
    const P q = (quotient + 0x1p52) - 0x1p52;  // the nearest: that of a / b, or one more
    P rest;
    if constexpr (has_fma) {
        rest = fma(-q, step, size);
    } else {
        const P product = q * step;
        rest = (size - product) - rest_of_product(q, step, product);
    }
    rest = select(rest < 0.0, rest + step, rest);
    const P y = with_sign(select(size < step, size, rest), sign_of(a));
    return patch(!(quotient < largest_quotient && size < largest_dividend), y, scalar_fmod, a, b);
}

// Python's remainder: the sign of b, also of a zero.
template <int W>
[[gnu::always_inline]] inline Pack<W> mod(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const P rest = fmod(a, b);
    const Mask<W> other_side = (rest < 0.0 && b > 0.0) || (rest > 0.0 && b < 0.0);
    return select(rest == 0.0, with_sign(P(0.0), sign_of(b)), select(other_side, rest + b, rest));
}

// The quotient that belongs to mod; a / b where b is 0.
template <int W>
[[gnu::always_inline]] inline Pack<W> floordiv(Pack<W> a, Pack<W> b) {
    using P = Pack<W>;
    const P rest = fmod(a, b);
    const P exact = (a - rest) / b;
    const Mask<W> other_side = (rest < 0.0 && b > 0.0) || (rest > 0.0 && b < 0.0);
    const P quotient = select(other_side, exact - 1.0, exact);
    const P whole = floor(quotient);
    const P y = select(quotient - whole > 0.5, whole + 1.0, whole);
    return select(b == 0.0, a / b, select(quotient == 0.0, with_sign(P(0.0), sign_of(a / b)), y));
}

}  // namespace
}  // namespace reelgrad::exec
