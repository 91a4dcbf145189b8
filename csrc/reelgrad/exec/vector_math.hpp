// exec/vector_math.hpp: the table's primitives over arrays, for each instruction set.
//
// What the files of the instruction sets show of their functions: for accuracy tests and measurements.
#pragma once

#include <cstddef>

#include "reelgrad/ops/table.hpp"

namespace reelgrad::exec {

// out[i] = f(a[i], b[i], c[i]) for i < n; b and c may be null where f has fewer operands.
using ArrayFunction = void (*)(double* out, const double* a, const double* b, const double* c, std::size_t n);

struct MathTable {
    int width;  // lanes of the wide form
    struct Entry {
        ArrayFunction wide, single;
    } of[ops::Primitives::size];  // by opcode
};

extern const MathTable math_baseline;
#if defined(REELGRAD_X86_64)
extern const MathTable math_avx2;
extern const MathTable math_avx512;
#endif

}  // namespace reelgrad::exec
