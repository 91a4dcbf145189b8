// ops/number.hpp: what the table asks of a number type.
//
// A number type Num (double here; SIMD packs, expression builders and Formula elsewhere) has + - * / and unary minus,
// comparisons that yield its condition type, `&&`, `||` and `!` on conditions, select(condition, a, b), construction
// from a double, and every function of list.hpp. Both branches of a select are evaluated.
#pragma once

#include <limits>
#include <string_view>

namespace reelgrad::ops {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double largest_number = std::numeric_limits<double>::max();
inline constexpr double quiet_nan = std::numeric_limits<double>::quiet_NaN();

inline constexpr double ln_2 = 0.6931471805599453;     // log(2)
inline constexpr double log2_e = 1.4426950408889634;   // 1 / log(2)
inline constexpr double log10_e = 0.4342944819032518;  // 1 / log(10)
inline constexpr double pi = 3.141592653589793;
inline constexpr double inv_sqrt_pi = 0.5641895835477563;      // 1 / sqrt(pi)
inline constexpr double two_inv_sqrt_pi = 1.1283791670955126;  // 2 / sqrt(pi)
inline constexpr double half_sqrt_pi = 0.8862269254527580;     // sqrt(pi) / 2
inline constexpr double inv_sqrt_2pi = 0.3989422804014327;     // 1 / sqrt(2 pi)
inline constexpr double inv_sqrt_2 = 0.7071067811865476;       // 1 / sqrt(2)

// Partial derivatives of a binary and of a ternary primitive, in the order of the operands.
template <class Num>
struct Partials {
    Num a, b;
};

template <class Num>
struct Partials3 {
    Num a, b, c;
};

constexpr double select(bool condition, double a, double b) { return condition ? a : b; }

template <class Num>
constexpr auto is_nan(const Num& x) {
    return x != x;
}

// The number alone, as a constant: nothing is differentiated through it.
constexpr double detached(double x) { return x; }

// nan, of which every derivative by x is nan too: what a partial is outside of the domain.
constexpr double undefined(double) { return quiet_nan; }
template <class Num>
Num undefined(const Num& x) {
    return quiet_nan * x;
}

// Gives an intermediate of a partial a name. Only Formula, which prints the partials, takes notice.
template <class Num>
constexpr const Num& let(std::string_view, const Num& x) {
    return x;
}

}  // namespace reelgrad::ops
