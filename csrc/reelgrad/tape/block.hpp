// tape/block.hpp: operators recorded many at a time.
//
// A block is a run of consecutive entries that one array operation recorded. Their values and adjoints stand in the
// tape's columns like those of others; their operands, partials and constants stand here, once for the block, so that
// recording and sweeping are plain loops over contiguous numbers. There are three kinds:
//
//   map      each entry is an operator of the table applied to elements of up to three operands, or, where elements
//            share an entry, a reduction of one operand; each element has one partial;
//   product  a matrix product, which keeps both matrices instead of the partials of each multiplication;
//   rule     anything else (linear algebra), whose derivative an object computes for the block as a whole.
//
// The sweeps run branch-free between blocks, in order with the wide nodes. A block lives as a whole: if one entry is
// needed, all are. The entries' rows in the column of edges are not used and hold nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "reelgrad/tape/column.hpp"
#include "reelgrad/tape/index.hpp"

namespace reelgrad {

// The operator's place in the lists of primitives, reductions, conditions and contributions.
enum class Opcode : std::uint8_t {};

// Of the blocks that are no operator of the table.
inline constexpr Opcode kRuleOpcode{255};

// Where an element's numbers stand in the store of a block.
using StoreOffset = std::size_t;
inline constexpr StoreOffset kNotStored = static_cast<StoreOffset>(-1);

// An operand, as elements in C order over the block's shape.
struct BlockOperand {
    enum class Kind : std::uint8_t {
        strided,    // entries: `first` and, for each dimension, a stride
        list,       // entries: one stored for each element
        number,     // the same constant for all
        constants,  // one stored for each element
    };
    static constexpr int kDims = 4;

    Kind kind = Kind::number;
    bool has_partial = false;
    Index first = 0;
    std::array<std::int32_t, kDims> strides{};
    std::array<std::uint32_t, 2> matrix{};  // rows and columns, of a product or a rule
    StoreOffset stored = kNotStored;        // the list
    StoreOffset values = kNotStored;        // constants; of a product, the numbers of entries too
    double number = 0.0;                    // the constant
    double partial = 0.0;                   // the same for all elements, unless
    StoreOffset partials = kNotStored;      // there is one for each

    bool is_constant() const { return kind == Kind::number || kind == Kind::constants; }
};

// The derivative of a block as a whole.
class BlockRule {
  public:
    BlockRule() = default;
    BlockRule(const BlockRule&) = delete;
    BlockRule& operator=(const BlockRule&) = delete;
    virtual ~BlockRule() = default;
    virtual std::string_view name() const = 0;
    // Adds to operands[k], the adjoints of operand k (empty for constants), what the adjoints of the block's entries
    // contribute. May throw: the sweep then stops with gradients as they were.
    virtual void reverse(std::span<const double> adjoints, std::span<const std::span<double>> operands) const = 0;

  private:
    friend class DroppedRules;
    mutable std::shared_ptr<const BlockRule> next_;
};

// The rules of blocks that are gone, kept until the tape is in order again: destroying one may run code of others.
class DroppedRules {
  public:
    DroppedRules() = default;
    DroppedRules(DroppedRules&&) = default;
    DroppedRules& operator=(DroppedRules&&) = delete;
    ~DroppedRules() {
        while (head_ != nullptr) head_ = std::exchange(head_->next_, nullptr);
    }
    void add(std::shared_ptr<const BlockRule> rule) {
        rule->next_ = std::move(head_);
        head_ = std::move(rule);
    }

  private:
    std::shared_ptr<const BlockRule> head_;
};

struct Block {
    enum class Kind : std::uint8_t { map, product, rule };

    Kind kind = Kind::map;
    Opcode opcode{};
    std::uint8_t arity = 1;
    std::uint8_t dims = 1;
    Index first = 0;
    std::size_t count = 0;     // entries
    std::size_t elements = 0;  // of each operand of a map; more than entries if it reduces
    std::array<std::uint32_t, BlockOperand::kDims> shape{};
    std::array<std::int32_t, BlockOperand::kDims> entry_strides{};  // from element to entry: 0 where it reduces
    std::array<BlockOperand, 3> operands{};
    std::size_t rows = 0, inner = 0, columns = 0;  // of a product: (rows, inner) times (inner, columns)
    StoreOffset store_begin = 0, store_end = 0;    // its numbers
    std::shared_ptr<const BlockRule> rule;

    Index last() const { return first + static_cast<Index>(count) - 1; }
    bool contains(Index i) const { return i >= first && i <= last(); }
    bool reduces() const { return elements != count; }
    // How many elements operand k has: those of a matrix, or those of the map.
    std::size_t size_of(std::size_t k) const {
        if (kind == Kind::map) return elements;
        return std::size_t{operands[k].matrix[0]} * operands[k].matrix[1];
    }
};

// The lowest and the highest entry that a strided operand of this shape reaches.
struct Hull {
    Index low, high;
};
Hull hull_of(const Block& block, std::size_t k);

// The blocks of a tape in order, and the numbers that they keep, in one store that grows without moving.
class Blocks {
  public:
    Blocks() = default;
    explicit Blocks(std::size_t most_numbers) : store_(0, most_numbers), most_(most_numbers) {}

