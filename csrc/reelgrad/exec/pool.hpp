// exec/pool.hpp: threads that wait for work, made when there is some for the first time.
//
// A process that forked has none of its parent's threads: it makes its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace reelgrad::exec {

class Pool {
  public:
    static Pool& shared();

    // Calls work() on this thread and on up to `helpers` others at the same time; returns when all calls that began are
    // over. Calls that found no free thread before this thread's call was over are dropped: work() shares itself out.
    // While it waits for the others, this thread calls waiting() every 40 ms. work must not throw.
    void run(std::size_t helpers, const std::function<void()>& work, const std::function<void()>& waiting);

  private:
    struct Job {
        const std::function<void()>& work;
        std::size_t wanted;       // calls that have not begun
        std::size_t running = 0;  // calls that have begun and are not over
        std::condition_variable over{};
    };
    Pool() = default;
    void serve();

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::deque<Job*> jobs_;
    std::size_t threads_ = 0, idle_ = 0;
};

}  // namespace reelgrad::exec
