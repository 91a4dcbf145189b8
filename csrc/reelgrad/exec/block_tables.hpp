// exec/block_tables.hpp: the tape's loops over blocks, for each instruction set that has its own.
#pragma once

#include "reelgrad/tape/block_kernels.hpp"

namespace reelgrad::exec {

#if defined(REELGRAD_X86_64)
extern const BlockKernels blocks_avx2;
extern const BlockKernels blocks_avx512;
#endif

// Those of the instruction set that is used (cpu.hpp), for the tape.
const BlockKernels& active_block_kernels();

}  // namespace reelgrad::exec
