"""The reference for every operator: values and partials by mpmath, edge cases by hand.

``CASES[name]`` states what the primitive of that name must yield, ``REDUCTIONS`` and ``COMPOSITES`` do so for functions
of lists. ``expected(name, arguments)`` evaluates a case: where the arguments are an edge row, the row; where one is
nan, nan; outside the domain nan; else mpmath at high precision. Nothing here knows the engine. ``None`` means that
nothing is promised.

A value may be off by ``value_ulps`` ulp of itself, or of ``value_floor`` where that is larger; a partial by
``partial_ulps`` ulp of itself or of ``partial_floor``. Wider tolerances than the defaults give their ``reason``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
from mpmath import mp, mpf

INF, NAN = math.inf, math.nan
PRECISION = 240  # bits

GRID = (
    -1.3,
    0.49,
    0.99,
    1.01,
    0.0,
    -0.0,
    INF,
    -INF,
    NAN,
    1e300,
    -1e300,
    1e-300,
    -1e-300,
    -2.0,
    -1.0,
    1.0,
    2.0,
    3.0,
    0.5,
    -2.5,
)
SHORT_GRID = (-1.3, 0.49, 0.0, -0.0, INF, -INF, NAN, 1.0, 2.0, 1e300)
ORDERS = (0.0, 1.0, 2.0, 3.0, 5.0, -1.0, 0.5, NAN)

Expected = tuple["float | mpf | None", ...]


@dataclass(frozen=True)
class Case:
    value: Callable[..., Any]
    partials: tuple[Callable[..., Any], ...]
    edges: tuple[Expected, ...] = ()  # rows of arguments, value, partials
    special: Callable[..., Expected | None] = lambda *_: None  # the same as a function, where rows would be many
    domain: Callable[..., bool] = lambda *_: True
    arguments: tuple[tuple[float, ...], ...] | None = None  # default: all combinations of the grid
    value_ulps: float = 4.0
    value_floor: float | Callable[..., float] = 0.0
    partial_ulps: float = 4.0
    partial_floor: float | Callable[..., float] = 1.0
    reason: str = ""

    @property
    def arity(self) -> int:
        return len(self.partials)

    def floors(self, *arguments: float) -> list[float]:
        """The floors of the value and of each partial."""
        value, partial = (f(*arguments) if callable(f) else f for f in (self.value_floor, self.partial_floor))
        return [value] + [partial] * self.arity

    def grid(self) -> list[tuple[float, ...]]:
        if self.arguments is not None:
            return list(self.arguments)
        return list(itertools.product(SHORT_GRID if self.arity == 3 else GRID, repeat=self.arity))


def constant(value: float) -> Callable[..., mpf]:
    return lambda *_: mpf(value)


def attempt(function: Callable[..., float], *arguments: float) -> float:
    """What C returns where Python's math module raises."""
    try:
        return function(*arguments)
    except ValueError:
        return NAN
    except OverflowError:
        return INF


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


# ---- infinite and singular arguments of binary operators -------------------------------------------------------------


def ieee(
    value: Callable[[float, float], float], *partials: Callable[[float, float], float]
) -> Callable[..., Expected | None]:
    """For arithmetic: Python's floats say what happens to infinities and zeros."""

    def special(a: float, b: float) -> Expected | None:
        if math.isfinite(a) and math.isfinite(b) and b != 0.0:
            return None
        return (value(a, b), *(p(a, b) for p in partials))

    return special


def pow_special(a: float, b: float) -> Expected | None:
    y = power(a, b)
    if math.isfinite(a) and math.isfinite(b) and a > 0.0:
        return None
    if math.isfinite(a) and a < 0.0 and whole(b):
        by_base = b * mp.power(a, b - 1.0) if b else 0.0
        return mp.power(a, b), by_base, NAN
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


