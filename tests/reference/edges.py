"""Infinite and singular arguments: what a primitive with several operands yields there, by hand.

Each ``..._special`` gives value and partials, or None where mpmath's formula says it. Python's floats and C's functions
tell about infinities and signed zeros; the conventions of the table tell the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf

from reference.case import INF, NAN, Expected


def divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    return NAN if a == 0.0 or a != a else math.copysign(INF, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """C's pow."""
    odd = math.isfinite(b) and b == math.floor(b) and math.fmod(b, 2.0) != 0.0
    if a == 0.0 and b < 0.0:
        return math.copysign(INF, a) if odd else INF
    try:
        return math.pow(a, b)
    except ValueError:
        return NAN
    except OverflowError:
        return -INF if a < 0.0 and odd else INF


def exact(function: Callable[[Fraction, Fraction], Fraction | int]) -> Callable[[mpf, mpf], mpf]:
    """A function of two finite numbers in exact arithmetic."""

    def call(a: mpf, b: mpf) -> mpf:
        result = Fraction(function(Fraction(float(a)), Fraction(float(b))))
        return mpf(result.numerator) / mpf(result.denominator)

    return call


def whole(x: Any) -> bool:
    return math.isfinite(x) and float(x) == math.floor(x)


def fraction_fmod(a: Fraction, b: Fraction) -> Fraction:
    return a - b * math.trunc(a / b)


def ieee(
    value: Callable[[float, float], float], *partials: Callable[[float, float], float]
) -> Callable[..., Expected | None]:
    """For arithmetic: Python's floats say what happens to infinities and zeros."""

    def special(a: float, b: float) -> Expected | None:
        if math.isfinite(a) and math.isfinite(b) and b != 0.0:
            return None
        return (value(a, b), *(p(a, b) for p in partials))

    return special


def raised(a: mpf, b: mpf) -> mpf:
    """a ** b; mpmath would multiply out whole exponents of any size."""
    if abs(b) < 1e6 or a == 0:
        return mp.power(a, b)
    size = mp.exp(max(min(b * mp.log(abs(a)), mpf(10**6)), mpf(-(10**6))))  # beyond these no double is left
    return -size if a < 0 and math.fmod(float(b), 2.0) else size


def pow_special(a: float, b: float) -> Expected | None:
    y = power(a, b)
    if math.isfinite(a) and math.isfinite(b) and a > 0.0:
        return None
    if math.isfinite(a) and a < 0.0 and whole(b):
        by_base = b * raised(a, b - 1.0) if b else 0.0
        return raised(a, b), by_base, NAN
    slope = power(a, b - 1.0)
    by_base = 0.0 if b == 0.0 or slope == 0.0 else b * slope
    by_exponent: float | None
    if a == 0.0:
        by_exponent = 0.0 if b >= 0.0 else NAN if b != b else -INF if math.copysign(1.0, a) > 0.0 else None
    elif a == INF:
        by_exponent = 0.0 if b < 0.0 else NAN if b != b else INF
    elif a < 0.0:
        by_exponent = NAN
    else:
        by_exponent = None
    return y, None if math.isinf(b) else by_base, by_exponent


def logaddexp_special(a: float, b: float) -> Expected | None:
    if a != a or b != b or (math.isfinite(a) and math.isfinite(b)):
        return None
    return max(a, b) + 0.0, 0.5 if a == b else float(a > b), 0.5 if a == b else float(b > a)


def xlogy_special(a: float, b: float, lower: float = 0.0) -> Expected | None:
    """`lower` is where the logarithm ends: 0 for xlogy, -1 for xlog1py."""
    if a != a or b != b:
        return None
    log = NAN if b < lower else -INF if b == lower else INF if b == INF else mp.log1p(b) if lower else mp.log(b)
    if a == 0.0:
        return 0.0, log, 0.0
    if b < lower:
        return NAN, NAN, NAN
    if math.isfinite(a) and math.isfinite(b) and b != lower:
        return None
    slope = divide(a, b - lower)
    return a * float(log), log, slope


def atan2_special(a: float, b: float) -> Expected | None:
    if a != a or b != b:
        return None
    if (a == 0.0 and b == 0.0) or math.isinf(a) or math.isinf(b):
        return math.atan2(a, b), 0.0, 0.0
    return (math.atan2(a, b), 1.0 / b, 0.0) if a == 0.0 else None  # the sign of zero selects the side of the cut


