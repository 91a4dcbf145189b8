// tape/collect.cpp: collection, which keeps a plain loop in bounded memory.
//
// What lives: the entries that live handles refer to, and their ancestors. One descending pass over the edges marks
// them; survivors then move down together, in order, and a survivor's new index is its rank among the marked. Whatever
// refers to entries is renumbered: handles, edges, wide rows, marks, names, sources, the range of readable adjoints.
#include <algorithm>
#include <bit>
#include <string>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad {
namespace {

class Bits {
  public:
    explicit Bits(std::size_t n) : words_((n + 63) / 64) {}

    void insert(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    bool contains(std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
    std::uint64_t word(std::size_t w) const { return words_[w]; }
    void insert_range(std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end;) {
            const std::size_t bit = i % 64, count = std::min(end - i, 64 - bit);
            const std::uint64_t ones = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
            words_[i / 64] |= ones << bit;
            i += count;
        }
    }
    bool any_between(std::size_t begin, std::size_t end) const {
        bool any = false;
        for (std::size_t i = begin; i < end && !any;) {
            const std::size_t bit = i % 64, count = std::min(end - i, 64 - bit);
            const std::uint64_t ones = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
            any = (words_[i / 64] & ones << bit) != 0;
            i += count;
        }
        return any;
    }
    void set_word(std::size_t w, std::uint64_t word) { words_[w] = word; }

    // How many members are below i.
    std::size_t rank(std::size_t i) const {
        std::size_t count = 0;
        for (std::size_t w = 0; w < i / 64; ++w) count += static_cast<std::size_t>(std::popcount(words_[w]));
        if (i % 64 != 0) {
            const std::uint64_t below = (std::uint64_t{1} << (i % 64)) - 1;
            count += static_cast<std::size_t>(std::popcount(words_[i / 64] & below));
        }
        return count;
    }

    template <class Visitor>
    void for_each_between(std::size_t begin, std::size_t end, Visitor&& visit) const {  // ascending
        for (std::size_t w = begin / 64; w * 64 < end; ++w) {
            for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
                const std::size_t i = w * 64 + static_cast<std::size_t>(std::countr_zero(rest));
                if (i >= begin && i < end) visit(i);
            }
        }
    }

  private:
    std::vector<std::uint64_t> words_;
};

}  // namespace

// The marked entries. One row of bits holds both regions, the sinks, which always survive, between them: variables, the
// newest first, then sinks, then operators. Everything that is asked of an index is then the same for all of them.
struct Tape::Survivors {
    std::size_t base;  // where operator 0 stands in the row
    std::size_t end;
    Bits bits;
    std::size_t operators = 0, variables = 0;

    explicit Survivors(Extent extent) : base(extent.variables + kSinks), end(base + extent.operators), bits(end) {
        for (Index sink = -kSinks; sink < 0; ++sink) insert(sink);
    }
    std::size_t place(Index i) const { return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(base) + i); }
    void insert(Index i) { bits.insert(place(i)); }
    void insert(Hull hull) { bits.insert_range(place(hull.low), place(hull.high) + 1); }
    bool contains_any(const Block& block) const {
        return bits.any_between(place(block.first), place(block.last()) + 1);
    }
    bool contains(Index i) const { return bits.contains(place(i)); }
    void count() {
        variables = bits.rank(base) - kSinks;
        operators = bits.rank(end) - variables - kSinks;
    }
    // What becomes of an extent: how many survive of what it contains.
    Extent renumbered(Extent extent) const {
        const std::size_t below = bits.rank(base - kSinks - extent.variables);
        return {bits.rank(base + extent.operators) - variables - kSinks, variables - below};
    }
};

