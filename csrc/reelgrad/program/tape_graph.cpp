#include "reelgrad/program/tape_graph.hpp"

#include <algorithm>
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

double contribution_of(double adjoint, double partial, bool selecting) {
    return selecting ? ops::SMul::value(adjoint, partial) : ops::ZMul::value(adjoint, partial);
}

class Reader {
  public:
    Reader(const Tape& tape, Index output, const GraphLimits& limits)
        : tape_(tape), output_(output), limits_(limits), operands_(tape), adjoint_(tape, output), id_(tape, output) {}

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
        for (Index i = output_; i >= adjoint_.oldest(); --i) {
            if (id_[i] == 0) continue;
            const double g = adjoint_[i];
            const bool selecting = is_selecting(tape_.opcode(i));
            operands_.for_each(i, [&](Index parent, double partial) {
                if (is_sink(parent)) return;
                if (is_operator(parent)) {
                    adjoint_.reach_down_to(parent);
                    id_.reach_down_to(parent);
                }
                id_[parent] = 1;
                adjoint_[parent] += contribution_of(g, partial, selecting);
            });
        }
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
            operands_.for_each(i, [&, steps = steps](Index parent, double) {
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
                              .operands = {},
                              .contributions = {}});
            if (is_operator(i)) add_operands(nodes_.back());
        }
    }

    // Of a long row the first operands; of a dot product, which has two rows in one, the first pairs.
    void add_operands(GraphNode& node) {
        std::size_t count = 0;
        operands_.for_each(node.entry, [&](Index, double) { ++count; });
        node.operand_count = count;
        const bool pairs = tape_.opcode(node.entry) == opcode_of<ops::Dot>;
        const std::size_t half = count / 2;
        const bool selecting = is_selecting(tape_.opcode(node.entry));
        std::size_t position = 0;
        operands_.for_each(node.entry, [&](Index parent, double partial) {
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
            const bool selecting = is_selecting(tape_.opcode(i));
            std::size_t position = 0;
            operands_.for_each(i, [&](Index parent, double partial) {
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
    TapeOperands operands_;
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
