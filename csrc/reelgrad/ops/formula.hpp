// ops/formula.hpp: a number type that spells out what a template of the table does, in Python's notation.
//
// Tanh::partial(Formula("x"), Formula("y")).str() is "1 - y*y". The docs and rg.explain print partials this way, so
// that no formula is written twice. Its functions come from the list: that every partial compiles with Formula proves
// that the table is closed under differentiation.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelgrad/ops/table.hpp"

namespace reelgrad::ops {

// How tightly an expression binds, loosest first. `whole` is % and //, which Python ranks with products: apart, because
// -(a // b) is not -a // b.
enum class Binding { conditional, either, both, negation, comparison, sum, whole, product, minus, power, atom };

class Formula {
  public:
    Formula(double constant);  // NOLINT: constants mix with formulas as they do with numbers
    explicit Formula(std::string text, Binding binding = Binding::atom) : text_(std::move(text)), binding_(binding) {}
    explicit Formula(const char* name) : Formula(std::string(name)) {}

    // The text, and what the names in it stand for.
    std::string str() const {
        std::string result = text_;
        for (const auto& [name, meaning] : names_) {
            result += &name == &names_.front().first ? " where " : ", ";
            result += name + " = " + meaning;
        }
        return result;
    }

    // Joins operands: what binds more loosely than it must is put in parentheses.
    static Formula infix(const Formula& a, std::string_view symbol, const Formula& b, Binding binding, Binding least_a,
                         Binding least_b) {
        return Formula(a.at_least(least_a) + std::string(symbol) + b.at_least(least_b), binding).with_names_of(a, b);
    }
    static Formula prefix(std::string_view symbol, const Formula& a, Binding binding, Binding least) {
        return Formula(std::string(symbol) + a.at_least(least), binding).with_names_of(a);
    }
    template <class... Rest>
    static Formula call(std::string_view function, const Formula& first, const Rest&... rest) {
        return Formula(std::string(function) + "(" + first.text_ + (std::string() + ... + (", " + rest.text_)) + ")")
            .with_names_of(first, rest...);
    }

    // A name for the whole; constants and names stay what they are.
    Formula named(std::string_view name) const {
        Formula result{std::string(name)};
        result.names_ = names_;
        result.names_.emplace_back(name, text_);
        return result;
    }

    std::string at_least(Binding least) const { return binding_ < least ? "(" + text_ + ")" : text_; }
    Binding binding() const { return binding_; }

    template <class... Parts>
    Formula with_names_of(const Parts&... parts) && {
        (add_names(parts), ...);
        return std::move(*this);
    }

  private:
    void add_names(const Formula& part) {
        for (const auto& entry : part.names_) {
            bool known = false;
            for (const auto& present : names_) known = known || present.first == entry.first;
            if (!known) names_.push_back(entry);
        }
    }

    std::string text_;
    Binding binding_;
    std::vector<std::pair<std::string, std::string>> names_;
};

// What comparisons of formulas yield.
struct FormulaCondition {
    Formula formula;
};

inline Formula::Formula(double constant) : binding_(Binding::atom) {
    struct Known {
        double value;
        const char* text;
        Binding binding;
    };
    static constexpr Known known[] = {
        {ln_2, "log(2)", Binding::atom},
        {log2_e, "1/log(2)", Binding::product},
        {log10_e, "1/log(10)", Binding::product},
        {two_inv_sqrt_pi, "2/sqrt(pi)", Binding::product},
        {half_sqrt_pi, "sqrt(pi)/2", Binding::product},
    };
    const double size = constant < 0.0 ? -constant : constant;
    for (const Known& entry : known) {
        if (entry.value == size) {
            text_ = entry.text;
            binding_ = entry.binding;
        }
    }
    if (text_.empty()) {
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, "%.15g", size);
        text_ = size == infinity ? "inf" : size != size ? "nan" : buffer;
    }
    if (constant < 0.0) {
        text_ = "-" + text_;
        if (binding_ == Binding::atom) binding_ = Binding::minus;
    }
}

inline Formula let(std::string_view name, const Formula& x) { return x.named(name); }

inline Formula operator+(const Formula& a, const Formula& b) {
    return Formula::infix(a, " + ", b, Binding::sum, Binding::sum, Binding::whole);
}
inline Formula operator-(const Formula& a, const Formula& b) {
    return Formula::infix(a, " - ", b, Binding::sum, Binding::sum, Binding::whole);
}
inline Formula operator*(const Formula& a, const Formula& b) {
    return Formula::infix(a, "*", b, Binding::product, Binding::product, Binding::power);
}
inline Formula operator/(const Formula& a, const Formula& b) {
    return Formula::infix(a, "/", b, Binding::product, Binding::product, Binding::power);
}
inline Formula operator-(const Formula& a) {
    return Formula::prefix("-", a, a.binding() == Binding::product ? Binding::product : Binding::minus,
                           Binding::product);
}

