// exec/pack.hpp: Pack<W>, W doubles that are calculated together: the number type that executes Programs.
//
// It satisfies ops/number.hpp, so the table's templates run on it. Nothing here branches on a number. A Pack<1> yields
// the same bits as a lane of the wide Pack of the same instruction set: both are the same sequence of IEEE operations.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp. The basic
// operations are always inlined: as functions they would pass vectors through memory.
#pragma once

#include <cstring>

#include "reelgrad/exec/lanes.hpp"
#include "reelgrad/exec/native.hpp"
#include "reelgrad/exec/scalar_math.hpp"
#include "reelgrad/ops/number.hpp"

namespace reelgrad::exec {
namespace {

// A condition in each lane.
template <int W, bool bits = has_bit_flags<W>>
struct MaskTypes {
    using Flags = typename LaneTypes<W>::Flags;
};

template <int W>
struct MaskTypes<W, true> {
    using Flags = unsigned char;
};

template <int W>
struct Mask {
    using Flags = typename MaskTypes<W>::Flags;
    Flags flags;

    [[gnu::always_inline]] friend inline Mask operator&&(Mask a, Mask b) { return {Flags(a.flags & b.flags)}; }
    [[gnu::always_inline]] friend inline Mask operator||(Mask a, Mask b) { return {Flags(a.flags | b.flags)}; }
    [[gnu::always_inline]] friend inline Mask operator!(Mask a) {
        if constexpr (W == 1) {
            return {!a.flags};
        } else {
            return {Flags(~a.flags)};
        }
    }
};

template <int W>
[[gnu::always_inline]] inline bool any(Mask<W> mask) {
    return any_lane<W>(mask.flags);
}

// The bits of W doubles, as unsigned integers.
template <int W>
struct Words {
    using Vector = typename LaneTypes<W>::Words;
    Vector lanes;

    [[gnu::always_inline]] friend inline Words operator+(Words a, Words b) { return {a.lanes + b.lanes}; }
    [[gnu::always_inline]] friend inline Words operator-(Words a, Words b) { return {a.lanes - b.lanes}; }
    [[gnu::always_inline]] friend inline Words operator&(Words a, Words b) { return {a.lanes & b.lanes}; }
    [[gnu::always_inline]] friend inline Words operator|(Words a, Words b) { return {a.lanes | b.lanes}; }
    [[gnu::always_inline]] friend inline Words operator^(Words a, Words b) { return {a.lanes ^ b.lanes}; }
    [[gnu::always_inline]] friend inline Words operator<<(Words a, int count) { return {a.lanes << count}; }
    [[gnu::always_inline]] friend inline Words operator>>(Words a, int count) { return {a.lanes >> count}; }
};

// The same word in all lanes.
template <int W>
[[gnu::always_inline]] inline Words<W> words(std::uint64_t word) {
    return {in_all_lanes<W, typename Words<W>::Vector>(word)};
}

template <int W>
struct Pack {
    static constexpr int width = W;
    using Vector = typename LaneTypes<W>::Doubles;
    Vector lanes;

    Pack() = default;
    // The same number in all lanes.
    [[gnu::always_inline]] Pack(double number) : lanes(in_all_lanes<W, Vector>(number)) {}
    [[gnu::always_inline]] static inline Pack of(Vector vector) {
        Pack result;
        result.lanes = vector;
        return result;
    }

    [[gnu::always_inline]] static inline Pack load(const double* from) {
        Pack result;
        std::memcpy(&result.lanes, from, sizeof(Vector));
        return result;
    }
    [[gnu::always_inline]] inline void store(double* to) const { std::memcpy(to, &lanes, sizeof(Vector)); }

    [[gnu::always_inline]] friend inline Pack operator+(Pack a, Pack b) { return of(a.lanes + b.lanes); }
    [[gnu::always_inline]] friend inline Pack operator-(Pack a, Pack b) { return of(a.lanes - b.lanes); }
    [[gnu::always_inline]] friend inline Pack operator*(Pack a, Pack b) { return of(a.lanes * b.lanes); }
    [[gnu::always_inline]] friend inline Pack operator/(Pack a, Pack b) { return of(a.lanes / b.lanes); }
    [[gnu::always_inline]] friend inline Pack operator-(Pack a) { return of(-a.lanes); }

