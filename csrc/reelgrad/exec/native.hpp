// exec/native.hpp: what a processor does in one instruction and the compiler's vector types have no operator for.
//
// Each is a template over the vector type V of W lanes: the instruction where there is one, else a loop. This is the
// only place that knows instructions by name.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include <utility>

#include "reelgrad/exec/lanes.hpp"
#include "reelgrad/exec/scalar_math.hpp"

namespace reelgrad::exec {
namespace {

// Of an instruction the form that zeroes no lane: the plain form's header makes GCC 12 warn of its own undefined value.
constexpr unsigned char all_lanes = 0xff;

// GCC makes of a loop over lanes an instruction for each. Taking a vector of zeros away changes no number, not even -0.
template <int W, class V, class T>
[[gnu::always_inline]] inline V in_all_lanes(T number) {
#if defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 1) {
        return number;
    } else {
        return number - V{};
    }
#else
    if constexpr (W == 1) {
        return number;
    } else {
        return V::each([&](int) { return number; });
    }
#endif
}

// Comparisons, numbered as the instruction does: false for nan, but for different.
enum Comparison : int { less = 17, at_most = 18, same = 0, different = 4 };

template <int comparison, int W, class V>
[[gnu::always_inline]] inline typename LaneTypes<W>::Flags compare_lanes(V a, V b) {
    if constexpr (comparison == less) return a < b;
    if constexpr (comparison == at_most) return a <= b;
    if constexpr (comparison == same) return a == b;
    if constexpr (comparison == different) return a != b;
}

template <int W, class F, class V>
[[gnu::always_inline]] inline V select_lanes(F flags, V a, V b) {
#if defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    return flags ? a : b;
#else
    if constexpr (W == 1) {
        return flags ? a : b;
    } else {
        return V::each([&](int i) { return flags[i] != 0 ? a[i] : b[i]; });
    }
#endif
}

#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
template <int comparison, class V>
[[gnu::always_inline]] inline unsigned char compare_to_bits(V a, V b) {
    return _mm512_cmp_pd_mask(__m512d(a), __m512d(b), comparison);
}

template <class V>
[[gnu::always_inline]] inline V select_by_bits(unsigned char flags, V a, V b) {
    return V(_mm512_mask_blend_pd(flags, __m512d(b), __m512d(a)));
}

template <class U>
[[gnu::always_inline]] inline unsigned char odd_to_bits(U words) {
    return _mm512_test_epi64_mask(__m512i(words), _mm512_set1_epi64(1));
}
#else
template <int comparison, class V>
unsigned char compare_to_bits(V a, V b);
template <class U>
unsigned char odd_to_bits(U words);
template <class V>
V select_by_bits(unsigned char flags, V a, V b);
#endif

// Whether any lane's flag is set.
template <int W, class F>
[[gnu::always_inline]] inline bool any_lane(F flags) {
#if defined(__AVX__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 4) return _mm256_movemask_pd(__m256d(flags)) != 0;
#endif
#if defined(__SSE2__) && defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 2) return _mm_movemask_pd(__m128d(flags)) != 0;
#endif
    if constexpr (W == 1 || has_bit_flags<W>) {
        return flags != 0;
    } else {
        std::int64_t any = 0;
        for (int i = 0; i < W; ++i) any |= flags[i];
        return any != 0;
    }
}

template <int W, class V>
[[gnu::always_inline]] inline V sqrt_lanes(V x) {
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 8) return V(_mm512_maskz_sqrt_pd(all_lanes, __m512d(x)));
#endif
#if defined(__AVX__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 4) return V(_mm256_sqrt_pd(__m256d(x)));
#endif
#if defined(__SSE2__) && defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 2) return V(_mm_sqrt_pd(__m128d(x)));
    if constexpr (W == 1) return _mm_cvtsd_f64(_mm_sqrt_pd(_mm_set_sd(x)));
#endif
    if constexpr (W == 1) {
        return scalar_sqrt(x);
    } else {
        V y;
        for (int i = 0; i < W; ++i) y[i] = scalar_sqrt(x[i]);
        return y;
    }
}

// a * b + c with one rounding. Where the instruction is missing it is slow: see mul_add in pack.hpp.
template <int W, class V>
[[gnu::always_inline]] inline V fma_lanes(V a, V b, V c) {
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 8) return V(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
#endif
#if defined(__FMA__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 4) return V(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c)));
    if constexpr (W == 2) return V(_mm_fmadd_pd(__m128d(a), __m128d(b), __m128d(c)));
#endif
    if constexpr (W == 1) {
#if defined(__GNUC__)
        if constexpr (has_fma) return __builtin_fma(a, b, c);
#endif
        return scalar_fma(a, b, c);
    } else {
        V y;
        for (int i = 0; i < W; ++i) y[i] = fma_lanes<1>(a[i], b[i], c[i]);
        return y;
    }
}

