#include "reelgrad/tape/wide.hpp"

#include <algorithm>

namespace reelgrad {
namespace {

template <class T>
void reserve_more(std::vector<T>& column, std::size_t more) {
    if (column.capacity() - column.size() < more) column.reserve(std::max(2 * column.capacity(), column.size() + more));
}

}  // namespace

std::size_t WideNodes::count_below(std::size_t i) const {
    const auto end = std::lower_bound(node.begin(), node.end(), i,
                                      [](Index a, std::size_t b) { return static_cast<std::size_t>(a) < b; });
    return static_cast<std::size_t>(end - node.begin());
}

void WideNodes::reserve_row(std::size_t length) {
    reserve_more(node, 1);
    reserve_more(begin, 1);
    reserve_more(parents, length);
    reserve_more(partials, length);
}

void WideNodes::push(Index i, std::span<const Index> row_parents, std::span<const double> row_partials) {
    node.push_back(i);
    parents.insert(parents.end(), row_parents.begin(), row_parents.end());
    partials.insert(partials.end(), row_partials.begin(), row_partials.end());
    begin.push_back(parents.size());
}

void WideNodes::truncate(std::size_t operators) {
    const std::size_t kept = count_below(operators);
    node.resize(kept);
    begin.resize(kept + 1);
    parents.resize(begin.back());
    partials.resize(begin.back());
}

}  // namespace reelgrad
