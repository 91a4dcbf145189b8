#include "reelgrad/tape/block_kernels.hpp"

namespace reelgrad {
namespace {

void add_product(double* __restrict x, const double* __restrict p, const double* __restrict g, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) x[i] += p[i] * g[i];
}

void add_scaled(double* __restrict x, double p, const double* __restrict g, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) x[i] += p * g[i];
}

// Four partial sums, so that the compiler may use vectors and additions need not wait for each other.
template <class Term>
double sum_of(std::size_t n, Term&& term) {
    double sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (std::size_t k = 0; k < 4; ++k) sums[k] += term(i + k);
    }
    for (; i < n; ++i) sums[i % 4] += term(i);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double dot(const double* p, const double* g, std::size_t n) {
    return sum_of(n, [&](std::size_t i) { return p[i] * g[i]; });
}

double sum(const double* g, std::size_t n) {
    return sum_of(n, [&](std::size_t i) { return g[i]; });
}

void add_matrix_product(double* __restrict c, std::size_t c_row, BlockKernels::Matrix a, const double* __restrict b,
                        std::size_t b_row, std::size_t rows, std::size_t inner, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t k = 0; k < inner; ++k) {
            add_scaled(c + i * c_row, a.at[i * a.row + k * a.column], b + k * b_row, columns);
        }
    }
}

const BlockKernels* g_kernels = nullptr;

}  // namespace

const BlockKernels plain_block_kernels{add_product, add_scaled, dot, sum, add_matrix_product};

const BlockKernels& block_kernels() { return g_kernels != nullptr ? *g_kernels : plain_block_kernels; }
void use_block_kernels(const BlockKernels& kernels) { g_kernels = &kernels; }

void add_matrix_product(double* c, const double* a, const double* b, std::size_t rows, std::size_t inner,
                        std::size_t columns) {
    const BlockKernels& kernels = block_kernels();
    if (columns == 1) {  // a row of a times b: contiguous both
        for (std::size_t i = 0; i < rows; ++i) c[i] += kernels.dot(a + i * inner, b, inner);
        return;
    }
    kernels.add_matrix_product(c, columns, {a, inner, 1}, b, columns, rows, inner, columns);
}

}  // namespace reelgrad
