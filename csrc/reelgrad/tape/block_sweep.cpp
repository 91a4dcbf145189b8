#include "reelgrad/tape/block_sweep.hpp"

#include <algorithm>
#include <vector>

#include "reelgrad/tape/block_kernels.hpp"

namespace reelgrad {
namespace {

// Operand k of a map: its adjoints, row by row, from those of the block.
void sweep_map(const Blocks& blocks, const Block& block, std::size_t k, double* adjoints) {
    const BlockKernels& kernels = block_kernels();
    const BlockOperand& x = block.operands[k];
    const auto last = static_cast<std::size_t>(block.dims - 1);
    const std::size_t inner = block.shape[last];
    const std::ptrdiff_t x_step = x.strides[last], g_step = block.entry_strides[last];
    const double* const partials = x.partials == kNotStored ? nullptr : blocks.numbers(x.partials);
    const Index* const list = x.kind == BlockOperand::Kind::list ? blocks.list(x.stored) : nullptr;
    for_each_row(block, [&](std::size_t element, const std::array<std::ptrdiff_t, 4>& offset) {
        const double* const g = adjoints + block.first + offset[0];
        const double* const p = partials == nullptr ? nullptr : partials + element;
        const auto partial = [&](std::size_t j) { return p == nullptr ? x.partial : p[j]; };
        const auto adjoint = [&](std::size_t j) { return g[static_cast<std::ptrdiff_t>(j) * g_step]; };
        if (list != nullptr) {
            for (std::size_t j = 0; j < inner; ++j) adjoints[list[element + j]] += partial(j) * adjoint(j);
            return;
        }
        double* const to = adjoints + x.first + offset[k + 1];
        if (x_step == 1 && g_step == 1) {
            if (p != nullptr) {
                kernels.add_product(to, p, g, inner);
            } else {
                kernels.add_scaled(to, x.partial, g, inner);
            }
        } else if (x_step == 1 && g_step == 0) {
            if (p != nullptr) {
                kernels.add_scaled(to, *g, p, inner);
            } else {
                const double c = x.partial * *g;
                for (std::size_t j = 0; j < inner; ++j) to[j] += c;
            }
        } else if (x_step == 0 && g_step == 1) {
            *to += p != nullptr ? kernels.dot(p, g, inner) : x.partial * kernels.sum(g, inner);
        } else {
            for (std::size_t j = 0; j < inner; ++j) {
                to[static_cast<std::ptrdiff_t>(j) * x_step] += partial(j) * adjoint(j);
            }
        }
    });
}

// Where operand k's adjoints can be added to directly: it is contiguous. Otherwise nullptr.
double* in_place(const Block& block, std::size_t k, double* adjoints) {
    const BlockOperand& x = block.operands[k];
    const bool contiguous = x.kind == BlockOperand::Kind::strided && (x.matrix[1] == 1 || x.strides[1] == 1) &&
                            (x.matrix[0] == 1 || x.strides[0] == static_cast<std::int32_t>(x.matrix[1]));
    return contiguous ? adjoints + x.first : nullptr;
}

void scatter(const Blocks& blocks, const Block& block, std::size_t k, const double* sums, double* adjoints) {
    for_each_entry(blocks, block, k, [&](std::size_t e, Index entry) { adjoints[entry] += sums[e]; });
}

// For c = a b: a' += c' b^T and b' += a^T c'.
void sweep_product(const Blocks& blocks, const Block& block, double* adjoints) {
    const BlockKernels& kernels = block_kernels();
    const std::size_t rows = block.rows, inner = block.inner, columns = block.columns;
    const double* const a = blocks.numbers(block.operands[0].values);
    const double* const b = blocks.numbers(block.operands[1].values);
    const double* const g = adjoints + block.first;
    thread_local std::vector<double> scratch, transposed;
    const auto with_target = [&](std::size_t k, auto&& add) {
        if (block.operands[k].is_constant()) return;
        if (double* const target = in_place(block, k, adjoints)) return add(target);
        scratch.assign(block.size_of(k), 0.0);
        add(scratch.data());
        scatter(blocks, block, k, scratch.data(), adjoints);
    };
    with_target(0, [&](double* to) {
        if (columns == 1) {
            for (std::size_t i = 0; i < rows; ++i) kernels.add_scaled(to + i * inner, g[i], b, inner);
            return;
        }
        if (inner == 1) {
            for (std::size_t i = 0; i < rows; ++i) to[i] += kernels.dot(g + i * columns, b, columns);
            return;
        }
        transposed.resize(inner * columns);
        for (std::size_t k = 0; k < inner; ++k) {
            for (std::size_t j = 0; j < columns; ++j) transposed[j * inner + k] = b[k * columns + j];
        }
        kernels.add_matrix_product(to, inner, {g, columns, 1}, transposed.data(), inner, rows, columns, inner);
    });
    with_target(1, [&](double* to) {
        if (columns == 1) {
            for (std::size_t i = 0; i < rows; ++i) kernels.add_scaled(to, g[i], a + i * inner, inner);
            return;
        }
        kernels.add_matrix_product(to, columns, {a, 1, inner}, g, columns, inner, rows, columns);
    });
}

}  // namespace

void sweep_rule(const Blocks& blocks, std::size_t index, double* adjoints) {
    const Block& block = blocks[index];
    const std::span<const double> own(adjoints + block.first, block.count);
    if (std::ranges::all_of(own, [](double g) { return g == 0.0; })) return;
    std::vector<std::vector<double>> sums(block.arity);
    std::vector<std::span<double>> operands(block.arity);
    for (std::size_t k = 0; k < block.arity; ++k) {
        if (block.operands[k].is_constant()) continue;
        sums[k].resize(block.size_of(k));
        operands[k] = sums[k];
    }
    const std::shared_ptr<const BlockRule> rule = block.rule;
    rule->reverse(own, operands);
    const Block& same = blocks[index];  // it may have recorded, and the list have moved
    for (std::size_t k = 0; k < same.arity; ++k) scatter(blocks, same, k, sums[k].data(), adjoints);
}

void sweep_block(const Blocks& blocks, std::size_t index, double* adjoints) {
    const Block& block = blocks[index];
    switch (block.kind) {
        case Block::Kind::map:
            for (std::size_t k = 0; k < block.arity; ++k) {
                if (block.operands[k].has_partial) sweep_map(blocks, block, k, adjoints);
            }
            return;
        case Block::Kind::product:
            return sweep_product(blocks, block, adjoints);
        case Block::Kind::rule:
            return sweep_rule(blocks, index, adjoints);
    }
}

}  // namespace reelgrad