    std::size_t size() const { return blocks_.size(); }
    const Block& operator[](std::size_t k) const { return blocks_[k]; }
    Block& at(std::size_t k) { return blocks_[k]; }

    // How many blocks begin below the operator i.
    std::size_t count_below(std::size_t i) const;
    // The block that has the operator; nullptr if none has.
    const Block* find(Index i) const;

    const double* numbers(StoreOffset at) const { return store_.data() + at; }
    double* numbers(StoreOffset at) { return store_.data() + at; }
    const Index* list(StoreOffset at) const { return reinterpret_cast<const Index*>(store_.data() + at); }
    Index* list(StoreOffset at) { return reinterpret_cast<Index*>(store_.data() + at); }

    // Room for so many numbers, or entries, of the block that is being made. Throws std::bad_alloc.
    StoreOffset store(std::size_t numbers);
    StoreOffset store_list(std::size_t entries) { return store((entries + 1) / 2); }
    // Forgets what was stored for a block that did not come to be.
    void abandon() { used_ = kept_; }

    void push(Block block);                        // may throw std::bad_alloc, leaving all as it was
    DroppedRules truncate(std::size_t operators);  // drops those of operators from `operators` on
    // Drops those of which keep(block) is false and moves the numbers of the others together.
    template <class Keep>
    DroppedRules filter(Keep&& keep) {
        std::size_t kept = 0;
        for (Block& block : blocks_) {
            if (!keep(block)) continue;
            if (&blocks_[kept] != &block) std::swap(blocks_[kept], block);
            ++kept;
        }
        return compact(kept);
    }

    std::size_t used() const { return used_; }
    std::size_t bytes() const { return blocks_.size() * sizeof(Block) + used_ * sizeof(double); }
    std::size_t committed_bytes() const { return store_.committed_bytes() + blocks_.capacity() * sizeof(Block); }

  private:
    DroppedRules compact(std::size_t kept);
    DroppedRules drop(std::size_t kept);

