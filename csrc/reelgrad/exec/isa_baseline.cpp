// exec/isa_baseline.cpp: the engine's vector code for every processor of the architecture.
#include "reelgrad/exec/math_table.hpp"
// Kernels stand behind the Packs that they are made of.
#include "reelgrad/exec/kernels.hpp"

namespace reelgrad::exec {

constinit const MathTable math_baseline = make_math_table(ops::Primitives{});
constinit const KernelTable kernels_baseline = make_kernels<Pack<widest>, Pack<1>>();

}  // namespace reelgrad::exec
