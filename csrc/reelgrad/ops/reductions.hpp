// ops/reductions.hpp: operators with any number of operands.
//
// `value` reduces a span; `partials` writes the partial by every element, given the elements and the value y. Sums are
// taken in the order of the elements. No operands give the neutral element.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "reelgrad/ops/table.hpp"

namespace reelgrad::ops {

struct Reduction : Entry {
    static constexpr std::array<std::string_view, 1> operands{"x"};
};

struct Sum : Reduction {
    static constexpr std::string_view name = "sum";
    static constexpr std::string_view formula = "x[0] + x[1] + ...";
    static constexpr std::string_view partial_formula = "1";
    template <class Num>
    static Num value(std::span<const Num> x) {
        Num total(0.0);
        for (const Num& element : x) total = total + element;
        return total;
    }
    template <class Num>
    static void partials(std::span<const Num>, const Num&, std::span<Num> p) {
        for (Num& partial : p) partial = Num(1.0);
    }
};

// Its 2 n operands are all of a, then all of b.
struct Dot : Reduction {
    static constexpr std::string_view name = "dot";
    static constexpr std::string_view formula = "a[0]*b[0] + a[1]*b[1] + ...";
    static constexpr std::string_view partial_formula = "b[i] by a[i], a[i] by b[i]";
    static constexpr std::array<std::string_view, 2> operands{"a", "b"};
    template <class Num>
    static Num value(std::span<const Num> a, std::span<const Num> b) {
        Num total(0.0);
        for (std::size_t i = 0; i < a.size(); ++i) total = total + a[i] * b[i];
        return total;
    }
    template <class Num>
    static Num value(std::span<const Num> ab) {
        return value(ab.first(ab.size() / 2), ab.last(ab.size() / 2));
    }
    template <class Num>
    static void partials(std::span<const Num> ab, const Num&, std::span<Num> p) {
        const std::size_t n = ab.size() / 2;
        for (std::size_t i = 0; i < n; ++i) {
            p[i] = ab[n + i];
            p[n + i] = ab[i];
        }
    }
};

// Prefix products times suffix products: exact with zeros, where y / x[i] would be 0 / 0.
struct Prod : Reduction {
    static constexpr std::string_view name = "prod";
    static constexpr std::string_view formula = "x[0]*x[1]*...";
    static constexpr std::string_view partial_formula = "the product of the others";
    template <class Num>
    static Num value(std::span<const Num> x) {
        Num product(1.0);
        for (const Num& element : x) product = product * element;
        return product;
    }
    template <class Num>
    static void partials(std::span<const Num> x, const Num&, std::span<Num> p) {
        Num before(1.0);
        for (std::size_t i = 0; i < x.size(); ++i) {
            p[i] = before;
            before = before * x[i];
        }
        Num after(1.0);
        for (std::size_t i = x.size(); i-- > 0;) {
            p[i] = p[i] * after;
            after = after * x[i];
        }
    }
};

struct LogSumExp : Reduction {
    static constexpr std::string_view name = "logsumexp";
    static constexpr std::string_view formula = "log(exp(x[0]) + exp(x[1]) + ...)";
    static constexpr std::string_view partial_formula = "exp(x[i] - y), normalised";
    static constexpr std::string_view note =
        "Never overflows. The partials add up to 1 always: if y is infinite, the elements equal to y share it.";
    template <class Num>
    static Num value(std::span<const Num> x) {
        Num largest(-infinity);
        for (const Num& element : x) largest = maximum(largest, element);
        const Num shift = select(abs(largest) == infinity, Num(0.0), largest);
        Num total(0.0);
        for (const Num& element : x) total = total + exp(element - shift);
        return shift + log(total);
    }
    // The rounding of y is common to all terms; dividing by their sum removes it.
    template <class Num>
    static void partials(std::span<const Num> x, const Num& y, std::span<Num> p) {
        Num total(0.0);
        for (std::size_t i = 0; i < x.size(); ++i) {
            p[i] = select(x[i] == y, Num(1.0), exp(x[i] - y));
            total = total + p[i];
        }
        for (Num& partial : p) partial = partial / total;
    }
};

struct Norm : Reduction {
    static constexpr std::string_view name = "norm";
    static constexpr std::string_view formula = "sqrt(x[0]**2 + x[1]**2 + ...)";
    static constexpr std::string_view partial_formula = "x[i]/y";
    static constexpr std::string_view note = "Scaled like hypot. At the origin the partials are 0.";
    template <class Num>
    static Num value(std::span<const Num> x) {
        const Num largest = largest_size(x);
        const Num scale = select(largest == 0.0 || largest == infinity, Num(1.0), largest);
        Num total(0.0);
        for (const Num& element : x) total = total + square(element / scale);
        return scale * sqrt(total);
    }
    // From the elements, not y, which may have overflowed; infinite elements share the direction. The scale is of no
    // account, and so nothing is differentiated through it.
    template <class Num>
    static void partials(std::span<const Num> x, const Num&, std::span<Num> p) {
        const Num largest = detached(largest_size(x));
        const Num scale = select(largest == 0.0, Num(1.0), largest);
        Num total(0.0);
        for (std::size_t i = 0; i < x.size(); ++i) {
            p[i] = select(abs(x[i]) == infinity, sign(x[i]), x[i] / scale);
            total = total + square(p[i]);
        }
        const Num size = select(largest == 0.0, Num(1.0), sqrt(total));
        for (Num& partial : p) partial = partial / size;
    }

  private:
    template <class Num>
    static Num largest_size(std::span<const Num> x) {
        Num largest(0.0);
        for (const Num& element : x) largest = maximum(largest, abs(element));
        return largest;
    }
};

#define REELGRAD_TYPE(Type, function) Type,
using Reductions = detail::Collect<OpList<>, REELGRAD_REDUCTION(REELGRAD_TYPE) detail::End>::type;
#undef REELGRAD_TYPE

#define REELGRAD_REDUCE(Type, function) \
    inline double function(std::span<const double> x) { return Type::value(x); }
REELGRAD_REDUCTION(REELGRAD_REDUCE)
#undef REELGRAD_REDUCE
inline double dot(std::span<const double> a, std::span<const double> b) { return Dot::value(a, b); }

}  // namespace reelgrad::ops
