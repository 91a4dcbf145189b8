// exec/isa_avx512_blocks.cpp: the tape's loops over blocks for AVX-512.
#if defined(REELGRAD_X86_64)
#include "reelgrad/exec/block_loops.hpp"
// Its declaration stands behind the Packs.
#include "reelgrad/exec/block_tables.hpp"

namespace reelgrad::exec {

constinit const BlockKernels blocks_avx512{add_product, add_scaled, dot, sum, add_matrix_product};

}  // namespace reelgrad::exec
#endif
