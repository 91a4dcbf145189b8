#include "reelgrad/tape/forward.hpp"

#include <algorithm>
#include <cmath>

namespace reelgrad {

ForwardSweep::ForwardSweep(const Tape& tape, Extent start)
    : tape_(tape),
      start_(start),
      operators_(tape.size() - start.operators),
      variables_(tape.variables() - start.variables) {}

// nullptr for what has no tangent: sinks, and what stood there before.
double* ForwardSweep::place(Index i) {
    if (is_sink(i) || start_.contains(i)) return nullptr;
    return is_operator(i) ? &operators_[static_cast<std::size_t>(i) - start_.operators]
                          : &variables_[variable_number(i) - start_.variables];
}

// A rule knows its derivative backwards only: that of each entry with respect to the operands is a row of its Jacobian.
void ForwardSweep::run_rule(const Block& block) {
    const Blocks& blocks = tape_.blocks();
    std::vector<double> tangents, row, adjoints(block.count);
    std::vector<std::span<double>> operands(block.arity);
    std::size_t numbers = 0;
    for (std::size_t k = 0; k < block.arity; ++k) {
        numbers += block.operands[k].is_constant() ? 0 : block.size_of(k);
        for_each_entry(blocks, block, k, [&](std::size_t, Index parent) {
            const double* const t = place(parent);
            tangents.push_back(t == nullptr ? 0.0 : *t);
        });
    }
    if (std::ranges::all_of(tangents, [](double t) { return t == 0.0; })) return;
    row.resize(numbers);
    for (std::size_t e = 0; e < block.count; ++e) {
        std::ranges::fill(row, 0.0);
        std::size_t begin = 0;
        for (std::size_t k = 0; k < block.arity; ++k) {
            const std::size_t length = block.operands[k].is_constant() ? 0 : block.size_of(k);
            operands[k] = std::span(row).subspan(begin, length);
            begin += length;
        }
        adjoints[e] = 1.0;
        block.rule->reverse(adjoints, operands);
        adjoints[e] = 0.0;
        double sum = 0.0;
        for (std::size_t k = 0; k < numbers; ++k) {
            if (tangents[k] != 0.0) sum += row[k] * tangents[k];
        }
        *place(block.first + static_cast<Index>(e)) += sum;
    }
}

void ForwardSweep::run(std::span<const Index> inputs, std::span<const double> tangents,
                       std::span<const std::optional<Index>> outputs, std::span<double> result) {
    std::ranges::fill(operators_, 0.0);
    std::ranges::fill(variables_, 0.0);
    for (std::size_t k = 0; k < inputs.size(); ++k) *place(inputs[k]) = tangents[k];

    const WideNodes& wide = tape_.wide();
    const Blocks& blocks = tape_.blocks();
    std::size_t row = wide.count_below(start_.operators), block = blocks.count_below(start_.operators);
    for (std::size_t i = start_.operators; i < tape_.size(); ++i) {
        const auto entry = static_cast<Index>(i);
        const bool selecting = is_selecting(tape_.opcode(entry));
        double& tangent = operators_[i - start_.operators];
        const auto add_to = [&](double& sum, Index parent, double partial) {
            const double* const t = place(parent);
            if (t == nullptr || *t == 0.0) return;
            const double c = partial * *t;
            if (!(std::isnan(c) && selecting && partial == 0.0)) sum += c;
        };
        if (block < blocks.size() && blocks[block].first == entry) {
            if (blocks[block].kind == Block::Kind::rule) {
                run_rule(blocks[block]);
            } else {
                for_each_edge(blocks, blocks[block], [&](Index of, Index parent, double partial, std::size_t) {
                    add_to(*place(of), parent, partial);
                });
            }
            i += blocks[block++].count - 1;
            continue;
        }
        const auto add = [&](Index parent, double partial) { add_to(tangent, parent, partial); };
        const Edges& edges = tape_.edges(entry);
        add(edges.a, edges.partial_a);
        add(edges.b, edges.partial_b);
        if (row < wide.size() && wide.node[row] == entry) {
            const auto parents = wide.parents_of(row);
            const auto partials = wide.partials_of(row);
            for (std::size_t k = 0; k < parents.size(); ++k) add(parents[k], partials[k]);
            ++row;
        }
    }
    for (std::size_t k = 0; k < outputs.size(); ++k) {
        const double* const t = outputs[k] ? place(*outputs[k]) : nullptr;
        result[k] = t == nullptr ? 0.0 : *t;
    }
}

bool reaches_before(const Tape& tape, Extent start, std::span<const std::optional<Index>> outputs) {
    std::vector<bool> needed(tape.size() - start.operators);
    bool reached = false;
    const auto need = [&](Index i) {
        if (!is_operator(i)) return;
        if (start.contains(i)) {
            reached = true;
        } else {
            needed[static_cast<std::size_t>(i) - start.operators] = true;
        }
    };
    for (const std::optional<Index>& output : outputs) {
        if (output) need(*output);
    }
    const WideNodes& wide = tape.wide();
    const Blocks& blocks = tape.blocks();
    std::size_t row = wide.size(), block = blocks.size();
    for (std::size_t i = tape.size(); i-- > start.operators && !reached;) {
        const auto entry = static_cast<Index>(i);
        if (block > 0 && blocks[block - 1].last() == entry) {
            const Block& own = blocks[--block];
            i -= own.count - 1;
            const auto begin = needed.begin() + static_cast<std::ptrdiff_t>(i - start.operators);
            if (std::find(begin, begin + static_cast<std::ptrdiff_t>(own.count), true) ==
                begin + static_cast<std::ptrdiff_t>(own.count)) {
                continue;
            }
            for (std::size_t k = 0; k < own.arity; ++k) {
                for_each_entry(blocks, own, k, [&](std::size_t, Index parent) { need(parent); });
            }
            continue;
        }
        const bool is_wide = row > 0 && wide.node[row - 1] == entry;
        if (is_wide) --row;
        if (!needed[i - start.operators]) continue;
        need(tape.edges(entry).a);
        need(tape.edges(entry).b);
        if (is_wide) std::ranges::for_each(wide.parents_of(row), need);
    }
    return reached;
}

}  // namespace reelgrad
