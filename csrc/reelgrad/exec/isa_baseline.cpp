// exec/isa_baseline.cpp: the engine's vector code for every processor of the architecture.
#include "reelgrad/exec/math_table.hpp"

namespace reelgrad::exec {

constinit const MathTable math_baseline = make_math_table(ops::Primitives{});

}  // namespace reelgrad::exec
