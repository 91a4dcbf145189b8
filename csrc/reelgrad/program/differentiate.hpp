// program/differentiate.hpp: derivatives of Programs, as Programs.
//
// Both keep the given Program's instructions, guards and outputs, and append. The partials are the operator table's,
// written out over Expr; an operator that has no path from the inputs asked for gets none. Any composition works, so
// that second derivatives need no rule of their own.
#pragma once

#include <span>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

enum class Seeds {
    ones,    // every output has the seed 1: the derivative of their sum
    inputs,  // a new input for the seed of each output: vector-Jacobian products
};

struct Differentiation {
    std::span<const std::uint32_t> inputs;  // the numbers of the inputs to differentiate for
    Seeds seeds = Seeds::ones;
    // How adjoints of uniform inputs come out: summed over the lanes, or (true) lane by lane, as if all inputs were
    // varying.
    bool per_lane = false;
    // Of how many outputs, the first ones, derivatives are taken; the others are kept as they are.
    std::size_t differentiated_outputs = static_cast<std::size_t>(-1);
};

// Reverse mode: appends for each of the inputs an output "d/d<name>", the adjoint. First write assigns: nothing is
// zeroed. Throws ProgramError if adjoints per lane are asked of a Program that sums over lanes.
Program differentiate(const Program& program, const Differentiation& what);

// Forward mode: a new input "t/<name>", a tangent, for each of the inputs; appends the tangent of each output,
// "t/<name>". Tangents have the rate of their input, or are all varying: then the lanes of a batch are directions.
Program linearise(const Program& program, std::span<const std::uint32_t> inputs, bool varying_tangents = false);

// The first `outputs` outputs summed over lanes; the others as they are.
Program reduced(const Program& program, std::size_t outputs = static_cast<std::size_t>(-1));

}  // namespace reelgrad::program
