// tape/collect.cpp: collection, which keeps a plain loop in bounded memory.
//
// What lives: the entries that live handles refer to, and their ancestors. One descending pass over the edges marks them;
// survivors then move down together, in order, and a survivor's new index is its rank among the marked. Whatever refers to
// entries is renumbered: handles, edges, wide rows, marks, names, sources, the range of readable adjoints.
#include <algorithm>
#include <bit>
#include <string>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad {
namespace {

// A set of numbers 0 .. n-1 that tells the rank of a member: how many members are below it.
class RankedBits {
  public:
    explicit RankedBits(std::size_t n) : words_((n + 63) / 64) {}

    void insert(std::size_t i) { words_[i / 64] |= bit(i); }
    bool contains(std::size_t i) const { return (words_[i / 64] & bit(i)) != 0; }
    std::size_t words() const { return words_.size(); }
    std::uint64_t word(std::size_t w) const { return words_[w]; }

    // To be called when all members are in.
    void count() {
        before_.resize(words_.size() + 1);
        for (std::size_t w = 0; w < words_.size(); ++w) {
            before_[w + 1] = before_[w] + static_cast<std::uint32_t>(std::popcount(words_[w]));
        }
    }
    std::size_t size() const { return before_.back(); }
    std::size_t rank(std::size_t i) const {
        if (i / 64 >= words_.size()) return size();
        return before_[i / 64] + static_cast<std::size_t>(std::popcount(words_[i / 64] & (bit(i) - 1)));
    }

    template <class Visitor>
    void for_each(Visitor&& visit) const {  // ascending
        for (std::size_t w = 0; w < words_.size(); ++w) {
            for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
                visit(w * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
            }
        }
    }

  private:
    static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << (i % 64); }

    std::vector<std::uint64_t> words_;
    std::vector<std::uint32_t> before_;
};

}  // namespace

struct Tape::Survivors {
    RankedBits operators;
    RankedBits variables;

    void insert(Index i) {
        if (is_operator(i)) {
            operators.insert(static_cast<std::size_t>(i));
        } else if (is_variable(i)) {
            variables.insert(variable_number(i));
        }
    }
    Index renumbered(Index i) const {
        if (is_operator(i)) return static_cast<Index>(operators.rank(static_cast<std::size_t>(i)));
        return is_variable(i) ? variable_index(variables.rank(variable_number(i))) : i;
    }
};

Tape::Survivors Tape::survivors() const {
    Survivors kept{RankedBits(size_), RankedBits(variables_)};
    handles_.for_each_live([&](Handle& handle) {
        if (refresh(handle)) kept.insert(handle.index);
    });
    std::size_t wide = wide_.size();
    for (std::size_t w = kept.operators.words(); w-- > 0;) {
        // Parents may be marked in this very word, always below their operator.
        for (std::uint64_t below = ~std::uint64_t{0}; (kept.operators.word(w) & below) != 0;) {
            const int top = 63 - std::countl_zero(kept.operators.word(w) & below);
            below = (std::uint64_t{1} << top) - 1;
            const auto i = static_cast<Index>(w * 64 + static_cast<std::size_t>(top));
            kept.insert(edges_[i].a);
            kept.insert(edges_[i].b);
            while (wide > 0 && wide_.node[wide - 1] > i) --wide;
            if (wide > 0 && wide_.node[wide - 1] == i) {
                for (const Index parent : wide_.parents_of(wide - 1)) kept.insert(parent);
            }
        }
    }
    kept.operators.count();
    kept.variables.count();
    return kept;
}

std::size_t Tape::compact(const Survivors& kept) {
    const Extent before = extent();
    const Serial serial = next_serial();
    const auto renumbered = [&](Index i) { return kept.renumbered(i); };

    // Wide rows first: they are found by their old numbers.
    std::size_t rows = 0, length = 0;
    for (std::size_t k = 0; k < wide_.size(); ++k) {
        const Index node = wide_.node[k];
        if (!kept.operators.contains(static_cast<std::size_t>(node))) continue;
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

    std::size_t to = 0;
    kept.operators.for_each([&](std::size_t i) {
        const Edges e = edges_[i];
        edges_[to] = {e.partial_a, e.partial_b, renumbered(e.a), renumbered(e.b)};
        values_[to] = values_[i];
        adjoints_[to] = adjoints_[i];
        opcodes_[to] = opcodes_[i];
        ++to;
    });
    size_ = to;

    std::size_t number = 0;
    kept.variables.for_each([&](std::size_t i) {
        const Index from = variable_index(i), target = variable_index(number++);
        values_[target] = values_[from];
        grads_[target] = grads_[from];
    });
    variables_ = number;

    std::map<Index, std::string> names;
    while (!names_.empty()) {  // node by node: nothing is allocated
        auto node = names_.extract(names_.begin());
        if (!kept.variables.contains(variable_number(node.key()))) continue;
        node.key() = renumbered(node.key());
        names.insert(std::move(node));
    }
    names_.swap(names);

    std::erase_if(sources_, [&](const auto& s) { return !kept.operators.contains(static_cast<std::size_t>(s.first)); });
    for (auto& [node, source] : sources_) node = renumbered(node);
    for (LiveMark& mark : marks_) {
        mark.extent = {kept.operators.rank(mark.extent.operators), kept.variables.rank(mark.extent.variables)};
    }
    const Index swept_end = static_cast<Index>(kept.operators.rank(static_cast<std::size_t>(swept_to_ + 1)));
    swept_from_ = static_cast<Index>(kept.operators.rank(static_cast<std::size_t>(swept_from_)));
    swept_to_ = swept_end - 1;

    // A new serial: an index that was not held by a handle means nothing any more.
    begin(serial);
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
    if (columns_fit() && row_fits()) return;
    if (may_collect && !pinned()) {
        const Survivors kept = survivors();
        // While most of the tape is alive it is cheaper to grow without moving anything.
        const bool mostly_alive = 2 * kept.operators.size() > capacity_;
        if (!mostly_alive || columns_fit() || !grow()) compact(kept);
    }
    while (!columns_fit() && grow()) {
    }
    while (!row_fits() || 2 * wide_.parents.size() > wide_capacity_) wide_capacity_ *= 2;
    if (size_ == capacity_) {
        throw TapeMemoryError("the tape is full: it holds " + std::to_string(size_) + " operations, " +
                              (capacity_ == limit_ ? "its limit" : "and the system gives no more memory") +
                              "; let go of results that are no longer needed, use tape.scope(), or make a Tape with a "
                              "larger limit");
    }
}

Index Tape::add_variable(double value, bool may_collect) {
    if (variables_ == variable_capacity_) {
        if (may_collect && !pinned()) {
            const Survivors kept = survivors();
            if (2 * kept.variables.size() <= variable_capacity_ || !grow_variables()) compact(kept);
        } else {
            grow_variables();
        }
        if (variables_ == variable_capacity_) {
            throw TapeMemoryError("the tape is full: it holds " + std::to_string(variables_) + " variables, " +
                                  (variable_capacity_ == limit_ ? "its limit" : "and the system gives no more memory") +
                                  "; use plain numbers for data that needs no gradient");
        }
    }
    const Index i = variable_index(variables_++);
    values_[i] = value;
    grads_[i] = 0.0;
    adjoints_[i] = 0.0;
    return i;
}

}  // namespace reelgrad
