"""The reference for every primitive: value and partials by mpmath, edge cases by hand. It does not know the engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from reference.case import GRID, INF, NAN, Case, constant
from reference.edges import (
    atan2_special,
    clip_special,
    copysign_special,
    divide,
    elu_special,
    exact,
    extremum,
    floordiv_special,
    fma_special,
    fmod_special,
    fraction_fmod,
    hypot_special,
    ieee,
    leaky_relu_special,
    logaddexp_special,
    mod_special,
    polygamma_special,
    pow_special,
    raised,
    where_special,
    whole,
    xlogy_special,
)

ORDERS = (0.0, 1.0, 2.0, 3.0, 5.0, -1.0, 0.5, NAN)


def step(function: Callable[[float], float]) -> Case:
    """A function of one number whose derivative is 0; all its values are exact."""
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
    "stop_gradient": step(float),
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
        raised,
        (lambda a, b: b * raised(a, b - 1), lambda a, b: raised(a, b) * mp.log(a)),
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
