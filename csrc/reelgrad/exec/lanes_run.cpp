#include "reelgrad/exec/lanes_run.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "reelgrad/exec/pool.hpp"
#include "reelgrad/tape/errors.hpp"

namespace reelgrad::exec {
namespace {

Chunk chunk_of(const LanesRun& run, std::size_t number) {
    const std::size_t first = number * kChunk;
    return {first, std::min(kChunk, run.batch.lanes - first)};
}

void add(double* totals, const std::vector<double>& sums) {
    for (std::size_t k = 0; k < sums.size(); ++k) totals[k] += sums[k];
}

// The chunks' sums, added in the order of the chunks, in whatever order they come.
class OrderedSums {
  public:
    explicit OrderedSums(double* totals) : totals_(totals) {}

    // Takes the sums of a chunk, or (if it is early) the vector.
    void deliver(std::size_t chunk, std::vector<double>& sums) {
        const std::lock_guard lock(mutex_);
        if (chunk != next_) {
            const std::size_t size = sums.size();
            early_.emplace(chunk, std::move(sums));
            sums.assign(size, 0.0);
            return;
        }
        add(totals_, sums);
        ++next_;
        for (auto first = early_.begin(); first != early_.end() && first->first == next_; ++next_) {
            add(totals_, first->second);
            first = early_.erase(first);
        }
    }

  private:
    std::mutex mutex_;
    double* totals_;
    std::size_t next_ = 0;
    std::map<std::size_t, std::vector<double>> early_;
};

bool run_on_threads(const LanesRun& run, Workspace& own, std::size_t threads, std::size_t chunks, double* totals,
                    Stop& stop) {
    OrderedSums ordered(totals);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> nan{false}, failed{false};
    const std::thread::id caller = std::this_thread::get_id();
    const auto take_chunks = [&](Workspace& workspace, bool is_caller) {
        for (;;) {
            const std::size_t number = next.fetch_add(1);
            if (number >= chunks || stop.requested()) return;
            const ChunkResult result = run_chunk(run.lowered, run.kernels, workspace, run.batch, run.columns,
                                                 chunk_of(run, number), stop, is_caller, workspace.chunk_sums.data());
            if (!result.complete) return;
            if (result.nan) nan = true;
            ordered.deliver(number, workspace.chunk_sums);
        }
    };
    const auto work = [&] {
        try {
            if (std::this_thread::get_id() == caller) return take_chunks(own, true);
            Workspaces::Loan workspace(run.workspaces);
            std::copy_n(own.cells(), run.lowered.cells.size(), workspace->cells());
            take_chunks(*workspace, false);
        } catch (const std::bad_alloc&) {
            failed = true;
            stop.request();
        }
    };
    Pool::shared().run(threads - 1, work, [&] { stop.ask_now(); });
    if (failed) throw std::bad_alloc();
    return nan;
}

}  // namespace

bool run_lanes(const LanesRun& run, Workspace& workspace) {
    Stop stop(run.options.interrupt);
    const std::size_t chunks = (run.batch.lanes + kChunk - 1) / kChunk;
    double* const totals = workspace.cells() + run.lowered.first_sum;
    const std::size_t threads = std::min(run.options.threads, chunks);
    bool nan = false;
    if (threads > 1) {
        std::fill_n(totals, run.lowered.accumulators, 0.0);
        nan = run_on_threads(run, workspace, threads, chunks, totals, stop);
    } else {
        if (chunks == 0) std::fill_n(totals, run.lowered.accumulators, 0.0);
        for (std::size_t number = 0; number < chunks && !stop.requested(); ++number) {
            double* const sums = number == 0 ? totals : workspace.chunk_sums.data();
            const ChunkResult result = run_chunk(run.lowered, run.kernels, workspace, run.batch, run.columns,
                                                 chunk_of(run, number), stop, true, sums);
            nan = nan || result.nan;
            if (number > 0) add(totals, workspace.chunk_sums);
        }
    }
    if (stop.requested()) throw Interrupted("the run was interrupted");
    return nan;
}

}  // namespace reelgrad::exec
