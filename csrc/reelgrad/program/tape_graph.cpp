#include "reelgrad/program/tape_graph.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <unordered_map>

#include "reelgrad/program/tape_operands.hpp"

namespace reelgrad::program {
namespace {

// A number for each entry that a graph may have: operators from the output down to the oldest, and all variables.
template <class T>
class PerEntry {
  public:
    PerEntry(const Tape& tape, Index output)
        : output_(output), operators_(is_operator(output) ? 1 : 0), variables_(tape.variables()) {}

    void reach_down_to(Index i) {
        const auto place = static_cast<std::size_t>(output_ - i);
        if (place >= operators_.size()) operators_.resize(place + 1);
    }
    T& operator[](Index i) {
        return is_operator(i) ? operators_[static_cast<std::size_t>(output_ - i)] : variables_[variable_number(i)];
    }
    bool has(Index i) const {
        return is_operator(i) ? i <= output_ && static_cast<std::size_t>(output_ - i) < operators_.size()
                              : variable_number(i) < variables_.size();
    }
    Index oldest() const { return output_ + 1 - static_cast<Index>(operators_.size()); }

  private:
    Index output_;
    std::vector<T> operators_, variables_;
};

// The elements of a map that entry number `entry` is made of, in the order of for_each_operand().
std::vector<std::size_t> elements_of(const Block& block, std::size_t entry) {
    std::array<std::size_t, BlockOperand::kDims> at{};
    for (std::size_t d = 0; d < block.dims; ++d) {
        const auto stride = static_cast<std::size_t>(block.entry_strides[d]);
        if (stride == 0) continue;
        at[d] = entry / stride;
        entry %= stride;
    }
    std::vector<std::size_t> elements;
    while (true) {
        std::size_t element = 0;
        for (std::size_t d = 0; d < block.dims; ++d) element = element * block.shape[d] + at[d];
        elements.push_back(element);
        std::size_t d = block.dims;
        while (d-- > 0) {
            if (block.entry_strides[d] != 0) continue;
            if (++at[d] < block.shape[d]) break;
            at[d] = 0;
        }
        if (d == static_cast<std::size_t>(-1)) return elements;
    }
}

// Calls visit(entry, partial) for each operand of entry i of a map or a product; for a constant, a sink and itself.
template <class Visitor>
void for_each_edge_of(const Blocks& blocks, const Block& block, Index i, Visitor&& visit) {
    const auto number = static_cast<std::size_t>(i - block.first);
    std::size_t position = 0;
    if (block.kind == Block::Kind::product) {
        const std::size_t row = number / block.columns, column = number % block.columns;
        const double* const a = blocks.numbers(block.operands[0].values);
        const double* const b = blocks.numbers(block.operands[1].values);
        for_each_operand(blocks, block, i, [&](Index parent, double constant) {
            const std::size_t k = position++;
            const double partial =
                k < block.inner ? b[k * block.columns + column] : a[row * block.inner + (k - block.inner)];
            visit(parent, is_sink(parent) ? constant : partial);
        });
        return;
    }
    const std::vector<std::size_t> elements = elements_of(block, number);
    for_each_operand(blocks, block, i, [&](Index parent, double constant) {
        const std::size_t element = elements[position / block.arity];
        const BlockOperand& x = block.operands[position++ % block.arity];
        const double partial = x.partials == kNotStored ? x.partial : blocks.numbers(x.partials)[element];
        visit(parent, is_sink(parent) ? constant : partial);
    });
}

// The edges of an operator, with partials. Rules have none stored: the derivative of one entry is what its rule makes
// of an adjoint of 1 there and 0 elsewhere.
class EdgeReader {
  public:
    explicit EdgeReader(const Tape& tape) : blocks_(tape.blocks()), operands_(tape) {}

    // Calls visit(entry, partial) for each operand; for constants too, unless it is a rule.
    template <class Visitor>
    void for_each(Index i, Visitor&& visit) {
        const Block* const block = blocks_.find(i);
        if (block == nullptr) return operands_.for_each(i, visit);
        if (block->kind != Block::Kind::rule) return for_each_edge_of(blocks_, *block, i, visit);
        if (row_of_ != i) read_row(i);
        for (const auto& [entry, partial] : row_) visit(entry, partial);
    }

    // The block of entry i if that is a rule's.
    const Block* rule_of(Index i) const {
        const Block* block = blocks_.find(i);
        return block != nullptr && block->kind == Block::Kind::rule ? block : nullptr;
    }

