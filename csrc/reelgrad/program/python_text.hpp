// program/python_text.hpp: a Program as a Python function, for people to read.
//
//     def program(w, x):  # x varies
//         v2 = w*x
//         assert v2 < 0.5  # loss.py:12
//         return (exp(v2),)  # y
//
// It computes what the Program computes for one lane, with the functions of the module reelgrad; what only Programs
// have (lane_sum, zmul ...) stands as a call. A value that is used once stands where it is used, as long as lines stay
// short. The form that can be read back is print()'s.
#pragma once

#include <string>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

std::string python_text(const Program& program);

}  // namespace reelgrad::program
