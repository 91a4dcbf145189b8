// tape/errors.hpp: what the engine throws. Each says what was wrong, with which value, and what to do; the tape is as
// it was before the call. The bindings give each class its Python exception, by its kind.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace reelgrad {

// The classes as numbers, for where C++ exceptions cannot pass: into Python, from one shared library to another.
enum class ErrorKind : std::uint32_t {
    error,
    stale_node,
    tape_mismatch,
    tape_thread,
    tape_busy,
    tape_memory,
    variable,
    length,
    setting,
    trace,
    interrupted,
    program,
    python,  // a Python error, set on this thread
};

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
    virtual ErrorKind kind() const noexcept { return ErrorKind::error; }
};

template <ErrorKind k>
struct ErrorOf : Error {
    using Error::Error;
    ErrorKind kind() const noexcept override { return k; }
};

// A handle to an entry that a rewind, a reset or a collection removed.
struct StaleNodeError : ErrorOf<ErrorKind::stale_node> {
    using ErrorOf::ErrorOf;
};
// Entries of two tapes in one operation.
struct TapeMismatchError : ErrorOf<ErrorKind::tape_mismatch> {
    using ErrorOf::ErrorOf;
};
// A tape used on a thread that did not make it.
struct TapeThreadError : ErrorOf<ErrorKind::tape_thread> {
    using ErrorOf::ErrorOf;
};
// A tape used in a way that a reverse sweep under way on it does not allow.
struct TapeBusyError : ErrorOf<ErrorKind::tape_busy> {
    using ErrorOf::ErrorOf;
};
// No room for another entry: the limit of the tape or the memory of the machine.
struct TapeMemoryError : ErrorOf<ErrorKind::tape_memory> {
    using ErrorOf::ErrorOf;
};
// An intermediate was treated as a variable.
struct VariableError : ErrorOf<ErrorKind::variable> {
    using ErrorOf::ErrorOf;
};
// Lengths that do not fit each other, or nothing where something is needed.
struct LengthError : ErrorOf<ErrorKind::length> {
    using ErrorOf::ErrorOf;
};
// An argument outside the range that makes sense.
struct SettingError : ErrorOf<ErrorKind::setting> {
    using ErrorOf::ErrorOf;
};
// A number was asked of a trace, which stands for all numbers; or the traced function is not pure.
struct TraceError : ErrorOf<ErrorKind::trace> {
    using ErrorOf::ErrorOf;
};
// The caller's interrupt hook asked a long sweep to stop.
struct Interrupted : ErrorOf<ErrorKind::interrupted> {
    using ErrorOf::ErrorOf;
};

}  // namespace reelgrad
