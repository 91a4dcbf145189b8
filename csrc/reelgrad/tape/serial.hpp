// tape/serial.hpp: serial numbers, and how a tape is found by one.
//
// A tape has a serial number, and takes a new one whenever something is removed from it or moved; what refers to an
// entry remembers the serial at which its index was right. Serials are unique in the process: a tape takes them in
// blocks from the registry, which knows the tape of each block. So one comparison, with the serial of the tape that is
// active on this thread, tells that an entry is on that tape, is still there, and is used on the tape's own thread.
//
// Serials have 32 bits. When they have run through, blocks that a live tape holds are skipped; those of tapes that are
// gone are issued again. Only something not used for four thousand million serials could then be taken for something
// else.
//
// Registry and active tape are those of one copy of this library. Two shared libraries that each contain it number
// their tapes apart, so each refuses the tapes of the other (Tape::is_of_this_library()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "reelgrad/tape/thread.hpp"

namespace reelgrad {

class Tape;

using Serial = std::uint32_t;
inline constexpr Serial kNoSerial = 0;  // of a free handle, of a constant
inline constexpr Serial kStale = 1;     // the entry is gone for good
inline constexpr Serial kSerialBlock = 4096;

using SerialBlock = std::uint32_t;  // number k holds the serials from k * kSerialBlock; number 0 is not issued

// The tape on which this thread last recorded by Var, and its serial, which the tape keeps up to date.
struct Active {
    Tape* tape = nullptr;
    Serial serial = kStale;
};

#if defined(REELGRAD_EXTENSION)
// In an extension module (embed/client.hpp) the tapes are those of reelgrad._core, and so is the active one.
namespace detail {
inline constexpr Active kNobody;
#if defined(__GNUC__)
[[gnu::visibility("hidden")]]  // each module has its own, and the compiler need not ask whose it is
#endif
inline constinit thread_local const Active* host_active = &kNobody;
}  // namespace detail
inline Active active() { return *detail::host_active; }
#else
#define REELGRAD_LIBRARY
// Set on the owner's thread only. Not inline, so that it belongs to the same copy of the library as the registry.
#if defined(__linux__) && defined(__GNUC__)
extern constinit thread_local Active active_tape __attribute__((tls_model("initial-exec")));
#else
extern constinit thread_local Active active_tape;
#endif
// By value: both words are then read relative to the thread pointer. As a reference it cost 1 ns an operator.
inline Active active() { return active_tape; }
#endif

class SerialRegistry {
  public:
    struct Entry {
        Tape* tape = nullptr;     // nullptr: nobody's
        ThreadId owner = 0;       // the tape's, so that other threads need not look at the tape
        std::uint64_t first = 0;  // how many serials the tape had before the block's
    };

    // Never destroyed: tapes may outlive everything static.
    static SerialRegistry& instance();

    // A block for `entry`; 0 if all are held.
    SerialBlock take(const Entry& entry);
    void release(std::span<const SerialBlock> blocks);
    Entry find(Serial serial) const;

    // Makes `tape` this thread's active tape. Precondition: it belongs to this thread.
    void activate(Tape& tape, Serial serial);
    // Makes it nobody's active tape.
    void deactivate(const Tape& tape);

    // For tests: the block to try next.
    void set_next(SerialBlock block);

  private:
    struct Enlisted;  // an active tape, for as long as its thread lives

    static constexpr std::size_t kBlocks = (std::size_t{1} << 32) / kSerialBlock;

    mutable std::mutex mutex_;
    std::vector<Entry> blocks_;  // by number, as far as they were ever issued
    SerialBlock next_ = 1;
    std::size_t held_ = 1;
    std::vector<Active*> threads_;
};

}  // namespace reelgrad
