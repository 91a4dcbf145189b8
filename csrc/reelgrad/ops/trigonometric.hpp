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
        return 1.0 / sqrt((1.0 - x) * (1.0 + x));
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
        return -1.0 / sqrt((1.0 - x) * (1.0 + x));
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
// direction where a component is infinite.
template <class Num>
Partials<Num> direction(const Num& a, const Num& b, const Num& larger) {
    return {let("u", select(abs(a) == larger, sign(a), a / larger)),
            let("v", select(abs(b) == larger, sign(b), b / larger))};
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
        const Num larger = let("m", maximum(abs(a), abs(b)));
        const auto [u, v] = direction(a, b, larger);
        const Num size = u * u + v * v;
        return {select(larger == 0.0, Num(0.0), v / size / larger),
                select(larger == 0.0, Num(0.0), -u / size / larger)};
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
        const Num larger = let("m", maximum(abs(a), abs(b)));
        const auto [u, v] = direction(a, b, larger);
        const Num size = sqrt(u * u + v * v);
        return {select(larger == 0.0, Num(0.0), u / size), select(larger == 0.0, Num(0.0), v / size)};
    }
};

}  // namespace reelgrad::ops