def hypot_special(a: float, b: float) -> Expected | None:
    if a == 0.0 and b == 0.0:
        return 0.0, 0.0, 0.0
    if math.isinf(a) and math.isinf(b):
        half = math.sqrt(0.5)
        return INF, math.copysign(half, a), math.copysign(half, b)
    if math.isinf(a) or math.isinf(b):  # also with nan, as in C; its partials are not promised
        if a != a or b != b:
            return INF, None, None
        return INF, math.copysign(float(math.isinf(a)), a), math.copysign(float(math.isinf(b)), b)
    return None


def polygamma_special(n: float, x: float) -> Expected | None:
    if n != n or n < 0.0 or not whole(n):
        return NAN, 0.0, None
    odd = n % 2.0 == 1.0

    def at(order_is_odd: bool) -> float:
        if x == 0.0:  # poles: even orders change sign there
            return INF if order_is_odd else -math.copysign(INF, x)
        return INF if order_is_odd else NAN

    if x == INF:
        return INF if n == 0.0 else 0.0 if odd else -0.0, 0.0, 0.0
    if x == -INF or x != x:
        return NAN, 0.0, NAN
    if x <= 0.0 and whole(x):
        return at(odd), 0.0, at(not odd)
    return None


def mod_special(a: float, b: float) -> Expected | None:
    if math.isfinite(a) and math.isfinite(b) and b != 0.0:
        if math.fmod(a, b) == 0.0:
            return math.copysign(0.0, b), 1.0, -exact(lambda p, q: math.floor(p / q))(mpf(a), mpf(b))
        return None
    if math.isfinite(a) and math.isinf(b):
        if a == 0.0:
            return math.copysign(0.0, b), 1.0, None
        same = (a < 0.0) == (b < 0.0)
        return (a, 1.0, 0.0) if same else (b, 1.0, 1.0)
    return NAN, 1.0, None


def floordiv_special(a: float, b: float) -> Expected | None:
    if a != a or b != b or (math.isinf(a) and b != 0.0):
        return NAN, 0.0, 0.0
    if b == 0.0:
        return divide(a, b), 0.0, 0.0
    if math.isinf(b):
        return (-1.0 if a and (a < 0.0) != (b < 0.0) else divide(a, b)), 0.0, 0.0
    return None


def fmod_special(a: float, b: float) -> Expected | None:
    if math.isfinite(a) and math.isfinite(b) and b != 0.0:
        if math.fmod(a, b) == 0.0:
            return math.copysign(0.0, a), 1.0, -exact(lambda p, q: math.trunc(p / q))(mpf(a), mpf(b))
        return None
    return (a, 1.0, 0.0) if math.isfinite(a) and math.isinf(b) else (NAN, 1.0, None)


def copysign_special(a: float, b: float) -> Expected:
    slope = NAN if a != a else 0.0 if a == 0.0 else math.copysign(1.0, a) * math.copysign(1.0, b)
    return math.copysign(a, b), None if b != b else slope, 0.0


def extremum(larger: bool) -> Callable[[float, float], Expected]:
    def special(a: float, b: float) -> Expected:
        if a != a:
            return NAN, 1.0, 0.0
        if b != b:
            return NAN, 0.0, 1.0
        if a == b:
            return b, 0.5, 0.5  # NumPy returns the second of equal operands: visible for zeros
        first = (a > b) is larger
        return a if first else b, float(first), float(not first)

    return special


def leaky_relu_special(x: float, slope: float) -> Expected:
    if x > 0.0:
        return x, 1.0, 0.0
    return (slope * x if x == x else NAN), slope, x


def elu_special(x: float, alpha: float) -> Expected | None:
    if x > 0.0:
        return x, 1.0, 0.0
    if x != x:
        return NAN, NAN, NAN
    if x == -INF:
        return -alpha, alpha * 0.0, -1.0
    if alpha != alpha or math.isinf(alpha):
        return alpha * math.expm1(x), alpha * math.exp(x), mp.expm1(x)
    return None


def clip_special(x: float, lo: float, hi: float) -> Expected:
    raised = lo if x < lo or lo != lo else x
    value = hi if raised > hi or hi != hi else raised
    inside = not (x < lo or x > hi)
    return value, float(inside), float(x < lo and not lo > hi), float(x > hi or lo > hi)


def where_special(condition: float, a: float, b: float) -> Expected:
    return (a, 0.0, 1.0, 0.0) if condition != 0.0 else (b, 0.0, 0.0, 1.0)


def fma_special(a: float, b: float, c: float) -> Expected | None:
    if all(map(math.isfinite, (a, b, c))):
        return None if mpf(a) * b + c != 0 else (a * b + c, b, a, 1.0)
    product = 0.0 if math.isfinite(a) and math.isfinite(b) else a * b  # a finite product does not overflow before c
    return product + c, b, a, 1.0
