"""A call of a function of NumPy as a test has it: `A(2, 3)` stands for numbers of that shape.

The test gives them to NumPy as an array and to reelgrad as an Array. Everything else is given as it stands.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """Numbers of a shape and of a kind, the same ones in each run."""

    shape: tuple[int, ...]
    kind: str = "any"

    def draw(self, salt: int) -> np.ndarray:
        """Return the numbers: no two are equal, and none is 0."""
        rng = np.random.default_rng(zlib.crc32(repr((self.shape, self.kind, salt)).encode()))
        x = rng.uniform(0.2, 1.0, self.shape)
        signs = rng.choice([-1.0, 1.0], self.shape)
        if self.kind == "positive":
            return x
        if self.kind == "large":
            return x + 1.0
        if self.kind == "small":
            return x * signs * 0.5
        if self.kind == "matrix":  # far from singular
            return x * signs + 2.0 * np.eye(*self.shape[-2:])
        if self.kind == "symmetric":
            lower = np.tril(x * signs)
            return lower @ np.swapaxes(lower, -1, -2) + np.eye(self.shape[-1])
        if self.kind == "with nan":
            x.ravel()[:: max(2, x.size // 2)] = np.nan
        return x * signs


def A(*shape: int) -> Numbers:
    return Numbers(shape)


def P(*shape: int) -> Numbers:
    return Numbers(shape, "positive")


def L(*shape: int) -> Numbers:
    return Numbers(shape, "large")


def S(*shape: int) -> Numbers:
    return Numbers(shape, "small")


def M(*shape: int) -> Numbers:
    return Numbers(shape, "matrix")


def SPD(*shape: int) -> Numbers:
    return Numbers(shape, "symmetric")


def N(*shape: int) -> Numbers:
    return Numbers(shape, "with nan")


@dataclass(frozen=True)
class Case:
    """A call of a function of NumPy."""

    name: str
    args: tuple[Any, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def function(self) -> Callable[..., Any]:
        return function_named(self.name)

    def __str__(self) -> str:
        parts = [_text(arg) for arg in self.args] + [f"{k}={_text(v)}" for k, v in self.settings.items()]
        return f"{self.name}({', '.join(parts)})"


def function_named(name: str) -> Any:
    """Return the function, or None if the installed NumPy has none of that name."""
    part: Any = np
    for step in name.split("."):
        part = getattr(part, step, None)
    return part


def _text(x: Any) -> str:
    if isinstance(x, Numbers):
        return ("" if x.kind == "any" else x.kind) + str(x.shape).replace(" ", "")
    if isinstance(x, (list, tuple)):
        return "[" + ",".join(map(_text, x)) + "]"
    return x.__name__ if callable(x) else str(x).replace("\n", "").replace(" ", "")


def call(*args: Any, **settings: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, settings
