// ops/generic.hpp: values that need no branch, for any number type.
//
// A number type that has a faster way, or that records what is done to it, declares its own function of the same name;
// it is the better match and is found by argument-dependent lookup.
#pragma once

#include "reelgrad/ops/kernels.hpp"
#include "reelgrad/ops/number.hpp"

namespace reelgrad::ops {

template <class Num>
Num square(const Num& x) {
    return x * x;
}

template <class Num>
Num reciprocal(const Num& x) {
    return 1.0 / x;
}

template <class Num>
Num rsqrt(const Num& x) {
    return 1.0 / sqrt(x);
}

template <class Num>
Num sign(const Num& x) {
    return select(x > 0.0, Num(1.0), select(x < 0.0, Num(-1.0), select(x == 0.0, Num(0.0), x)));
}

// Of equal operands NumPy returns the second, which shows in the sign of zero.
template <class Num>
Num maximum(const Num& a, const Num& b) {
    return select(a > b || is_nan(a), a, b);
}

template <class Num>
Num minimum(const Num& a, const Num& b) {
    return select(a < b || is_nan(a), a, b);
}

template <class Num>
Num clip(const Num& x, const Num& lo, const Num& hi) {
    const Num raised = select(x < lo || is_nan(lo), lo, x);
    return select(raised > hi || is_nan(hi), hi, raised);
}

template <class Num>
Num where(const Num& condition, const Num& a, const Num& b) {
    return select(condition != 0.0, a, b);
}

template <class Num>
Num relu(const Num& x) {
    return select(x <= 0.0, Num(0.0), x);
}

template <class Num>
Num stop_gradient(const Num& x) {
    return x;
}

template <class Num>
Num leaky_relu(const Num& x, const Num& slope) {
    return select(x > 0.0, x, slope * x);
}

template <class Num>
Num elu(const Num& x, const Num& alpha) {
    return select(x > 0.0, x, alpha * expm1(x));
}

// exp of a number that is not positive: no overflow.
template <class Num>
Num sigmoid(const Num& x) {
    const Num e = exp(-abs(x));
    return select(x < 0.0, e, Num(1.0)) / (1.0 + e);
}

template <class Num>
Num softplus(const Num& x) {
    return relu(x) + log1p(exp(-abs(x)));
}

template <class Num>
Num log_sigmoid(const Num& x) {
    return -softplus(-x);
}

// The difference of equal infinities is nan, so equality comes first.
template <class Num>
Num logaddexp(const Num& a, const Num& b) {
    return maximum(a, b) + select(a == b, Num(ln_2), log1p(exp(-abs(a - b))));
}

template <class Num>
Num xlogy(const Num& a, const Num& b) {
    return select(a == 0.0 && !is_nan(b), Num(0.0), a * log(b));
}

template <class Num>
Num xlog1py(const Num& a, const Num& b) {
    return select(a == 0.0 && !is_nan(b), Num(0.0), a * log1p(b));
}

}  // namespace reelgrad::ops