// The smaller, the larger of two; b if one of them is nan.
template <int W, class V>
[[gnu::always_inline]] inline V min_lanes(V a, V b) {
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 8) return V(_mm512_maskz_min_pd(all_lanes, __m512d(a), __m512d(b)));
#endif
#if defined(__AVX__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 4) return V(_mm256_min_pd(__m256d(a), __m256d(b)));
#endif
#if defined(__SSE2__) && defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 2) return V(_mm_min_pd(__m128d(a), __m128d(b)));
#endif
    return select_lanes<W>(a < b, a, b);
}

template <int W, class V>
[[gnu::always_inline]] inline V max_lanes(V a, V b) {
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 8) return V(_mm512_maskz_max_pd(all_lanes, __m512d(a), __m512d(b)));
#endif
#if defined(__AVX__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 4) return V(_mm256_max_pd(__m256d(a), __m256d(b)));
#endif
#if defined(__SSE2__) && defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES)
    if constexpr (W == 2) return V(_mm_max_pd(__m128d(a), __m128d(b)));
#endif
    return select_lanes<W>(b < a, a, b);
}

// y 2^k, rounded once.
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
template <int W>
constexpr bool has_scale = W == 8 || W == 1;

template <int W, class V>
[[gnu::always_inline]] inline V scale_lanes(V y, V k) {
    if constexpr (W == 8) {
        return V(_mm512_maskz_scalef_pd(all_lanes, __m512d(y), __m512d(k)));
    } else {
        return _mm_cvtsd_f64(_mm_scalef_sd(_mm_set_sd(y), _mm_set_sd(k)));
    }
}
#else
template <int W>
constexpr bool has_scale = false;
template <int W, class V>
V scale_lanes(V y, V k);
#endif

// Of two vectors, by turns, the even lanes and the odd ones: a0 b0 a2 b2 ..., a1 b1 a3 b3 ...
template <int W, class V>
struct Pairs {
    V even, odd;
};

#if defined(__GNUC__) && !defined(REELGRAD_PLAIN_LANES) && __has_builtin(__builtin_shufflevector)
template <int W, class V>
[[gnu::always_inline]] inline Pairs<W, V> by_turns(V a, V b) {
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return Pairs<W, V>{__builtin_shufflevector(a, b, (i % 2 == 0 ? i : W + i - 1)...),
                           __builtin_shufflevector(a, b, (i % 2 == 0 ? i + 1 : W + i)...)};
    }(std::make_integer_sequence<int, W>());
}

// Pairs of lanes of two vectors one behind the other: the even pairs and the odd ones.
template <int W, class V>
[[gnu::always_inline]] inline Pairs<W, V> pairs_in_order(V a, V b) {
    return [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        return Pairs<W, V>{__builtin_shufflevector(a, b, (i / 2 * 4 + i % 2)...),
                           __builtin_shufflevector(a, b, (i / 2 * 4 + 2 + i % 2)...)};
    }(std::make_integer_sequence<int, W>());
}
#else
template <int W, class V>
inline Pairs<W, V> by_turns(V a, V b) {
    Pairs<W, V> result;
    for (int i = 0; i < W; ++i) {
        result.even[i] = i % 2 == 0 ? a[i] : b[i - 1];
        result.odd[i] = i % 2 == 0 ? a[i + 1] : b[i];
    }
    return result;
}

template <int W, class V>
inline Pairs<W, V> pairs_in_order(V a, V b) {
    const auto lane = [&](int i) { return i < W ? a[i] : b[i - W]; };
    Pairs<W, V> result;
    for (int i = 0; i < W; ++i) {
        result.even[i] = lane(i / 2 * 4 + i % 2);
        result.odd[i] = lane(i / 2 * 4 + 2 + i % 2);
    }
    return result;
}
#endif

// table[the last 4 bits of the word]
#if defined(__AVX512F__) && !defined(REELGRAD_PLAIN_LANES)
template <int W>
constexpr bool has_lookup = W == 8 || W == 1;

template <int W, class V, class U>
[[gnu::always_inline]] inline V look_up(const double (&table)[16], U words) {
    if constexpr (W == 8) {
        return V(_mm512_permutex2var_pd(_mm512_loadu_pd(table), __m512i(words), _mm512_loadu_pd(table + 8)));
    } else {
        return table[words & 15];
    }
}
#else
template <int W>
constexpr bool has_lookup = false;
template <int W, class V, class U>
V look_up(const double (&table)[16], U words);
#endif

// Vector registers' upper halves, which slow down code compiled for the baseline, are cleared before it is called.
[[gnu::always_inline]] inline void leave_vector_code() {
#if defined(__AVX__) && defined(__GNUC__)
    __builtin_ia32_vzeroupper();
#endif
}

}  // namespace
}  // namespace reelgrad::exec