def step(function: Callable[[float], float]) -> Case:
    """A function of one number that is constant but for jumps; all its values are exact."""
    edges = tuple((x, x, 0.0) for x in (0.0, -0.0, INF, -INF, NAN))
    return Case(lambda x: mpf(function(float(x))), (constant(0.0),), edges, value_ulps=0.0)


def sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x)) if x > -1e6 else mpf(0)


def softplus(x: mpf) -> mpf:
    return max(x, mpf(0)) + (mp.log1p(mp.exp(-abs(x))) if abs(x) < 1e6 else 0)


def gaussian(x: mpf) -> mpf:
    return mp.npdf(x) if abs(x) < 1e6 else mpf(0)


def erfcx(x: mpf) -> mpf:
    if x < -1e3:
        return mpf("1e400")
    return (
        mp.exp(x * x) * mp.erfc(x)
        if x < 1e3
        else (1 - 1 / (2 * x * x) + 3 / (4 * x**4) - 15 / (8 * x**6)) / (x * mp.sqrt(mp.pi))
    )


def ndtr(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e3 else mpf(x > 0)


def logaddexp(a: mpf, b: mpf) -> mpf:
    return max(a, b) + softplus(-abs(a - b))


def exponential(function: Callable[[mpf], Any]) -> Callable[[mpf], mpf]:
    """Keeps mpmath from writing out exp(1e300)."""

    def call(x: mpf) -> mpf:
        return mpf(function(max(min(x, mpf(10000)), mpf(-10000))))

    return call


def poly(n: float, x: mpf) -> mpf:
    return mp.psi(int(n), x)


def beyond(limit: float) -> Callable[[float], bool]:
    return lambda x: abs(x) <= limit


def nearest_pole(n: float, x: float) -> float:
    """The size of the largest term of polygamma below 0, where terms cancel."""
    if not (whole(n) and n >= 0.0 and math.isfinite(x) and x < 0.0) or whole(x):
        return 0.0
    return float(mp.factorial(n) / abs(mpf(x) - round(x)) ** (n + 1))


def reflected(x: float) -> float:
    """The size of the terms of digamma below 0, which cancel between the poles."""
    if not (math.isfinite(x) and x < 0.0) or whole(x):
        return 0.0
    return max(1.0, float(abs(mp.pi * mp.cot(mp.pi * (mpf(x) - round(x))))))


REFLECTION = "Below 0, digamma has zeros between its poles, where digamma(1 - x) and pi * cot(pi * x) cancel."
SUM_OF_LOGS = "The maximum and the logarithm cancel where the result is near 0; there the error is absolute."

exp, expm1, cosh, sinh = (exponential(f) for f in (mp.exp, mp.expm1, mp.cosh, mp.sinh))
floor_quotient = exact(lambda a, b: math.floor(a / b))
trunc_quotient = exact(lambda a, b: math.trunc(a / b))
gauss = exponential(lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x))

