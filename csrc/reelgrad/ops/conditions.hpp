// ops/conditions.hpp: comparisons and logic as operators on numbers.
//
// In a trace a comparison is recorded, and a condition is a number: 1.0 where it holds, else 0.0. Any number but 0
// counts as true, nan too, as in Python. Derivatives are 0. User code meets these operators through reelgrad.Condition
// only.
#pragma once

#include <string_view>

#include "reelgrad/ops/table.hpp"

namespace reelgrad::ops {

namespace detail {

struct BinaryConditionBase : Binary {
    static constexpr bool selecting = true;
    template <class Num>
    static Partials<Num> partials(const Num&, const Num&, const Num&) {
        return {Num(0.0), Num(0.0)};
    }
};

}  // namespace detail

struct Less : detail::BinaryConditionBase {
    static constexpr std::string_view name = "less";
    static constexpr std::string_view symbol = "<";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a < b, Num(1.0), Num(0.0));
    }
};

struct LessEqual : detail::BinaryConditionBase {
    static constexpr std::string_view name = "less_equal";
    static constexpr std::string_view symbol = "<=";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a <= b, Num(1.0), Num(0.0));
    }
};

struct Equal : detail::BinaryConditionBase {
    static constexpr std::string_view name = "equal";
    static constexpr std::string_view symbol = "==";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a == b, Num(1.0), Num(0.0));
    }
};

struct NotEqual : detail::BinaryConditionBase {
    static constexpr std::string_view name = "not_equal";
    static constexpr std::string_view symbol = "!=";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a != b, Num(1.0), Num(0.0));
    }
};

struct LogicalAnd : detail::BinaryConditionBase {
    static constexpr std::string_view name = "logical_and";
    static constexpr std::string_view symbol = "&";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a != 0.0 && b != 0.0, Num(1.0), Num(0.0));
    }
};

struct LogicalOr : detail::BinaryConditionBase {
    static constexpr std::string_view name = "logical_or";
    static constexpr std::string_view symbol = "|";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return select(a != 0.0 || b != 0.0, Num(1.0), Num(0.0));
    }
};

struct LogicalNot : Unary {
    static constexpr std::string_view name = "logical_not";
    static constexpr std::string_view symbol = "~";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return select(x == 0.0, Num(1.0), Num(0.0));
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

#define REELGRAD_TYPE(Type, function) Type,
using Conditions = detail::Collect<OpList<>, REELGRAD_CONDITION(REELGRAD_TYPE) detail::End>::type;
#undef REELGRAD_TYPE

}  // namespace reelgrad::ops
