// exec/lanes.hpp: W numbers side by side, as the compiler offers them.
//
// Doubles<W> and Words<W> (the same 64 bits as an unsigned integer) have arithmetic and bit operators lane by lane;
// Flags<W> is what a comparison yields. GCC and Clang have vector types for that; elsewhere, and where
// REELGRAD_PLAIN_LANES is defined, they are arrays with loops. One lane is a plain number.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, because the same
// template compiled for two instruction sets must not be merged by the linker.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__) && defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
#include <immintrin.h>
#endif

namespace reelgrad::exec {
namespace {

#if defined(__AVX512F__) && defined(__AVX512DQ__) && !defined(REELGRAD_PLAIN_LANES)
constexpr int widest = 8;
#elif defined(__AVX2__) && !defined(REELGRAD_PLAIN_LANES)
constexpr int widest = 4;
#else
constexpr int widest = 2;
#endif

// Whether a fused multiply-add is one instruction.
#if defined(__FMA__) || defined(__FP_FAST_FMA) || (defined(__aarch64__) && defined(__GNUC__))
constexpr bool has_fma = true;
#else
constexpr bool has_fma = false;
#endif

#if defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)

template <int W>
struct LaneTypes {
    typedef double Doubles __attribute__((vector_size(W * sizeof(double))));
    typedef std::uint64_t Words __attribute__((vector_size(W * sizeof(double))));
    typedef std::int64_t Flags __attribute__((vector_size(W * sizeof(double))));
};

#else

// An array that calculates lane by lane.
template <class T, int W>
struct Array {
    T lane[W];

    T& operator[](int i) { return lane[i]; }
    const T& operator[](int i) const { return lane[i]; }

    template <class Result = T, class Function>
    static Array<Result, W> each(Function function) {
        Array<Result, W> result;
        for (int i = 0; i < W; ++i) result.lane[i] = function(i);
        return result;
    }
    static std::int64_t flag(bool holds) { return holds ? -1 : 0; }

    friend Array operator+(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] + b[i]; });
    }
    friend Array operator-(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] - b[i]; });
    }
    friend Array operator*(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] * b[i]; });
    }
    friend Array operator/(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] / b[i]; });
    }
    friend Array operator-(const Array& a) {
        return each([&](int i) { return -a[i]; });
    }
    friend Array operator&(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] & b[i]; });
    }
    friend Array operator|(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] | b[i]; });
    }
    friend Array operator^(const Array& a, const Array& b) {
        return each([&](int i) { return a[i] ^ b[i]; });
    }
    friend Array operator~(const Array& a) {
        return each([&](int i) { return ~a[i]; });
    }
    friend Array operator<<(const Array& a, int count) {
        return each([&](int i) { return a[i] << count; });
    }
    friend Array operator>>(const Array& a, int count) {
        return each([&](int i) { return a[i] >> count; });
    }
    friend Array<std::int64_t, W> operator<(const Array& a, const Array& b) {
        return each<std::int64_t>([&](int i) { return flag(a[i] < b[i]); });
    }
    friend Array<std::int64_t, W> operator<=(const Array& a, const Array& b) {
        return each<std::int64_t>([&](int i) { return flag(a[i] <= b[i]); });
    }
    friend Array<std::int64_t, W> operator==(const Array& a, const Array& b) {
        return each<std::int64_t>([&](int i) { return flag(a[i] == b[i]); });
    }
    friend Array<std::int64_t, W> operator!=(const Array& a, const Array& b) {
        return each<std::int64_t>([&](int i) { return flag(a[i] != b[i]); });
    }
};

template <int W>
struct LaneTypes {
    using Doubles = Array<double, W>;
    using Words = Array<std::uint64_t, W>;
    using Flags = Array<std::int64_t, W>;
};

#endif

template <>
struct LaneTypes<1> {
    using Doubles = double;
    using Words = std::uint64_t;
    using Flags = bool;
};

// AVX-512 has registers for conditions, a bit per lane.
template <int W>
constexpr bool has_bit_flags = widest == 8 && W == 8;

}  // namespace
}  // namespace reelgrad::exec
