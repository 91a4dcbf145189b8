// ops/contributions.hpp: products with absolute zero, which derivatives written out as Programs are made of.
//
// A contribution to an adjoint is g * p, of which absolute zero makes 0 where g is 0 and p infinite or nan (ZMul), and
// for selecting operators also where p is 0 (SMul: no edge, whatever g). A Program is run *relaxed* first, with plain
// products; if a gradient comes out nan it is run again *checked*, with these (lower.hpp). zero_product(y, c) tells
// where y, such a contribution, was made 0 though c, the plain product, is nan: second derivatives pass through there
// as 0. Both are selecting themselves: where g is 0, what p does is of no account to any derivative.
#pragma once

#include <array>
#include <string_view>

#include "reelgrad/ops/conditions.hpp"

namespace reelgrad::ops {

constexpr double zero_product(double y, double c) { return y == 0.0 && is_nan(c) ? 1.0 : 0.0; }

struct ZMul : Binary {
    static constexpr std::string_view name = "zmul";
    static constexpr bool selecting = true;
    static constexpr std::array<std::string_view, 2> operands{"g", "p"};
    template <class Num>
    static Num value(const Num& g, const Num& p) {
        const Num c = g * p;
        return select(is_nan(c) && g == 0.0, Num(0.0), c);
    }
    template <class Num>
    static Partials<Num> partials(const Num& g, const Num& p, const Num& y) {
        const Num forced = zero_product(y, g * p);
        return {select(forced != 0.0, Num(0.0), p), g};
    }
};

struct SMul : Binary {
    static constexpr std::string_view name = "smul";
    static constexpr bool selecting = true;
    static constexpr std::array<std::string_view, 2> operands{"g", "p"};
    template <class Num>
    static Num value(const Num& g, const Num& p) {
        const Num c = g * p;
        return select(is_nan(c) && (g == 0.0 || p == 0.0), Num(0.0), c);
    }
    template <class Num>
    static Partials<Num> partials(const Num& g, const Num& p, const Num& y) {
        const Num forced = zero_product(y, g * p);
        return {select(forced != 0.0, Num(0.0), p), select(forced != 0.0, Num(0.0), g)};
    }
};

struct ZeroProduct : detail::BinaryConditionBase {
    static constexpr std::string_view name = "zero_product";
    static constexpr std::array<std::string_view, 2> operands{"y", "c"};
    template <class Num>
    static Num value(const Num& y, const Num& c) {
        return select(y == 0.0 && is_nan(c), Num(1.0), Num(0.0));
    }
};

using Contributions = OpList<ZMul, SMul, ZeroProduct>;

}  // namespace reelgrad::ops
