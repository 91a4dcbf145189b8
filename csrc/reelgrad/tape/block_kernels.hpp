// tape/block_kernels.hpp: the loops over contiguous numbers that sweeping a block consists of.
//
// Function pointers, because what executes them best depends on the processor, which this folder knows nothing of:
// plain loops unless others are set.
#pragma once

#include <cstddef>

namespace reelgrad {

struct BlockKernels {
    // x[i] += p[i] * g[i]
    void (*add_product)(double* x, const double* p, const double* g, std::size_t n);
    // x[i] += p * g[i]
    void (*add_scaled)(double* x, double p, const double* g, std::size_t n);
    // The sum of p[i] * g[i], of g[i].
    double (*dot)(const double* p, const double* g, std::size_t n);
    double (*sum)(const double* g, std::size_t n);
    // c += a b, for c of (rows, columns) and b of (inner, columns) with unit strides along columns, and a of (rows,
    // inner) with any strides.
    struct Matrix {
        const double* at;
        std::size_t row, column;  // strides
    };
    void (*add_matrix_product)(double* c, std::size_t c_row, Matrix a, const double* b, std::size_t b_row,
                               std::size_t rows, std::size_t inner, std::size_t columns);
};

extern const BlockKernels plain_block_kernels;

// Those in use. Set once, before the first sweep.
const BlockKernels& block_kernels();
void use_block_kernels(const BlockKernels& kernels);

// c += a b with a, b and c contiguous.
void add_matrix_product(double* c, const double* a, const double* b, std::size_t rows, std::size_t inner,
                        std::size_t columns);

}  // namespace reelgrad
