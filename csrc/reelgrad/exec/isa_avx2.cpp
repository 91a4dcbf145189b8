// exec/isa_avx2.cpp: the engine's vector code for AVX2 and FMA.
#if defined(REELGRAD_X86_64)
#include "reelgrad/exec/math_table.hpp"

namespace reelgrad::exec {

constinit const MathTable math_avx2 = make_math_table(ops::Primitives{});

}  // namespace reelgrad::exec
#endif
