// tape/var.hpp: Var, the number type with which C++ code records.
//
//     reelgrad::Tape tape;
//     auto w = reelgrad::Var::variable(tape, 0.5);
//     auto y = tanh(w) * w + 1.0;
//     y.backward();
//     w.grad();
//
// A Var is a value, an index and the serial of its tape; a Var made from a plain number has no serial and is a
// constant, so templates over the number type work. It is trivially copyable and keeps nothing alive: a Var whose entry
// was removed by a rewind or moved by a collection, or whose tape is gone, raises StaleNodeError when it is used. A
// tape that Python code records on too is kept from collecting by a Pin.
//
// The value is the one that the Var was made with: Tape::set_value() of a variable is seen by Vars made afterwards.
//
// The tape is not in the Var but found by the serial (serial.hpp): one comparison for each operand, with the serial of
// the thread's active tape, is the whole check. Neither does recording read what it has just written: it is bound by
// the number of stores.
//
// Operators and the functions of the operator table are found by argument-dependent lookup: write `exp(x)`.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "reelgrad/tape/tape.hpp"

// Left to itself the compiler stops inlining after some dozens of operators in a function; a Var then goes through
// memory at each of them, and an operator costs 5 ns instead of 3.
#if defined(__GNUC__)
#define REELGRAD_INLINE [[gnu::always_inline]] inline
#else
#define REELGRAD_INLINE inline
#endif

namespace reelgrad {

class Var {
  public:
    REELGRAD_INLINE Var(double constant = 0.0) : value_(constant), place_(0) {}  // NOLINT: implicit, as for a number
    // An entry of `tape`, which must be valid and of this thread; a constant if there is no tape.
    Var(Tape* tape, Tape::Recorded entry);

    static Var variable(Tape& tape, double value);

    REELGRAD_INLINE bool is_constant() const { return serial() == kNoSerial; }
    REELGRAD_INLINE Index index() const { return static_cast<Index>(static_cast<std::uint32_t>(place_)); }
    REELGRAD_INLINE Serial serial() const { return static_cast<Serial>(place_ >> 32); }
    Tape* tape() const;  // nullptr for a constant; throws StaleNodeError if the tape is gone

    // In a trace there is no number: it throws TraceError.
    double value() const {
        const Tape* const tape = check();
        if (tape != nullptr && tape->tracing()) refuse_number();
        return value_;
    }
    // d(last swept output)/d(this): for a variable, the sum over all backward() calls since zero_grad().
    double grad() const {
        const Tape* const tape = check();
        return tape == nullptr ? 0.0 : tape->grad(index());
    }
    void backward(double seed = 1.0) const;

    // The tape, or nullptr for a constant. Throws unless this may be used by this thread now.
    Tape* check() const {
        if (is_constant()) return nullptr;
        const Active here = active();
        return serial() == here.serial ? here.tape : check_slowly();
    }

    // For the recording of operators.
    REELGRAD_INLINE Var(Tape::Recorded entry, Serial serial)
        : value_(entry.value), place_(std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(entry.index)) {}
    REELGRAD_INLINE double value_unchecked() const { return value_; }
    REELGRAD_INLINE Tape::Operand operand() const { return {index(), value_}; }
    // After a check: brings the serial up to date, so that the next check is quick. The meaning does not change.
    REELGRAD_INLINE void renew(Serial serial) const {
        if (!is_constant()) place_ = Var({index(), value_}, serial).place_;
    }

    Var& operator+=(const Var& other);
    Var& operator-=(const Var& other);
    Var& operator*=(const Var& other);
    Var& operator/=(const Var& other);

  private:
    Tape* check_slowly() const;
    [[noreturn]] static void refuse_number() {
        throw TraceError(
            "value() of a traced Var would freeze the number that this one call has; compute with the Var itself, or "
            "choose with where(condition, a, b)");
    }

