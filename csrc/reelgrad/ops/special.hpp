// ops/special.hpp: the error function, the normal distribution, the gamma function.
#pragma once

#include <array>
#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"
#include "reelgrad/ops/kernels_gamma.hpp"
#include "reelgrad/ops/kernels_normal.hpp"

namespace reelgrad::ops {

struct Erf : Unary {
    static constexpr std::string_view name = "erf";
    template <class Num>
    static Num value(const Num& x) {
        return erf(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return two_inv_sqrt_pi * exp(-x * x);
    }
};

struct Erfc : Unary {
    static constexpr std::string_view name = "erfc";
    template <class Num>
    static Num value(const Num& x) {
        return erfc(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return -two_inv_sqrt_pi * exp(-x * x);
    }
};

struct Erfcx : Unary {
    static constexpr std::string_view name = "erfcx";
    static constexpr std::string_view note = "exp(x * x) * erfc(x).";
    template <class Num>
    static Num value(const Num& x) {
        return erfcx(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num& y) {
        return select(y == 0.0, Num(0.0), 2.0 * (x * y) - two_inv_sqrt_pi);
    }
};

// exp(y * y) would magnify the rounding of y; it is erfcx(y) / erfc(y), and erfc(|y|) = 1 - |x| is exact.
struct Erfinv : Unary {
    static constexpr std::string_view name = "erfinv";
    template <class Num>
    static Num value(const Num& x) {
        return erfinv(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num& y) {
        return select(abs(x) == 1.0, Num(infinity), half_sqrt_pi * erfcx(abs(y)) / (1.0 - abs(x)));
    }
};

struct Ndtr : Unary {
    static constexpr std::string_view name = "ndtr";
    static constexpr std::string_view aliases = "normal_cdf";
    static constexpr std::string_view note =
        "The cumulative distribution function of the standard normal distribution.";
    template <class Num>
    static Num value(const Num& x) {
        return ndtr(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return normal_pdf(x);
    }
};

struct NormalPdf : Unary {
    static constexpr std::string_view name = "normal_pdf";
    static constexpr std::string_view note = "The density of the standard normal distribution.";
    template <class Num>
    static Num value(const Num& x) {
        return normal_pdf(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num& y) {
        return select(y == 0.0, Num(0.0), -x * y);
    }
};

struct Lgamma : Unary {
    static constexpr std::string_view name = "lgamma";
    static constexpr std::string_view aliases = "gammaln";
    static constexpr std::string_view note = "log(abs(gamma(x))).";
    template <class Num>
    static Num value(const Num& x) {
        return lgamma(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return digamma(x);
    }
};

struct Digamma : Unary {
    static constexpr std::string_view name = "digamma";
    static constexpr std::string_view aliases = "psi";
    template <class Num>
    static Num value(const Num& x) {
        return digamma(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return polygamma(Num(1.0), x);
    }
};

struct Polygamma : Binary {
    static constexpr std::string_view name = "polygamma";
    static constexpr std::string_view note =
        "The derivative of digamma of order n, a whole number that is not differentiated.";
    static constexpr std::array<std::string_view, 2> operands{"n", "x"};
    static constexpr bool constant_first = true;
    template <class Num>
    static Num value(const Num& n, const Num& x) {
        return polygamma(n, x);
    }
    template <class Num>
    static Partials<Num> partials(const Num& n, const Num& x, const Num&) {
        return {Num(0.0), polygamma(n + 1.0, x)};
    }
};

}  // namespace reelgrad::ops
