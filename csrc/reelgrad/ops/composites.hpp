// ops/composites.hpp: losses, softmax and other functions written with primitives and reductions.
//
// T is any type that has the functions of the table: double here, and types that find theirs by argument-dependent
// lookup. Spans that belong together have one length, which the caller checks, and are not empty. Losses are means over
// elements.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "reelgrad/ops/reductions.hpp"

namespace reelgrad::ops {

struct Composite : Entry {
    static constexpr std::array<std::string_view, 1> operands{"x"};
};

// Elements less the largest of them, which changes neither softmax nor cross-entropy but keeps their digits: logsumexp
// of large numbers rounds at the size of those. The largest counts as a constant; its derivative would cancel.
template <class T>
std::vector<T> below_largest(std::span<const T> x) {
    T largest = detached(x[0]);
    for (const T& element : x) largest = maximum(largest, detached(element));
    const T shift =
        clip(largest, T(-largest_number), T(largest_number));  // an infinite one shifts what is finite alike
    std::vector<T> result;
    result.reserve(x.size());
    for (const T& element : x) result.push_back(element - shift);
    return result;
}

// What compares predictions with targets.
struct Loss : Entry {
    static constexpr std::array<std::string_view, 2> operands{"prediction", "target"};

  protected:
    // The mean of term(prediction[i], target[i]).
    template <class T, class Term>
    static T mean_of(std::span<const T> prediction, std::span<const T> target, Term&& term) {
        std::vector<T> terms;
        terms.reserve(prediction.size());
        for (std::size_t i = 0; i < prediction.size(); ++i) terms.push_back(term(prediction[i], target[i]));
        return sum(std::span<const T>(terms)) / static_cast<double>(terms.size());
    }
};

struct Mean : Composite {
    static constexpr std::string_view name = "mean";
    static constexpr std::string_view formula = "sum(x)/n";
    template <class T>
    static T value(std::span<const T> x) {
        return sum(x) / static_cast<double>(x.size());
    }
};

struct Softmax : Composite {
    static constexpr std::string_view name = "softmax";
    static constexpr std::string_view formula = "exp(x[i] - logsumexp(x))";
    static constexpr std::string_view note = "Never overflows.";
    template <class T>
    static std::vector<T> value(std::span<const T> x) {
        std::vector<T> result = below_largest(x);
        const T total = logsumexp(std::span<const T>(result));
        for (T& element : result) element = exp(element - total);
        return result;
    }
};

struct Silu : Composite {
    static constexpr std::string_view name = "silu";
    static constexpr std::string_view aliases = "swish";
    static constexpr std::string_view formula = "x*sigmoid(x)";
    template <class T>
    static T value(const T& x) {
        return x * sigmoid(x);
    }
};

struct Gelu : Composite {
    static constexpr std::string_view name = "gelu";
    static constexpr std::string_view formula = "x*ndtr(x)";
    static constexpr std::string_view note = "Exact, not the approximation by tanh.";
    template <class T>
    static T value(const T& x) {
        return x * ndtr(x);
    }
};

struct Mse : Loss {
    static constexpr std::string_view name = "mse";
    static constexpr std::string_view formula = "mean((prediction - target)**2)";
    template <class T>
    static T value(std::span<const T> prediction, std::span<const T> target) {
        return mean_of(prediction, target, [](const T& p, const T& t) { return square(p - t); });
    }
};

struct HalfMse : Loss {
    static constexpr std::string_view name = "half_mse";
    static constexpr std::string_view formula = "mean((prediction - target)**2)/2";
    template <class T>
    static T value(std::span<const T> prediction, std::span<const T> target) {
        return 0.5 * Mse::value(prediction, target);
    }
};

struct Mae : Loss {
    static constexpr std::string_view name = "mae";
    static constexpr std::string_view formula = "mean(abs(prediction - target))";
    template <class T>
    static T value(std::span<const T> prediction, std::span<const T> target) {
        return mean_of(prediction, target, [](const T& p, const T& t) { return abs(p - t); });
    }
};

// c (r - c / 2) with c = clip(r, -delta, delta) is r^2 / 2 up to delta and delta (|r| - delta / 2) beyond, without a
// branch, and without |r|, whose kink at 0 second derivatives would see.
struct Huber : Loss {
    static constexpr std::string_view name = "huber";
    static constexpr std::string_view formula =
        "mean(r**2/2 if abs(r) <= delta else delta*(abs(r) - delta/2)), r = prediction - target";
    static constexpr std::array<std::string_view, 3> operands{"prediction", "target", "delta"};
    static constexpr double default_delta = 1.0;
    template <class T>
    static T value(std::span<const T> prediction, std::span<const T> target, double delta = default_delta) {
        return mean_of(prediction, target, [delta](const T& p, const T& t) {
            const T r = p - t;
            const T near = clip(r, T(-delta), T(delta));
            return near * (r - 0.5 * near);
        });
    }
};

struct Hinge : Loss {
    static constexpr std::string_view name = "hinge";
    static constexpr std::string_view formula = "mean(relu(1 - target*score))";
    static constexpr std::string_view note = "Targets are 1 and -1.";
    static constexpr std::array<std::string_view, 2> operands{"score", "target"};
    template <class T>
    static T value(std::span<const T> score, std::span<const T> target) {
        return mean_of(score, target, [](const T& s, const T& t) { return relu(1.0 - t * s); });
    }
};

struct Bce : Loss {
    static constexpr std::string_view name = "bce";
    static constexpr std::string_view formula = "-mean(xlogy(target, probability) + xlog1py(1 - target, -probability))";
    static constexpr std::string_view note = "A probability of 0 or 1 that equals its target costs 0.";
    static constexpr std::array<std::string_view, 2> operands{"probability", "target"};
    template <class T>
    static T value(std::span<const T> probability, std::span<const T> target) {
        return -mean_of(probability, target, [](const T& p, const T& t) { return xlogy(t, p) + xlog1py(1.0 - t, -p); });
    }
};

// Both terms are positive: softplus(z) - t z would cancel where the prediction is good.
struct BceWithLogits : Loss {
    static constexpr std::string_view name = "bce_with_logits";
    static constexpr std::string_view formula = "mean(target*softplus(-logit) + (1 - target)*softplus(logit))";
    static constexpr std::array<std::string_view, 2> operands{"logit", "target"};
    template <class T>
    static T value(std::span<const T> logit, std::span<const T> target) {
        return mean_of(logit, target,
                       [](const T& z, const T& t) { return t * softplus(-z) + (1.0 - t) * softplus(z); });
    }
};

// The loss of one sample, whose target is a class or a probability for each class.
struct CrossEntropy : Loss {
    static constexpr std::string_view name = "cross_entropy";
    static constexpr std::string_view formula = "logsumexp(logits) - logits[target]";
    static constexpr std::string_view note =
        "Of one sample. The target is a class, or a probability for each class: sum(target*(logsumexp(logits) - "
        "logits)).";
    static constexpr std::array<std::string_view, 2> operands{"logits", "target"};
    template <class T>
    static T value(std::span<const T> logits, std::size_t target) {
        const std::vector<T> shifted = below_largest(logits);
        return logsumexp(std::span<const T>(shifted)) - shifted[target];
    }
    // A class of probability 0 does not count, even if its logit is -inf.
    template <class T>
    static T value(std::span<const T> logits, std::span<const T> target) {
        std::vector<T> terms = below_largest(logits);
        const T total = logsumexp(std::span<const T>(terms));
        for (std::size_t i = 0; i < logits.size(); ++i) {
            terms[i] = where(target[i], target[i] * (total - terms[i]), T(0.0));
        }
        return sum(std::span<const T>(terms));
    }
};

#define REELGRAD_TYPE(Type, function) Type,
using Composites = detail::Collect<OpList<>, REELGRAD_COMPOSITE(REELGRAD_TYPE) detail::End>::type;
#undef REELGRAD_TYPE

}  // namespace reelgrad::ops
