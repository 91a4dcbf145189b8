"""The reference for functions of lists: reductions with their partials, and composites, by mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

from reference.case import INF, NAN
from reference.primitives import ndtr, sigmoid, softplus


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
        lambda x: [mp.exp(v - y) for y in [logsumexp(x)] for v in x],
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
        lambda x: [v / y for y in [norm(x)] for v in x],
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
    "softmax": lambda x: [mp.exp(v - y) for y in [logsumexp(x)] for v in x],
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