    // What a rule makes of adjoints of its entries: calls visit(entry, contribution) for each element of its operands.
    template <class Visitor>
    void apply_rule(std::size_t number, std::span<const double> adjoints, Visitor&& visit) const {
        std::vector<std::vector<double>> sums(blocks_[number].arity);
        std::vector<std::span<double>> spans(sums.size());
        for (std::size_t k = 0; k < sums.size(); ++k) {
            if (blocks_[number].operands[k].is_constant()) continue;
            sums[k].resize(blocks_[number].size_of(k));
            spans[k] = sums[k];
        }
        const std::shared_ptr<const BlockRule> rule = blocks_[number].rule;
        rule->reverse(adjoints, spans);
        const Block& block = blocks_[number];  // it may have recorded, and the list have moved
        for (std::size_t k = 0; k < sums.size(); ++k) {
            for_each_entry(blocks_, block, k, [&](std::size_t e, Index entry) { visit(entry, sums[k][e]); });
        }
    }

    std::size_t number_of(const Block& block) const { return static_cast<std::size_t>(&block - &blocks_[0]); }
    const Blocks& blocks() const { return blocks_; }

  private:
    void read_row(Index i) {
        const Block& block = *rule_of(i);
        std::vector<double> unit(block.count);
        unit[static_cast<std::size_t>(i - block.first)] = 1.0;
        row_.clear();
        apply_rule(number_of(block), unit, [&](Index entry, double partial) { row_.emplace_back(entry, partial); });
        row_of_ = i;
    }

    const Blocks& blocks_;
    TapeOperands operands_;
    Index row_of_ = -1;
    std::vector<std::pair<Index, double>> row_;
};

constexpr std::size_t kMostRows = 64;  // of a rule whose edges are told one by one

double contribution_of(double adjoint, double partial, bool selecting) {
    return selecting ? ops::SMul::value(adjoint, partial) : ops::ZMul::value(adjoint, partial);
}

class Reader {
  public:
    Reader(const Tape& tape, Index output, const GraphLimits& limits)
        : tape_(tape), output_(output), limits_(limits), edges_(tape), adjoint_(tape, output), id_(tape, output) {}

    TapeGraph read(const std::vector<Index>& asked) {
        sweep();
        number();
        choose();
        TapeGraph graph{.operators = operators_, .variables = variables_, .nodes = {}, .asked = {}};
        for (const Index i : asked) {
            const bool there = id_.has(i) && id_[i] != 0;
            graph.asked.push_back(there ? std::optional(id_of(i)) : std::nullopt);
        }
        add_contributions();
        graph.nodes = std::move(nodes_);
        return graph;
    }

  private:
    // Adjoints, and a mark in id_ for what the output depends on.
    void sweep() {
        adjoint_[output_] = 1.0;
        id_[output_] = 1;
        if (!is_operator(output_)) return;
        const auto reach = [&](Index parent) {
            if (is_operator(parent)) {
                adjoint_.reach_down_to(parent);
                id_.reach_down_to(parent);
            }
            id_[parent] = 1;
        };
        for (Index i = output_; i >= adjoint_.oldest(); --i) {
            if (id_[i] == 0) continue;
            if (const Block* rule = edges_.rule_of(i)) {
                const Index first = rule->first;
                apply_rule(*rule, [&](Index parent, double contribution) {
                    reach(parent);
                    adjoint_[parent] += contribution;
                });
                i = std::max(first, adjoint_.oldest());  // all of the block is done
                continue;
            }
            const double g = adjoint_[i];
            const bool selecting = is_selecting(tape_.opcode(i));
            edges_.for_each(i, [&](Index parent, double partial) {
                if (is_sink(parent)) return;
                reach(parent);
                adjoint_[parent] += contribution_of(g, partial, selecting);
            });
        }
    }

    // Passes the adjoints of a rule's entries on, all at once.
    template <class Visitor>
    void apply_rule(const Block& rule, Visitor&& visit) {
        std::vector<double> own(rule.count);
        for (std::size_t e = 0; e < own.size(); ++e) {
            const Index entry = rule.first + static_cast<Index>(e);
            if (adjoint_.has(entry)) own[e] = adjoint_[entry];
        }
        edges_.apply_rule(edges_.number_of(rule), own, visit);
    }

    // From here on id_ holds the number among operators or among variables, counted from 1.
    void number() {
        if (is_operator(output_)) {
            for (Index i = adjoint_.oldest(); i <= output_; ++i) {
                if (id_[i] != 0) id_[i] = static_cast<std::uint32_t>(++operators_);
            }
        }
        for (std::size_t v = 0; v < tape_.variables(); ++v) {
            std::uint32_t& id = id_[variable_index(v)];
            if (id != 0) id = static_cast<std::uint32_t>(++variables_);
        }
    }

