// exec/isa_avx2_blocks.cpp: the tape's loops over blocks for AVX2 and FMA.
#if defined(REELGRAD_X86_64)
#include "reelgrad/exec/block_loops.hpp"
// Its declaration stands behind the Packs.
#include "reelgrad/exec/block_tables.hpp"

namespace reelgrad::exec {

constinit const BlockKernels blocks_avx2{add_product, add_scaled, dot, sum, add_matrix_product};

}  // namespace reelgrad::exec
#endif
