// passes/passes.hpp: what makes Programs shorter. Each pass is linear in the number of instructions.
//
// A pass keeps inputs, outputs and guards. It may change rounding or remove an overflow that only an intermediate had;
// it never makes a number that is not finite where there was none, and loses no nan or infinity: x * 0 stays. The sign
// of a zero may change in adjoints only. Passes come after differentiation: they know no derivative of their own, and
// stop_gradient goes.
//
// Instructions stay in their order, so that values stay close to their uses. What was varying may come out uniform, an
// output too.
#pragma once

#include <span>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

// Computes one number as execution would.
using Kernel = double (*)(Code, std::span<const double>);

// Instructions all of whose operands are constants become constants.
Program folded(const Program& program, Kernel kernel);

// Instructions that compute the same as an earlier one are replaced by it.
Program without_duplicates(const Program& program);

// Drops what neither outputs nor guards need. Inputs stay.
Program without_dead_code(const Program& program);

// Cheaper instructions for the same: x**2 is square(x), a + -b is a - b, a select whose condition is known is gone.
Program strength_reduced(const Program& program);

// Plain products for zmul and smul; zero_product is 0.
Program relaxed(const Program& program);

// Writes prod, logsumexp and norm out as primitives.
Program expanded(const Program& program);

// dot_add for sums of products.
Program dots_fused(const Program& program);

// fma, fms and fnma for a product and a sum.
Program products_fused(const Program& program);

}  // namespace reelgrad::program
