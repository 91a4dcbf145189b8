// exec/frame.hpp: what the kernels see: an instruction, ready to run, and the frame that it runs in.
//
// All that instructions read and write lies in one piece of memory, the arena: first the scalars (one cell of 8 bytes
// each), then the accumulators (cells too), then the slots (a value of every lane of a block). Operands are offsets in
// bytes from its beginning. These are plain structs without functions: files compiled for one instruction set include
// them, and what they compile must not be picked by the linker for all.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reelgrad::exec {

inline constexpr std::size_t kWidest = 8;  // lanes of the widest pack that there is: blocks are multiples of it
inline constexpr std::size_t kCell = sizeof(double);

enum class Dtype : std::uint8_t { f64, f32, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

// A varying input in the present block.
struct Source {
    const std::byte* at;    // of the block's first lane; if lanes are chosen, of lane 0
    std::ptrdiff_t stride;  // bytes from lane to lane
    Dtype dtype;
    bool direct;  // doubles in a row, as many as the block's packs hold: vectors can be loaded
};

// A varying output in the present block.
struct Sink {
    double* at;             // of the block's first lane; if lanes are chosen, of lane 0
    std::ptrdiff_t stride;  // in doubles
    bool direct;            // a row without gaps, and every pack of the block is full
};

struct Op;
struct Frame;
using Handler = void (*)(const Op& op, Frame& frame);

// Operands that do not fit, or whose number varies, stand in a row of Frame::rows: `a` is where it begins.
struct Op {
    Handler handler;
    std::uint32_t result;
    std::uint32_t a, b, c;
};

struct Frame {
    std::byte* arena;
    const std::uint32_t* rows;
    const Source* sources;
    const Sink* sinks;
    const std::uint32_t* chosen;  // the block's lanes among the inputs' lanes; null: they follow each other
    void (*fetch)(const Frame& frame, const Source& source, double* slot);  // what is not direct
    void (*put)(const Frame& frame, const Sink& sink, const double* slot);
    std::size_t packs;   // of the block: the last one may be padded, with copies of the last lane
    std::size_t full;    // packs that are not padded
    std::size_t padded;  // lanes of all packs
    std::size_t lanes;   // without padding
    double tail;         // lanes of the padded pack that count
    bool nan;            // a gradient that was stored was nan
};

}  // namespace reelgrad::exec
