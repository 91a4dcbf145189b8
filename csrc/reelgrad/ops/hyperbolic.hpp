// ops/hyperbolic.hpp: hyperbolic functions and their inverses.
#pragma once

#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Sinh : Unary {
    static constexpr std::string_view name = "sinh";
    template <class Num>
    static Num value(const Num& x) {
        return sinh(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return cosh(x);
    }
};

struct Cosh : Unary {
    static constexpr std::string_view name = "cosh";
    template <class Num>
    static Num value(const Num& x) {
        return cosh(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return sinh(x);
    }
};

struct Tanh : Unary {
    static constexpr std::string_view name = "tanh";
    template <class Num>
    static Num value(const Num& x) {
        return tanh(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return 1.0 - y * y;
    }
};

struct Asinh : Unary {
    static constexpr std::string_view name = "asinh";
    static constexpr std::string_view aliases = "arcsinh";
    template <class Num>
    static Num value(const Num& x) {
        return asinh(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return 1.0 / sqrt(1.0 + x * x);
    }
};

struct Acosh : Unary {
    static constexpr std::string_view name = "acosh";
    static constexpr std::string_view aliases = "arccosh";
    template <class Num>
    static Num value(const Num& x) {
        return acosh(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return (1.0 / sqrt(x - 1.0)) * (1.0 / sqrt(x + 1.0));
    }
};

struct Atanh : Unary {
    static constexpr std::string_view name = "atanh";
    static constexpr std::string_view aliases = "arctanh";
    template <class Num>
    static Num value(const Num& x) {
        return atanh(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(abs(x) <= 1.0, 1.0 / fma(-x, x, Num(1.0)), undefined(x));
    }
};

}  // namespace reelgrad::ops
