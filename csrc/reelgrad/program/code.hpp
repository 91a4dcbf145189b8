// program/code.hpp: what an instruction of a Program does, as a number.
//
// Codes are those of the tape for primitives, reductions and conditions, in this order; then come the operators that
// only Programs have. Codes may differ from version to version: the text form has names.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "reelgrad/ops/contributions.hpp"
#include "reelgrad/ops/reductions.hpp"

namespace reelgrad::program {

// For double; other number types bring their own.
using ops::fma;
using ops::is_nan;
using ops::select;

// --- Operators that Programs have.

using ops::Contributions;
using ops::SMul;
using ops::ZeroProduct;
using ops::ZMul;

// What passes make of products: one rounding, as fma.
struct Fms : ops::Ternary {
    static constexpr std::string_view name = "fms";
    template <class Num>
    static Num value(const Num& a, const Num& b, const Num& c) {
        return fma(a, b, -c);
    }
    template <class Num>
    static ops::Partials3<Num> partials(const Num& a, const Num& b, const Num&, const Num&) {
        return {b, a, Num(-1.0)};
    }
};

struct Fnma : ops::Ternary {
    static constexpr std::string_view name = "fnma";
    template <class Num>
    static Num value(const Num& a, const Num& b, const Num& c) {
        return fma(-a, b, c);
    }
    template <class Num>
    static ops::Partials3<Num> partials(const Num& a, const Num& b, const Num&, const Num&) {
        return {-b, -a, Num(1.0)};
    }
};

using Fusions = ops::OpList<Fms, Fnma>;

// addend + a[0]*b[0] + a[1]*b[1] + ... in this order, each product fused into the sum. Its operands are addend, a[0],
// b[0], a[1], b[1], ... Passes make it of sums of products; it is not differentiated.
struct DotAdd {
    static constexpr std::string_view name = "dot_add";
    template <class Num>
    static Num value(std::span<const Num> x) {
        Num total = x[0];
        for (std::size_t k = 1; k + 1 < x.size(); k += 2) total = fma(x[k], x[k + 1], total);
        return total;
    }
};

// All that compute with templates over the number type.
template <class Op>
concept Elementwise = ops::Primitive<Op> || ops::detail::position<Op>(ops::Conditions{}) < ops::Conditions::size ||
                      ops::detail::position<Op>(Contributions{}) < Contributions::size ||
                      ops::detail::position<Op>(Fusions{}) < Fusions::size;

enum class Code : std::uint8_t {
    first_reduction = ops::Primitives::size,
    dot_add = first_reduction + ops::Reductions::size,
    first_condition,
    first_contribution = first_condition + ops::Conditions::size,
    first_fusion = first_contribution + Contributions::size,
    lane_sum = first_fusion + Fusions::size,  // the sum of a value over the lanes of a batch: uniform
    input,
    constant,
    count,
};

template <class Op>
inline constexpr Code code_of = [] {
    const auto at = [](Code first, std::size_t position) {
        return static_cast<Code>(static_cast<std::size_t>(first) + position);
    };
    if constexpr (ops::Primitive<Op>) {
        return at(Code{}, ops::detail::position<Op>(ops::Primitives{}));
    } else if constexpr (ops::detail::position<Op>(ops::Reductions{}) < ops::Reductions::size) {
        return at(Code::first_reduction, ops::detail::position<Op>(ops::Reductions{}));
    } else if constexpr (ops::detail::position<Op>(ops::Conditions{}) < ops::Conditions::size) {
        return at(Code::first_condition, ops::detail::position<Op>(ops::Conditions{}));
    } else if constexpr (ops::detail::position<Op>(Contributions{}) < Contributions::size) {
        return at(Code::first_contribution, ops::detail::position<Op>(Contributions{}));
    } else {
        static_assert(ops::detail::position<Op>(Fusions{}) < Fusions::size);
        return at(Code::first_fusion, ops::detail::position<Op>(Fusions{}));
    }
}();

// Calls visitor.template operator()<Op>() for every elementwise operator.
template <class Visitor>
constexpr void for_each_elementwise(Visitor&& visitor) {
    ops::for_each(ops::Primitives{}, visitor);
    ops::for_each(ops::Conditions{}, visitor);
    ops::for_each(Contributions{}, visitor);
    ops::for_each(Fusions{}, visitor);
}

// What can be asked of a code: name, arity (-1: any number of operands), whether its partials of 0 are no edges.
struct CodeInfo {
    std::string_view name;
    std::int8_t arity = 0;
    bool selecting = false;
    bool commutative = false;
};

namespace detail {

constexpr std::array<CodeInfo, static_cast<std::size_t>(Code::count)> code_infos() {
    std::array<CodeInfo, static_cast<std::size_t>(Code::count)> infos{};
    const auto enter = [&]<class Op>() {
        infos[static_cast<std::size_t>(code_of<Op>)] = {Op::name, static_cast<std::int8_t>(ops::arity_v<Op>),
                                                        Op::selecting, false};
    };
    for_each_elementwise(enter);
    ops::for_each(ops::Reductions{},
                  [&]<class Op>() { infos[static_cast<std::size_t>(code_of<Op>)] = {Op::name, -1, false, false}; });
    infos[static_cast<std::size_t>(Code::dot_add)] = {DotAdd::name, -1, false, false};
    infos[static_cast<std::size_t>(Code::lane_sum)] = {"lane_sum", 1, false, false};
    infos[static_cast<std::size_t>(Code::input)] = {"input", 0, false, false};
    infos[static_cast<std::size_t>(Code::constant)] = {"constant", 0, false, false};
    for (const Code code :
         {code_of<ops::Add>, code_of<ops::Mul>, code_of<ops::Hypot>, code_of<ops::LogAddExp>, code_of<ops::Equal>,
          code_of<ops::NotEqual>, code_of<ops::LogicalAnd>, code_of<ops::LogicalOr>}) {
        infos[static_cast<std::size_t>(code)].commutative = true;
    }
    return infos;
}

}  // namespace detail

inline constexpr auto code_infos = detail::code_infos();

constexpr const CodeInfo& info(Code code) { return code_infos[static_cast<std::size_t>(code)]; }
// Operands in a row: dot_add too.
constexpr bool is_reduction(Code code) { return code >= Code::first_reduction && code < Code::first_condition; }

}  // namespace reelgrad::program
