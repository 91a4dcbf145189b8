// exec/kernels_plain.cpp: kernels over two plain doubles, with libm: until there are Packs.
#include <array>
#include <cmath>
#include <cstring>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/ops/table.hpp"

namespace reelgrad::exec {
namespace {

template <int W>
struct Flags {
    bool lane[W];
    friend Flags operator&&(const Flags& a, const Flags& b) {
        Flags r;
        for (int i = 0; i < W; ++i) r.lane[i] = a.lane[i] && b.lane[i];
        return r;
    }
    friend Flags operator||(const Flags& a, const Flags& b) {
        Flags r;
        for (int i = 0; i < W; ++i) r.lane[i] = a.lane[i] || b.lane[i];
        return r;
    }
    friend Flags operator!(const Flags& a) {
        Flags r;
        for (int i = 0; i < W; ++i) r.lane[i] = !a.lane[i];
        return r;
    }
};

template <int W>
struct Plain {
    static constexpr int width = W;
    double lane[W];
    Plain() = default;
    Plain(double x) {  // NOLINT
        for (int i = 0; i < W; ++i) lane[i] = x;
    }
    static Plain load(const double* from) {
        Plain r;
        std::memcpy(r.lane, from, sizeof r.lane);
        return r;
    }
    void store(double* to) const { std::memcpy(to, lane, sizeof lane); }
    template <class F>
    static Plain each(F f) {
        Plain r;
        for (int i = 0; i < W; ++i) r.lane[i] = f(i);
        return r;
    }
    template <class F>
    static Flags<W> test(F f) {
        Flags<W> r;
        for (int i = 0; i < W; ++i) r.lane[i] = f(i);
        return r;
    }
    friend Plain operator+(const Plain& a, const Plain& b) {
        return each([&](int i) { return a.lane[i] + b.lane[i]; });
    }
    friend Plain operator-(const Plain& a, const Plain& b) {
        return each([&](int i) { return a.lane[i] - b.lane[i]; });
    }
    friend Plain operator*(const Plain& a, const Plain& b) {
        return each([&](int i) { return a.lane[i] * b.lane[i]; });
    }
    friend Plain operator/(const Plain& a, const Plain& b) {
        return each([&](int i) { return a.lane[i] / b.lane[i]; });
    }
    friend Plain operator-(const Plain& a) {
        return each([&](int i) { return -a.lane[i]; });
    }
    friend Flags<W> operator<(const Plain& a, const Plain& b) {
        return test([&](int i) { return a.lane[i] < b.lane[i]; });
    }
    friend Flags<W> operator<=(const Plain& a, const Plain& b) {
        return test([&](int i) { return a.lane[i] <= b.lane[i]; });
    }
    friend Flags<W> operator>(const Plain& a, const Plain& b) { return b < a; }
    friend Flags<W> operator>=(const Plain& a, const Plain& b) { return b <= a; }
    friend Flags<W> operator==(const Plain& a, const Plain& b) {
        return test([&](int i) { return a.lane[i] == b.lane[i]; });
    }
    friend Flags<W> operator!=(const Plain& a, const Plain& b) {
        return test([&](int i) { return a.lane[i] != b.lane[i]; });
    }
    friend Plain select(const Flags<W>& c, const Plain& a, const Plain& b) {
        return each([&](int i) { return c.lane[i] ? a.lane[i] : b.lane[i]; });
    }
    friend Flags<W> is_nan(const Plain& a) { return a != a; }
    friend Plain mul_add(const Plain& a, const Plain& b, const Plain& c) { return a * b + c; }
    friend Plain fma(const Plain& a, const Plain& b, const Plain& c) {
        return each([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
    }
};

#define REELGRAD_EACH_Neg(function)
#define REELGRAD_EACH(Type, function)                                                  \
    template <int W>                                                                   \
    Plain<W> function(const Plain<W>& x) {                                             \
        if constexpr (std::is_same_v<ops::Type, ops::Neg>)                             \
            return -x;                                                                 \
        else                                                                           \
            return Plain<W>::each([&](int i) { return ops::Type::value(x.lane[i]); }); \
    }
REELGRAD_UNARY(REELGRAD_EACH)
#undef REELGRAD_EACH
#define REELGRAD_EACH(Type, function)                                                         \
    template <int W>                                                                          \
    Plain<W> function(const Plain<W>& a, const Plain<W>& b) {                                 \
        return Plain<W>::each([&](int i) { return ops::Type::value(a.lane[i], b.lane[i]); }); \
    }
REELGRAD_BINARY(REELGRAD_EACH)
#undef REELGRAD_EACH
template <int W>
Plain<W> clip(const Plain<W>& a, const Plain<W>& b, const Plain<W>& c) {
    return Plain<W>::each([&](int i) { return ops::clip(a.lane[i], b.lane[i], c.lane[i]); });
}
template <int W>
Plain<W> where(const Plain<W>& a, const Plain<W>& b, const Plain<W>& c) {
    return select(a != Plain<W>(0.0), b, c);
}

}  // namespace
}  // namespace reelgrad::exec

#include "reelgrad/exec/kernels.hpp"

namespace reelgrad::exec {

const KernelTable& active_kernels() {
    static const KernelTable kernels = make_kernels<Plain<2>, Plain<1>>();
    return kernels;
}

}  // namespace reelgrad::exec
