// ops/entry.hpp: what every entry of the table states, and what it may leave out.
//
// An entry is a struct that derives from Unary, Binary, Ternary, Reduction or Composite, gives its name, its value and
// its partials, and hides the defaults below where it differs.
#pragma once

#include <array>
#include <string_view>

#include "reelgrad/ops/number.hpp"

namespace reelgrad::ops {

struct Entry {
    static constexpr std::string_view aliases = "";  // names in NumPy, SciPy and elsewhere, separated by spaces
    static constexpr std::string_view note = "";     // the convention, in a sentence, where there is a choice
    static constexpr std::string_view symbol = "";   // the operator of Python
    static constexpr bool selecting = false;         // a partial of 0 means no edge: not even a nan adjoint passes
    static constexpr bool constant_first = false;    // the first operand is never differentiated
};

struct Unary : Entry {
    static constexpr std::array<std::string_view, 1> operands{"x"};
};

struct Binary : Entry {
    static constexpr std::array<std::string_view, 2> operands{"a", "b"};
};

struct Ternary : Entry {
    static constexpr std::array<std::string_view, 3> operands{"a", "b", "c"};
};

}  // namespace reelgrad::ops
