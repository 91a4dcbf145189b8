// ops/selection.hpp: operators that pass one of their operands through. What is not passed has partial 0, and no edge.
#pragma once

#include <array>
#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Maximum : Binary {
    static constexpr std::string_view name = "maximum";
    static constexpr std::string_view note = "Ties split 0.5 / 0.5; nan propagates.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return maximum(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        const Num share = select(a == b, Num(0.5), select(a > b || is_nan(a), Num(1.0), Num(0.0)));
        return {share, 1.0 - let("share", share)};
    }
};

struct Minimum : Binary {
    static constexpr std::string_view name = "minimum";
    static constexpr std::string_view note = "Ties split 0.5 / 0.5; nan propagates.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return minimum(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        const Num share = select(a == b, Num(0.5), select(a < b || is_nan(a), Num(1.0), Num(0.0)));
        return {share, 1.0 - let("share", share)};
    }
};

struct Clip : Ternary {
    static constexpr std::string_view name = "clip";
    static constexpr std::string_view aliases = "clamp";
    static constexpr std::string_view note = "clip' = 1 on the closed interval. If lo > hi the result is hi.";
    static constexpr std::array<std::string_view, 3> operands{"x", "lo", "hi"};
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x, const Num& lo, const Num& hi) {
        return clip(x, lo, hi);
    }
    template <class Num>
    static Partials3<Num> partials(const Num& x, const Num& lo, const Num& hi, const Num&) {
        return {select(x < lo || x > hi, Num(0.0), Num(1.0)), select(x < lo && !(lo > hi), Num(1.0), Num(0.0)),
                select(x > hi || lo > hi, Num(1.0), Num(0.0))};
    }
};

struct Where : Ternary {
    static constexpr std::string_view name = "where";
    static constexpr std::string_view note =
        "a where the condition is not 0, else b; the other one passes no gradient.";
    static constexpr std::array<std::string_view, 3> operands{"condition", "a", "b"};
    static constexpr bool selecting = true;
    static constexpr bool constant_first = true;
    template <class Num>
    static Num value(const Num& condition, const Num& a, const Num& b) {
        return where(condition, a, b);
    }
    template <class Num>
    static Partials3<Num> partials(const Num& condition, const Num&, const Num&, const Num&) {
        return {Num(0.0), select(condition != 0.0, Num(1.0), Num(0.0)), select(condition != 0.0, Num(0.0), Num(1.0))};
    }
};

struct StopGradient : Unary {
    static constexpr std::string_view name = "stop_gradient";
    static constexpr std::string_view note = "x itself, of which nothing depends on x: its partial is 0.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return stop_gradient(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num&) {
        return Num(0.0);
    }
};

}  // namespace reelgrad::ops
