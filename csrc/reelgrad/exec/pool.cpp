#include "reelgrad/exec/pool.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace reelgrad::exec {
namespace {

long process() {
#if defined(__unix__) || defined(__APPLE__)
    return static_cast<long>(getpid());
#else
    return 0;
#endif
}

constexpr std::size_t kMostThreads = 256;

}  // namespace

// Never destroyed: its threads may be waiting when the process ends. After a fork the parent's is left as it is, for a
// thread that is no more may hold its mutex.
Pool& Pool::shared() {
    static std::mutex making;
    static std::atomic<Pool*> pool{nullptr};
    static std::atomic<long> owner{0};
    if (Pool* made = pool.load(std::memory_order_acquire); made != nullptr && owner == process()) return *made;
    const std::lock_guard lock(making);
    if (pool == nullptr || owner != process()) {
        owner = process();
        pool = new Pool;
    }
    return *pool;
}

void Pool::run(std::size_t helpers, const std::function<void()>& work, const std::function<void()>& waiting) {
    Job job{.work = work, .wanted = helpers};
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(&job);
        while (idle_ < helpers && threads_ < kMostThreads) {
            try {
                std::thread([this] { serve(); }).detach();
            } catch (const std::system_error&) {
                break;  // fewer threads then
            }
            ++threads_;
            ++idle_;
        }
    }
    for (std::size_t k = 0; k < helpers; ++k) wanted_.notify_one();
    work();
    std::unique_lock lock(mutex_);
    std::erase(jobs_, &job);
    while (job.running > 0) {
        if (job.over.wait_for(lock, std::chrono::milliseconds(40)) == std::cv_status::timeout) {
            lock.unlock();
            waiting();
            lock.lock();
        }
    }
}

void Pool::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wanted_.wait(lock, [&] { return !jobs_.empty(); });
        Job* const job = jobs_.front();
        if (--job->wanted == 0) jobs_.pop_front();
        ++job->running;
        --idle_;
        lock.unlock();
        job->work();
        lock.lock();
        ++idle_;
        if (--job->running == 0) job->over.notify_all();
    }
}

}  // namespace reelgrad::exec
