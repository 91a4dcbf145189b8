// exec/scalar_math.hpp: the functions that Packs calculate lane by lane.
//
// Rare functions, and rare arguments of common ones (the sine of 1e300). They are compiled once, for the baseline, so
// their results are the same on every instruction set. Nothing here is inline: see lanes.hpp.
#pragma once

namespace reelgrad::exec {

double scalar_sqrt(double x);
double scalar_fma(double a, double b, double c);
double scalar_sin(double x);
double scalar_cos(double x);
double scalar_tan(double x);
double scalar_fmod(double a, double b);
double scalar_lgamma(double x);
double scalar_digamma(double x);
double scalar_polygamma(double n, double x);

}  // namespace reelgrad::exec
