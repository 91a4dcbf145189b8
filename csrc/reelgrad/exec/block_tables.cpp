#include "reelgrad/exec/block_tables.hpp"

#include "reelgrad/exec/cpu.hpp"

namespace reelgrad::exec {

const BlockKernels& active_block_kernels() {
#if defined(REELGRAD_X86_64)
    const std::string_view name = active_isa().name;
    if (name == "avx512") return blocks_avx512;
    if (name == "avx2") return blocks_avx2;
#endif
    return plain_block_kernels;
}

}  // namespace reelgrad::exec
