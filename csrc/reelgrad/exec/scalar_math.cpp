#include "reelgrad/exec/scalar_math.hpp"

#include "reelgrad/ops/kernels.hpp"
#include "reelgrad/ops/kernels_gamma.hpp"
#include "reelgrad/ops/kernels_normal.hpp"

namespace reelgrad::exec {

double scalar_sqrt(double x) { return ops::sqrt(x); }
double scalar_fma(double a, double b, double c) { return ops::fma(a, b, c); }
double scalar_sin(double x) { return ops::sin(x); }
double scalar_cos(double x) { return ops::cos(x); }
double scalar_tan(double x) { return ops::tan(x); }
double scalar_fmod(double a, double b) { return ops::fmod(a, b); }
double scalar_lgamma(double x) { return ops::lgamma(x); }
double scalar_digamma(double x) { return ops::digamma(x); }
double scalar_polygamma(double n, double x) { return ops::polygamma(n, x); }

}  // namespace reelgrad::exec
