// embed/client.hpp: in an extension module, the functions of Tape and Var that are not inline: they call
// reelgrad._core.
//
// Only reelgrad/python.hpp includes this; what is declared in tape/ and not defined here is not for extensions.
#pragma once

#include "reelgrad/embed/interface.hpp"

namespace reelgrad {
namespace embed {

#if defined(__GNUC__)
[[gnu::visibility("hidden")]]  // each module imports for itself
#endif
inline const Interface* host = nullptr;

inline const Interface& functions() {
    if (host == nullptr) {
        throw Error(
            "this extension module uses reelgrad before it called reelgrad::import_reelgrad(): call that where the "
            "module is initialised");
    }
    return *host;
}

// A Python error that is set already; what() tells it to those who do not speak Python.
struct PythonError : ErrorOf<ErrorKind::python> {
    using ErrorOf::ErrorOf;
};

template <class... Classes>
[[noreturn]] void raise(const Failure& failure) {
    const auto raise_if = [&]<class Class>(Class error) {
        if (error.kind() == failure.kind) throw error;
    };
    (raise_if(Classes(failure.message)), ...);
    throw Error(failure.message);
}

inline void require(Outcome outcome) {
    if (outcome == nullptr) return;
    raise<StaleNodeError, TapeMismatchError, TapeThreadError, TapeBusyError, TapeMemoryError, VariableError,
          LengthError, SettingError, TraceError, Interrupted, PythonError>(*outcome);
}

}  // namespace embed

inline ThreadId known_thread_id() { return embed::functions().known_thread_id(); }

inline Var::Var(Tape* tape, Tape::Recorded entry) : Var(entry.value) {
    embed::require(embed::functions().entry(tape, entry.index, entry.value, this));
}

inline Var Var::variable(Tape& tape, double value) {
    Var result;
    embed::require(embed::functions().variable(&tape, value, &result));
    return result;
}

inline Tape* Var::tape() const {
    Tape* tape;
    embed::require(embed::functions().tape_of(this, &tape));
    return tape;
}

inline Tape* Var::check_slowly() const {
    Tape* tape;
    embed::require(embed::functions().check(this, &tape));
    return tape;
}

inline void Var::backward(double seed) const {
    Tape* const tape = check();
    if (tape == nullptr) throw VariableError("backward() of a constant: it depends on no variable");
    const Index i = index();
    tape->backward({&i, 1}, {&seed, 1});
}

namespace detail {

inline Tape* tape_for(std::span<const Var> operands) {
    Tape* tape;
    embed::require(embed::functions().tape_for(operands.data(), operands.size(), &tape));
    host_active = embed::functions().active();  // this thread's: from now on the fast path finds it
    return tape;
}

inline Var observed(Tape& tape, Tape::Recorded entry) {
    Var result;
    embed::require(embed::functions().observed(&tape, entry.index, entry.value, &result));
    return result;
}

inline Var record_row(Tape& tape, Opcode opcode, double value, std::span<const Var> operands,
                      std::span<double> partials) {
    Var result;
    embed::require(embed::functions().record_row(&tape, opcode, value, operands.data(), operands.size(),
                                                 partials.data(), &result));
    return result;
}

inline bool compare_slowly(Opcode condition, const Var& a, const Var& b) {
    bool result;
    embed::require(embed::functions().compare(condition, &a, &b, &result));
    return result;
}

}  // namespace detail

inline void Tape::make_room(bool may_collect, std::size_t operators, std::size_t row) {
    embed::require(embed::functions().make_room(this, may_collect, operators, row));
}

inline void Tape::backward(std::span<const Index> outputs, std::span<const double> seeds, AnomalyListener*) {
    embed::require(embed::functions().backward(this, outputs.data(), seeds.data(), outputs.size()));
}

inline void Tape::gradient(std::span<const Index> outputs, std::span<const double> seeds, std::span<const Index> xs,
                           std::span<double> result, AnomalyListener*) {
    embed::require(embed::functions().gradient(this, outputs.data(), seeds.data(), outputs.size(), xs.data(), xs.size(),
                                               result.data()));
}

inline double Tape::grad(Index i) const {
    double result;
    embed::require(embed::functions().grad(this, i, &result));
    return result;
}

inline void Tape::zero_grad() { embed::require(embed::functions().zero_grad(this)); }

inline Mark Tape::mark() {
    Mark result;
    embed::require(embed::functions().mark(this, &result));
    return result;
}

inline void Tape::release(Mark mark) { embed::require(embed::functions().release(this, mark)); }

inline void Tape::rewind(Mark mark) { embed::require(embed::functions().rewind(this, mark)); }

inline void Tape::reset() { embed::require(embed::functions().reset(this)); }

inline std::size_t Tape::collect() {
    std::size_t freed;
    embed::require(embed::functions().collect(this, &freed));
    return freed;
}

inline std::size_t Tape::bytes_used() const {
    std::size_t result;
    embed::require(embed::functions().bytes_used(this, &result));
    return result;
}

// The tape that this thread's Python code has made current. It lives as long as that: a `with Tape()`, or the thread.
inline Tape& current_tape() {
    Tape* tape;
    embed::require(embed::functions().current_tape(&tape));
    return *tape;
}

// A tape of the calling thread's own, for as long as this lives (and as Nodes of it do).
class OwnTape {
  public:
    explicit OwnTape(std::size_t limit = Tape::kDefaultLimit) {
        embed::require(embed::functions().own_tape(limit, &tape_));
    }
    ~OwnTape() { embed::functions().disown_tape(tape_); }
    OwnTape(const OwnTape&) = delete;
    OwnTape& operator=(const OwnTape&) = delete;

    Tape& operator*() const { return *tape_; }
    Tape* operator->() const { return tape_; }
    Tape* get() const { return tape_; }

  private:
    Tape* tape_ = nullptr;
};

}  // namespace reelgrad
