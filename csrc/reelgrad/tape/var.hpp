// tape/var.hpp: Var, the number type with which C++ code records.
//
//     reelgrad::Tape tape;
//     auto w = reelgrad::Var::variable(tape, 0.5);
//     auto y = tanh(w) * w + 1.0;
//     y.backward();
//     w.grad();
//
// A Var is a value and where it stands on its tape; a Var made from a plain number stands on none and is a constant, so
// templates over the number type work. It is trivially copyable and keeps nothing alive: a Var whose entry was removed by
// a rewind, or moved by a collection, raises StaleNodeError when it is used. A tape that Python code records on too is
// kept from collecting by a Pin.
//
// Operators and the functions of the operator table are found by argument-dependent lookup: write `exp(x)`.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "reelgrad/tape/tape.hpp"

// Left to itself the compiler stops inlining after some dozens of operators in a function; a Var then goes through memory
// at each of them, and an operator costs 5 ns instead of 3.
#if defined(__GNUC__)
#define REELGRAD_INLINE [[gnu::always_inline]] inline
#else
#define REELGRAD_INLINE inline
#endif

namespace reelgrad {

class Var {
  public:
    REELGRAD_INLINE Var(double constant = 0.0) : bits_(std::bit_cast<std::uint64_t>(constant)) {}  // NOLINT: implicit, as for a number
    REELGRAD_INLINE Var(Tape* tape, Tape::Recorded entry)  // an entry of `tape`; a constant if there is no tape
        : tape_(tape),
          bits_(tape == nullptr ? std::bit_cast<std::uint64_t>(entry.value) : packed(entry.index, tape->serial())) {}

    static Var variable(Tape& tape, double value) { return {&tape, {tape.add_variable(value), value}}; }

    REELGRAD_INLINE bool is_constant() const { return tape_ == nullptr; }
    REELGRAD_INLINE Tape* tape() const { return tape_; }
    REELGRAD_INLINE Index index() const { return static_cast<Index>(static_cast<std::uint32_t>(bits_)); }
    REELGRAD_INLINE Serial serial() const { return static_cast<Serial>(bits_ >> 32); }

    double value() const {
        check();
        return value_unchecked();
    }
    // d(last swept output)/d(this): for a variable, the sum over all backward() calls since zero_grad().
    double grad() const {
        check();
        return tape_ == nullptr ? 0.0 : tape_->grad(index());
    }
    void backward(double seed = 1.0) const {
        check();
        if (tape_ == nullptr) throw VariableError("backward() of a constant: it depends on no variable");
        const Index i = index();
        tape_->backward({&i, 1}, {&seed, 1});
    }

    // Throws unless this may be used by this thread now.
    void check() const {
        if (tape_ == nullptr || (serial() == tape_->serial() && tape_->is_mine())) return;
        check_slowly();
    }
    // The same for an operation, as one question in the common case.
    REELGRAD_INLINE bool can_record() const {
        return tape_ != nullptr && serial() == tape_->serial() && tape_->has_room() && tape_->is_mine();
    }
    REELGRAD_INLINE double value_unchecked() const { return tape_ == nullptr ? std::bit_cast<double>(bits_) : tape_->value(index()); }
    REELGRAD_INLINE Tape::Operand operand() const { return tape_->operand(index()); }
    // After a check: brings the serial up to date, so that the next check is quick. The meaning does not change.
    REELGRAD_INLINE void renew() const {
        if (tape_ != nullptr) bits_ = packed(index(), tape_->serial());
    }

    Var& operator+=(const Var& other);
    Var& operator-=(const Var& other);
    Var& operator*=(const Var& other);
    Var& operator/=(const Var& other);

  private:
    // One word, so that a Var is passed in two registers and copied without partial stores.
    REELGRAD_INLINE static std::uint64_t packed(Index i, Serial serial) {
        return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(i);
    }
    void check_slowly() const;

