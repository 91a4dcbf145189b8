"""What second derivatives of the primitives are held to, beside mpmath's differences of the partials."""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import mp

# Second derivatives may be off by 8 ulp of themselves or of 1, whichever is larger; for these by more, for a reason.
SECOND_ULPS = 8.0
FLOORS: dict[str, tuple[Callable[..., float], str]] = {
    "erfcx": (lambda x: 2.0 * max(1.0, abs(x)), "2 x erfcx(x) and 2 / sqrt(pi) cancel for large x, in the first one"),
    "hypot": (lambda a, b: max(1.0, 1.0 / math.hypot(a, b)), "1 / h and b^2 / h^3 cancel where b is nearly all of h"),
    "polygamma": (
        lambda n, x: max(1.0, float(mp.factorial(n + 2)) / abs(x - round(x)) ** (n + 3)) if x < 0.0 else 1.0,
        "terms of the nearest pole cancel below 0",
    ),
}

# Piecewise linear ones: what the second derivatives are for finite arguments, and where these do not tie.
SLOPES: dict[str, Callable[..., dict[tuple[int, int], float]]] = {
    "copysign": lambda a, b: {},
    "maximum": lambda a, b: {},
    "minimum": lambda a, b: {},
    "leaky_relu": lambda x, slope: {(0, 1): 1.0, (1, 0): 1.0} if x <= 0.0 else {},
    "clip": lambda x, lo, hi: {},
    "where": lambda condition, a, b: {},
}
