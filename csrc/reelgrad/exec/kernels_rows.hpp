// exec/kernels_rows.hpp: instructions with many operands: sums of products, row updates, accumulators.
//
// They do several operations per load or store, which is what the interpreter is short of. A tile of up to 8 packs of a
// block stays in registers while the row is walked.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace.
#pragma once

#include <type_traits>
#include <utility>

#include "reelgrad/exec/kernels_elementwise.hpp"

namespace reelgrad::exec {
namespace {

// Calls body(0), ..., body(count - 1) with constants: arrays that only they index stay in registers.
template <std::size_t count, class Body>
[[gnu::always_inline]] inline void unrolled(Body&& body) {
    [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
        (body(std::integral_constant<std::size_t, i>()), ...);
    }(std::make_index_sequence<count>());
}

// Calls visitor.template operator()<T>(first) for tiles of T packs that cover `packs`: of `most`, and one of what is
// left.
template <std::size_t most, class Visitor>
inline void for_each_tile(std::size_t packs, Visitor&& visitor) {
    std::size_t r = 0;
    for (; r + most <= packs; r += most) visitor.template operator()<most>(r);
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((packs - r == i + 1 ? visitor.template operator()<i + 1>(r) : void()), ...);
    }(std::make_index_sequence<most - 1>());
}

template <class P, KernelTable::Addend addend, bool scalars>
void dot(const Op& op, Frame& frame) {
    const std::uint32_t* const row = frame.rows + op.a;
    const std::uint32_t* const end = row + 1 + 2 * op.b;
    for_each_tile<8>(frame.packs, [&]<std::size_t T>(std::size_t r) {
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

// Of cells: four sums, which need not wait for each other. -0 is what adds nothing.
template <class P, bool with_addend>
void lane_dot(const Op& op, Frame& frame) {
    const std::uint32_t* const row = frame.rows + op.a;
    P sums[4] = {with_addend ? *cell(frame, row[0]) : 0.0, -0.0, -0.0, -0.0};
    const auto add = [&](std::size_t k, P& sum) {
        sum = mul_add(P(*cell(frame, row[1 + 2 * k])), P(*cell(frame, row[2 + 2 * k])), sum);
    };
    std::size_t k = 0;
    for (; k + 4 <= op.b; k += 4) unrolled<4>([&](auto i) { add(k + i, sums[i]); });
    for (; k < op.b; ++k) add(k, sums[k % 4]);
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).store(cell(frame, op.result));
}

// Two sums over the same slots: each pack is loaded once for both. Where registers are few a tile is of 4 packs.
template <class P, bool with_addends>
void two_dots(const Op& op, Frame& frame) {
    const std::uint32_t* const addends = frame.rows + op.a;
    const std::uint32_t* const row = addends + (with_addends ? 2 : 0);
    const std::uint32_t* const end = row + 3 * op.b;
    const auto tile = [&]<std::size_t T>(std::size_t r) {
        const std::size_t lane = r * P::width;
        P sums[2][T];
        unrolled<2>([&](auto k) {
            const P addend = with_addends ? *cell(frame, addends[k]) : 0.0;
            unrolled<T>([&](auto t) { sums[k][t] = addend; });
        });
        for (const std::uint32_t* triple = row; triple != end; triple += 3) {
            const double* const a = cell(frame, triple[0]) + lane;
            const P first(*cell(frame, triple[1])), second(*cell(frame, triple[2]));
            unrolled<T>([&](auto t) {
                const P pack = P::load(a + t * P::width);
                sums[0][t] = mul_add(pack, first, sums[0][t]);
                sums[1][t] = mul_add(pack, second, sums[1][t]);
            });
        }
        unrolled<T>([&](auto t) {
            sums[0][t].store(cell(frame, op.result) + lane + t * P::width);
            sums[1][t].store(cell(frame, op.c) + lane + t * P::width);
        });
    };
    for_each_tile<P::width == 8 ? 8 : 4>(frame.packs, tile);
}

template <class P>
void sum(const Op& op, Frame& frame) {
    const std::uint32_t* const row = frame.rows + op.a;
    for_each_tile<8>(P::width == 1 ? 1 : frame.packs, [&]<std::size_t T>(std::size_t r) {
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

// --- Accumulators: the lanes of a block are added pairwise, and their sum to the accumulator.

alignas(64) constexpr double kLaneNumbers[kWidest] = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};

// The lanes of a padded pack that count.
template <class P>
inline auto counting_lanes(const Frame& frame) {
    return P::load(kLaneNumbers) < P(frame.tail);
}

// A tile of a row. `padded`: its last pack is, so only some of that pack's lanes count. As many sums as a pack has
// lanes are added up over their lanes at once: that takes a third of the instructions, and an accumulator is a number
// in one cell instead of a pack, so that with the slots they fit the first cache.
template <class P, std::size_t T, bool with_factor, bool padded>
inline void add_tile(const Op& op, Frame& frame, std::size_t r) {
    constexpr std::size_t W = P::width;
    const std::uint32_t* row = frame.rows + op.a;
    P g[with_factor ? T : 1];
    if constexpr (with_factor) {
        const double* const factor = cell(frame, *row++) + r * W;
        unrolled<T>([&](auto t) { g[t] = P::load(factor + t * W); });
    }
    const std::uint32_t* const end = row + 2 * op.b;
    const auto counts = counting_lanes<P>(frame);
    const auto added = [&](auto t, const double* a, const P& before) __attribute__((always_inline)) {
        P after;
        if constexpr (with_factor) {
            after = mul_add(P::load(a + t * W), g[t], before);
        } else {
            after = before + P::load(a + t * W);
        }
        return padded && t + 1 == T ? select(counts, after, before) : after;
    };
    for (; static_cast<std::size_t>(end - row) >= 2 * W; row += 2 * W) {
        const double* a[W];
        P sums[W];
        unrolled<W>([&](auto k) {
            a[k] = cell(frame, row[2 * k]) + r * W;
            sums[k] = P(0.0);
        });
        unrolled<T>([&](auto t) { unrolled<W>([&](auto k) { sums[k] = added(t, a[k], sums[k]); }); });
        double totals[W];
        sums_over_lanes(sums).store(totals);
        for (std::size_t k = 0; k < W; ++k) *cell(frame, row[2 * k + 1]) += totals[k];
    }
    for (; row != end; row += 2) {
        const double* const a = cell(frame, row[0]) + r * W;
        P sum(0.0);
        unrolled<T>([&](auto t) { sum = added(t, a, sum); });
        *cell(frame, row[1]) += sum_of_lanes(sum);
    }
}

template <class P, bool with_factor>
void add_row(const Op& op, Frame& frame) {
    for_each_tile<8>(frame.packs, [&]<std::size_t T>(std::size_t r) {
        if (r + T <= frame.full) {
            add_tile<P, T, with_factor, false>(op, frame, r);
        } else {
            add_tile<P, T, with_factor, true>(op, frame, r);
        }
    });
}

template <class Wide, class Lane>
constexpr void enter_rows(KernelTable& table) {
    using T = KernelTable;
    table.dot = {{{&dot<Wide, T::no_addend, false>, &dot<Wide, T::no_addend, true>},
                  {&dot<Wide, T::scalar_addend, false>, &dot<Wide, T::scalar_addend, true>},
                  {&dot<Wide, T::slot_addend, false>, &dot<Wide, T::slot_addend, true>}}};
    table.lane_dot = {&lane_dot<Lane, false>, &lane_dot<Lane, true>};
    table.two_dots = {&two_dots<Wide, false>, &two_dots<Wide, true>};
    table.wide_sum = &sum<Wide>;
    table.lane_sum = &sum<Lane>;
    table.row_sum = &add_row<Wide, false>;
    table.row_update = &add_row<Wide, true>;
}

}  // namespace
}  // namespace reelgrad::exec
