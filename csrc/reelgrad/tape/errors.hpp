// tape/errors.hpp: what the engine throws. Each says what was wrong, with which value, and what to do; the tape is as
// it was before the call. The bindings give each class its Python exception.
#pragma once

#include <stdexcept>

namespace reelgrad {

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// A handle to an entry that a rewind, a reset or a collection removed.
struct StaleNodeError : Error {
    using Error::Error;
};
// Entries of two tapes in one operation.
struct TapeMismatchError : Error {
    using Error::Error;
};
// A tape used on a thread that did not make it.
struct TapeThreadError : Error {
    using Error::Error;
};
// A tape used in a way that a reverse sweep under way on it does not allow.
struct TapeBusyError : Error {
    using Error::Error;
};
// No room for another entry: the limit of the tape or the memory of the machine.
struct TapeMemoryError : Error {
    using Error::Error;
};
// An intermediate was treated as a variable.
struct VariableError : Error {
    using Error::Error;
};
// Lengths that do not fit each other, or nothing where something is needed.
struct LengthError : Error {
    using Error::Error;
};
// An argument outside the range that makes sense.
struct SettingError : Error {
    using Error::Error;
};
// A number was asked of a trace, which stands for all numbers; or the traced function is not pure.
struct TraceError : Error {
    using Error::Error;
};
// The caller's interrupt hook asked a long sweep to stop.
struct Interrupted : Error {
    using Error::Error;
};

}  // namespace reelgrad