    GraphId id_of(Index i) {
        const auto number = static_cast<GraphId>(id_[i]);
        return is_operator(i) ? number - 1 : -number;
    }

    // Breadth first, so that what is given out is what lies nearest.
    void choose() {
        std::vector<std::pair<Index, std::size_t>> queue{{output_, 0}};
        chosen_.emplace(output_, 0);
        for (std::size_t next = 0; next < queue.size(); ++next) {
            const auto [i, steps] = queue[next];
            if (!is_operator(i) || steps == limits_.steps) continue;
            edges_.for_each(i, [&, steps = steps](Index parent, double) {
                if (is_sink(parent) || queue.size() >= limits_.nodes) return;
                if (chosen_.emplace(parent, 0).second) queue.emplace_back(parent, steps + 1);
            });
        }
        std::ranges::sort(queue, std::ranges::greater{}, &std::pair<Index, std::size_t>::first);
        for (const auto& [i, steps] : queue) {
            chosen_[i] = nodes_.size();
            nodes_.push_back({.id = id_of(i),
                              .entry = i,
                              .steps = steps,
                              .value = tape_.value(i),
                              .adjoint = adjoint_[i],
                              .block = block_of(i),
                              .operands = {},
                              .contributions = {}});
            if (is_operator(i)) add_operands(nodes_.back());
        }
    }

    std::optional<GraphBlock> block_of(Index i) const {
        const Block* block = is_operator(i) ? edges_.blocks().find(i) : nullptr;
        if (block == nullptr) return std::nullopt;
        return GraphBlock{edges_.number_of(*block), static_cast<std::size_t>(i - block->first), block->count};
    }

    // Of a long row the first operands; of a dot product, which has two rows in one, the first pairs.
    void add_operands(GraphNode& node) {
        std::size_t count = 0;
        edges_.for_each(node.entry, [&](Index, double) { ++count; });
        node.operand_count = count;
        const bool pairs = tape_.opcode(node.entry) == opcode_of<ops::Dot>;
        const std::size_t half = count / 2;
        const bool selecting = is_selecting(tape_.opcode(node.entry));
        std::size_t position = 0;
        edges_.for_each(node.entry, [&](Index parent, double partial) {
            const std::size_t place = position++;
            const std::size_t shown = count <= limits_.operands ? count : limits_.operands;
            if (pairs ? place % half >= (shown + 1) / 2 : place >= shown) return;
            if (is_sink(parent)) {
                node.operands.push_back({place, std::nullopt, parent, partial, 0.0, 0.0});
            } else {
                node.operands.push_back({place, id_of(parent), parent, tape_.value(parent), partial,
                                         contribution_of(node.adjoint, partial, selecting)});
            }
        });
    }

    void add_contributions() {
        if (!is_operator(output_)) return;
        for (Index i = output_; i >= adjoint_.oldest(); --i) {
            if (id_[i] == 0) continue;
            if (const Block* rule = edges_.rule_of(i); rule != nullptr && rule->count > kMostRows) {
                const Index first = rule->first;
                apply_rule(*rule, [&](Index parent, double contribution) {
                    const auto found = chosen_.find(parent);
                    if (found == chosen_.end()) return;
                    ++nodes_[found->second].contribution_count;
                    nodes_[found->second].other_contributions += contribution;
                });
                i = std::max(first, adjoint_.oldest());
                continue;
            }
            const bool selecting = is_selecting(tape_.opcode(i));
            std::size_t position = 0;
            edges_.for_each(i, [&](Index parent, double partial) {
                const std::size_t place = position++;
                if (is_sink(parent)) return;
                const auto found = chosen_.find(parent);
                if (found == chosen_.end()) return;
                GraphNode& node = nodes_[found->second];
                const double value = contribution_of(adjoint_[i], partial, selecting);
                if (++node.contribution_count > limits_.contributions) {
                    node.other_contributions += value;
                } else {
                    node.contributions.push_back({id_of(i), place, adjoint_[i], partial, value});
                }
            });
        }
    }

    const Tape& tape_;
    const Index output_;
    const GraphLimits limits_;
    EdgeReader edges_;
    PerEntry<double> adjoint_;
    PerEntry<std::uint32_t> id_;  // 0: not in the graph
    std::size_t operators_ = 0, variables_ = 0;
    std::unordered_map<Index, std::size_t> chosen_;  // to the place in nodes_
    std::vector<GraphNode> nodes_;
};

}  // namespace

TapeGraph graph_of(const Tape& tape, Index output, const GraphLimits& limits, const std::vector<Index>& asked) {
    return Reader(tape, output, limits).read(asked);
}

}  // namespace reelgrad::program
