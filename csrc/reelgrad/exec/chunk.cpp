#include "reelgrad/exec/chunk.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "reelgrad/exec/load.hpp"

namespace reelgrad::exec {

void Stop::ask_now() {
    if (ask_ != nullptr && ask_()) request();
}

void Stop::ask_if_due() {
    constexpr std::chrono::milliseconds kPeriod(40);
    work_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (asked_ == std::chrono::steady_clock::time_point()) asked_ = now;
    if (now - asked_ < kPeriod) return;
    asked_ = now;
    ask_now();
}

ChunkResult run_chunk(const Lowered& lowered, const KernelTable& kernels, Workspace& workspace, const Batch& batch,
                      std::span<const Destination> columns, Chunk chunk, Stop& stop, bool is_caller, double* sums) {
    const std::size_t width = kernels.width;  // a power of two
    const int shift = std::countr_zero(width);
    auto* const partials = reinterpret_cast<double*>(workspace.arena() + lowered.partials);
    std::memset(partials, 0, lowered.accumulators * kPartials * kCell);
    workspace.sources.resize(batch.columns.size());
    workspace.sinks.resize(columns.size());

    Frame frame{};
    frame.arena = workspace.arena();
    frame.rows = lowered.rows.data();
    frame.sources = workspace.sources.data();
    frame.sinks = workspace.sinks.data();
    frame.fetch = fetch;
    frame.put = put;
    // Blocks of about equal length: 100 lanes are 56 and 44, not 64 and 36, whose instructions would be less well used.
    const std::size_t blocks = (chunk.lanes + lowered.block - 1) >> std::countr_zero(lowered.block);
    const std::size_t share = blocks <= 1 ? chunk.lanes : (chunk.lanes + blocks - 1) / blocks;
    const std::size_t block = (share + kPartials - 1) / kPartials * kPartials;
    for (std::size_t done = 0; done < chunk.lanes; done += frame.lanes) {
        const std::size_t first = chunk.first + done;
        frame.lanes = std::min(block, chunk.lanes - done);
        frame.packs = (frame.lanes + width - 1) >> shift;
        frame.full = frame.lanes >> shift;
        frame.padded = frame.packs << shift;
        frame.tail = static_cast<double>(frame.lanes & (width - 1));
        const bool chosen = !batch.chosen.empty();
        frame.chosen = chosen ? batch.chosen.data() + first : nullptr;
        const bool packed = frame.full == frame.packs;
        const auto offset = static_cast<std::ptrdiff_t>(chosen ? 0 : first);
        for (std::size_t k = 0; k < batch.columns.size(); ++k) {
            const Column& column = batch.columns[k];
            const bool direct = !chosen && column.dtype == Dtype::f64 && column.stride == sizeof(double);
            workspace.sources[k] = {column.base + offset * column.stride, column.stride, column.dtype,
                                    direct && (packed || column.padded)};
        }
        for (std::size_t k = 0; k < columns.size(); ++k) {
            workspace.sinks[k] = {columns[k].base + offset * columns[k].stride, columns[k].stride,
                                  packed && !chosen && columns[k].stride == 1};
        }
        kernels.run(lowered.body.data(), lowered.body.data() + lowered.body.size(), frame);
        if (is_caller ? stop.ask(lowered.body.size() * frame.packs) : stop.requested()) return {false, frame.nan};
    }
    kernels.fold(partials, lowered.accumulators, sums);
    return {true, frame.nan};
}

}  // namespace reelgrad::exec
