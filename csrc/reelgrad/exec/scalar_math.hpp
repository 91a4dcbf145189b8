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
double scalar_asin(double x);
double scalar_acos(double x);
double scalar_atan(double x);
double scalar_asinh(double x);
double scalar_acosh(double x);
double scalar_atanh(double x);
double scalar_log2(double x);
double scalar_log10(double x);
double scalar_log1p(double x);
double scalar_cbrt(double x);
double scalar_erf(double x);
double scalar_erfc(double x);
double scalar_ndtr(double x);
double scalar_normal_pdf(double x);
double scalar_logit(double x);
double scalar_atan2(double a, double b);
double scalar_hypot(double a, double b);
double scalar_pow(double a, double b);
double scalar_fmod(double a, double b);
double scalar_mod(double a, double b);
double scalar_floordiv(double a, double b);
double scalar_erfcx(double x);
double scalar_erfinv(double x);
double scalar_lgamma(double x);
double scalar_digamma(double x);
double scalar_polygamma(double n, double x);

}  // namespace reelgrad::exec
