// tape/wide.hpp: operators with any number of parents, in an ordered side list.
//
// The columns of the tape hold two parents an entry. An operator with more (a sum of many, a dot product, fma) is an
// entry whose parents stand here, as a row of (parent, partial) pairs; the sweep runs branch-free between such entries
// and walks the row at each. A constant operand keeps its place: a sink as the parent, the constant as the partial.
#pragma once

#include <span>
#include <vector>

#include "reelgrad/tape/index.hpp"

namespace reelgrad {

struct WideNodes {
    std::vector<Index> node;         // ascending
    std::vector<std::size_t> begin;  // row of node[k]: [begin[k], begin[k + 1])
    std::vector<Index> parents;
    std::vector<double> partials;

    WideNodes() : begin{0} {}

    std::size_t size() const { return node.size(); }
    std::span<const Index> parents_of(std::size_t k) const { return {&parents[begin[k]], begin[k + 1] - begin[k]}; }
    std::span<const double> partials_of(std::size_t k) const { return {&partials[begin[k]], begin[k + 1] - begin[k]}; }

    // How many wide nodes stand below the operator `i`.
    std::size_t count_below(std::size_t i) const;

    void reserve_row(std::size_t length);  // throws std::bad_alloc; after it, push of such a row cannot fail
    void push(Index i, std::span<const Index> row_parents, std::span<const double> row_partials);
    void truncate(std::size_t operators);  // drops the rows of operators from `operators` on
    std::size_t bytes() const {
        return size() * (sizeof(Index) + sizeof(std::size_t)) + parents.size() * (sizeof(Index) + sizeof(double));
    }
};

}  // namespace reelgrad
