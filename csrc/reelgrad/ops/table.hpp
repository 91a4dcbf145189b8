// ops/table.hpp: the one table of operators, and what can be asked of an entry.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "reelgrad/ops/activation.hpp"
#include "reelgrad/ops/arithmetic.hpp"
#include "reelgrad/ops/exponential.hpp"
#include "reelgrad/ops/hyperbolic.hpp"
#include "reelgrad/ops/list.hpp"
#include "reelgrad/ops/rounding.hpp"
#include "reelgrad/ops/selection.hpp"
#include "reelgrad/ops/special.hpp"
#include "reelgrad/ops/trigonometric.hpp"

namespace reelgrad::ops {

template <class... Ops>
struct OpList {
    static constexpr std::size_t size = sizeof...(Ops);
};

namespace detail {

struct End {};  // closes a list made by the macro, whose entries all end in a comma

template <class List, class... Ops>
struct Collect;

template <class... Done, class Next, class... Rest>
struct Collect<OpList<Done...>, Next, Rest...> : Collect<OpList<Done..., Next>, Rest...> {};

template <class... Done>
struct Collect<OpList<Done...>, End> {
    using type = OpList<Done...>;
};

template <class Op, class... Ops>
constexpr std::size_t position(OpList<Ops...>) {
    std::size_t index = 0;
    static_cast<void>(((std::same_as<Op, Ops> || (++index, false)) || ...));
    return index;
}

}  // namespace detail

#define REELGRAD_TYPE(Type, function) Type,
using Primitives = detail::Collect<OpList<>, REELGRAD_UNARY(REELGRAD_TYPE) REELGRAD_BINARY(REELGRAD_TYPE)
                                                 REELGRAD_TERNARY(REELGRAD_TYPE) detail::End>::type;
#undef REELGRAD_TYPE

static_assert(Primitives::size <= 256, "an opcode is one byte");

template <class Op>
concept Primitive = detail::position<Op>(Primitives{}) < Primitives::size;

// The position in the list. It may differ from version to version: never store it.
template <Primitive Op>
inline constexpr auto opcode_v = static_cast<std::uint8_t>(detail::position<Op>(Primitives{}));

template <class Op>
inline constexpr int arity_v = static_cast<int>(Op::operands.size());

template <class Op>
inline constexpr std::string_view aliases_v = Op::aliases;
template <class Op>
inline constexpr std::string_view note_v = Op::note;
template <class Op>
inline constexpr std::string_view symbol_v = Op::symbol;
template <class Op>
inline constexpr bool selecting_v = Op::selecting;
template <class Op>
inline constexpr bool constant_first_v = Op::constant_first;

// The second operand may be left out; it is then Op::default_b.
template <class Op>
inline constexpr bool has_default_b_v = requires { Op::default_b; };

// Calls visitor.template operator()<Op>() for every entry of a list, in order.
template <class... Ops, class Visitor>
constexpr void for_each(OpList<Ops...>, Visitor&& visitor) {
    (visitor.template operator()<Ops>(), ...);
}

template <class Visitor>
constexpr void for_each_primitive(Visitor&& visitor) {
    for_each(Primitives{}, visitor);
}

}  // namespace reelgrad::ops
