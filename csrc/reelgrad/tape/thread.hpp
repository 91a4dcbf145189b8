// tape/thread.hpp: a number for the running thread, cheap enough to compare at every recorded operator.
//
// Numbers are never used twice, so a tape of a thread that ended is nobody's.
#pragma once

#include <atomic>
#include <cstdint>

namespace reelgrad {

using ThreadId = std::uint64_t;

#if defined(REELGRAD_EXTENSION)
ThreadId known_thread_id();  // as reelgrad._core numbers threads (embed/client.hpp)
#else
namespace detail {
// initial-exec: one load relative to the thread pointer instead of a call, also from a shared library.
#if defined(__linux__) && defined(__GNUC__)
inline thread_local ThreadId this_thread __attribute__((tls_model("initial-exec"))) = 0;
#else
inline thread_local ThreadId this_thread = 0;
#endif
}  // namespace detail

// 0 until the thread has made a tape or asked for its number: that matches no tape's owner.
inline ThreadId known_thread_id() { return detail::this_thread; }

inline ThreadId thread_id() {
    static std::atomic<ThreadId> last{0};
    if (detail::this_thread == 0) detail::this_thread = ++last;
    return detail::this_thread;
}
#endif

}  // namespace reelgrad
