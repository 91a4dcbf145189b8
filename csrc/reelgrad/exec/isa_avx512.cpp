// exec/isa_avx512.cpp: the engine's vector code for AVX-512 (F, DQ, BW, VL).
#if defined(REELGRAD_X86_64)
#include "reelgrad/exec/math_table.hpp"
// Kernels stand behind the Packs that they are made of.
#include "reelgrad/exec/kernels.hpp"

namespace reelgrad::exec {

constinit const MathTable math_avx512 = make_math_table(ops::Primitives{});
constinit const KernelTable kernels_avx512 = make_kernels<Pack<widest>, Pack<1>>();

}  // namespace reelgrad::exec
#endif
