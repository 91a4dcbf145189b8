// graphs.hpp: what the tests of the tape record, and how they ask for a derivative.
#pragma once

#include "reelgrad/tape/var.hpp"

namespace graphs {

using reelgrad::Index;
using reelgrad::Var;

inline Var chain(Var x, Index length) {
    for (Index k = 0; k < length; ++k) x = x * 1.0;
    return x;
}

inline double gradient_of(const Var& y, const Var& x) {
    const Index output = y.index(), input = x.index();
    const double seed = 1.0;
    double result = 0.0;
    y.tape()->gradient({&output, 1}, {&seed, 1}, {&input, 1}, {&result, 1});
    return result;
}

}  // namespace graphs
