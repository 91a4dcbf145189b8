// program/text.hpp: Programs as text that can be read, edited and read back.
//
//     v0 = uniform("w")
//     v1 = varying("x")
//     v2 = constant(2.0)
//     v3 = mul(v0, v1)
//     v4 = add(v3, v2) accumulates        # an addition of contributions to an adjoint
//     v5 = less(v4, v2)
//     guard(v5, true, "loss.py:12")
//     output("loss", v4)
//     gradient("d/dw", v1)                # an output that is a derivative
//
// A line for each instruction, in order; values are numbered by it. Numbers are printed so that they are read back to
// the bit; a nan that is not the usual one is printed as nan(0x7ff8000000000001). What follows # is a comment.
#pragma once

#include <string>
#include <string_view>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

std::string print(const Program& program);

// Throws ProgramError with the line's number for text that is not of this form, and what verify() throws.
Program parse(std::string_view text);

}  // namespace reelgrad::program
