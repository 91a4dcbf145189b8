// ops/arithmetic.hpp: arithmetic and powers.
#pragma once

#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Add : Binary {
    static constexpr std::string_view name = "add";
    static constexpr std::string_view symbol = "+";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return a + b;
    }
    template <class Num>
    static Partials<Num> partials(const Num&, const Num&, const Num&) {
        return {Num(1.0), Num(1.0)};
    }
};

struct Sub : Binary {
    static constexpr std::string_view name = "sub";
    static constexpr std::string_view aliases = "subtract";
    static constexpr std::string_view symbol = "-";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return a - b;
    }
    template <class Num>
    static Partials<Num> partials(const Num&, const Num&, const Num&) {
        return {Num(1.0), Num(-1.0)};
    }
};

struct Mul : Binary {
    static constexpr std::string_view name = "mul";
    static constexpr std::string_view aliases = "multiply";
    static constexpr std::string_view symbol = "*";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return a * b;
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        return {b, a};
    }
};

// -y * (1 / b) would save a division and lose 0 over a subnormal number, where it is 0 * inf.
struct Div : Binary {
    static constexpr std::string_view name = "div";
    static constexpr std::string_view aliases = "divide true_divide";
    static constexpr std::string_view symbol = "/";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return a / b;
    }
    template <class Num>
    static Partials<Num> partials(const Num&, const Num& b, const Num& y) {
        return {1.0 / b, -y / b};
    }
};

// power is a ** (b - 1). Below 0.5 the difference b - 1 rounds, which a large |log(a)| amplifies: there it is y / a.
struct Pow : Binary {
    static constexpr std::string_view name = "pow";
    static constexpr std::string_view aliases = "power";
    static constexpr std::string_view symbol = "**";
    static constexpr std::string_view note =
        "x ** 0 has derivative 0. With respect to the exponent: 0 at 0 ** b for b >= 0, nan for a negative base.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return pow(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num& y) {
        const Num power = let("power", select(b < 0.5 && a > 0.0 && a < infinity, y / a, pow(a, b - 1.0)));
        // 0 * power by itself where that is finite: its derivative by the exponent is power.
        return {
            select((b == 0.0 && !(abs(power) < infinity)) || (power == 0.0 && abs(b) == infinity), Num(0.0), b * power),
            select((y == 0.0 && a >= 0.0) || (a == 0.0 && b == 0.0), Num(0.0), y * log(a))};
    }
};

struct Neg : Unary {
    static constexpr std::string_view name = "neg";
    static constexpr std::string_view aliases = "negative";
    static constexpr std::string_view symbol = "-";
    template <class Num>
    static Num value(const Num& x) {
        return -x;
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(-1.0);
    }
};

struct Abs : Unary {
    static constexpr std::string_view name = "abs";
    static constexpr std::string_view aliases = "absolute fabs";
    static constexpr std::string_view note = "abs'(0) = 0.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return abs(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return sign(x);
    }
};

struct Square : Unary {
    static constexpr std::string_view name = "square";
    template <class Num>
    static Num value(const Num& x) {
        return square(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return 2.0 * x;
    }
};

struct Reciprocal : Unary {
    static constexpr std::string_view name = "reciprocal";
    template <class Num>
    static Num value(const Num& x) {
        return reciprocal(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return -y * y;
    }
};

struct Fma : Ternary {
    static constexpr std::string_view name = "fma";
    static constexpr std::string_view note = "a * b + c with one rounding.";
    template <class Num>
    static Num value(const Num& a, const Num& b, const Num& c) {
        return fma(a, b, c);
    }
    template <class Num>
    static Partials3<Num> partials(const Num& a, const Num& b, const Num&, const Num&) {
        return {b, a, Num(1.0)};
    }
};

}  // namespace reelgrad::ops
