// exec/workspace.hpp: the memory that one thread needs to run a Program, kept from run to run.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "reelgrad/exec/lower.hpp"

namespace reelgrad::exec {

class Workspace {
  public:
    explicit Workspace(const Lowered& lowered)
        : arena_(static_cast<std::byte*>(::operator new(lowered.end, kAlignment))) {
        std::memset(arena_.get(), 0, lowered.end);
        std::memcpy(arena_.get(), lowered.cells.data(), lowered.cells.size() * kCell);
        chunk_sums.resize(lowered.accumulators);
    }
    std::byte* arena() { return arena_.get(); }
    double* cells() { return reinterpret_cast<double*>(arena_.get()); }

    std::vector<Source> sources;
    std::vector<Sink> sinks;
    std::vector<double> chunk_sums;

  private:
    static constexpr std::align_val_t kAlignment{64};
    struct Delete {
        void operator()(std::byte* arena) const { ::operator delete(arena, kAlignment); }
    };
    std::unique_ptr<std::byte, Delete> arena_;
};

// Workspaces that no run is using. The last one returned is had without a lock.
class Workspaces {
  public:
    explicit Workspaces(const Lowered& lowered) : lowered_(lowered) {}
    ~Workspaces() { delete last_.load(); }
    Workspaces(const Workspaces&) = delete;
    Workspaces& operator=(const Workspaces&) = delete;

    // On loan until the end of the scope.
    class Loan {
      public:
        explicit Loan(Workspaces& owner) : owner_(owner), workspace_(owner.take()) {}
        ~Loan() { owner_.give_back(std::move(workspace_)); }
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        Workspace& operator*() { return *workspace_; }
        Workspace* operator->() { return workspace_.get(); }

      private:
        Workspaces& owner_;
        std::unique_ptr<Workspace> workspace_;
    };

  private:
    std::unique_ptr<Workspace> take() {
        if (Workspace* last = last_.exchange(nullptr, std::memory_order_acquire))
            return std::unique_ptr<Workspace>(last);
        {
            const std::lock_guard lock(mutex_);
            if (!others_.empty()) {
                std::unique_ptr<Workspace> workspace = std::move(others_.back());
                others_.pop_back();
                return workspace;
            }
        }
        return std::make_unique<Workspace>(lowered_);
    }
    void give_back(std::unique_ptr<Workspace> workspace) {
        Workspace* none = nullptr;
        if (last_.compare_exchange_strong(none, workspace.get(), std::memory_order_release)) {
            workspace.release();
            return;
        }
        const std::lock_guard lock(mutex_);
        others_.push_back(std::move(workspace));
    }

    const Lowered& lowered_;
    std::atomic<Workspace*> last_{nullptr};
    std::mutex mutex_;
    std::vector<std::unique_ptr<Workspace>> others_;
};

}  // namespace reelgrad::exec
