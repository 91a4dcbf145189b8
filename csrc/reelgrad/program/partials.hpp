// program/partials.hpp: the partials of an instruction, emitted as expressions.
#pragma once

#include <array>
#include <vector>

#include "reelgrad/program/expr.hpp"

namespace reelgrad::program {

// Which operands' partials are needed; for others nothing is emitted where that can be told.
using Wanted = std::vector<bool>;

// The partials of instruction `v` of the current Builder's Program with respect to its operands, in order.
std::vector<Expr> partials_of(ValueId v);

// The contribution g * p with absolute zero. Trivial partials emit nothing: 1 gives g, -1 its negative.
Expr contribution(const Expr& g, const Expr& p, bool selecting);

}  // namespace reelgrad::program
