// exec/math.hpp: Pack with every function of the table of operators.
//
// Included by the files of the instruction sets only; everything is in an anonymous namespace, see lanes.hpp.
#pragma once

#include "reelgrad/exec/math_erfinv.hpp"
#include "reelgrad/exec/math_exponential.hpp"
#include "reelgrad/exec/math_inverse_trigonometric.hpp"
#include "reelgrad/exec/math_lanewise.hpp"
#include "reelgrad/exec/math_logarithm.hpp"
#include "reelgrad/exec/math_normal.hpp"
#include "reelgrad/exec/math_power.hpp"
#include "reelgrad/exec/math_remainder.hpp"
#include "reelgrad/exec/math_trigonometric.hpp"
#include "reelgrad/exec/pack.hpp"
#include "reelgrad/ops/table.hpp"
