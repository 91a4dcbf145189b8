// exec/kernels_elementwise.hpp: the table's operators over a block and over cells, and gates.
//
// An operator's template over Pack is all there is to a kernel; what varies is where the operands come from. Operators
// that cost about what a load costs read scalars directly; before the others a scalar is splatted into a slot.
//
// Included by the files of the instruction sets only, after pack.hpp; everything is in an anonymous namespace.
#pragma once

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/program/code.hpp"

namespace reelgrad::exec {
namespace {

inline double* cell(const Frame& frame, std::uint32_t offset) {
    return reinterpret_cast<double*>(frame.arena + offset);
}

// An operand of a block: packs of a slot, or one number for all.
template <class P, bool scalar>
struct Operand {
    Operand(const Frame& frame, std::uint32_t offset) : first(cell(frame, offset)) {}
    P operator[](std::size_t r) const { return P::load(first + r * P::width); }
    const double* first;
};

template <class P>
struct Operand<P, true> {
    Operand(const Frame& frame, std::uint32_t offset) : number(*cell(frame, offset)) {}
    P operator[](std::size_t) const { return number; }
    P number;
};

// Flattened: a function over Packs that is not inlined passes them through memory.
template <class P, class Operator, std::size_t kinds>
[[gnu::flatten]] void elementwise(const Op& op, Frame& frame) {
    const std::size_t packs = P::width == 1 ? 1 : frame.packs;
    double* const result = cell(frame, op.result);
    const Operand<P, (kinds & 1) != 0> a(frame, op.a);
    if constexpr (ops::arity_v<Operator> == 1) {
        for (std::size_t r = 0; r < packs; ++r) Operator::value(a[r]).store(result + r * P::width);
    } else if constexpr (ops::arity_v<Operator> == 2) {
        const Operand<P, (kinds & 2) != 0> b(frame, op.b);
        for (std::size_t r = 0; r < packs; ++r) Operator::value(a[r], b[r]).store(result + r * P::width);
    } else {
        const Operand<P, (kinds & 2) != 0> b(frame, op.b);
        const Operand<P, (kinds & 4) != 0> c(frame, op.c);
        for (std::size_t r = 0; r < packs; ++r) Operator::value(a[r], b[r], c[r]).store(result + r * P::width);
    }
}

template <class Operator, class... Others>
inline constexpr bool is_one_of = (std::same_as<Operator, Others> || ...);

template <class Operator>
inline constexpr bool reads_scalars =
    is_one_of<Operator, ops::Add, ops::Sub, ops::Mul, ops::Div, ops::Fma, program::Fms, program::Fnma, ops::Maximum,
              ops::Minimum, ops::Clip, ops::Where, ops::Copysign, ops::LeakyRelu, ops::Less, ops::LessEqual, ops::Equal,
              ops::NotEqual, program::ZMul, program::SMul>;

// Operators that take less time than it takes to collect their operands in a pack.
template <class Operator>
inline constexpr bool is_cheap =
    reads_scalars<Operator> ||
    is_one_of<Operator, ops::Neg, ops::Abs, ops::Square, ops::Reciprocal, ops::Sqrt, ops::Relu, ops::Sign, ops::Floor,
              ops::Ceil, ops::Round, ops::Trunc, ops::LogicalAnd, ops::LogicalOr, ops::LogicalNot>;

// A run: cells are scattered, so packs of operands are collected; the last one is padded with copies.
template <class P, class Operator>
[[gnu::flatten]] void lane_run(const Op& op, Frame& frame) {
    constexpr std::size_t arity = ops::arity_v<Operator>;
    const std::uint32_t* element = frame.rows + op.a;
    for (std::size_t left = op.b; left > 0;) {
        const std::size_t count = left < P::width ? left : P::width;
        P packs[arity];
        double numbers[P::width];
        for (std::size_t k = 0; k < arity; ++k) {
            for (std::size_t i = 0; i < P::width; ++i) {
                numbers[i] = *cell(frame, element[(i < count ? i : count - 1) * (arity + 1) + k]);
            }
            packs[k] = P::load(numbers);
        }
        if constexpr (arity == 1) Operator::value(packs[0]).store(numbers);
        if constexpr (arity == 2) Operator::value(packs[0], packs[1]).store(numbers);
        if constexpr (arity == 3) Operator::value(packs[0], packs[1], packs[2]).store(numbers);
        for (std::size_t i = 0; i < count; ++i) *cell(frame, element[i * (arity + 1) + arity]) = numbers[i];
        element += count * (arity + 1);
        left -= count;
    }
}

struct LessThan {
    template <class P>
    static auto holds(const P& a, const P& b) {
        return a < b;
    }
};
struct AtMost {
    template <class P>
    static auto holds(const P& a, const P& b) {
        return a <= b;
    }
};
struct Equals {
    template <class P>
    static auto holds(const P& a, const P& b) {
        return a == b;
    }
};
struct Differs {
    template <class P>
    static auto holds(const P& a, const P& b) {
        return a != b;
    }
};

template <class P, class Comparison, std::size_t kinds>
void gate(const Op& op, Frame& frame) {
    double* const result = cell(frame, op.result);
    const std::uint32_t* const row = frame.rows + op.a;
    const Operand<P, (kinds & 1) != 0> a(frame, row[0]);
    const Operand<P, (kinds & 2) != 0> b(frame, row[1]);
    const Operand<P, (kinds & 4) != 0> x(frame, row[2]);
    const Operand<P, (kinds & 8) != 0> y(frame, row[3]);
    for (std::size_t r = 0; r < frame.packs; ++r) {
        select(Comparison::holds(a[r], b[r]), x[r], y[r]).store(result + r * P::width);
    }
}

template <class P, class Comparison, std::size_t... kinds>
constexpr std::array<Handler, 16> gates(std::index_sequence<kinds...>) {
    std::array<Handler, 16> handlers{};
    // A comparison of two scalars is uniform: no gate.
    ((handlers[kinds] = (kinds & 3) == 3 ? nullptr : &gate < P, Comparison, (kinds & 3) == 3 ? 0 : kinds >), ...);
    return handlers;
}

// Of the most frequent pairs of instructions one: an operator whose result is only a factor of a product. What it saves
// is a result's way through memory, which takes longer than the multiplication.
template <class P, class Operator, std::size_t kinds>
[[gnu::flatten]] void then_mul(const Op& op, Frame& frame) {
    constexpr std::size_t arity = ops::arity_v<Operator>;
    const std::uint32_t* const row = frame.rows + op.a;
    double* const result = cell(frame, op.result);
    const Operand<P, (kinds & 1) != 0> a(frame, row[0]);
    const Operand<P, (kinds & 2) != 0> b(frame, row[1]);
    const Operand<P, (kinds & 4) != 0> c(frame, row[2]);  // of two operands: the factor, a slot
    const Operand<P, false> factor(frame, row[arity]);
    for (std::size_t r = 0; r < frame.packs; ++r) {
        P value;
        if constexpr (arity == 2) {
            value = Operator::value(a[r], b[r]);
        } else {
            value = Operator::value(a[r], b[r], c[r]);
        }
        (value * factor[r]).store(result + r * P::width);
    }
}

// A smooth function of a slot that is scaled and shifted, as in exp(drift + volatility * z).
template <class P, class Operator>
[[gnu::flatten]] void of_affine(const Op& op, Frame& frame) {
    double* const result = cell(frame, op.result);
    const Operand<P, false> a(frame, op.a);
    const Operand<P, true> b(frame, op.b), c(frame, op.c);
    for (std::size_t r = 0; r < frame.packs; ++r) {
        Operator::value(ops::Fma::value(a[r], b[r], c[r])).store(result + r * P::width);
    }
}

template <class Operator>
inline constexpr bool has_of_affine = is_one_of<Operator, ops::Exp, ops::Tanh, ops::Sigmoid>;

template <class Operator>
inline constexpr bool has_then_mul =
    is_one_of<Operator, ops::Add, ops::Sub, ops::Mul, ops::Fma, program::Fms, program::Fnma>;

template <class P, class Operator, std::size_t... kinds>
constexpr std::array<Handler, kKinds> then_mul_with_scalars(std::index_sequence<kinds...>) {
    std::array<Handler, kKinds> handlers{};
    ((handlers[kinds] = &then_mul<P, Operator, kinds>), ...);
    return handlers;
}

template <class P, class Operator, std::size_t... kinds>
constexpr std::array<Handler, kKinds> with_scalars(std::index_sequence<kinds...>) {
    std::array<Handler, kKinds> handlers{};
    ((handlers[kinds] = &elementwise<P, Operator, kinds>), ...);
    return handlers;
}

template <class Wide, class Lane>
constexpr void enter_elementwise(KernelTable& table) {
    program::for_each_elementwise([&]<class Operator>() {
        constexpr auto code = static_cast<std::size_t>(program::code_of<Operator>);
        constexpr std::size_t all = (std::size_t{1} << ops::arity_v<Operator>)-1;
        table.lane[code] = &elementwise<Lane, Operator, 0>;
        using Run = std::conditional_t<is_cheap<Operator>, Lane, Wide>;
        table.lane_run[code] = &lane_run<Run, Operator>;
        if constexpr (has_of_affine<Operator>) table.of_affine[code] = &of_affine<Wide, Operator>;
        if constexpr (has_then_mul<Operator>) {
            table.then_mul[code] = then_mul_with_scalars<Wide, Operator>(std::make_index_sequence<all>());
        }
        table.wide[code] = with_scalars<Wide, Operator>(std::make_index_sequence<reads_scalars<Operator> ? all : 1>());
    });
    table.gate = {
        gates<Wide, LessThan>(std::make_index_sequence<16>()), gates<Wide, AtMost>(std::make_index_sequence<16>()),
        gates<Wide, Equals>(std::make_index_sequence<16>()), gates<Wide, Differs>(std::make_index_sequence<16>())};
}

}  // namespace
}  // namespace reelgrad::exec
