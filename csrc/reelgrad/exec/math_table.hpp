// exec/math_table.hpp: fills a MathTable with the functions of an instruction set.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math.hpp"
#include "reelgrad/exec/vector_math.hpp"

namespace reelgrad::exec {
namespace {

// The last pack of a wide form is filled up with ones. Flattened: a function over Packs that is not inlined passes them
// through memory.
template <class Op, int W>
[[gnu::flatten]] void over_array(double* out, const double* a, const double* b, const double* c, std::size_t n) {
    using P = Pack<W>;
    std::size_t i = 0;
    for (; i + W <= n; i += W) {
        if constexpr (ops::arity_v<Op> == 1) Op::value(P::load(a + i)).store(out + i);
        if constexpr (ops::arity_v<Op> == 2) Op::value(P::load(a + i), P::load(b + i)).store(out + i);
        if constexpr (ops::arity_v<Op> == 3) {
            Op::value(P::load(a + i), P::load(b + i), P::load(c + i)).store(out + i);
        }
    }
    leave_vector_code();
}

template <class Op, int W>
void over_any_array(double* out, const double* a, const double* b, const double* c, std::size_t n) {
    const std::size_t whole = n - n % W;
    over_array<Op, W>(out, a, b, c, whole);
    if (whole == n) return;
    double rest[4][W];
    const double* const operands[3] = {a, b, c};
    for (int k = 0; k < ops::arity_v<Op>; ++k) {
        for (std::size_t lane = 0; lane < W; ++lane) {
            rest[k][lane] = whole + lane < n ? operands[k][whole + lane] : 1.0;
        }
    }
    over_array<Op, W>(rest[3], rest[0], rest[1], rest[2], W);
    for (std::size_t lane = 0; whole + lane < n; ++lane) out[whole + lane] = rest[3][lane];
}

template <class... Ops>
constexpr MathTable make_math_table(ops::OpList<Ops...>) {
    return {widest, {{over_any_array<Ops, widest>, over_array<Ops, 1>}...}};
}

}  // namespace
}  // namespace reelgrad::exec