    // Two words, so that a Var is passed in two registers and copied without partial stores.
    double value_;
    mutable std::uint64_t place_;  // the index, and above it the serial
};
static_assert(sizeof(Var) == 16 && std::is_trivially_copyable_v<Var>);

namespace detail {

// The tape of the operands after all checks, active and with room for one operator; nullptr if all are constants.
Tape* tape_for(std::span<const Var> operands);

Var observed(Tape& tape, Tape::Recorded entry);  // after a slow path: tells the observer
// Overwrites the partials of constants with the constants.
Var record_row(Tape& tape, Opcode opcode, double value, std::span<const Var> operands, std::span<double> partials);

// Vars go by value: two registers each. The slow paths are apart so that the fast ones stay small.
template <class Op>
[[gnu::noinline, gnu::cold]] Var apply_slowly(Var a) {
    Tape* const tape = tape_for({&a, 1});
    if (tape == nullptr) return Op::value(a.value_unchecked());
    return observed(*tape, tape->record<Op>(a.operand()));
}

template <class Op>
[[gnu::noinline, gnu::cold]] Var apply_slowly(Var a, Var b) {
    const std::array operands{a, b};
    Tape* const tape = tape_for(operands);
    if (tape == nullptr) return Op::value(a.value_unchecked(), b.value_unchecked());
    if (a.is_constant()) return observed(*tape, tape->record<Op>(a.value_unchecked(), b.operand()));
    if (b.is_constant()) return observed(*tape, tape->record<Op>(a.operand(), b.value_unchecked()));
    return observed(*tape, tape->record<Op>(a.operand(), b.operand()));
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a) {
    const Active here = active();
    if (a.serial() == here.serial && here.tape->has_room()) [[likely]] {
        return {here.tape->record<Op>(a.operand()), here.serial};
    }
    const Var result = apply_slowly<Op>(a);
    a.renew(result.serial());
    return result;
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a, const Var& b) {
    const Active here = active();
    if (a.serial() == here.serial && b.serial() == here.serial && here.tape->has_room()) [[likely]] {
        return {here.tape->record<Op>(a.operand(), b.operand()), here.serial};
    }
    const Var result = apply_slowly<Op>(a, b);
    a.renew(result.serial());
    b.renew(result.serial());
    return result;
}

template <class Op>
REELGRAD_INLINE Var apply(const Var& a, double b) {
    const Active here = active();
    if (a.serial() == here.serial && here.tape->has_room()) [[likely]] {
        return {here.tape->record<Op>(a.operand(), b), here.serial};
    }
    const Var result = apply_slowly<Op>(a, b);
    a.renew(result.serial());
    return result;
}

template <class Op>
REELGRAD_INLINE Var apply(double a, const Var& b) {
    const Active here = active();
    if (b.serial() == here.serial && here.tape->has_room()) [[likely]] {
        return {here.tape->record<Op>(a, b.operand()), here.serial};
    }
    const Var result = apply_slowly<Op>(a, b);
    b.renew(result.serial());
    return result;
}

template <class Op>
Var apply(const Var& a, const Var& b, const Var& c) {
    const std::array operands{a, b, c};
    Tape* const tape = tape_for(operands);
    const double x = a.value_unchecked(), y = b.value_unchecked(), z = c.value_unchecked();
    const double value = Op::value(x, y, z);
    if (tape == nullptr) return value;
    const auto p = Op::partials(x, y, z, value);
    std::array partials{p.a, p.b, p.c};
    return record_row(*tape, opcode_of<Op>, value, operands, partials);
}

template <class Op>
Var reduce(std::span<const Var> x) {
    Tape* const tape = tape_for(x);
    thread_local std::vector<double> numbers;  // kept: to allocate would take longer than to reduce a short row
    if (numbers.size() < 2 * x.size()) numbers.resize(2 * x.size());
    const std::span values = std::span(numbers).first(x.size());
    const std::span partials = std::span(numbers).subspan(x.size(), x.size());
    for (std::size_t k = 0; k < x.size(); ++k) values[k] = x[k].value_unchecked();
    const double y = Op::template value<double>(values);
    if (tape == nullptr) return y;
    Op::template partials<double>(values, y, partials);
    return record_row(*tape, opcode_of<Op>, y, x, partials);
}

// By value; in a trace the condition is recorded, and the branch that the code takes on it as a guard.
bool compare_slowly(Opcode condition, const Var& a, const Var& b);

template <class Op>
REELGRAD_INLINE bool compare(const Var& a, const Var& b) {
    const Active here = active();
    const auto plain = [&](const Var& x) { return x.is_constant() || x.serial() == here.serial; };
    if (plain(a) && plain(b) && (here.tape == nullptr || here.tape->compares_by_value())) [[likely]] {
        return Op::value(a.value_unchecked(), b.value_unchecked()) != 0.0;
    }
    return compare_slowly(opcode_of<Op>, a, b);
}

}  // namespace detail

// --- The functions and operators of the table.

#define REELGRAD_VAR_FUNCTION(Op, function) \
    REELGRAD_INLINE Var function(const Var& a) { return detail::apply<ops::Op>(a); }
REELGRAD_UNARY(REELGRAD_VAR_FUNCTION)
#undef REELGRAD_VAR_FUNCTION

#define REELGRAD_VAR_FUNCTION(Op, function)                                                           \
    REELGRAD_INLINE Var function(const Var& a, const Var& b) { return detail::apply<ops::Op>(a, b); } \
    REELGRAD_INLINE Var function(const Var& a, double b) { return detail::apply<ops::Op>(a, b); }     \
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
        throw LengthError("dot of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
                          " elements: the lengths must agree");
    }
    std::vector<Var> both(a.begin(), a.end());
    both.insert(both.end(), b.begin(), b.end());
    return dot(both);
}

// In a trace a number would stand for one lane only.
inline Var detached(const Var& x) {
    const Tape* const tape = x.check();
    return tape != nullptr && tape->tracing() ? stop_gradient(x) : Var(x.value_unchecked());
}

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

REELGRAD_INLINE bool operator<(const Var& a, const Var& b) { return detail::compare<ops::Less>(a, b); }
REELGRAD_INLINE bool operator<=(const Var& a, const Var& b) { return detail::compare<ops::LessEqual>(a, b); }
REELGRAD_INLINE bool operator>(const Var& a, const Var& b) { return detail::compare<ops::Less>(b, a); }
REELGRAD_INLINE bool operator>=(const Var& a, const Var& b) { return detail::compare<ops::LessEqual>(b, a); }
REELGRAD_INLINE bool operator==(const Var& a, const Var& b) { return detail::compare<ops::Equal>(a, b); }
REELGRAD_INLINE bool operator!=(const Var& a, const Var& b) { return detail::compare<ops::NotEqual>(a, b); }

}  // namespace reelgrad