Tape::Survivors Tape::survivors() const {
    Survivors kept(extent());
    handles_.for_each_live([&](Handle& handle) {
        if (refresh(handle)) kept.insert(handle.index);
    });
    for (EntrySet* const set : sets_) {
        if (!refresh(*set) || set->size() == 0) continue;
        if (set->is_run()) {
            kept.insert(Hull{set->first(), set->first() + static_cast<Index>(set->size()) - 1});
        } else {
            for (const Index i : set->list()) kept.insert(i);
        }
    }
    // From the newest operator down, block by block and what lies between them.
    std::size_t wide = wide_.size(), end = size_;
    for (std::size_t k = blocks_.size(); k-- > 0;) {
        const Block& block = blocks_[k];
        mark_parents(kept, static_cast<std::size_t>(block.last()) + 1, end, wide);
        mark_operands(kept, block);
        end = static_cast<std::size_t>(block.first);
    }
    mark_parents(kept, 0, end, wide);
    kept.count();
    return kept;
}

// A block lives as a whole, and so does all that an operand's strides reach: they stay what they are.
void Tape::mark_operands(Survivors& kept, const Block& block) const {
    if (!kept.contains_any(block)) return;
    kept.insert(Hull{block.first, block.last()});
    for (std::size_t k = 0; k < block.arity; ++k) {
        if (block.operands[k].kind == BlockOperand::Kind::strided) {
            kept.insert(hull_of(block, k));
        } else {
            for_each_entry(blocks_, block, k, [&](std::size_t, Index parent) { kept.insert(parent); });
        }
    }
}

// Marks the parents of the marked operators in [begin, end), none of which is of a block. `wide` is how many wide nodes
// stand below `end`, and then below `begin`.
void Tape::mark_parents(Survivors& kept, std::size_t begin, std::size_t end, std::size_t& wide) const {
    if (begin == end) return;
    const std::size_t first = kept.base + begin, last = kept.base + end - 1;
    for (std::size_t w = last / 64 + 1; w-- > first / 64;) {
        // Parents may be marked in this very word, always below their operator. The word is kept in a register: a round
        // trip through memory for each parent would take most of the time.
        std::uint64_t word = kept.bits.word(w);
        const auto mark = [&](Index parent) {
            const std::size_t place = kept.place(parent);
            if (place / 64 == w) {
                word |= std::uint64_t{1} << (place % 64);
            } else {
                kept.bits.insert(place);
            }
        };
        const std::size_t top_bit = w == last / 64 ? last % 64 : 63;
        const std::uint64_t all = ~std::uint64_t{0};
        for (std::uint64_t below = top_bit == 63 ? all : (std::uint64_t{2} << top_bit) - 1; (word & below) != 0;) {
            const int top = 63 - std::countl_zero(word & below);
            below = (std::uint64_t{1} << top) - 1;
            const std::size_t place = w * 64 + static_cast<std::size_t>(top);
            if (place < first) break;  // sinks and variables have no parents
            const auto i = static_cast<Index>(place - kept.base);
            mark(edges_[i].a);
            mark(edges_[i].b);
            while (wide > 0 && wide_.node[wide - 1] > i) --wide;
            if (wide > 0 && wide_.node[wide - 1] == i) {
                for (const Index parent : wide_.parents_of(wide - 1)) mark(parent);
            }
        }
        kept.bits.set_word(w, word);
    }
}

