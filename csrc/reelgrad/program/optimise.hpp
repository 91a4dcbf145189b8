// program/optimise.hpp: all passes in their order.
#pragma once

#include <string_view>
#include <vector>

#include "reelgrad/program/passes/passes.hpp"

namespace reelgrad::program {

struct Optimisation {
    // Plain products for contributions; without it absolute zero holds (code.hpp).
    bool relaxed = true;
    // Computes constants; without one, the reference kernels do.
    Kernel kernel = nullptr;
};

struct PassCount {
    std::string_view pass;
    std::size_t before, after;  // instructions
};

// The Program made fast, for execution only: it is not differentiated any more. Inputs, outputs and guards stay what
// they are, except that an output may turn out to be uniform, or constant, that was not said to be.
Program optimised(const Program& program, const Optimisation& how = {}, std::vector<PassCount>* counts = nullptr);

// Arithmetic operations: one for most instructions, two for a product that is part of a sum. Of the whole Program, or
// of what is at one rate.
std::size_t flops(const Program& program);
std::size_t flops(const Program& program, Rate rate);

}  // namespace reelgrad::program
