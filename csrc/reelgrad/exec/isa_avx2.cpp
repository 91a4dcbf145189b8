// exec/isa_avx2.cpp: the engine's vector code for AVX2 and FMA.
#if defined(REELGRAD_X86_64)
#include "reelgrad/exec/math_table.hpp"
// Kernels stand behind the Packs that they are made of.
#include "reelgrad/exec/kernels.hpp"

namespace reelgrad::exec {

constinit const MathTable math_avx2 = make_math_table(ops::Primitives{});
constinit const KernelTable kernels_avx2 = make_kernels<Pack<widest>, Pack<1>>();

}  // namespace reelgrad::exec
#endif
