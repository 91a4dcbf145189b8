// program/expr.hpp: Expr, the number type that emits instructions into the thread's current Builder.
//
// The table's templates instantiated over Expr write derivatives out as Programs. A constant is not emitted until it is
// an operand of an instruction; arithmetic on constants alone is done at once, as IEEE 754 has it for every number
// type.
#pragma once

#include <span>

#include "reelgrad/program/program.hpp"

namespace reelgrad::program {

class Expr {
  public:
    Expr(double constant) : constant_(constant), id_(kNoValue) {}  // NOLINT: implicit, as for a number
    static Expr of(ValueId v) {
        Expr x(0.0);
        x.id_ = v;
        return x;
    }
    // An Expr for a value of the current Builder; a constant one is known as such.
    static Expr known(ValueId v) {
        const Program& program = Builder::current().so_far();
        return program.is_constant(v) ? Expr(program.constant(v)) : of(v);
    }

    bool is_constant() const { return id_ == kNoValue; }
    bool is_constant(double number) const { return is_constant() && constant_ == number; }
    double constant() const { return constant_; }
    ValueId id() const { return is_constant() ? Builder::current().constant(constant_) : id_; }

  private:
    double constant_;
    ValueId id_;
};

struct ExprCondition {
    Expr number;  // 1.0 or 0.0
};

namespace detail {

template <class Op, class... Operands>
Expr emitted(const Operands&... operands) {
    return Expr::of(Builder::current().emit(code_of<Op>, {operands.id()...}));
}

}  // namespace detail

#define REELGRAD_EMIT(Op, function) \
    inline Expr function(const Expr& x) { return detail::emitted<ops::Op>(x); }
REELGRAD_UNARY(REELGRAD_EMIT)
#undef REELGRAD_EMIT
#define REELGRAD_EMIT(Op, function) \
    inline Expr function(const Expr& a, const Expr& b) { return detail::emitted<ops::Op>(a, b); }
REELGRAD_BINARY(REELGRAD_EMIT)
#undef REELGRAD_EMIT
#define REELGRAD_EMIT(Op, function) \
    inline Expr function(const Expr& a, const Expr& b, const Expr& c) { return detail::emitted<ops::Op>(a, b, c); }
REELGRAD_TERNARY(REELGRAD_EMIT)
#undef REELGRAD_EMIT

inline Expr zmul(const Expr& g, const Expr& p) { return detail::emitted<ZMul>(g, p); }
inline Expr smul(const Expr& g, const Expr& p) { return detail::emitted<SMul>(g, p); }
inline Expr zero_product(const Expr& y, const Expr& c) { return detail::emitted<ZeroProduct>(y, c); }

inline Expr operator+(const Expr& a, const Expr& b) {
    return a.is_constant() && b.is_constant() ? Expr(a.constant() + b.constant()) : add(a, b);
}
inline Expr operator-(const Expr& a, const Expr& b) {
    return a.is_constant() && b.is_constant() ? Expr(a.constant() - b.constant()) : sub(a, b);
}
inline Expr operator*(const Expr& a, const Expr& b) {
    return a.is_constant() && b.is_constant() ? Expr(a.constant() * b.constant()) : mul(a, b);
}
inline Expr operator/(const Expr& a, const Expr& b) {
    return a.is_constant() && b.is_constant() ? Expr(a.constant() / b.constant()) : div(a, b);
}
inline Expr operator-(const Expr& x) { return x.is_constant() ? Expr(-x.constant()) : neg(x); }

inline ExprCondition operator<(const Expr& a, const Expr& b) { return {detail::emitted<ops::Less>(a, b)}; }
inline ExprCondition operator<=(const Expr& a, const Expr& b) { return {detail::emitted<ops::LessEqual>(a, b)}; }
inline ExprCondition operator>(const Expr& a, const Expr& b) { return {detail::emitted<ops::Less>(b, a)}; }
inline ExprCondition operator>=(const Expr& a, const Expr& b) { return {detail::emitted<ops::LessEqual>(b, a)}; }
inline ExprCondition operator==(const Expr& a, const Expr& b) { return {detail::emitted<ops::Equal>(a, b)}; }
inline ExprCondition operator!=(const Expr& a, const Expr& b) { return {detail::emitted<ops::NotEqual>(a, b)}; }
inline ExprCondition is_nan(const Expr& x) { return x != x; }
inline ExprCondition operator&&(const ExprCondition& a, const ExprCondition& b) {
    return {detail::emitted<ops::LogicalAnd>(a.number, b.number)};
}
inline ExprCondition operator||(const ExprCondition& a, const ExprCondition& b) {
    return {detail::emitted<ops::LogicalOr>(a.number, b.number)};
}
inline ExprCondition operator!(const ExprCondition& a) { return {detail::emitted<ops::LogicalNot>(a.number)}; }
inline Expr select(const ExprCondition& condition, const Expr& a, const Expr& b) {
    return where(condition.number, a, b);
}

inline Expr detached(const Expr& x) { return stop_gradient(x); }

}  // namespace reelgrad::program
