// ops/trigonometric.hpp: trigonometric functions, their inverses, and the geometry of the plane.
#pragma once

#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Sin : Unary {
    static constexpr std::string_view name = "sin";
    template <class Num>
    static Num value(const Num& x) {
        return sin(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return cos(x);
    }
};

struct Cos : Unary {
    static constexpr std::string_view name = "cos";
    template <class Num>
    static Num value(const Num& x) {
        return cos(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return -sin(x);
    }
};

struct Tan : Unary {
    static constexpr std::string_view name = "tan";
    template <class Num>
    static Num value(const Num& x) {
        return tan(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return 1.0 + y * y;
    }
};

struct Asin : Unary {
    static constexpr std::string_view name = "asin";
    static constexpr std::string_view aliases = "arcsin";
    template <class Num>
    static Num value(const Num& x) {
        return asin(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return 1.0 / sqrt(fma(-x, x, Num(1.0)));
    }
};

struct Acos : Unary {
    static constexpr std::string_view name = "acos";
    static constexpr std::string_view aliases = "arccos";
    template <class Num>
    static Num value(const Num& x) {
        return acos(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return -1.0 / sqrt(fma(-x, x, Num(1.0)));
    }
};

struct Atan : Unary {
    static constexpr std::string_view name = "atan";
    static constexpr std::string_view aliases = "arctan";
    template <class Num>
    static Num value(const Num& x) {
        return atan(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return 1.0 / (1.0 + x * x);
    }
};

// (a, b) divided by its larger component. Neither overflows nor underflows where a * a + b * b would, and keeps the
// direction where a component is infinite. What is made of it does not depend on the scale, and so nothing is
// differentiated through that: at |a| = |b| the larger one has no derivative.
template <class Num>
Num scale_of(const Num& a, const Num& b) {
    return let("m", detached(maximum(abs(a), abs(b))));
}
template <class Num>
Partials<Num> direction(const Num& a, const Num& b, const Num& scale) {
    return {let("u", select(abs(a) == infinity, sign(a), a / scale)),
            let("v", select(abs(b) == infinity, sign(b), b / scale))};
}

struct Atan2 : Binary {
    static constexpr std::string_view name = "atan2";
    static constexpr std::string_view aliases = "arctan2";
    static constexpr std::string_view note = "The angle of the point (b, a). At the origin the partials are 0.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return atan2(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        const Num scale = scale_of(a, b);
        const auto [u, v] = direction(a, b, scale);
        const Num size = u * u + v * v;
        return {select(scale == 0.0, Num(0.0), v / size / scale), select(scale == 0.0, Num(0.0), -u / size / scale)};
    }
};

struct Hypot : Binary {
    static constexpr std::string_view name = "hypot";
    static constexpr std::string_view note = "Never overflows needlessly. At the origin the partials are 0.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return hypot(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        const Num scale = scale_of(a, b);
        const auto [u, v] = direction(a, b, scale);
        const Num size = sqrt(u * u + v * v);
        return {select(scale == 0.0, Num(0.0), u / size), select(scale == 0.0, Num(0.0), v / size)};
    }
};

}  // namespace reelgrad::ops
