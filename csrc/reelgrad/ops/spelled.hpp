// ops/spelled.hpp: a number type that carries a double together with its formula.
//
// Formula spells out a whole partial, both sides of each `if`. At given numbers only one side applies, and what is
// constant can be worked out: of x ** 2 the partial is then 2*x, not a page. rg.explain prints partials this way. The
// double is computed by the same templates, so it is the partial that was recorded.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelgrad/ops/contributions.hpp"
#include "reelgrad/ops/formula.hpp"

namespace reelgrad::ops {

class Spelled {
  public:
    Spelled(double constant) : value_(constant), constant_(true), text_(constant) {}  // NOLINT: mixes with numbers
    Spelled(double value, Formula text) : value_(value), constant_(false), text_(std::move(text)) {}

    double value() const { return value_; }
    bool is_constant() const { return constant_; }
    bool is(double number) const { return constant_ && value_ == number; }
    const Formula& text() const { return text_; }

    // What is computed from constants alone is one.
    template <class... Parts>
    static Spelled of(double value, Formula text, const Parts&... parts) {
        return (parts.is_constant() && ...) ? Spelled(value) : Spelled(value, std::move(text));
    }

  private:
    double value_;
    bool constant_;
    Formula text_;
};

inline Spelled operator+(const Spelled& a, const Spelled& b) {
    return Spelled::of(a.value() + b.value(), a.text() + b.text(), a, b);
}
inline Spelled operator-(const Spelled& a, const Spelled& b) {
    return Spelled::of(a.value() - b.value(), a.text() - b.text(), a, b);
}
inline Spelled operator*(const Spelled& a, const Spelled& b) {
    if (a.is(1.0)) return b;
    if (b.is(1.0)) return a;
    return Spelled::of(a.value() * b.value(), a.text() * b.text(), a, b);
}
inline Spelled operator/(const Spelled& a, const Spelled& b) {
    return Spelled::of(a.value() / b.value(), a.text() / b.text(), a, b);
}
inline Spelled operator-(const Spelled& a) { return Spelled::of(-a.value(), -a.text(), a); }

inline bool operator<(const Spelled& a, const Spelled& b) { return a.value() < b.value(); }
inline bool operator<=(const Spelled& a, const Spelled& b) { return a.value() <= b.value(); }
inline bool operator>(const Spelled& a, const Spelled& b) { return a.value() > b.value(); }
inline bool operator>=(const Spelled& a, const Spelled& b) { return a.value() >= b.value(); }
inline bool operator==(const Spelled& a, const Spelled& b) { return a.value() == b.value(); }
inline bool operator!=(const Spelled& a, const Spelled& b) { return a.value() != b.value(); }

inline Spelled detached(const Spelled& x) { return x; }
inline Spelled undefined(const Spelled&) { return quiet_nan; }
inline Spelled select(bool condition, const Spelled& a, const Spelled& b) { return condition ? a : b; }

inline Spelled zero_product(const Spelled& y, const Spelled& c) { return zero_product(y.value(), c.value()); }

// Only what is long gets a name.
inline Spelled let(std::string_view name, const Spelled& x) {
    constexpr std::size_t long_text = 16;
    if (x.is_constant() || x.text().str().size() <= long_text) return x;
    return Spelled(x.value(), x.text().named(name));
}

#define REELGRAD_SPELL_UNARY(Type, function)                                          \
    inline Spelled function(const Spelled& x) {                                       \
        return Spelled::of(Type::value(x.value()), detail::spell<Type>(x.text()), x); \
    }
#define REELGRAD_SPELL_BINARY(Type, function)                                                                 \
    inline Spelled function(const Spelled& a, const Spelled& b) {                                             \
        if (std::same_as<Type, Pow> && b.is(1.0)) return a;                                                   \
        return Spelled::of(Type::value(a.value(), b.value()), detail::spell<Type>(a.text(), b.text()), a, b); \
    }
#define REELGRAD_SPELL_TERNARY(Type, function)                                                \
    inline Spelled function(const Spelled& a, const Spelled& b, const Spelled& c) {           \
        return Spelled::of(Type::value(a.value(), b.value(), c.value()),                      \
                           Formula::call(Type::name, a.text(), b.text(), c.text()), a, b, c); \
    }
REELGRAD_UNARY(REELGRAD_SPELL_UNARY)
REELGRAD_BINARY(REELGRAD_SPELL_BINARY)
REELGRAD_TERNARY(REELGRAD_SPELL_TERNARY)
#undef REELGRAD_SPELL_UNARY
#undef REELGRAD_SPELL_BINARY
#undef REELGRAD_SPELL_TERNARY

// A partial at the operands' numbers: its formula and what that comes to.
struct SpelledPartial {
    std::string formula;
    double value;
};

// The partials of a primitive, or of an operator like one, with `y` as the name of its value.
template <class Op>
std::vector<SpelledPartial> spelled_partials(const std::array<Spelled, arity_v<Op>>& x, const Spelled& y) {
    const auto of = [](const Spelled& partial) { return SpelledPartial{partial.text().str(), partial.value()}; };
    if constexpr (arity_v<Op> == 1) {
        return {of(Op::partial(x[0], y))};
    } else if constexpr (arity_v<Op> == 2) {
        const auto p = Op::partials(x[0], x[1], y);
        return {of(p.a), of(p.b)};
    } else {
        const auto p = Op::partials(x[0], x[1], x[2], y);
        return {of(p.a), of(p.b), of(p.c)};
    }
}

}  // namespace reelgrad::ops
