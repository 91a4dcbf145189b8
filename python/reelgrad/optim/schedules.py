"""Learning rates that change from update to update.

A schedule stands where a learning rate does: ``rg.optim.SGD(schedules.linear(1.0, 0.1, steps=100))``. It is a function
of the number of updates made before, 0 for the first. Any other function of that number will do too; those made here
cost nothing in `reelgrad.fit`, whose loop asks them without Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np

from reelgrad import _core
from reelgrad._core import LengthError, NodeTypeError, SettingError

__all__ = ["Schedule", "constant", "cosine", "exponential", "linear", "piecewise", "step"]


class Schedule:
    """A learning rate for each update: made by the functions of this module.

    Examples
    --------
    >>> import reelgrad as rg
    >>> lr = rg.optim.schedules.linear(1.0, 0.1, steps=100)
    >>> [lr(update) for update in (0, 50, 100, 1000)]
    [1.0, 0.55, 0.1, 0.1]
    """

    __slots__ = ("kind", "native", "numbers")

    def __init__(self, kind: str, numbers: Sequence[float]) -> None:
        for number in numbers:
            if not isinstance(number, Real):
                raise NodeTypeError(f"schedules.{kind}: got {number!r:.80}, but numbers are needed")
        self.kind, self.numbers = kind, tuple(float(number) for number in numbers)
        self.native = _core._Schedule(kind, self.numbers)

    def __call__(self, update: int) -> float:
        """Return the learning rate after so many updates."""
        if not isinstance(update, (int, np.integer)) or update < 0:
            raise SettingError(f"{self!r}: got {update!r}, but the number of updates made before is needed, at least 0")
        return self.native(update)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return (self.kind, self.numbers) == (other.kind, other.numbers)

    def __hash__(self) -> int:
        return hash((self.kind, self.numbers))

    def __reduce__(self) -> tuple[type[Schedule], tuple[str, tuple[float, ...]]]:
        return Schedule, (self.kind, self.numbers)

    def __repr__(self) -> str:
        return f"schedules.{self.kind}({', '.join(f'{number:g}' for number in self.numbers)})"


def constant(lr: float) -> Schedule:
    """Return the learning rate `lr` for every update."""
    return Schedule("constant", [lr])


def linear(start: float, end: float, steps: int) -> Schedule:
    """Go from `start` to `end` in equal steps; `end` is reached after `steps` updates and kept.

    Examples
    --------
    >>> import reelgrad as rg
    >>> lr = rg.optim.schedules.linear(1.0, 0.1, steps=100)  # 1 - 0.9*k/100
    >>> lr(50)
    0.55
    """
    return Schedule("linear", [start, end, steps])


def exponential(start: float, factor: float, every: int = 1) -> Schedule:
    """Shrink `start` evenly, by `factor` in each `every` updates."""
    return Schedule("exponential", [start, factor, every])


def step(start: float, factor: float, every: int) -> Schedule:
    """Multiply by `factor` at once after each `every` updates (PyTorch's StepLR)."""
    return Schedule("step", [start, factor, every])


def cosine(start: float, end: float, steps: int, warmup: int = 0) -> Schedule:
    """Fall from `start` to `end` along half a cosine; `end` is reached after `steps` updates and kept.

    The first `warmup` of the steps rise in equal steps to `start` before that. Source of the cosine: I. Loshchilov and
    F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017 (arXiv:1608.03983).

    Examples
    --------
    >>> import reelgrad as rg
    >>> lr = rg.optim.schedules.cosine(1.0, 0.0, steps=110, warmup=10)
    >>> print([round(lr(update), 3) for update in (0, 4, 9, 35, 60, 110)])
    [0.1, 0.5, 1.0, 0.854, 0.5, 0.0]
    """
    return Schedule("cosine", [start, end, steps, warmup])


def piecewise(boundaries: Sequence[int], rates: Sequence[float]) -> Schedule:
    """Take the first of `rates`, and the next one from each of the `boundaries`, counted in updates, on.

    Raises
    ------
    LengthError
        If there is not one rate more than boundaries.

    Examples
    --------
    >>> import reelgrad as rg
    >>> lr = rg.optim.schedules.piecewise([100, 200], [0.1, 0.01, 0.001])
    >>> lr(99), lr(100), lr(200)
    (0.1, 0.01, 0.001)
    """
    if len(rates) != len(boundaries) + 1:
        raise LengthError(
            f"piecewise got {len(boundaries)} boundaries and {len(rates)} rates, but one rate more is needed"
        )
    pairs = [number for pair in zip(boundaries, rates[1:], strict=True) for number in pair]
    return Schedule("piecewise", [rates[0], *pairs])
