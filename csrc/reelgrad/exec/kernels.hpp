// exec/kernels.hpp: the table of kernels over the Packs of one instruction set.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace.
#pragma once

#include "reelgrad/exec/kernels_elementwise.hpp"
#include "reelgrad/exec/kernels_memory.hpp"
#include "reelgrad/exec/kernels_rows.hpp"

namespace reelgrad::exec {
namespace {

// Kernels leave the upper halves of vector registers as they are (-mno-vzeroupper); they are cleared once, here.
void run(const Op* begin, const Op* end, Frame& frame) {
    for (const Op* op = begin; op != end; ++op) op->handler(*op, frame);
#if defined(__AVX__)
    __builtin_ia32_vzeroupper();
#endif
}

template <class Wide, class Lane>
constexpr KernelTable make_kernels() {
    KernelTable table;
    table.width = Wide::width;
    table.run = &run;
    enter_elementwise<Wide, Lane>(table);
    enter_rows<Wide, Lane>(table);
    enter_memory<Wide>(table);
    return table;
}

}  // namespace
}  // namespace reelgrad::exec
