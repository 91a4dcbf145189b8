// exec/kernels_rows.hpp: instructions with many operands: sums of products, row updates, accumulators.
//
// They do several operations per load or store, which is what the interpreter is short of. A tile of up to 8 packs of a
// block stays in registers while the row is walked.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace.
#pragma once

#include "reelgrad/exec/kernels_elementwise.hpp"

namespace reelgrad::exec {
namespace {

// Calls visitor.template operator()<T>(first) for tiles of T packs that cover `packs`: of 8, and one of what is left.
template <class Visitor>
inline void for_each_tile(std::size_t packs, Visitor&& visitor) {
    std::size_t r = 0;
    for (; r + 8 <= packs; r += 8) visitor.template operator()<8>(r);
    switch (packs - r) {
        case 7:
            return visitor.template operator()<7>(r);
        case 6:
            return visitor.template operator()<6>(r);
        case 5:
            return visitor.template operator()<5>(r);
        case 4:
            return visitor.template operator()<4>(r);
        case 3:
            return visitor.template operator()<3>(r);
        case 2:
            return visitor.template operator()<2>(r);
        case 1:
            return visitor.template operator()<1>(r);
        default:
            return;
    }
}

template <class P, KernelTable::Addend addend, bool scalars>
void dot(const Op& op, Frame& frame) {
    const std::uint32_t* const row = frame.rows + op.a;
    const std::uint32_t* const end = row + 1 + 2 * op.b;
    for_each_tile(P::width == 1 ? 1 : frame.packs, [&]<std::size_t T>(std::size_t r) {
        const std::size_t lane = r * P::width;
        P sum[T];
        for (std::size_t t = 0; t < T; ++t) {
            if constexpr (addend == KernelTable::no_addend) sum[t] = P(0.0);
            if constexpr (addend == KernelTable::scalar_addend) sum[t] = P(*cell(frame, row[0]));
            if constexpr (addend == KernelTable::slot_addend)
                sum[t] = P::load(cell(frame, row[0]) + lane + t * P::width);
        }
        for (const std::uint32_t* pair = row + 1; pair != end; pair += 2) {
            const double* const a = cell(frame, pair[0]) + lane;
            if constexpr (scalars) {
                const P b(*cell(frame, pair[1]));
                for (std::size_t t = 0; t < T; ++t) sum[t] = mul_add(P::load(a + t * P::width), b, sum[t]);
            } else {
                const double* const b = cell(frame, pair[1]) + lane;
                for (std::size_t t = 0; t < T; ++t)
                    sum[t] = mul_add(P::load(a + t * P::width), P::load(b + t * P::width), sum[t]);
            }
        }
        double* const result = cell(frame, op.result) + lane;
        for (std::size_t t = 0; t < T; ++t) sum[t].store(result + t * P::width);
    });
}

template <class P>
void sum(const Op& op, Frame& frame) {
    const std::uint32_t* const row = frame.rows + op.a;
    for_each_tile(P::width == 1 ? 1 : frame.packs, [&]<std::size_t T>(std::size_t r) {
        P sum[T];
        for (std::size_t t = 0; t < T; ++t) sum[t] = P(0.0);
        for (std::size_t k = 0; k < op.b; ++k) {
            const double* const a = cell(frame, row[k]) + r * P::width;
            for (std::size_t t = 0; t < T; ++t) sum[t] = sum[t] + P::load(a + t * P::width);
        }
        double* const result = cell(frame, op.result) + r * P::width;
        for (std::size_t t = 0; t < T; ++t) sum[t].store(result + t * P::width);
    });
}

// --- Accumulators: 8 partials each, whatever the width of a pack, so that the order of additions is the same.

alignas(64) constexpr double kLaneNumbers[kPartials] = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};

template <class P>
inline constexpr std::size_t kPacksOfPartials = kPartials / P::width;

template <class P>
auto counting_lanes(const Frame& frame) {
    return P::load(kLaneNumbers) < P(frame.tail);
}

// partials[lane % 8] += contribution(pack, sum so far), pack by pack; contribution returns the new sum.
template <class P, class Contribution>
inline void accumulated(const Frame& frame, double* partials, Contribution&& contribution) {
    constexpr std::size_t H = kPacksOfPartials<P>;
    P s[H];
    for (std::size_t h = 0; h < H; ++h) s[h] = P::load(partials + h * P::width);
    std::size_t r = 0;
    for (; r + H <= frame.full; r += H) {
        for (std::size_t h = 0; h < H; ++h) s[h] = contribution(r + h, s[h]);
    }
    for (std::size_t h = 0; h < H; ++h) s[h].store(partials + h * P::width);
    for (; r < frame.packs; ++r) {
        double* const partial = partials + (r % H) * P::width;
        const P before = P::load(partial);
        const P after = contribution(r, before);
        (r < frame.full ? after : select(counting_lanes<P>(frame), after, before)).store(partial);
    }
}

template <class P>
void accumulate(const Op& op, Frame& frame) {
    const Operand<P, false> a(frame, op.a);
    accumulated<P>(frame, cell(frame, op.result), [&](std::size_t r, const P& sum) { return sum + a[r]; });
}

template <class P>
void accumulate_product(const Op& op, Frame& frame) {
    const Operand<P, false> a(frame, op.a);
    const Operand<P, false> b(frame, op.b);
    accumulated<P>(frame, cell(frame, op.result),
                   [&](std::size_t r, const P& sum) { return mul_add(a[r], b[r], sum); });
}

// A tile of a row update. `padded`: its last pack is, so only some of that pack's lanes count.
template <class P, std::size_t T, bool with_sum, bool padded>
inline void update_tile(const Op& op, Frame& frame, std::size_t r) {
    constexpr std::size_t H = kPacksOfPartials<P>;
    constexpr std::size_t S = T < H ? T : H;
    const std::uint32_t* row = frame.rows + op.a;
    const std::uint32_t* const end = row + 1 + (with_sum ? 1 : 0) + 2 * op.b;
    const auto counts = counting_lanes<P>(frame);
    P g[T];
    for (std::size_t t = 0; t < T; ++t) g[t] = P::load(cell(frame, *row) + (r + t) * P::width);
    ++row;
    const auto update = [&](std::uint32_t accumulator, auto&& contribution) {
        double* const partials = cell(frame, accumulator) + (r % H) * P::width;
        P s[S];
        for (std::size_t h = 0; h < S; ++h) s[h] = P::load(partials + h * P::width);
        for (std::size_t t = 0; t < T; ++t) {
            const P after = contribution(t, s[t % S]);
            s[t % S] = padded && t + 1 == T ? select(counts, after, s[t % S]) : after;
        }
        for (std::size_t h = 0; h < S; ++h) s[h].store(partials + h * P::width);
    };
    if constexpr (with_sum) update(*row++, [&](std::size_t t, const P& before) { return before + g[t]; });
    for (; row != end; row += 2) {
        const double* const a = cell(frame, row[0]) + r * P::width;
        update(row[1],
               [&](std::size_t t, const P& before) { return mul_add(P::load(a + t * P::width), g[t], before); });
    }
}

template <class P, bool with_sum>
void row_update(const Op& op, Frame& frame) {
    for_each_tile(frame.packs, [&]<std::size_t T>(std::size_t r) {
        if (r + T <= frame.full) {
            update_tile<P, T, with_sum, false>(op, frame, r);
        } else {
            update_tile<P, T, with_sum, true>(op, frame, r);
        }
    });
}

inline void fold(const double* partials, std::size_t accumulators, double* sums) {
    for (std::size_t k = 0; k < accumulators; ++k) {
        const double* const p = partials + k * kPartials;
        double half[4];
        for (std::size_t i = 0; i < 4; ++i) half[i] = p[i] + p[i + 4];
        sums[k] = (half[0] + half[2]) + (half[1] + half[3]);
    }
}

template <class Wide, class Lane>
constexpr void enter_rows(KernelTable& table) {
    using T = KernelTable;
    table.dot = {{{&dot<Wide, T::no_addend, false>, &dot<Wide, T::no_addend, true>},
                  {&dot<Wide, T::scalar_addend, false>, &dot<Wide, T::scalar_addend, true>},
                  {&dot<Wide, T::slot_addend, false>, &dot<Wide, T::slot_addend, true>}}};
    table.lane_dot = {&dot<Lane, T::no_addend, false>, &dot<Lane, T::slot_addend, false>};
    table.wide_sum = &sum<Wide>;
    table.lane_sum = &sum<Lane>;
    table.accumulate = &accumulate<Wide>;
    table.accumulate_product = &accumulate_product<Wide>;
    table.row_update = &row_update<Wide, false>;
    table.row_update_and_sum = &row_update<Wide, true>;
    table.fold = &fold;
}

}  // namespace
}  // namespace reelgrad::exec
