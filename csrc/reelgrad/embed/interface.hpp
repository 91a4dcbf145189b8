// embed/interface.hpp: what reelgrad._core offers to other compiled modules, which record on its tapes.
//
// Recording an operator is inline, in the headers. All that is rare (room, checks that failed, sweeps, rewinds, Nodes)
// is called through a table of functions that _core hands out in a capsule, so an extension module links with nothing.
// Inline code works on the objects of _core itself. So the two must agree on how those are laid out and on the list of
// operators: both describe what they were compiled with, and an extension compares before it calls anything.
//
// No C++ exception crosses from one module to the other, where its type might not be recognised: functions return a
// Failure, which the caller throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "reelgrad/ops/composites.hpp"
#include "reelgrad/tape/var.hpp"
#include "reelgrad/version.hpp"

struct _object;  // Python's

namespace reelgrad::embed {

// To be raised when the meaning of a function below, or of what inline code does, changes. The rest is compared anyway.
inline constexpr std::uint32_t kAbi = 1;

inline constexpr const char* kCapsule = "reelgrad._core._C_API";

// Valid until the next call on the thread.
struct Failure {
    ErrorKind kind;
    const char* message;
};
using Outcome = const Failure*;  // nullptr: done

// A fact that both sides must agree on.
struct Fact {
    const char* name;
    std::uint64_t value;
};

struct Interface {
    // Looked at before it is known whether anything else is right: these stay as they are for good.
    std::uint32_t abi;
    std::uint32_t bytes;  // of this table
    const char* version;
    const Fact* facts;
    std::uint64_t facts_size;

    // Threads and operands. These throw nothing.
    const Active* (*active)();
    ThreadId (*known_thread_id)();

    // Recording (tape/var.cpp).
    Outcome (*tape_for)(const Var* operands, std::size_t n, Tape** tape);
    Outcome (*observed)(Tape* tape, Index i, double value, Var* result);
    Outcome (*record_row)(Tape* tape, Opcode opcode, double value, const Var* operands, std::size_t n, double* partials,
                          Var* result);
    Outcome (*entry)(Tape* tape, Index i, double value, Var* result);
    Outcome (*variable)(Tape* tape, double value, Var* result);
    Outcome (*check)(const Var* x, Tape** tape);
    Outcome (*tape_of)(const Var* x, Tape** tape);
    Outcome (*compare)(Opcode condition, const Var* a, const Var* b, bool* result);

    // The tape.
    Outcome (*make_room)(Tape* tape, bool may_collect, std::size_t operators, std::size_t row);
    Outcome (*backward)(Tape* tape, const Index* outputs, const double* seeds, std::size_t n);
    Outcome (*gradient)(Tape* tape, const Index* outputs, const double* seeds, std::size_t n, const Index* xs,
                        std::size_t m, double* result);
    Outcome (*grad)(const Tape* tape, Index i, double* result);
    Outcome (*zero_grad)(Tape* tape);
    Outcome (*mark)(Tape* tape, Mark* result);
    Outcome (*release)(Tape* tape, Mark mark);
    Outcome (*rewind)(Tape* tape, Mark mark);
    Outcome (*reset)(Tape* tape);
    Outcome (*collect)(Tape* tape, std::size_t* freed);
    Outcome (*bytes_used)(const Tape* tape, std::size_t* result);

    // Python. `to_var` and those below need the interpreter's lock; the others take it where they need it.
    Outcome (*current_tape)(Tape** result);
    Outcome (*own_tape)(std::size_t limit, Tape** result);
    void (*disown_tape)(Tape* tape);
    int (*is_node)(_object* object);
    Outcome (*to_var)(_object* object, const char* what, Var* result);
    Outcome (*to_node)(const Var* x, _object** result);
    Outcome (*to_tape)(_object* object, const char* what, Tape** result);
    void (*set_error)(ErrorKind kind, const char* message);
};

// FNV-1a over the names of all operators in their order, which is that of their opcodes. By the compiler: at run time a
// linker may have merged the names with those of another module that was compiled with other headers.
consteval std::uint64_t operators_fingerprint() {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto add = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
        hash = (hash ^ 0xff) * 1099511628211ULL;
    };
    const auto enter = [&]<class Op>() { add(Op::name); };
    ops::for_each(ops::Primitives{}, enter);
    ops::for_each(ops::Reductions{}, enter);
    ops::for_each(ops::Conditions{}, enter);
    ops::for_each(ops::Contributions{}, enter);
    return hash;
}

// Calls visit(name, value) for each fact, as it is where this is compiled. The tape is not looked into.
template <class Visitor>
void for_each_fact(const Tape& tape, Visitor&& visit) {
    visit("the list of operators", operators_fingerprint());
    visit("sizeof(Interface)", std::uint64_t{sizeof(Interface)});
    visit("sizeof(Tape)", std::uint64_t{sizeof(Tape)});
    visit("sizeof(Edges)", std::uint64_t{sizeof(Edges)});
    visit("sizeof(Handle)", std::uint64_t{sizeof(Handle)});
    visit("sizeof(HandleSlabs)", std::uint64_t{sizeof(HandleSlabs)});
    visit("sizeof(WideNodes)", std::uint64_t{sizeof(WideNodes)});
    visit("sizeof(Var)", std::uint64_t{sizeof(Var)});
    visit("sizeof(Active)", std::uint64_t{sizeof(Active)});
    visit("sizeof(Mark)", std::uint64_t{sizeof(Mark)});
    visit("sinks", std::uint64_t{kSinks});
    tape.for_each_place([&](const char* name, std::size_t place) { visit(name, std::uint64_t{place}); });
}

}  // namespace reelgrad::embed
