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

void ForwardSweep::run(std::span<const Index> inputs, std::span<const double> tangents,
                       std::span<const std::optional<Index>> outputs, std::span<double> result) {
    std::ranges::fill(operators_, 0.0);
    std::ranges::fill(variables_, 0.0);
    for (std::size_t k = 0; k < inputs.size(); ++k) *place(inputs[k]) = tangents[k];

    const WideNodes& wide = tape_.wide();
    std::size_t row = wide.count_below(start_.operators);
    for (std::size_t i = start_.operators; i < tape_.size(); ++i) {
        const auto entry = static_cast<Index>(i);
        const bool selecting = is_selecting(tape_.opcode(entry));
        double& tangent = operators_[i - start_.operators];
        const auto add = [&](Index parent, double partial) {
            const double* const t = place(parent);
            if (t == nullptr || *t == 0.0) return;
            const double c = partial * *t;
            if (!(std::isnan(c) && selecting && partial == 0.0)) tangent += c;
        };
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
    std::size_t row = wide.size();
    for (std::size_t i = tape.size(); i-- > start.operators && !reached;) {
        const auto entry = static_cast<Index>(i);
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