    std::vector<Block> blocks_;
    Column<double> store_;
    std::size_t most_ = 0;
    std::size_t used_ = 0;  // numbers
    std::size_t kept_ = 0;  // those of blocks that are there
};

// Calls visit(element, offsets) for each row along the last dimension: the first element, and where it stands by the
// strides of the entries (the first number) and of operands (the others).
template <class Visitor>
void for_each_row(const Block& block, Visitor&& visit) {
    constexpr int kDims = BlockOperand::kDims;
    const int last = block.dims - 1;
    const std::size_t inner = block.shape[static_cast<std::size_t>(last)];
    std::array<std::uint32_t, kDims> at{};
    std::array<std::ptrdiff_t, 4> offset{};
    const auto stride = [&](std::size_t of, std::size_t dim) {
        return static_cast<std::ptrdiff_t>(of == 0 ? block.entry_strides[dim] : block.operands[of - 1].strides[dim]);
    };
    for (std::size_t element = 0; element < block.elements; element += inner) {
        visit(element, offset);
        for (int dim = last - 1; dim >= 0; --dim) {
            const auto d = static_cast<std::size_t>(dim);
            for (std::size_t of = 0; of <= block.arity; ++of) offset[of] += stride(of, d);
            if (++at[d] < block.shape[d]) break;
            for (std::size_t of = 0; of <= block.arity; ++of) {
                offset[of] -= stride(of, d) * static_cast<std::ptrdiff_t>(block.shape[d]);
            }
            at[d] = 0;
        }
    }
}

// Calls visit(element, entry) for each element of operand k, in C order; for none if it is constant.
template <class Visitor>
void for_each_entry(const Blocks& blocks, const Block& block, std::size_t k, Visitor&& visit) {
    const BlockOperand& x = block.operands[k];
    if (x.is_constant()) return;
    if (x.kind == BlockOperand::Kind::list) {
        const Index* const list = blocks.list(x.stored);
        for (std::size_t e = 0; e < block.size_of(k); ++e) visit(e, list[e]);
        return;
    }
    if (block.kind == Block::Kind::map) {
        const auto last = static_cast<std::size_t>(block.dims - 1);
        for_each_row(block, [&](std::size_t element, const std::array<std::ptrdiff_t, 4>& offset) {
            auto entry = static_cast<Index>(x.first + offset[k + 1]);
            for (std::size_t j = 0; j < block.shape[last]; ++j, entry += x.strides[last]) visit(element + j, entry);
        });
        return;
    }
    const auto [rows, columns] = x.matrix;
    std::size_t e = 0;
    for (std::uint32_t r = 0; r < rows; ++r) {
        for (std::uint32_t c = 0; c < columns; ++c) {
            visit(e++, static_cast<Index>(x.first + static_cast<std::int32_t>(r) * x.strides[0] +
                                          static_cast<std::int32_t>(c) * x.strides[1]));
        }
    }
}

// Calls visit(entry, parent, partial, operand) for each edge of a map or a product.
template <class Visitor>
void for_each_edge(const Blocks& blocks, const Block& block, Visitor&& visit) {
    if (block.kind == Block::Kind::map) {
        const auto last = static_cast<std::size_t>(block.dims - 1);
        for (std::size_t k = 0; k < block.arity; ++k) {
            const BlockOperand& x = block.operands[k];
            if (!x.has_partial) continue;
            const double* const partials = x.partials == kNotStored ? nullptr : blocks.numbers(x.partials);
            const Index* const list = x.kind == BlockOperand::Kind::list ? blocks.list(x.stored) : nullptr;
            for_each_row(block, [&](std::size_t element, const std::array<std::ptrdiff_t, 4>& offset) {
                for (std::size_t j = 0; j < block.shape[last]; ++j) {
                    const auto step = static_cast<std::ptrdiff_t>(j);
                    const auto entry = static_cast<Index>(block.first + offset[0] + step * block.entry_strides[last]);
                    const Index parent = list != nullptr
                                             ? list[element + j]
                                             : static_cast<Index>(x.first + offset[k + 1] + step * x.strides[last]);
                    visit(entry, parent, partials != nullptr ? partials[element + j] : x.partial, k);
                }
            });
        }
        return;
    }
    if (block.kind != Block::Kind::product) return;
    const double* const a = blocks.numbers(block.operands[0].values);
    const double* const b = blocks.numbers(block.operands[1].values);
    const auto entry = [&](std::size_t row, std::size_t column) {
        return static_cast<Index>(block.first + static_cast<Index>(row * block.columns + column));
    };
    for_each_entry(blocks, block, 0, [&](std::size_t e, Index parent) {
        const std::size_t row = e / block.inner, k = e % block.inner;
        for (std::size_t j = 0; j < block.columns; ++j) visit(entry(row, j), parent, b[k * block.columns + j], 0);
    });
    for_each_entry(blocks, block, 1, [&](std::size_t e, Index parent) {
        const std::size_t k = e / block.columns, column = e % block.columns;
        for (std::size_t i = 0; i < block.rows; ++i) visit(entry(i, column), parent, a[i * block.inner + k], 1);
    });
}

// Calls visit(entry, constant) for each operand of the operator that entry i of a map or a product stands for, in
// order: a constant has a sink as its entry.
template <class Visitor>
void for_each_operand(const Blocks& blocks, const Block& block, Index i, Visitor&& visit) {
    const auto number = static_cast<std::size_t>(i - block.first);
    const auto visit_at = [&](std::size_t k, std::size_t element, std::ptrdiff_t offset) {
        const BlockOperand& x = block.operands[k];
        switch (x.kind) {
            case BlockOperand::Kind::strided:
                return visit(static_cast<Index>(x.first + offset), 0.0);
            case BlockOperand::Kind::list:
                return visit(blocks.list(x.stored)[element], 0.0);
            case BlockOperand::Kind::number:
                return visit(Index{-1}, x.number);
            case BlockOperand::Kind::constants:
                return visit(Index{-1}, blocks.numbers(x.values)[element]);
        }
    };
    if (block.kind == Block::Kind::product) {
        const std::size_t row = number / block.columns, column = number % block.columns;
        const auto visit_cell = [&](std::size_t k, std::size_t r, std::size_t c) {
            const BlockOperand& x = block.operands[k];
            visit_at(k, r * x.matrix[1] + c,
                     static_cast<std::ptrdiff_t>(r) * x.strides[0] + static_cast<std::ptrdiff_t>(c) * x.strides[1]);
        };
        for (std::size_t k = 0; k < block.inner; ++k) visit_cell(0, row, k);
        for (std::size_t k = 0; k < block.inner; ++k) visit_cell(1, k, column);
        return;
    }
    // The element where the entry's begin, then along the dimensions that are reduced.
    std::array<std::uint32_t, BlockOperand::kDims> at{};
    auto rest = static_cast<std::int64_t>(number);
    for (std::size_t d = 0; d < block.dims; ++d) {
        const std::int32_t stride = block.entry_strides[d];
        if (stride == 0) continue;
        at[d] = static_cast<std::uint32_t>(rest / stride);
        rest %= stride;
    }
    while (true) {
        std::size_t element = 0;
        std::array<std::ptrdiff_t, 3> offset{};
        for (std::size_t d = 0; d < block.dims; ++d) {
            element = element * block.shape[d] + at[d];
            for (std::size_t k = 0; k < block.arity; ++k) {
                offset[k] += static_cast<std::ptrdiff_t>(at[d]) * block.operands[k].strides[d];
            }
        }
        for (std::size_t k = 0; k < block.arity; ++k) visit_at(k, element, offset[k]);
        int d = block.dims - 1;
        for (; d >= 0; --d) {
            const auto dim = static_cast<std::size_t>(d);
            if (block.entry_strides[dim] != 0) continue;
            if (++at[dim] < block.shape[dim]) break;
            at[dim] = 0;
        }
        if (d < 0) return;
    }
}

}  // namespace reelgrad
