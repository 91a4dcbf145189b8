// exec/chunk.hpp: runs the body over a chunk of lanes, block by block.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>

#include "reelgrad/exec/executable.hpp"
#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/lower.hpp"
#include "reelgrad/exec/workspace.hpp"

namespace reelgrad::exec {

// Whether a run is to go on. The thread that called run() asks the caller now and then; the others look at the flag.
// Its time goes on from run to run of the thread, because many short runs may come without a look at the caller.
class Stop {
  public:
    explicit Stop(bool (*ask)());
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;
    ~Stop();
    bool requested() const { return requested_.load(std::memory_order_relaxed); }
    void request() { requested_.store(true, std::memory_order_relaxed); }
    // Called between blocks by the calling thread, with the number of packs times instructions that the block took.
    bool ask(std::size_t work) {
        // A pack of an instruction takes some 0.5 to 20 ns: the clock is read every 50 us to 2 ms, not in short runs.
        constexpr std::size_t kWork = 100'000;
        work_ += work;
        if (work_ >= kWork) ask_if_due();
        return requested();
    }
    void ask_now();

  private:
    void ask_if_due();

    bool (*ask_)();
    std::size_t work_;
    std::chrono::steady_clock::time_point asked_;
    std::atomic<bool> requested_{false};
};

struct Chunk {
    std::size_t first, lanes;  // among the lanes to run
};

struct ChunkResult {
    bool complete;  // false: stopped
    bool nan;       // a gradient that was stored was nan
};

// The lanes of a block, so that the blocks of so many lanes are of about equal length: 100 lanes are 56 and 44, not 64
// and 36, which would pay for more instructions than they use.
std::size_t block_length(std::size_t block, std::size_t lanes);

// A frame without a block, and its block. There are a source for each column of the batch and a sink for each of the
// results.
Frame frame_of(const Lowered& lowered, Workspace& workspace);
void set_block(Frame& frame, const KernelTable& kernels, const Batch& batch, std::span<const Destination> columns,
               Chunk block, Source* sources, Sink* sinks);

// The accumulators, which the body adds to.
std::span<double> accumulators_of(const Lowered& lowered, Workspace& workspace);

// The workspace's cells hold the prologue's results. Leaves the sums over the chunk's lanes in `sums`.
ChunkResult run_chunk(const Lowered& lowered, const KernelTable& kernels, Workspace& workspace, const Batch& batch,
                      std::span<const Destination> columns, Chunk chunk, Stop& stop, bool is_caller, double* sums);

}  // namespace reelgrad::exec
