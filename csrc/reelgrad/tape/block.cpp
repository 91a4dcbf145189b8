#include "reelgrad/tape/block.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace reelgrad {

Hull hull_of(const Block& block, std::size_t k) {
    const BlockOperand& x = block.operands[k];
    Hull hull{x.first, x.first};
    const auto reach = [&](std::uint32_t length, std::int32_t stride) {
        const auto span = static_cast<Index>(length - 1) * stride;
        (span < 0 ? hull.low : hull.high) += span;
    };
    if (block.kind == Block::Kind::map) {
        for (std::size_t d = 0; d < block.dims; ++d) reach(block.shape[d], x.strides[d]);
    } else {
        for (std::size_t d = 0; d < 2; ++d) reach(x.matrix[d], x.strides[d]);
    }
    return hull;
}

std::size_t Blocks::count_below(std::size_t i) const {
    const auto end = std::ranges::lower_bound(blocks_, i, {},
                                              [](const Block& block) { return static_cast<std::size_t>(block.first); });
    return static_cast<std::size_t>(end - blocks_.begin());
}

const Block* Blocks::find(Index i) const {
    if (blocks_.empty() || i < 0) return nullptr;
    const std::size_t below = count_below(static_cast<std::size_t>(i) + 1);
    return below > 0 && blocks_[below - 1].contains(i) ? &blocks_[below - 1] : nullptr;
}

StoreOffset Blocks::store(std::size_t numbers) {
    constexpr std::size_t kFirst = std::size_t{1} << 12;
    if (numbers > most_ - used_) throw std::bad_alloc();
    if (used_ + numbers > store_.upper()) {
        const std::size_t wanted = std::min(most_, std::max({kFirst, 2 * store_.upper(), used_ + numbers}));
        if (!store_.grow_upper(wanted) && !store_.grow_upper(used_ + numbers)) throw std::bad_alloc();
    }
    return std::exchange(used_, used_ + numbers);
}

void Blocks::push(Block block) {
    block.store_begin = kept_;
    block.store_end = used_;
    blocks_.push_back(std::move(block));
    kept_ = used_;
}

DroppedRules Blocks::drop(std::size_t kept) {
    DroppedRules result;
    for (std::size_t k = kept; k < blocks_.size(); ++k) {
        if (blocks_[k].rule != nullptr) result.add(std::move(blocks_[k].rule));
    }
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(kept), blocks_.end());
    return result;
}

DroppedRules Blocks::truncate(std::size_t operators) {
    const std::size_t kept = count_below(operators);
    if (kept == blocks_.size()) return {};
    used_ = kept_ = blocks_[kept].store_begin;
    return drop(kept);
}

DroppedRules Blocks::compact(std::size_t kept) {
    // The blocks that stay are in order, and so are their numbers; each block's begin where the one before ended.
    std::size_t to = 0;
    for (std::size_t k = 0; k < kept; ++k) {
        Block& block = blocks_[k];
        const std::size_t from = block.store_begin, length = block.store_end - from;
        if (from != to) std::memmove(store_.data() + to, store_.data() + from, length * sizeof(double));
        for (BlockOperand& x : block.operands) {
            for (StoreOffset* const offset : {&x.stored, &x.values, &x.partials}) {
                if (*offset != kNotStored) *offset -= from - to;
            }
        }
        block.store_begin = to;
        block.store_end = to += length;
    }
    used_ = kept_ = to;
    return drop(kept);
}

}  // namespace reelgrad
