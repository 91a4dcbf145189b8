// ops/rounding.hpp: rounding, remainders and signs. Piecewise constant functions have partial 0 everywhere.
#pragma once

#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Floor : Unary {
    static constexpr std::string_view name = "floor";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return floor(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

struct Ceil : Unary {
    static constexpr std::string_view name = "ceil";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return ceil(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

struct Round : Unary {
    static constexpr std::string_view name = "round";
    static constexpr std::string_view aliases = "rint";
    static constexpr std::string_view note = "Half to even.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return round(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

struct Trunc : Unary {
    static constexpr std::string_view name = "trunc";
    static constexpr std::string_view aliases = "fix";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return trunc(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

struct Sign : Unary {
    static constexpr std::string_view name = "sign";
    static constexpr std::string_view note = "sign(0) = 0, sign' = 0.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return sign(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

struct Mod : Binary {
    static constexpr std::string_view name = "mod";
    static constexpr std::string_view aliases = "remainder";
    static constexpr std::string_view symbol = "%";
    static constexpr std::string_view note =
        "Python's: the sign of b. At a jump the partials are those of the value taken.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return mod(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        return {Num(1.0), -floordiv(a, b)};
    }
};

struct FloorDiv : Binary {
    static constexpr std::string_view name = "floordiv";
    static constexpr std::string_view aliases = "floor_divide";
    static constexpr std::string_view symbol = "//";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return floordiv(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num&, const Num&, const Num&) {
        return {Num(0.0), Num(0.0)};
    }
};

// trunc(a / b) is one too large where the quotient rounds up to a whole number.
struct Fmod : Binary {
    static constexpr std::string_view name = "fmod";
    static constexpr std::string_view note = "C's: the sign of a.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return fmod(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num& y) {
        return {Num(1.0), -round((a - y) / b)};
    }
};

struct Copysign : Binary {
    static constexpr std::string_view name = "copysign";
    static constexpr std::string_view note = "The partial by a is 0 at a = 0, like that of abs; the partial by b is 0.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return copysign(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        return {sign(a) * copysign(Num(1.0), b), Num(0.0)};
    }
};

}  // namespace reelgrad::ops
