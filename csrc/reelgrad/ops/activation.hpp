// ops/activation.hpp: activation functions of neural networks.
#pragma once

#include <array>
#include <string_view>

#include "reelgrad/ops/entry.hpp"
#include "reelgrad/ops/generic.hpp"

namespace reelgrad::ops {

struct Sigmoid : Unary {
    static constexpr std::string_view name = "sigmoid";
    static constexpr std::string_view aliases = "expit logistic";
    static constexpr std::string_view note = "Never overflows.";
    template <class Num>
    static Num value(const Num& x) {
        return sigmoid(x);
    }
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return y * (1.0 - y);
    }
};

struct Logit : Unary {
    static constexpr std::string_view name = "logit";
    template <class Num>
    static Num value(const Num& x) {
        return logit(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return select(x >= 0.0 && x <= 1.0, 1.0 / x + 1.0 / (1.0 - x), undefined(x));
    }
};

struct LogSigmoid : Unary {
    static constexpr std::string_view name = "log_sigmoid";
    static constexpr std::string_view aliases = "log_expit logsigmoid";
    static constexpr std::string_view note = "Never overflows.";
    template <class Num>
    static Num value(const Num& x) {
        return log_sigmoid(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return sigmoid(-x);
    }
};

struct Softplus : Unary {
    static constexpr std::string_view name = "softplus";
    static constexpr std::string_view note = "log(1 + exp(x)); never overflows.";
    template <class Num>
    static Num value(const Num& x) {
        return softplus(x);
    }
    template <class Num>
    static Num partial(const Num& x, const Num&) {
        return sigmoid(x);
    }
};

struct Relu : Unary {
    static constexpr std::string_view name = "relu";
    static constexpr std::string_view note = "relu'(0) = 0.";
    static constexpr bool selecting = true;
    template <class Num>
    static Num value(const Num& x) {
        return relu(x);
    }
    // By the value, which says the same as x: in a Program x need not be kept for the reverse sweep.
    template <class Num>
    static Num partial(const Num&, const Num& y) {
        return select(y <= 0.0, Num(0.0), Num(1.0));
    }
};

struct LeakyRelu : Binary {
    static constexpr std::string_view name = "leaky_relu";
    static constexpr std::string_view note = "The derivative at 0 is the slope.";
    static constexpr std::array<std::string_view, 2> operands{"x", "slope"};
    static constexpr bool selecting = true;
    static constexpr double default_b = 0.01;
    template <class Num>
    static Num value(const Num& x, const Num& slope) {
        return leaky_relu(x, slope);
    }
    template <class Num>
    static Partials<Num> partials(const Num& x, const Num& slope, const Num&) {
        return {select(x > 0.0, Num(1.0), slope), select(x > 0.0, Num(0.0), x)};
    }
};

struct Elu : Binary {
    static constexpr std::string_view name = "elu";
    static constexpr std::string_view note = "alpha * expm1(x) below 0. The derivative at 0 is alpha.";
    static constexpr std::array<std::string_view, 2> operands{"x", "alpha"};
    static constexpr bool selecting = true;
    static constexpr double default_b = 1.0;
    template <class Num>
    static Num value(const Num& x, const Num& alpha) {
        return elu(x, alpha);
    }
    template <class Num>
    static Partials<Num> partials(const Num& x, const Num& alpha, const Num&) {
        return {select(x > 0.0, Num(1.0), alpha * exp(x)), select(x > 0.0, Num(0.0), expm1(x))};
    }
};

}  // namespace reelgrad::ops
