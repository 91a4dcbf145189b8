// ops/exponential.hpp: roots, exponentials and logarithms.
#pragma once

#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Sqrt : Unary {
    static constexpr std::string_view name = "sqrt";
    template <class Num>
    static Num value(const Num& x) {
        return sqrt(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return 0.5 / y;
    }
};

struct Rsqrt : Unary {
    static constexpr std::string_view name = "rsqrt";
    static constexpr std::string_view note = "1 / sqrt(x).";
    template <class Num>
    static Num value(const Num& x) {
        return rsqrt(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num& y) {
        return -0.5 * y / x;
    }
};

struct Cbrt : Unary {
    static constexpr std::string_view name = "cbrt";
    template <class Num>
    static Num value(const Num& x) {
        return cbrt(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return 1.0 / (3.0 * y * y);
    }
};

struct Exp : Unary {
    static constexpr std::string_view name = "exp";
    template <class Num>
    static Num value(const Num& x) {
        return exp(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return y;
    }
};

struct Exp2 : Unary {
    static constexpr std::string_view name = "exp2";
    template <class Num>
    static Num value(const Num& x) {
        return exp2(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return ln_2 * y;
    }
};

struct Expm1 : Unary {
    static constexpr std::string_view name = "expm1";
    template <class Num>
    static Num value(const Num& x) {
        return expm1(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return y + 1.0;
    }
};

struct Log : Unary {
    static constexpr std::string_view name = "log";
    template <class Num>
    static Num value(const Num& x) {
        return log(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(x >= 0.0, 1.0 / x, undefined(x));
    }
};

struct Log2 : Unary {
    static constexpr std::string_view name = "log2";
    template <class Num>
    static Num value(const Num& x) {
        return log2(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(x >= 0.0, log2_e / x, undefined(x));
    }
};

struct Log10 : Unary {
    static constexpr std::string_view name = "log10";
    template <class Num>
    static Num value(const Num& x) {
        return log10(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(x >= 0.0, log10_e / x, undefined(x));
    }
};

struct Log1p : Unary {
    static constexpr std::string_view name = "log1p";
    template <class Num>
    static Num value(const Num& x) {
        return log1p(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(x >= -1.0, 1.0 / (1.0 + x), undefined(x));
    }
};

struct LogAddExp : Binary {
    static constexpr std::string_view name = "logaddexp";
    static constexpr std::string_view note =
        "log(exp(a) + exp(b)); never overflows. Equal operands have partials 0.5, infinite ones too.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return logaddexp(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        const auto no_difference = a == b && abs(a) == infinity;
        return {select(no_difference, Num(0.5), sigmoid(a - b)), select(no_difference, Num(0.5), sigmoid(b - a))};
    }
};

struct XLogY : Binary {
    static constexpr std::string_view name = "xlogy";
    static constexpr std::string_view note = "a * log(b), and 0 where a is 0.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return xlogy(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        return {log(b), select(a == 0.0, Num(0.0), select(b >= 0.0, a / b, undefined(b)))};
    }
};

struct XLog1pY : Binary {
    static constexpr std::string_view name = "xlog1py";
    static constexpr std::string_view note = "a * log1p(b), and 0 where a is 0.";
    template <class Num>
    static Num value(const Num& a, const Num& b) {
        return xlog1py(a, b);
    }
    template <class Num>
    static Partials<Num> partials(const Num& a, const Num& b, const Num&) {
        return {log1p(b), select(a == 0.0, Num(0.0), select(b >= -1.0, a / (1.0 + b), undefined(b)))};
    }
};

}  // namespace reelgrad::ops
