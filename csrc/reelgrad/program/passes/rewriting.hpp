// passes/rewriting.hpp: what passes share: a new Program under construction, and where old values are in it.
#pragma once

#include <utility>
#include <vector>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

struct Rewriting {
    explicit Rewriting(const Program& program) : from(program), map(program.size(), kNoValue) {
        builder.reserve(program.size());
    }

    ValueId copy(ValueId v) { return map[v] = builder.copy(from, v, map); }

    Program finish() {
        builder.copy_guards(from, map);
        builder.copy_outputs(from, map);
        return builder.finish();
    }

    const Program& from;
    Builder builder;
    std::vector<ValueId> map;  // old values to new ones
};

// How often each value is an operand, an output or a guard.
inline std::vector<std::uint32_t> use_counts(const Program& program) {
    std::vector<std::uint32_t> uses(program.size(), 0);
    for (ValueId v = 0; v < program.size(); ++v) {
        for (const ValueId operand : program.operands(v)) ++uses[operand];
    }
    for (const Output& output : program.outputs()) ++uses[output.value];
    for (const Guard& guard : program.guards()) ++uses[guard.condition];
    return uses;
}

}  // namespace reelgrad::program
