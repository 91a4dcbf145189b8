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
double scalar_asin(double x) { return ops::asin(x); }
double scalar_acos(double x) { return ops::acos(x); }
double scalar_atan(double x) { return ops::atan(x); }
double scalar_asinh(double x) { return ops::asinh(x); }
double scalar_acosh(double x) { return ops::acosh(x); }
double scalar_atanh(double x) { return ops::atanh(x); }
double scalar_log2(double x) { return ops::log2(x); }
double scalar_log10(double x) { return ops::log10(x); }
double scalar_log1p(double x) { return ops::log1p(x); }
double scalar_cbrt(double x) { return ops::cbrt(x); }
double scalar_erf(double x) { return ops::erf(x); }
double scalar_erfc(double x) { return ops::erfc(x); }
double scalar_ndtr(double x) { return ops::ndtr(x); }
double scalar_normal_pdf(double x) { return ops::normal_pdf(x); }
double scalar_logit(double x) { return ops::logit(x); }
double scalar_atan2(double a, double b) { return ops::atan2(a, b); }
double scalar_hypot(double a, double b) { return ops::hypot(a, b); }
double scalar_pow(double a, double b) { return ops::pow(a, b); }
double scalar_fmod(double a, double b) { return ops::fmod(a, b); }
double scalar_mod(double a, double b) { return ops::mod(a, b); }
double scalar_floordiv(double a, double b) { return ops::floordiv(a, b); }
double scalar_erfcx(double x) { return ops::erfcx(x); }
double scalar_erfinv(double x) { return ops::erfinv(x); }
double scalar_lgamma(double x) { return ops::lgamma(x); }
double scalar_digamma(double x) { return ops::digamma(x); }
double scalar_polygamma(double n, double x) { return ops::polygamma(n, x); }

}  // namespace reelgrad::exec