std::size_t Tape::compact(const Survivors& kept) {
    const Extent before = extent();
    const Serial serial = next_serial();

    // New indices of survivors, filled in as they are met: parents always come before their operator.
    const std::unique_ptr<Index[]> new_indices(new Index[kept.end]);  // not cleared: dead entries' pages stay untouched
    const auto renumbered = [&](Index i) -> Index& { return new_indices[kept.place(i)]; };
    Index next = variable_index(kept.variables) + 1;
    kept.bits.for_each_between(0, kept.base, [&](std::size_t place) { new_indices[place] = next++; });

    // Variables move towards 0: the oldest first, so that none is overwritten before it has moved.
    std::size_t number = 0;
    for (std::size_t n = 0; n < variables_; ++n) {
        const Index from = variable_index(n);
        if (!kept.contains(from)) continue;
        const Index to = variable_index(number++);
        values_[to] = values_[from];
        grads_[to] = grads_[from];
    }

    Index to = 0;
    const auto move_plain = [&](std::size_t begin, std::size_t end) {
        kept.bits.for_each_between(kept.base + begin, kept.base + end, [&](std::size_t place) {
            const auto i = static_cast<Index>(place - kept.base);
            const Edges e = edges_[i];
            edges_[to] = {e.partial_a, e.partial_b, renumbered(e.a), renumbered(e.b)};
            values_[to] = values_[i];
            adjoints_[to] = adjoints_[i];
            opcodes_[to] = opcodes_[i];
            new_indices[place] = to++;
        });
    };
    std::size_t done = 0;
    const DroppedRules dropped = blocks_.filter([&](Block& block) {
        move_plain(done, static_cast<std::size_t>(block.first));
        done = static_cast<std::size_t>(block.last()) + 1;
        if (!kept.contains(block.first)) return false;
        std::copy_n(values_ + block.first, block.count, values_ + to);
        std::copy_n(adjoints_ + block.first, block.count, adjoints_ + to);
        std::copy_n(opcodes_ + block.first, block.count, opcodes_ + to);
        for (std::size_t k = 0; k < block.count; ++k) new_indices[kept.place(block.first) + k] = to++;
        for (std::size_t k = 0; k < block.arity; ++k) {
            BlockOperand& x = block.operands[k];
            if (x.kind == BlockOperand::Kind::strided) x.first = renumbered(x.first);
            if (x.kind != BlockOperand::Kind::list) continue;
            Index* const list = blocks_.list(x.stored);
            for (std::size_t e = 0; e < block.size_of(k); ++e) list[e] = renumbered(list[e]);
        }
        block.first = renumbered(block.first);
        return true;
    });
    move_plain(done, size_);

    std::size_t rows = 0, length = 0;
    for (std::size_t k = 0; k < wide_.size(); ++k) {
        const Index node = wide_.node[k];
        if (!kept.contains(node)) continue;
        const std::size_t begin = wide_.begin[k], end = wide_.begin[k + 1];
        for (std::size_t j = begin; j < end; ++j, ++length) {
            wide_.parents[length] = renumbered(wide_.parents[j]);
            wide_.partials[length] = wide_.partials[j];
        }
        wide_.node[rows] = renumbered(node);
        wide_.begin[++rows] = length;
    }
    wide_.node.resize(rows);
    wide_.begin.resize(rows + 1);
    wide_.parents.resize(length);
    wide_.partials.resize(length);

    std::map<Index, std::string> names;
    while (!names_.empty()) {  // node by node: nothing is allocated
        auto node = names_.extract(names_.begin());
        if (!kept.contains(node.key())) continue;
        node.key() = renumbered(node.key());
        names.insert(std::move(node));
    }
    names_.swap(names);

    for (EntrySet* const set : sets_) {
        if (set->serial_ == kStale || set->size_ == 0) continue;
        if (set->is_run()) {
            set->first_ = renumbered(set->first_);
        } else {
            for (Index& i : set->list_) i = renumbered(i);
        }
    }
    std::erase_if(sources_, [&](const auto& s) { return !kept.contains(s.first); });
    for (auto& [node, source] : sources_) node = renumbered(node);
    for (LiveMark& mark : marks_) mark.extent = kept.renumbered(mark.extent);
    const auto swept_from = static_cast<std::size_t>(swept_from_), swept_end = static_cast<std::size_t>(swept_to_ + 1);
    swept_from_ = static_cast<Index>(kept.renumbered(Extent{swept_from, 0}).operators);
    swept_to_ = static_cast<Index>(kept.renumbered(Extent{swept_end, 0}).operators) - 1;
    size_ = kept.operators;
    variables_ = kept.variables;

    // A new serial: an index that was not held by a handle means nothing any more.
    begin(serial);
    for (EntrySet* const set : sets_) {
        if (set->serial_ != kStale) set->serial_ = serial_;
    }
    handles_.for_each_live([&](Handle& handle) {
        if (handle.serial == kStale) return;
        handle.index = renumbered(handle.index);
        handle.serial = serial_;
    });
    forget_past();
    handles_.release_unused();

    const std::size_t freed = before.operators - size_ + before.variables - variables_;
    ++collections_;
    collected_ += freed;
    return freed;
}