    [[gnu::always_inline]] friend inline Mask<W> operator<(Pack a, Pack b) { return compare<less>(a, b); }
    [[gnu::always_inline]] friend inline Mask<W> operator<=(Pack a, Pack b) { return compare<at_most>(a, b); }
    [[gnu::always_inline]] friend inline Mask<W> operator>(Pack a, Pack b) { return compare<less>(b, a); }
    [[gnu::always_inline]] friend inline Mask<W> operator>=(Pack a, Pack b) { return compare<at_most>(b, a); }
    [[gnu::always_inline]] friend inline Mask<W> operator==(Pack a, Pack b) { return compare<same>(a, b); }
    [[gnu::always_inline]] friend inline Mask<W> operator!=(Pack a, Pack b) { return compare<different>(a, b); }

    [[gnu::always_inline]] friend inline Pack select(Mask<W> mask, Pack a, Pack b) {
        if constexpr (has_bit_flags<W>) {
            return of(select_by_bits(mask.flags, a.lanes, b.lanes));
        } else {
            return of(select_lanes<W>(mask.flags, a.lanes, b.lanes));
        }
    }

    // a * b + c with one rounding, which is slow where the processor has no such instruction.
    [[gnu::always_inline]] friend inline Pack fma(Pack a, Pack b, Pack c) {
        return of(fma_lanes<W>(a.lanes, b.lanes, c.lanes));
    }
    // a * b + c as the processor does it best.
    [[gnu::always_inline]] friend inline Pack mul_add(Pack a, Pack b, Pack c) {
        if constexpr (has_fma) {
            return fma(a, b, c);
        } else {
            return a * b + c;
        }
    }

    // The smaller, the larger of two; b if one of them is nan.
    [[gnu::always_inline]] friend inline Pack lesser(Pack a, Pack b) { return of(min_lanes<W>(a.lanes, b.lanes)); }
    [[gnu::always_inline]] friend inline Pack greater(Pack a, Pack b) { return of(max_lanes<W>(a.lanes, b.lanes)); }

