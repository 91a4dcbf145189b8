// cython.hpp: what reelgrad's .pxd declares (python/reelgrad/__init__.pxd), where Cython's view of C++ needs help.
//
// Functions of the table for Vars and for plain numbers under one name, so that code with a fused type of both runs on
// either; reductions and composites over pointers, since Cython has arrays rather than spans.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reelgrad/python.hpp"

namespace reelgrad::cython {

#define REELGRAD_FUNCTION(Op, function) \
    using reelgrad::function;           \
    inline double function(double x) { return ops::Op::value(x); }
REELGRAD_UNARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION

#define REELGRAD_FUNCTION(Op, function) \
    using reelgrad::function;           \
    inline double function(double a, double b) { return ops::Op::value(a, b); }
REELGRAD_BINARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION

#define REELGRAD_FUNCTION(Op, function) \
    using reelgrad::function;           \
    inline double function(double a, double b, double c) { return ops::Op::value(a, b, c); }
REELGRAD_TERNARY(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION

// n elements each. dot() takes two arrays, the others one.
#define REELGRAD_FUNCTION(Op, function)                                                                              \
    inline Var function(const Var* x, std::size_t n) { return detail::reduce<ops::Op>({x, n}); }                     \
    inline double function(const double* x, std::size_t n) { return ops::Op::value(std::span<const double>(x, n)); } \
    inline Var function(const std::vector<Var>& x) { return detail::reduce<ops::Op>(x); }
REELGRAD_REDUCTION(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION
inline Var dot(const Var* a, const Var* b, std::size_t n) { return reelgrad::dot(std::span(a, n), std::span(b, n)); }
inline double dot(const double* a, const double* b, std::size_t n) {
    return ops::Dot::value(std::span(a, n), std::span(b, n));
}
inline Var dot(const std::vector<Var>& a, const std::vector<Var>& b) { return reelgrad::dot(a, b); }

// A composite as a function: of a number, of an array, of two arrays of one length.
template <class Op>
struct Function {
    template <class T>
        requires requires(const T& x) { Op::value(x); }
    T operator()(const T& x) const {
        return Op::value(x);
    }
    template <class T>
        requires requires(std::span<const T> x) { Op::value(x); }
    auto operator()(const T* x, std::size_t n) const {
        require_elements(n);
        return Op::value(std::span<const T>(x, n));
    }
    template <class T, class... Settings>
        requires requires(std::span<const T> x, Settings... settings) { Op::value(x, x, settings...); }
    auto operator()(const T* a, const T* b, std::size_t n, Settings... settings) const {
        require_elements(n);
        return Op::value(std::span<const T>(a, n), std::span<const T>(b, n), settings...);
    }
    // Of logits and the number of a class.
    template <class T>
        requires requires(std::span<const T> x, std::size_t k) { Op::value(x, k); }
    auto operator()(const T* x, std::size_t n, std::size_t k) const {
        if (k >= n) {
            throw LengthError(std::string(Op::name) + ": there is no class " + std::to_string(k) + " among " +
                              std::to_string(n) + " logits");
        }
        return Op::value(std::span<const T>(x, n), k);
    }

  private:
    static void require_elements(std::size_t n) {
        if (n == 0) throw LengthError(std::string(Op::name) + " of no elements has no value");
    }
};
#define REELGRAD_FUNCTION(Op, function) inline constexpr Function<ops::Op> function;
REELGRAD_COMPOSITE(REELGRAD_FUNCTION)
#undef REELGRAD_FUNCTION

}  // namespace reelgrad::cython
