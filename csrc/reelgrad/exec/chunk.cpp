#include "reelgrad/exec/chunk.hpp"

#include <algorithm>
#include <bit>

#include "reelgrad/exec/load.hpp"

namespace reelgrad::exec {
namespace {

struct Asked {
    std::size_t work_since = 0;
    std::chrono::steady_clock::time_point at{};
};
thread_local Asked last_asked;

}  // namespace

Stop::Stop(bool (*ask)()) : ask_(ask), work_(last_asked.work_since), asked_(last_asked.at) {}

Stop::~Stop() { last_asked = {work_, asked_}; }

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

std::size_t block_length(std::size_t block, std::size_t lanes) {
    if (lanes <= block) return lanes;
    const std::size_t blocks = (lanes + block - 1) / block;
    const std::size_t share = (lanes + blocks - 1) / blocks;
    return (share + kWidest - 1) / kWidest * kWidest;
}

Frame frame_of(const Lowered& lowered, Workspace& workspace) {
    Frame frame{};
    frame.arena = workspace.arena();
    frame.rows = lowered.rows.data();
    frame.fetch = fetch;
    frame.put = put;
    return frame;
}

void set_block(Frame& frame, const KernelTable& kernels, const Batch& batch, std::span<const Destination> columns,
               Chunk block, Source* sources, Sink* sinks) {
    const std::size_t width = kernels.width;  // a power of two
    const int shift = std::countr_zero(width);
    frame.sources = sources;
    frame.sinks = sinks;
    frame.lanes = block.lanes;
    frame.packs = (frame.lanes + width - 1) >> shift;
    frame.full = frame.lanes >> shift;
    frame.padded = frame.packs << shift;
    frame.tail = static_cast<double>(frame.lanes & (width - 1));
    const bool chosen = !batch.chosen.empty();
    frame.chosen = chosen ? batch.chosen.data() + block.first : nullptr;
    const bool packed = frame.full == frame.packs;
    const auto offset = static_cast<std::ptrdiff_t>(chosen ? 0 : block.first);
    for (std::size_t k = 0; k < batch.columns.size(); ++k) {
        const Column& column = batch.columns[k];
        const bool direct = !chosen && column.dtype == Dtype::f64 && column.stride == sizeof(double);
        sources[k] = {column.base + offset * column.stride, column.stride, column.dtype,
                      direct && (packed || column.padded)};
    }
    for (std::size_t k = 0; k < columns.size(); ++k) {
        sinks[k] = {columns[k].base + offset * columns[k].stride, columns[k].stride,
                    packed && !chosen && columns[k].stride == 1};
    }
}

std::span<double> accumulators_of(const Lowered& lowered, Workspace& workspace) {
    return {reinterpret_cast<double*>(workspace.arena() + lowered.first_accumulator), lowered.accumulators};
}

ChunkResult run_chunk(const Lowered& lowered, const KernelTable& kernels, Workspace& workspace, const Batch& batch,
                      std::span<const Destination> columns, Chunk chunk, Stop& stop, bool is_caller, double* sums) {
    const std::span<double> accumulators = accumulators_of(lowered, workspace);
    std::ranges::fill(accumulators, 0.0);
    workspace.sources.resize(batch.columns.size());
    workspace.sinks.resize(columns.size());
    Frame frame = frame_of(lowered, workspace);
    const std::size_t block = block_length(lowered.block, chunk.lanes);
    for (std::size_t done = 0; done < chunk.lanes; done += frame.lanes) {
        set_block(frame, kernels, batch, columns, {chunk.first + done, std::min(block, chunk.lanes - done)},
                  workspace.sources.data(), workspace.sinks.data());
        kernels.run(lowered.body.data(), lowered.body.data() + lowered.body.size(), frame);
        if (is_caller ? stop.ask(lowered.body.size() * frame.packs) : stop.requested()) return {false, frame.nan};
    }
    std::ranges::copy(accumulators, sums);
    return {true, frame.nan};
}

}  // namespace reelgrad::exec