  private:
    template <int comparison>
    [[gnu::always_inline]] static inline Mask<W> compare(Pack a, Pack b) {
        if constexpr (has_bit_flags<W>) {
            return {compare_to_bits<comparison>(a.lanes, b.lanes)};
        } else {
            return {compare_lanes<comparison, W>(a.lanes, b.lanes)};
        }
    }
};

template <int W>
[[gnu::always_inline]] inline Words<W> bits(Pack<W> x) {
    return {__builtin_bit_cast(typename Words<W>::Vector, x.lanes)};
}

template <int W>
[[gnu::always_inline]] inline Pack<W> from_bits(Words<W> word) {
    return Pack<W>::of(__builtin_bit_cast(typename Pack<W>::Vector, word.lanes));
}

// Whether each word is odd: its last bit as the exponent of a double, because not every processor compares words.
template <int W>
[[gnu::always_inline]] inline Mask<W> is_odd(Words<W> word) {
    if constexpr (has_bit_flags<W>) {
        return {odd_to_bits(word.lanes)};
    } else {
        return from_bits((word & words<W>(1)) << 62) > 0.0;
    }
}

constexpr std::uint64_t sign_bit = 0x8000000000000000;

template <int W>
[[gnu::always_inline]] inline Words<W> sign_of(Pack<W> x) {
    return bits(x) & words<W>(sign_bit);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> with_sign(Pack<W> size, Words<W> sign) {
    return from_bits(bits(size) | sign);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> abs(Pack<W> x) {
    return from_bits(bits(x) & words<W>(~sign_bit));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> copysign(Pack<W> size, Pack<W> sign) {
    return with_sign(abs(size), sign_of(sign));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> sqrt(Pack<W> x) {
    return Pack<W>::of(sqrt_lanes<W>(x.lanes));
}

// The sum of the lanes, pairwise: neighbours first.
template <int W>
[[gnu::always_inline]] inline double sum_of_lanes(Pack<W> x) {
    double sums[W];
    x.store(sums);
    for (int count = W / 2; count > 0; count /= 2) {
        for (int i = 0; i < count; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
    }
    return sums[0];
}

// W sums at once: lane i of the result is sum_of_lanes(packs[i]).
template <int W>
[[gnu::always_inline]] inline Pack<W> sums_over_lanes(Pack<W> (&packs)[W]) {
    for (int k = 0; k < W / 2; ++k) {
        const auto lanes = by_turns<W>(packs[2 * k].lanes, packs[2 * k + 1].lanes);
        packs[k] = Pack<W>::of(lanes.even + lanes.odd);
    }
    for (int count = W / 4; count > 0; count /= 2) {
        for (int k = 0; k < count; ++k) {
            const auto pairs = pairs_in_order<W>(packs[2 * k].lanes, packs[2 * k + 1].lanes);
            packs[k] = Pack<W>::of(pairs.even + pairs.odd);
        }
    }
    return packs[0];
}

template <int W>
[[gnu::always_inline]] inline Pack<W> mask_to_number(Mask<W> mask) {
    return select(mask, Pack<W>(1.0), Pack<W>(0.0));
}

// Added to a number below 2^51, this rounds it to a whole number, half to even, whose last 51 bits (two's complement)
// are those of the sum.
constexpr double round_shift = 0x1.8p52;

// Half to even. From 2^52 on every number is whole.
template <int W>
[[gnu::always_inline]] inline Pack<W> round(Pack<W> x) {
    const Pack<W> size = abs(x);
    const Pack<W> rounded = (size + 0x1p52) - 0x1p52;
    return with_sign(select(size < 0x1p52, rounded, size), sign_of(x));
}

template <int W>
[[gnu::always_inline]] inline Pack<W> floor(Pack<W> x) {
    const Pack<W> rounded = round(x);
    return select(rounded > x, rounded - 1.0, rounded);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> ceil(Pack<W> x) {
    return -floor(-x);
}

template <int W>
[[gnu::always_inline]] inline Pack<W> trunc(Pack<W> x) {
    return with_sign(floor(abs(x)), sign_of(x));
}

// A function of scalar_math.hpp, lane by lane.
template <int W>
[[gnu::noinline]] Pack<W> lane_by_lane(double (*function)(double), Pack<W> x) {
    double lanes[W];
    x.store(lanes);
    leave_vector_code();
    for (double& lane : lanes) lane = function(lane);
    return Pack<W>::load(lanes);
}

template <int W>
[[gnu::noinline]] Pack<W> lane_by_lane(double (*function)(double, double), Pack<W> a, Pack<W> b) {
    double lanes[W];
    double second[W];
    a.store(lanes);
    b.store(second);
    leave_vector_code();
    for (int i = 0; i < W; ++i) lanes[i] = function(lanes[i], second[i]);
    return Pack<W>::load(lanes);
}

// y, and in the lanes of the mask, which are few, the scalar function.
template <int W>
[[gnu::always_inline]] inline Pack<W> patch(Mask<W> mask, Pack<W> y, double (*function)(double), Pack<W> x) {
    if (any(mask)) [[unlikely]] {
        return select(mask, lane_by_lane(function, select(mask, x, Pack<W>(1.0))), y);
    }
    return y;
}

template <int W>
[[gnu::always_inline]] inline Pack<W> patch(Mask<W> mask, Pack<W> y, double (*function)(double, double), Pack<W> a,
                                            Pack<W> b) {
    if (any(mask)) [[unlikely]] {
        return select(mask, lane_by_lane(function, select(mask, a, Pack<W>(1.0)), select(mask, b, Pack<W>(1.0))), y);
    }
    return y;
}

// c[first] + c[first + stride] x + ... by Horner's rule.
template <int W, std::size_t n>
[[gnu::always_inline]] inline Pack<W> horner(Pack<W> x, const double (&c)[n], std::size_t first, std::size_t stride) {
    std::size_t i = first + (n - 1 - first) / stride * stride;
    Pack<W> y = c[i];
    while (i > first) {
        i -= stride;
        y = mul_add(y, x, Pack<W>(c[i]));
    }
    return y;
}

// c[0] + c[1] x + ...: a long one in two or four interleaved parts, which need not wait for each other.
template <int W, std::size_t n>
[[gnu::always_inline]] inline Pack<W> polynomial(Pack<W> x, const double (&c)[n]) {
    if constexpr (n <= 6) {
        return horner(x, c, 0, 1);
    } else {
        const Pack<W> x2 = x * x;
        if constexpr (n <= 12) {
            return mul_add(horner(x2, c, 1, 2), x, horner(x2, c, 0, 2));
        } else {
            // c[0], which most of the sum is, comes last, so that only its rounding counts.
            const Pack<W> x4 = x2 * x2;
            const Pack<W> low = mul_add(horner(x4, c, 2, 4), x, horner(x4, c, 1, 4));
            const Pack<W> high = mul_add(horner(x4, c, 4, 4), x, horner(x4, c, 3, 4));
            return mul_add(mul_add(high, x2, low), x, Pack<W>(c[0]));
        }
    }
}

}  // namespace
}  // namespace reelgrad::exec
