// program/tape_graph.hpp: the graph of one output, read off a tape into plain data for people to look at.
//
// Nothing on the tape changes: the adjoints are computed aside, in the order of the reverse sweep and with its absolute
// zero, so that they are the sweep's (to the bit, but where Arrays sum in another order), and no gradient is touched.
// There is no recursion; what a graph of millions of operators costs is some passes over it. Only the nodes nearest to
// the output are given out, with the first of their operands and of the contributions to their adjoints; the counts
// tell what was left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad::program {

// Numbers the nodes of one graph: operators 0, 1, 2 ... in the order of recording, variables -1, -2 ... in that of
// their making.
using GraphId = std::int64_t;

struct GraphLimits {
    std::size_t nodes;          // to give out
    std::size_t steps;          // from the output to the farthest of them
    std::size_t operands;       // of a node, at least 4
    std::size_t contributions;  // to an adjoint
};

struct GraphOperand {
    std::size_t position;
    std::optional<GraphId> node;  // none: a constant
    Index entry;
    double value;
    double partial;       // 0 for a constant
    double contribution;  // to the operand's adjoint
};

// What a consumer adds to the adjoint of a node that it uses as the operand at `position`.
struct GraphContribution {
    GraphId consumer;
    std::size_t position;
    double adjoint;  // the consumer's
    double partial;
    double value;
};

// The block of a tape that an entry is of, as array operations record them.
struct GraphBlock {
    std::size_t number, position, count;
};

struct GraphNode {
    GraphId id;
    Index entry;
    std::size_t steps;
    double value, adjoint;
    std::optional<GraphBlock> block;
    std::vector<GraphOperand> operands;
    std::size_t operand_count = 0;
    std::vector<GraphContribution> contributions;
    std::size_t contribution_count = 0;
    double other_contributions = 0.0;  // the sum of those that were left out
};

struct TapeGraph {
    std::size_t operators, variables;  // in the whole graph
    std::vector<GraphNode> nodes;      // in the order of the reverse sweep, variables last
    std::vector<std::optional<GraphId>> asked;
};

// `asked`: entries whose ids are wanted; none for what is not in the graph.
TapeGraph graph_of(const Tape& tape, Index output, const GraphLimits& limits, const std::vector<Index>& asked);

}  // namespace reelgrad::program