inline FormulaCondition compare(const Formula& a, std::string_view symbol, const Formula& b) {
    return {Formula::infix(a, symbol, b, Binding::comparison, Binding::sum, Binding::sum)};
}
inline FormulaCondition operator<(const Formula& a, const Formula& b) { return compare(a, " < ", b); }
inline FormulaCondition operator<=(const Formula& a, const Formula& b) { return compare(a, " <= ", b); }
inline FormulaCondition operator>(const Formula& a, const Formula& b) { return compare(a, " > ", b); }
inline FormulaCondition operator>=(const Formula& a, const Formula& b) { return compare(a, " >= ", b); }
inline FormulaCondition operator==(const Formula& a, const Formula& b) { return compare(a, " == ", b); }
inline FormulaCondition operator!=(const Formula& a, const Formula& b) { return compare(a, " != ", b); }
inline FormulaCondition is_nan(const Formula& x) { return {Formula::call("isnan", x)}; }

inline FormulaCondition operator&&(const FormulaCondition& a, const FormulaCondition& b) {
    return {Formula::infix(a.formula, " and ", b.formula, Binding::both, Binding::both, Binding::negation)};
}
inline FormulaCondition operator||(const FormulaCondition& a, const FormulaCondition& b) {
    return {Formula::infix(a.formula, " or ", b.formula, Binding::either, Binding::either, Binding::both)};
}
inline FormulaCondition operator!(const FormulaCondition& a) {
    return {Formula::prefix("not ", a.formula, Binding::negation, Binding::negation)};
}

inline Formula detached(const Formula& x) { return x; }
inline Formula undefined(const Formula&) { return quiet_nan; }

inline Formula select(const FormulaCondition& condition, const Formula& a, const Formula& b) {
    const Formula& c = condition.formula;
    return Formula(a.at_least(Binding::either) + " if " + c.at_least(Binding::either) + " else " +
                       b.at_least(Binding::conditional),
                   Binding::conditional)
        .with_names_of(c, a, b);
}

namespace detail {

// Where Python has an operator for a primitive, the formula has it too.
template <class Op>
Formula spell(const Formula& a, const Formula& b) {
    if constexpr (Op::symbol == "+") return a + b;
    if constexpr (Op::symbol == "-") return a - b;
    if constexpr (Op::symbol == "*") return a * b;
    if constexpr (Op::symbol == "/") return a / b;
    if constexpr (Op::symbol == "**") {
        return Formula::infix(a, "**", b, Binding::power, Binding::atom, Binding::minus);
    }
    if constexpr (Op::symbol == "%" || Op::symbol == "//") {
        // No " " + symbol + " ": GCC 12 warns of a memcpy that is not there.
        return Formula::infix(a, Op::symbol == "%" ? " % " : " // ", b, Binding::whole, Binding::product,
                              Binding::power);
    }
    return Formula::call(Op::name, a, b);
}

template <class Op>
Formula spell(const Formula& x) {
    if constexpr (Op::symbol == "-") return -x;
    return Formula::call(Op::name, x);
}

}  // namespace detail

#define REELGRAD_SPELL_UNARY(Type, function) \
    inline Formula function(const Formula& x) { return detail::spell<Type>(x); }
#define REELGRAD_SPELL_BINARY(Type, function) \
    inline Formula function(const Formula& a, const Formula& b) { return detail::spell<Type>(a, b); }
#define REELGRAD_SPELL_TERNARY(Type, function)                                      \
    inline Formula function(const Formula& a, const Formula& b, const Formula& c) { \
        return Formula::call(Type::name, a, b, c);                                  \
    }
REELGRAD_UNARY(REELGRAD_SPELL_UNARY)
REELGRAD_BINARY(REELGRAD_SPELL_BINARY)
REELGRAD_TERNARY(REELGRAD_SPELL_TERNARY)
#undef REELGRAD_SPELL_UNARY
#undef REELGRAD_SPELL_BINARY
#undef REELGRAD_SPELL_TERNARY

// The value and the partials of a primitive in terms of its operands and of the value y.
template <Primitive Op>
std::vector<std::string> formulas() {
    const auto operand = [](std::size_t i) { return Formula(std::string(Op::operands[i])); };
    const Formula y("y");
    if constexpr (arity_v<Op> == 1) {
        const Formula x = operand(0);
        return {Op::value(x).str(), Op::partial(x, y).str()};
    } else if constexpr (arity_v<Op> == 2) {
        const Formula a = operand(0), b = operand(1);
        const auto p = Op::partials(a, b, y);
        return {Op::value(a, b).str(), p.a.str(), p.b.str()};
    } else {
        const Formula a = operand(0), b = operand(1), c = operand(2);
        const auto p = Op::partials(a, b, c, y);
        return {Op::value(a, b, c).str(), p.a.str(), p.b.str(), p.c.str()};
    }
}

}  // namespace reelgrad::ops