    Tape* tape_ = nullptr;
    mutable std::uint64_t bits_;  // index and serial; the constant if there is no tape
};
static_assert(sizeof(Var) == 16 && std::is_trivially_copyable_v<Var>);

namespace detail {

// The tape of the operands after all checks, with room for one operator; nullptr if all are constants.
Tape* tape_for(std::span<const Var> operands);

Tape::Recorded observed(Tape& tape, Tape::Recorded entry);  // after a slow path: tells the observer
Var record_row(Tape& tape, Opcode opcode, double value, std::span<const Var> operands, std::span<const double> partials);

// Vars go by value: two registers each. The slow paths are apart so that the fast ones stay small.
template <class Op>
[[gnu::noinline, gnu::cold]] Tape::Recorded apply_slowly(Var a) {
    Tape* const tape = tape_for({&a, 1});
    if (tape == nullptr) return {0, Op::value(a.value())};
    return observed(*tape, tape->record<Op>(a.operand()));
}

template <class Op>
[[gnu::noinline, gnu::cold]] Tape::Recorded apply_slowly(Var a, Var b) {
    const std::array operands{a, b};
    Tape* const tape = tape_for(operands);
    if (tape == nullptr) return {0, Op::value(a.value(), b.value())};
    if (a.is_constant()) return observed(*tape, tape->record<Op>(a.value(), b.operand()));
    if (b.is_constant()) return observed(*tape, tape->record<Op>(a.operand(), b.value()));
    return observed(*tape, tape->record<Op>(a.operand(), b.operand()));
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a) {
    if (a.can_record()) [[likely]] return {a.tape(), a.tape()->record<Op>(a.operand())};
    const Tape::Recorded entry = apply_slowly<Op>(a);
    a.renew();
    return {a.tape(), entry};
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a, const Var& b) {
    if (a.tape() == b.tape() && a.can_record() && b.serial() == a.serial()) [[likely]] {
        return {a.tape(), a.tape()->record<Op>(a.operand(), b.operand())};
    }
    const Tape::Recorded entry = apply_slowly<Op>(a, b);
    a.renew();
    b.renew();
    return {a.is_constant() ? b.tape() : a.tape(), entry};
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a, double b) {
    if (a.can_record()) [[likely]] return {a.tape(), a.tape()->record<Op>(a.operand(), b)};
    const Tape::Recorded entry = apply_slowly<Op>(a, b);
    a.renew();
    return {a.tape(), entry};
}

template <class Op>
REELGRAD_INLINE Var apply(double a, const Var& b) {
    if (b.can_record()) [[likely]] return {b.tape(), b.tape()->record<Op>(a, b.operand())};
    const Tape::Recorded entry = apply_slowly<Op>(a, b);
    b.renew();
    return {b.tape(), entry};
}

template <class Op>
Var apply(const Var& a, const Var& b, const Var& c) {
    const std::array operands{a, b, c};
    Tape* const tape = tape_for(operands);
    const double y = Op::value(a.value(), b.value(), c.value());
    if (tape == nullptr) return y;
    const auto p = Op::partials(a.value(), b.value(), c.value(), y);
    return record_row(*tape, opcode_of<Op>, y, operands, std::array{p.a, p.b, p.c});
}

template <class Op>
Var reduce(std::span<const Var> x) {
    Tape* const tape = tape_for(x);
    std::vector<double> numbers(2 * x.size());
    const std::span values = std::span(numbers).first(x.size());
    const std::span partials = std::span(numbers).last(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) values[k] = x[k].value();
    const double y = Op::template value<double>(values);
    if (tape == nullptr) return y;
    Op::template partials<double>(values, y, partials);
    return record_row(*tape, opcode_of<Op>, y, x, partials);
}

}  // namespace detail

// --- The functions and operators of the table.

#define REELGRAD_VAR_FUNCTION(Op, function) \
    REELGRAD_INLINE Var function(const Var& a) { return detail::apply<ops::Op>(a); }
REELGRAD_UNARY(REELGRAD_VAR_FUNCTION)
#undef REELGRAD_VAR_FUNCTION

#define REELGRAD_VAR_FUNCTION(Op, function)                                                     \
    REELGRAD_INLINE Var function(const Var& a, const Var& b) { return detail::apply<ops::Op>(a, b); }   \
    REELGRAD_INLINE Var function(const Var& a, double b) { return detail::apply<ops::Op>(a, b); }       \
    REELGRAD_INLINE Var function(double a, const Var& b) { return detail::apply<ops::Op>(a, b); }
REELGRAD_BINARY(REELGRAD_VAR_FUNCTION)
#undef REELGRAD_VAR_FUNCTION

#define REELGRAD_VAR_FUNCTION(Op, function) \
    REELGRAD_INLINE Var function(const Var& a, const Var& b, const Var& c) { return detail::apply<ops::Op>(a, b, c); }
REELGRAD_TERNARY(REELGRAD_VAR_FUNCTION)
#undef REELGRAD_VAR_FUNCTION

#define REELGRAD_VAR_FUNCTION(Op, function) \
    REELGRAD_INLINE Var function(std::span<const Var> x) { return detail::reduce<ops::Op>(x); }
REELGRAD_REDUCTION(REELGRAD_VAR_FUNCTION)
#undef REELGRAD_VAR_FUNCTION

// The span of dot holds all of a, then all of b.
inline Var dot(std::span<const Var> a, std::span<const Var> b) {
    if (a.size() != b.size()) {
        throw LengthError("dot of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + " elements: the lengths must agree");
    }
    std::vector<Var> both(a.begin(), a.end());
    both.insert(both.end(), b.begin(), b.end());
    return dot(both);
}

inline Var detached(const Var& x) { return x.value(); }

REELGRAD_INLINE Var operator-(const Var& a) { return neg(a); }
REELGRAD_INLINE Var operator+(const Var& a) { return a; }

REELGRAD_INLINE Var operator+(const Var& a, const Var& b) { return add(a, b); }
REELGRAD_INLINE Var operator+(const Var& a, double b) { return add(a, b); }
REELGRAD_INLINE Var operator+(double a, const Var& b) { return add(a, b); }
REELGRAD_INLINE Var operator-(const Var& a, const Var& b) { return sub(a, b); }
REELGRAD_INLINE Var operator-(const Var& a, double b) { return sub(a, b); }
REELGRAD_INLINE Var operator-(double a, const Var& b) { return sub(a, b); }
REELGRAD_INLINE Var operator*(const Var& a, const Var& b) { return mul(a, b); }
REELGRAD_INLINE Var operator*(const Var& a, double b) { return mul(a, b); }
REELGRAD_INLINE Var operator*(double a, const Var& b) { return mul(a, b); }
REELGRAD_INLINE Var operator/(const Var& a, const Var& b) { return div(a, b); }
REELGRAD_INLINE Var operator/(const Var& a, double b) { return div(a, b); }
REELGRAD_INLINE Var operator/(double a, const Var& b) { return div(a, b); }

REELGRAD_INLINE Var& Var::operator+=(const Var& other) { return *this = *this + other; }
REELGRAD_INLINE Var& Var::operator-=(const Var& other) { return *this = *this - other; }
REELGRAD_INLINE Var& Var::operator*=(const Var& other) { return *this = *this * other; }
REELGRAD_INLINE Var& Var::operator/=(const Var& other) { return *this = *this / other; }

inline auto operator<=>(const Var& a, const Var& b) { return a.value() <=> b.value(); }
inline bool operator==(const Var& a, const Var& b) { return a.value() == b.value(); }
inline auto operator<=>(const Var& a, double b) { return a.value() <=> b; }
inline bool operator==(const Var& a, double b) { return a.value() == b; }

}  // namespace reelgrad
