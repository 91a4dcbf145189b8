// exec/kernels_memory.hpp: numbers from the inputs to slots, and from slots to the outputs.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace.
#pragma once

#include "reelgrad/exec/kernels_elementwise.hpp"

namespace reelgrad::exec {
namespace {

inline void prefetch([[maybe_unused]] const double* number) {
#if defined(__GNUC__)
    __builtin_prefetch(number, 0, 3);
#endif
}

// Touching a column, what the block after the next will need of it is asked for: the
// processor does not foresee more than a few columns by itself. With 50 columns in memory a load of 64 lanes in a run
// like that of bench/asian.py takes 40 ns less so; asking for the next block only is too late.
template <class P>
void load(const Op& op, Frame& frame) {
    const Source& source = frame.sources[op.a];
    double* const slot = cell(frame, op.result);
    if (!source.direct) {
        frame.fetch(frame, source, slot);
        return;
    }
    const auto* const from = reinterpret_cast<const double*>(source.at);
    for (std::size_t r = 0; r < frame.packs; ++r) {
        prefetch(from + r * P::width + 2 * frame.padded);
        P::load(from + r * P::width).store(slot + r * P::width);
    }
}

template <class P>
void store(const Op& op, Frame& frame) {
    const Sink& sink = frame.sinks[op.b];
    const double* const slot = cell(frame, op.a);
    if (!sink.direct) {
        frame.put(frame, sink, slot);
        return;
    }
    for (std::size_t r = 0; r < frame.packs; ++r) P::load(slot + r * P::width).store(sink.at + r * P::width);
}

template <class P>
void store_gradient(const Op& op, Frame& frame) {
    const Operand<P, false> slot(frame, op.a);
    P nans(0.0);
    for (std::size_t r = 0; r < frame.packs; ++r) nans = select(ops::is_nan(slot[r]), P(1.0), nans);
    double count[P::width];
    nans.store(count);
    for (std::size_t i = 0; i < P::width; ++i) frame.nan = frame.nan || count[i] != 0.0;
    store<P>(op, frame);
}

// After a relaxed run: only what came out nan is taken from the checked one.
inline void store_where_nan(const Op& op, Frame& frame) {
    const Sink& sink = frame.sinks[op.b];
    const double* const slot = cell(frame, op.a);
    for (std::size_t i = 0; i < frame.lanes; ++i) {
        const auto lane = static_cast<std::ptrdiff_t>(frame.chosen == nullptr ? i : frame.chosen[i]);
        double& number = sink.at[lane * sink.stride];
        if (number != number) number = slot[i];
    }
}

template <class P>
void splat(const Op& op, Frame& frame) {
    const P number(*cell(frame, op.a));
    double* const slot = cell(frame, op.result);
    for (std::size_t r = 0; r < frame.packs; ++r) number.store(slot + r * P::width);
}

inline void copy(const Op& op, Frame& frame) { *cell(frame, op.result) = *cell(frame, op.a); }

template <class Wide>
constexpr void enter_memory(KernelTable& table) {
    table.load = &load<Wide>;
    table.store = &store<Wide>;
    table.store_gradient = &store_gradient<Wide>;
    table.store_where_nan = &store_where_nan;
    table.splat = &splat<Wide>;
    table.copy = &copy;
}

}  // namespace
}  // namespace reelgrad::exec