std::size_t Tape::collect() {
    require_idle("collect()");
    if (pinned()) return 0;
    return compact(survivors());
}

void Tape::make_room(bool may_collect, std::size_t operators, std::size_t row) {
    const auto columns_fit = [&] { return size_ + operators <= capacity_; };
    const auto row_fits = [&] { return wide_.parents.size() + row <= wide_capacity_; };
    const auto store_fits = [&] { return blocks_.used() <= store_capacity_; };
    if (columns_fit() && row_fits() && store_fits()) return;
    if (may_collect && !pinned()) {
        const Survivors kept = survivors();
        // While much of the tape is alive it is cheaper to grow without moving anything, and soon there would be a next
        // time: with a half as the limit a training loop whose graph is a little smaller than that collects at every
        // step.
        const bool much_is_alive = 3 * kept.operators > capacity_;
        if (!much_is_alive || columns_fit() || !grow()) compact(kept);
    }
    while (!columns_fit() && grow()) {
    }
    while (2 * blocks_.used() > store_capacity_) store_capacity_ *= 2;
    while (!row_fits() || 2 * wide_.parents.size() > wide_capacity_) wide_capacity_ *= 2;
    if (size_ == capacity_) {
        throw TapeMemoryError("the tape is full: it holds " + std::to_string(size_) + " operations, " +
                              (capacity_ == limit_ ? "its limit" : "and the system gives no more memory") +
                              "; let go of results that are no longer needed, use tape.scope(), or make a Tape with a "
                              "larger limit");
    }
}

void Tape::make_block_room(bool may_collect, std::size_t entries) {
    const auto refuse = [&] {
        throw TapeMemoryError("the tape has no room for " + std::to_string(entries) + " more operations: it holds " +
                              std::to_string(size_) + ", and " + std::to_string(limit_) +
                              " are its limit; compute with smaller arrays, let go of results that are no longer "
                              "needed, or make a Tape with a larger limit");
    };
    if (entries > limit_) refuse();
    if (entries == 0) return;
    make_room(may_collect, entries);
    if (size_ + entries > capacity_) refuse();
}

void Tape::make_variable_room(bool may_collect, std::size_t count) {
    const auto fit = [&] { return count <= variable_capacity_ - variables_; };
    if (fit()) return;
    if (may_collect && !pinned()) {
        const Survivors kept = survivors();
        if (3 * kept.variables <= variable_capacity_ || !grow_variables()) compact(kept);
    }
    while (!fit() && count <= limit_ - variables_ && grow_variables()) {
    }
    if (fit()) return;
    throw TapeMemoryError("the tape is full: it holds " + std::to_string(variables_) + " variables, " +
                          (variable_capacity_ == limit_  ? "its limit"
                           : count > limit_ - variables_ ? "and " + std::to_string(count) +
                                                               " more are beyond its limit of " + std::to_string(limit_)
                                                         : "and the system gives no more memory") +
                          "; use plain numbers for data that needs no gradient");
}

Index Tape::add_variables(std::span<const double> values, bool may_collect) {
    make_variable_room(may_collect, values.size());
    variables_ += values.size();
    const Index first = variable_index(variables_ - 1);  // the newest: indices of variables count down
    std::ranges::copy(values, values_ + first);
    std::fill_n(grads_ + first, values.size(), 0.0);
    std::fill_n(adjoints_ + first, values.size(), 0.0);
    return first;
}

Index Tape::add_variable(double value, bool may_collect) {
    if (variables_ == variable_capacity_) make_variable_room(may_collect, 1);
    const Index i = variable_index(variables_++);
    values_[i] = value;
    grads_[i] = 0.0;
    adjoints_[i] = 0.0;
    return i;
}

}  // namespace reelgrad