UNARY: dict[str, Case] = {
    "neg": Case(
        lambda x: -x,
        (constant(-1.0),),
        ((0.0, -0.0, -1.0), (-0.0, 0.0, -1.0), (INF, -INF, -1.0), (-INF, INF, -1.0), (NAN, NAN, -1.0)),
    ),
    "abs": Case(abs, (mp.sign,), ((0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (INF, INF, 1.0), (-INF, INF, -1.0))),
    "square": Case(lambda x: x * x, (lambda x: 2 * x,), ((INF, INF, INF), (-INF, INF, -INF))),
    "reciprocal": Case(
        lambda x: 1 / x,
        (lambda x: -1 / x**2,),
        ((0.0, INF, -INF), (-0.0, -INF, -INF), (INF, 0.0, 0.0), (-INF, -0.0, 0.0)),
    ),
    "sqrt": Case(
        mp.sqrt,
        (lambda x: 1 / (2 * mp.sqrt(x)),),
        ((0.0, 0.0, INF), (-0.0, -0.0, -INF), (INF, INF, 0.0)),
        domain=lambda x: x >= 0,
    ),
    "rsqrt": Case(
        lambda x: 1 / mp.sqrt(x),
        (lambda x: -1 / (2 * x * mp.sqrt(x)),),
        ((0.0, INF, -INF), (-0.0, -INF, -INF), (INF, 0.0, 0.0)),
        domain=lambda x: x >= 0,
    ),
    "cbrt": Case(
        lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        (lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2),),
        ((0.0, 0.0, INF), (-0.0, -0.0, INF), (INF, INF, 0.0), (-INF, -INF, 0.0)),
    ),
    "exp": Case(exp, (exp,), ((INF, INF, INF), (-INF, 0.0, 0.0))),
    "exp2": Case(
        exponential(lambda x: mp.power(2, x)),
        (exponential(lambda x: mp.power(2, x) * mp.ln2),),
        ((INF, INF, INF), (-INF, 0.0, 0.0)),
    ),
    "expm1": Case(expm1, (exp,), ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, INF, INF), (-INF, -1.0, 0.0))),
    "log": Case(
        mp.log, (lambda x: 1 / x,), ((0.0, -INF, INF), (-0.0, -INF, -INF), (INF, INF, 0.0)), domain=lambda x: x >= 0
    ),
    "log2": Case(
        lambda x: mp.log(x) / mp.ln2,
        (lambda x: 1 / (x * mp.ln2),),
        ((0.0, -INF, INF), (-0.0, -INF, -INF), (INF, INF, 0.0)),
        domain=lambda x: x >= 0,
    ),
    "log10": Case(
        mp.log10,
        (lambda x: 1 / (x * mp.ln10),),
        ((0.0, -INF, INF), (-0.0, -INF, -INF), (INF, INF, 0.0)),
        domain=lambda x: x >= 0,
    ),
    "log1p": Case(
        mp.log1p,
        (lambda x: 1 / (1 + x),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (-1.0, -INF, INF), (INF, INF, 0.0)),
        domain=lambda x: x >= -1,
    ),
    "sin": Case(mp.sin, (mp.cos,), ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0)), domain=math.isfinite),
    "cos": Case(mp.cos, (lambda x: -mp.sin(x),), domain=math.isfinite),
    "tan": Case(mp.tan, (lambda x: 1 + mp.tan(x) ** 2,), ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0)), domain=math.isfinite),
    "asin": Case(
        mp.asin,
        (lambda x: 1 / mp.sqrt((1 - x) * (1 + x)),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (1.0, math.pi / 2, INF), (-1.0, -math.pi / 2, INF)),
        domain=beyond(1.0),
    ),
    "acos": Case(
        mp.acos,
        (lambda x: -1 / mp.sqrt((1 - x) * (1 + x)),),
        ((1.0, 0.0, -INF), (-1.0, math.pi, -INF)),
        domain=beyond(1.0),
    ),
    "atan": Case(
        mp.atan,
        (lambda x: 1 / (1 + x * x),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, math.pi / 2, 0.0), (-INF, -math.pi / 2, 0.0)),
    ),
    "sinh": Case(sinh, (cosh,), ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, INF, INF), (-INF, -INF, INF))),
    "cosh": Case(cosh, (sinh,), ((INF, INF, INF), (-INF, INF, -INF))),
    "tanh": Case(
        exponential(mp.tanh),
        (exponential(lambda x: mp.sech(x) ** 2),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, 1.0, 0.0), (-INF, -1.0, 0.0)),
    ),
    "asinh": Case(
        lambda x: mp.sign(x) * mp.log1p(abs(x) + x * x / (1 + mp.sqrt(1 + x * x))),
        (lambda x: 1 / mp.sqrt(1 + x * x),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, INF, 0.0), (-INF, -INF, 0.0)),
    ),
    "acosh": Case(
        mp.acosh,
        (lambda x: 1 / mp.sqrt((x - 1) * (x + 1)),),
        ((1.0, 0.0, INF), (INF, INF, 0.0)),
        domain=lambda x: x >= 1,
    ),
    "atanh": Case(
        lambda x: (mp.log1p(x) - mp.log1p(-x)) / 2,
        (lambda x: 1 / ((1 - x) * (1 + x)),),
        ((0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (1.0, INF, INF), (-1.0, -INF, INF)),
        domain=beyond(1.0),
    ),
    "erf": Case(
        mp.erf, (gauss,), ((0.0, 0.0, gauss(mpf(0))), (-0.0, -0.0, gauss(mpf(0))), (INF, 1.0, 0.0), (-INF, -1.0, 0.0))
    ),
    "erfc": Case(
        lambda x: mp.erfc(max(x, mpf(-99)) if x < 99 else mpf(99)),
        (lambda x: -gauss(x),),
        ((INF, 0.0, 0.0), (-INF, 2.0, 0.0)),
    ),
    "erfcx": Case(erfcx, (lambda x: 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi),), ((INF, 0.0, 0.0), (-INF, INF, -INF))),
    "erfinv": Case(
        mp.erfinv,
        (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),),
        ((0.0, 0.0, math.sqrt(math.pi) / 2), (-0.0, -0.0, math.sqrt(math.pi) / 2), (1.0, INF, INF), (-1.0, -INF, INF)),
        domain=beyond(1.0),
    ),
    "ndtr": Case(ndtr, (gaussian,), ((INF, 1.0, 0.0), (-INF, 0.0, 0.0))),
    "normal_pdf": Case(gaussian, (lambda x: -x * gaussian(x),), ((INF, 0.0, 0.0), (-INF, 0.0, 0.0))),
    "lgamma": Case(
        lambda x: mp.loggamma(x).real,
        (lambda x: mp.psi(0, x),),
        (
            (0.0, INF, -INF),
            (-0.0, INF, INF),
            (1.0, 0.0, -mp.euler),
            (2.0, 0.0, 1 - mp.euler),
            (INF, INF, INF),
            (-INF, INF, NAN),
        ),
        special=lambda x: (INF, NAN) if x < 0.0 and whole(x) else None,
        partial_floor=lambda x: max(1.0, reflected(x)),
        reason=REFLECTION,
    ),
    "digamma": Case(
        lambda x: mp.psi(0, x),
        (lambda x: mp.psi(1, x),),
        ((0.0, -INF, INF), (-0.0, INF, INF), (INF, INF, 0.0), (-INF, NAN, NAN)),
        special=lambda x: (NAN, INF) if x < 0.0 and whole(x) else None,
        value_floor=reflected,
        reason=REFLECTION,
    ),
    "floor": step(math.floor),
    "ceil": step(math.ceil),
    "round": step(round),
    "trunc": step(math.trunc),
    "sign": Case(
        mp.sign,
        (constant(0.0),),
        ((0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (INF, 1.0, 0.0), (-INF, -1.0, 0.0), (NAN, NAN, 0.0)),
    ),
    "sigmoid": Case(sigmoid, (lambda x: sigmoid(x) * sigmoid(-x),), ((INF, 1.0, 0.0), (-INF, 0.0, 0.0))),
    "logit": Case(
        lambda x: mp.log(x) - mp.log1p(-x),
        (lambda x: 1 / (x * (1 - x)),),
        ((0.0, -INF, INF), (-0.0, -INF, -INF), (1.0, INF, INF)),
        domain=lambda x: 0 <= x <= 1,
    ),
    "log_sigmoid": Case(lambda x: -softplus(-x), (lambda x: sigmoid(-x),), ((INF, -0.0, 0.0), (-INF, -INF, 1.0))),
    "softplus": Case(softplus, (sigmoid,), ((INF, INF, 1.0), (-INF, 0.0, 0.0))),
    "relu": Case(
        lambda x: max(x, mpf(0)),
        (lambda x: mpf(x > 0),),
        ((0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (INF, INF, 1.0), (-INF, 0.0, 0.0), (NAN, NAN, 1.0)),
    ),
}

BINARY: dict[str, Case] = {
    "add": Case(
        lambda a, b: a + b,
        (constant(1.0), constant(1.0)),
        special=ieee(lambda a, b: a + b, constant(1.0), constant(1.0)),
    ),
    "sub": Case(
        lambda a, b: a - b,
        (constant(1.0), constant(-1.0)),
        special=ieee(lambda a, b: a - b, constant(1.0), constant(-1.0)),
    ),
    "mul": Case(
        lambda a, b: a * b,
        (lambda a, b: b, lambda a, b: a),
        special=ieee(lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
    ),
    "div": Case(
        lambda a, b: a / b,
        (lambda a, b: 1 / b, lambda a, b: -a / b**2),
        special=ieee(divide, lambda a, b: divide(1.0, b), lambda a, b: divide(-divide(a, b), b)),
    ),
    "pow": Case(
        mp.power,
        (lambda a, b: b * mp.power(a, b - 1), lambda a, b: mp.power(a, b) * mp.log(a)),
        special=pow_special,
        domain=lambda a, b: a > 0 or whole(b),
    ),
    "logaddexp": Case(
        logaddexp,
        (lambda a, b: sigmoid(a - b), lambda a, b: sigmoid(b - a)),
        special=logaddexp_special,
        value_floor=1.0,
        reason=SUM_OF_LOGS,
    ),
    "xlogy": Case(lambda a, b: a * mp.log(b), (lambda a, b: mp.log(b), lambda a, b: a / b), special=xlogy_special),
    "xlog1py": Case(
        lambda a, b: a * mp.log1p(b),
        (lambda a, b: mp.log1p(b), lambda a, b: a / (1 + b)),
        special=lambda a, b: xlogy_special(a, b, -1.0),
    ),
    "atan2": Case(
        mp.atan2, (lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)), special=atan2_special
    ),
    "hypot": Case(
        lambda a, b: mp.sqrt(a * a + b * b),
        (lambda a, b: a / mp.sqrt(a * a + b * b), lambda a, b: b / mp.sqrt(a * a + b * b)),
        special=hypot_special,
    ),
    "polygamma": Case(
        poly,
        (constant(0.0), lambda n, x: poly(n + 1, x)),
        special=polygamma_special,
        arguments=tuple(itertools.product(ORDERS, GRID)),
        value_ulps=8.0,
        value_floor=nearest_pole,
        partial_ulps=8.0,
        partial_floor=lambda n, x: max(1.0, nearest_pole(n + 1.0, x)),
        reason="Some 2 n roundings (n up to 8 here). Below 0 terms cancel between the poles.",
    ),
    "mod": Case(
        exact(lambda a, b: a - b * math.floor(a / b)),
        (constant(1.0), lambda a, b: -floor_quotient(a, b)),
        special=mod_special,
    ),
    "floordiv": Case(floor_quotient, (constant(0.0), constant(0.0)), special=floordiv_special),
    "fmod": Case(exact(fraction_fmod), (constant(1.0), lambda a, b: -trunc_quotient(a, b)), special=fmod_special),
    "copysign": Case(mp.fabs, (mp.sign, constant(0.0)), special=copysign_special),
    "maximum": Case(max, (constant(0.0), constant(0.0)), special=extremum(larger=True)),
    "minimum": Case(min, (constant(0.0), constant(0.0)), special=extremum(larger=False)),
    "leaky_relu": Case(max, (constant(0.0), constant(0.0)), special=leaky_relu_special),
    "elu": Case(
        lambda x, alpha: alpha * expm1(x),
        (lambda x, alpha: alpha * exp(x), lambda x, alpha: expm1(x)),
        special=elu_special,
    ),
}

TERNARY: dict[str, Case] = {
    "fma": Case(
        lambda a, b, c: a * b + c,
        (lambda a, b, c: b, lambda a, b, c: a, constant(1.0)),
        special=fma_special,
        value_ulps=0.5,
    ),
    "clip": Case(max, (constant(0.0),) * 3, special=clip_special),
    "where": Case(max, (constant(0.0),) * 3, special=where_special),
}

CASES: dict[str, Case] = UNARY | BINARY | TERNARY


# ---- reductions: the value, and the list of partials, of a list ------------------------------------------------------


@dataclass(frozen=True)
class ReductionCase:
    value: Callable[[list[mpf]], Any]
    partials: Callable[[list[mpf]], list[Any]]
    edges: tuple[
        tuple[tuple[float, ...], float | None, tuple[float | None, ...]], ...
    ] = ()  # operands, value, partials
    value_ulps: float = 4.0
    value_floor: Callable[[list[mpf]], Any] = lambda _: 0.0  # the size of the terms, which may cancel
    partial_ulps: float = 4.0
    even: bool = False  # the operands are two lists of one length, one after the other


def halves(x: list[mpf]) -> list[tuple[mpf, mpf]]:
    return list(zip(x[: len(x) // 2], x[len(x) // 2 :], strict=True))


def logsumexp(x: list[mpf]) -> mpf:
    largest = max(x)
    return largest + mp.log(mp.fsum(mp.exp(v - largest) for v in x))


def norm(x: list[mpf]) -> mpf:
    return mp.sqrt(mp.fsum(v * v for v in x))


THIRD = 1.0 / math.sqrt(3.0)

REDUCTIONS: dict[str, ReductionCase] = {
    "sum": ReductionCase(
        mp.fsum,
        lambda x: [mpf(1)] * len(x),
        (((), 0.0, ()), ((INF, 1.0), INF, (1.0, 1.0)), ((INF, -INF), NAN, (1.0, 1.0))),
        value_floor=lambda x: mp.fsum(map(abs, x)),
    ),
    "dot": ReductionCase(
        lambda x: mp.fsum(a * b for a, b in halves(x)),
        lambda x: x[len(x) // 2 :] + x[: len(x) // 2],
        (((), 0.0, ()), ((0.0, 1.0, INF, 2.0), NAN, (INF, 2.0, 0.0, 1.0))),
        value_floor=lambda x: mp.fsum(abs(a * b) for a, b in halves(x)),
        even=True,
    ),
    "prod": ReductionCase(
        mp.fprod,
        lambda x: [mp.fprod(x[:i] + x[i + 1 :]) for i in range(len(x))],
        (
            ((), 1.0, ()),
            ((2.0, 0.0, 3.0), 0.0, (0.0, 6.0, 0.0)),
            ((0.0, 0.0, 3.0), 0.0, (0.0, 0.0, 0.0)),
            ((0.0, 0.0), 0.0, (0.0, 0.0)),
        ),
    ),
    "logsumexp": ReductionCase(
        logsumexp,
        lambda x: [mp.exp(v - logsumexp(x)) for v in x],
        (
            ((), -INF, ()),
            ((-INF, -INF), -INF, (0.5, 0.5)),
            ((-INF, 1.0), 1.0, (0.0, 1.0)),
            ((INF, 1.0), INF, (1.0, 0.0)),
            ((INF, INF, -INF, 0.0), INF, (0.5, 0.5, 0.0, 0.0)),
            ((1e308, 1e308), 1e308, (0.5, 0.5)),
            ((NAN, 1.0), NAN, (NAN, NAN)),
        ),
        value_floor=lambda x: max(1, max(map(abs, x))),
    ),
    "norm": ReductionCase(
        norm,
        lambda x: [v / norm(x) for v in x],
        (
            ((), 0.0, ()),
            ((0.0, 0.0), 0.0, (0.0, 0.0)),
            ((INF, 1.0), INF, (1.0, 0.0)),
            ((INF, -INF, INF), INF, (THIRD, -THIRD, THIRD)),
            ((1e308, 1e308, 1e308, 1e308), INF, (0.5, 0.5, 0.5, 0.5)),
            ((NAN, 1.0), NAN, (NAN, NAN)),
        ),
    ),
}

# ---- composites: the value; partials by differences at high precision ------------------------------------------------


def mean(terms: Any) -> mpf:
    terms = list(terms)
    return mp.fsum(terms) / len(terms)


def huber_term(r: mpf, delta: float = 1.0) -> mpf:
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - mpf(delta) / 2)


def xlog(a: mpf, b: mpf) -> mpf:
    return a * mp.log(b) if a else mpf(0)


# Functions of the operands as lists (of one number for silu and gelu); softmax yields a list.
COMPOSITES: dict[str, Callable[..., Any]] = {
    "mean": mean,
    "softmax": lambda x: [mp.exp(v - logsumexp(x)) for v in x],
    "silu": lambda x: x[0] * sigmoid(x[0]),
    "gelu": lambda x: x[0] * ndtr(x[0]),
    "mse": lambda p, t: mean((a - b) ** 2 for a, b in zip(p, t, strict=True)),
    "half_mse": lambda p, t: mean((a - b) ** 2 for a, b in zip(p, t, strict=True)) / 2,
    "mae": lambda p, t: mean(abs(a - b) for a, b in zip(p, t, strict=True)),
    "huber": lambda p, t, delta=1.0: mean(huber_term(a - b, delta) for a, b in zip(p, t, strict=True)),
    "hinge": lambda s, t: mean(max(1 - a * b, mpf(0)) for a, b in zip(s, t, strict=True)),
    "bce": lambda p, t: -mean(xlog(b, a) + xlog(1 - b, 1 - a) for a, b in zip(p, t, strict=True)),
    "bce_with_logits": lambda z, t: mean(b * softplus(-a) + (1 - b) * softplus(a) for a, b in zip(z, t, strict=True)),
    "cross_entropy": lambda z, t: (
        logsumexp(z) - z[t]
        if isinstance(t, int)
        else mp.fsum(b * (logsumexp(z) - a) for a, b in zip(z, t, strict=True))
    ),
}


def same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Equal as numbers with a sign; nan equals nan."""
    return all(
        (x != x and y != y) or (x == y and math.copysign(1.0, x) == math.copysign(1.0, y))
        for x, y in zip(a, b, strict=True)
    )


def expected(name: str, arguments: Sequence[float]) -> Expected:
    """Value and partials of an operator at the arguments; None where nothing is promised."""
    case = CASES[name]
    with mpmath.workprec(PRECISION):
        for row in case.edges:
            if same(row[: case.arity], arguments):
                return row[case.arity :]
        stated = case.special(*arguments)
        if stated is not None:
            return stated
        if not all(x == x for x in arguments):
            return (NAN, NAN) if case.arity == 1 else (NAN, *(None,) * case.arity)
        if not case.domain(*arguments):
            return (NAN,) * (1 + case.arity)
        exact_arguments = [mpf(x) for x in arguments]
        return (case.value(*exact_arguments), *(p(*exact_arguments) for p in case.partials))


def error_in_ulps(got: float, want: float | mpf, floor: float = 0.0) -> float:
    """Distance in ulp of the exact number, or of `floor` where that is larger."""
    if isinstance(want, float) and want != want:
        return 0.0 if got != got else INF
    if got != got:
        return INF
    rounded = float(want)
    if math.isinf(rounded) or math.isinf(got):
        largest = math.nextafter(INF, 0.0)  # an overflow may come one rounding early or late
        return 0.0 if got == rounded or abs(got - math.copysign(largest, rounded)) < 8 * math.ulp(largest) else INF
    unit = math.ulp(max(abs(rounded), floor))
    with mpmath.workprec(PRECISION):
        return float(abs(mpf(got) - mpf(want)) / unit)
