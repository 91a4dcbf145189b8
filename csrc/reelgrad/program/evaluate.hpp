// program/evaluate.hpp: what a Program means, spelled out: one instruction, one lane after the other, in double.
//
// The reference that tests hold passes and execution against. It uses the table's kernels for double, so that numbers
// differ from those of execution by rounding.
#pragma once

#include <span>
#include <vector>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

struct Evaluation {
    std::size_t lanes = 1;
    bool relaxed = false;  // zmul and smul are plain products, zero_product is 0
};

// All values of a Program. `inputs` has a number for each uniform input and a number per lane for each varying one; so
// have the values. Throws LengthError for other lengths.
std::vector<std::vector<double>> evaluated(const Program& program, std::span<const std::vector<double>> inputs,
                                           const Evaluation& how = {});

// The value of one instruction, of any code but input, constant and lane_sum.
double kernel(Code code, std::span<const double> operands);

}  // namespace reelgrad::program
