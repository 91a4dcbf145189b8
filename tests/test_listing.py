"""The listing of lowered code names what the instructions do, and where."""

from __future__ import annotations

import re

import pytest

import reelgrad as rg

HEAD = 'v0 = uniform("w")\nv1 = varying("x")\nv2 = varying("z")\n'

# Instructions and outputs, and patterns of lines that must be in the listing, in this order.
LISTED = [
    ('v3 = square(v0)\noutput("y", v3)', ["prologue, once", r"  c0 = square\(w\)", "  y = c0"]),
    ('v3 = tanh(v1)\noutput("y", v3)', ["  s0 = load x", r"  s0 = tanh\(s0\)", "  store y = s0"]),
    (
        'v3 = dot_add(v0, v1, v0, v2, v0)\noutput("y", v3)',
        ["  s0 = load x", "  s1 = load z", r"  s\d = w \+ s0\*w \+ s1\*w", r"  store y = s\d"],
    ),
    (
        'v3 = exp(v2)\nv4 = dot(v1, v2, v3, v2, v1, v3)\noutput("y", v4)',
        [r"  s\d = 0 \+ s\d\*s\d \+ s\d\*s\d \+ s\d\*s\d"],
    ),
    (
        'v3 = less(v1, v0)\nv4 = where(v3, v1, v2)\noutput("y", v4)',
        [r"  s\d = s0 where s0 < w, else s1", r"  store y = s\d"],
    ),
    (
        "v3 = exp(v1)\nv4 = mul(v3, v2)\nv5 = lane_sum(v4)\nv6 = lane_sum(v3)\nv7 = log(v5)\n"
        'output("y", v7)\noutput("n", v6)',
        [
            r"  sum\d \+= s\d \* s\d",
            r"  sum\d \+= s\d",
            "epilogue, once",
            r"  c0 = log\(sum\d\)",
            "  y = c0",
            r"  n = sum\d",
        ],
    ),
    (
        "v3 = sin(v0)\nv4 = exp(v0)\nv5 = log(v0)\nv6 = sqrt(v3)\nv7 = sqrt(v4)\nv8 = sqrt(v5)\n"
        'output("a", v6)\noutput("b", v7)\noutput("c", v8)',
        [
            r"  c0 = exp\(w\)",
            "  together",
            r"    c\d = sqrt\(c\d\)",
            r"    c\d = sqrt\(c\d\)",
            r"    c\d = sqrt\(c\d\)",
            r"  a = c\d",
        ],
    ),
    (
        "v3 = constant(2)\nv4 = dot_add(v0, v1, v0, v2, v0)\nv5 = relu(v4)\nv6 = dot_add(v0, v1, v3, v2, v0)\n"
        'v7 = add(v5, v6)\noutput("y", v7)',
        [r"  s\d = w \+ s0\*w \+ s1\*w", r"  s\d = w \+ s0\*2 \+ s1\*w", r"  s\d = relu\(s\d\)"],
    ),
    (
        'v3 = sub(v1, v0)\nv4 = exp(v2)\nv5 = mul(v4, v3)\noutput("y", v5)',
        [r"  s\d = exp\(s\d\)", r"  s\d = sub\(s\d, w\) \* s\d"],
    ),
    (
        "v3 = exp(v1)\nv4 = sin(v2)\nv5 = mul(v1, v3)\nv6 = mul(v1, v4)\nv7 = lane_sum(v5)\nv8 = lane_sum(v6)\n"
        'output("a", v7)\noutput("b", v8)',
        [r"  s\d = sin\(s\d\)", r"  \(sum\d, sum\d\) \+= \(s\d, s\d\) \* s\d"],
    ),
    (
        'v3 = constant(2)\nv4 = fma(v3, v1, v0)\nv5 = exp(v4)\noutput("y", v5)',
        [r"  s\d = exp\(s\d\*2 \+ w\)"],
    ),
    ('output("y", v0)', ["prologue, once", "epilogue, once", "  y = w"]),
]


@pytest.mark.parametrize(("text", "patterns"), LISTED)
def test_the_listing_says_what_runs(text, patterns):
    listing = rg._core.Executable(rg.Program.parse(HEAD + text)).listing()
    lines = iter(listing.splitlines())
    for pattern in patterns:
        assert any(re.match(f"{pattern}$|{pattern},", line) for line in lines), (
            f"no {pattern!r} in its place in\n{listing}"
        )
