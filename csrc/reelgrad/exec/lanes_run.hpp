// exec/lanes_run.hpp: runs the body over all lanes, with one thread or several, and adds up the sums over lanes.
//
// Lanes are cut into chunks of one length whatever the number of threads; threads take chunks as they come, and the
// chunks' sums are added in the order of the chunks. So the bits do not depend on the threads.
#pragma once

#include "reelgrad/exec/chunk.hpp"

namespace reelgrad::exec {

// What the threads of a run share.
struct LanesRun {
    const Lowered& lowered;
    const KernelTable& kernels;
    Workspaces& workspaces;
    const Batch& batch;
    std::span<const Destination> columns;
    const RunOptions& options;
};

// The workspace's cells hold the prologue's results; the sums over lanes are left in its cells. Returns whether a
// gradient that was stored was nan. Throws Interrupted.
bool run_lanes(const LanesRun& run, Workspace& workspace);

}  // namespace reelgrad::exec
