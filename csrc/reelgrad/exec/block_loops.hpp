// exec/block_loops.hpp: the loops of tape/block_kernels.hpp over Packs.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/pack.hpp"
#include "reelgrad/tape/block_kernels.hpp"

namespace reelgrad::exec {
namespace {

// Calls body.operator()<W>(i) for whole packs, then lane by lane.
template <class Body>
[[gnu::always_inline]] inline void over_packs(std::size_t n, Body&& body) {
    std::size_t i = 0;
    for (; i + widest <= n; i += widest) body.template operator()<widest>(i);
    for (; i < n; ++i) body.template operator()<1>(i);
    leave_vector_code();
}

void add_product(double* x, const double* p, const double* g, std::size_t n) {
    over_packs(n, [&]<int W>(std::size_t i) {
        mul_add(Pack<W>::load(p + i), Pack<W>::load(g + i), Pack<W>::load(x + i)).store(x + i);
    });
}

void add_scaled(double* x, double p, const double* g, std::size_t n) {
    over_packs(
        n, [&]<int W>(std::size_t i) { mul_add(Pack<W>(p), Pack<W>::load(g + i), Pack<W>::load(x + i)).store(x + i); });
}

// Four sums of packs, so that additions need not wait for each other. term.operator()<W>(i, sum) adds to a sum.
template <class Term>
[[gnu::always_inline]] inline double sum_of(std::size_t n, Term&& term) {
    using P = Pack<widest>;
    P sums[4] = {P(0.0), P(0.0), P(0.0), P(0.0)};
    std::size_t i = 0;
    for (; i + 4 * widest <= n; i += 4 * widest) {
        for (std::size_t k = 0; k < 4; ++k) sums[k] = term.template operator()<widest>(i + k * widest, sums[k]);
    }
    for (; i + widest <= n; i += widest) sums[0] = term.template operator()<widest>(i, sums[0]);
    double lanes[widest];
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).store(lanes);
    Pack<1> total(0.0);
    for (; i < n; ++i) total = term.template operator()<1>(i, total);
    for (const double lane : lanes) total = total + Pack<1>(lane);
    leave_vector_code();
    double result;
    total.store(&result);
    return result;
}

double dot(const double* p, const double* g, std::size_t n) {
    return sum_of(
        n, [&]<int W>(std::size_t i, Pack<W> sum) { return mul_add(Pack<W>::load(p + i), Pack<W>::load(g + i), sum); });
}

double sum(const double* g, std::size_t n) {
    return sum_of(n, [&]<int W>(std::size_t i, Pack<W> sum) { return sum + Pack<W>::load(g + i); });
}

// A tile of c, `rows` by `packs` packs, in registers.
template <int W, int rows, int packs>
[[gnu::always_inline]] inline void add_tile(double* c, std::size_t c_row, BlockKernels::Matrix a, const double* b,
                                            std::size_t b_row, std::size_t inner) {
    using P = Pack<W>;
    P tile[rows][packs];
    for (int r = 0; r < rows; ++r) {
        for (int q = 0; q < packs; ++q) tile[r][q] = P::load(c + static_cast<std::size_t>(r) * c_row + q * W);
    }
    for (std::size_t k = 0; k < inner; ++k) {
        P row[packs];
        for (int q = 0; q < packs; ++q) row[q] = P::load(b + k * b_row + q * W);
        for (int r = 0; r < rows; ++r) {
            const P factor(a.at[static_cast<std::size_t>(r) * a.row + k * a.column]);
            for (int q = 0; q < packs; ++q) tile[r][q] = mul_add(factor, row[q], tile[r][q]);
        }
    }
    for (int r = 0; r < rows; ++r) {
        for (int q = 0; q < packs; ++q) tile[r][q].store(c + static_cast<std::size_t>(r) * c_row + q * W);
    }
}

template <int W, int packs>
[[gnu::always_inline]] inline void add_columns(double* c, std::size_t c_row, BlockKernels::Matrix a, const double* b,
                                               std::size_t b_row, std::size_t rows, std::size_t inner) {
    std::size_t i = 0;
    for (; i + 4 <= rows; i += 4)
        add_tile<W, 4, packs>(c + i * c_row, c_row, {a.at + i * a.row, a.row, a.column}, b, b_row, inner);
    for (; i < rows; ++i)
        add_tile<W, 1, packs>(c + i * c_row, c_row, {a.at + i * a.row, a.row, a.column}, b, b_row, inner);
}

void add_matrix_product(double* c, std::size_t c_row, BlockKernels::Matrix a, const double* b, std::size_t b_row,
                        std::size_t rows, std::size_t inner, std::size_t columns) {
    std::size_t j = 0;
    for (; j + 2 * widest <= columns; j += 2 * widest) {
        add_columns<widest, 2>(c + j, c_row, a, b + j, b_row, rows, inner);
    }
    for (; j + widest <= columns; j += widest) add_columns<widest, 1>(c + j, c_row, a, b + j, b_row, rows, inner);
    for (; j < columns; ++j) add_columns<1, 1>(c + j, c_row, a, b + j, b_row, rows, inner);
    leave_vector_code();
}

}  // namespace
}  // namespace reelgrad::exec
