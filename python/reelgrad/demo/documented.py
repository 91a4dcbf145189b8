"""Numbers as a page prints them, beside the same numbers as computed here.

A printed number stands for all numbers that round to it: a computed one agrees if it is within half a unit in the last
printed place. Where a page prints all digits of a float, that would ask for equality, and the last bits belong to the C
library's exp: there, 4 ulp are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ulp
from textwrap import fill

import numpy as np

_ALL_DIGITS = 15  # what a float64 always has; a page that prints as many prints all


@dataclass(frozen=True)
class Row:
    """One quantity (a number, or several that belong together) as printed and as computed.

    Parameters
    ----------
    quantity : str
        What it is.
    printed : str
        As on the page, separated by blanks.
    values : sequence of float
        As computed, one for each printed number.
    tolerance : float, optional
        For values that are not computed exactly; otherwise the rule of this module.
    float32 : sequence of float, optional
        The same quantity computed in float32: given where the page printed a float32, and compared instead of `values`.
    not_compared : str, optional
        Why the two need not agree.
    """

    quantity: str
    printed: str
    values: Sequence[float]
    tolerance: float | None = None
    float32: Sequence[float] | None = None
    not_compared: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether all numbers agree with the printed ones (true if they need not)."""
        if self.not_compared is not None:
            return True
        compared = self.values if self.float32 is None else self.float32
        return all(
            agrees(printed, value, self.tolerance)
            for printed, value in zip(self.printed.split(), compared, strict=True)
        )

    @property
    def verdict(self) -> str:
        """What the last column of the table says."""
        if self.not_compared is not None:
            return self.not_compared
        if not self.agrees:
            return "NO"
        if self.float32 is not None:
            return "as float32"
        return "yes" if self.tolerance is None else f"yes, to {self.tolerance:.2g}"

    @property
    def shown(self) -> str:
        """The computed numbers, with two digits more than are compared, or with all."""
        return " ".join(map(self._shown, self.printed.split(), self.values))

    def _shown(self, printed: str, value: float) -> str:
        if self.tolerance is not None:
            return f"{value:.{2 - Decimal(self.tolerance).adjusted()}f}"
        if _digits(printed) >= _ALL_DIGITS:
            return repr(float(value))
        if "e" in printed:
            return f"{value:.{_digits(printed) + 1}e}"
        return f"{value:.{len(printed.partition('.')[2]) + 2}f}"


@dataclass(frozen=True)
class Outcome:
    """What an example computed: rows, and remarks that say what to make of them."""

    rows: Sequence[Row]
    remarks: Sequence[str] = ()
    reference: str = "documented"

    @property
    def compared(self) -> int:
        """How many numbers are compared."""
        return sum(len(row.values) for row in self.rows if row.not_compared is None)

    @property
    def disagreeing(self) -> list[Row]:
        """The rows that do not agree."""
        return [row for row in self.rows if not row.agrees]

    def __str__(self) -> str:
        table = [("", self.reference, "here", "agrees")]
        table += [(row.quantity, row.printed, row.shown, row.verdict) for row in self.rows]
        widths = [max(len(line[column]) for line in table) for column in range(3)]
        lines = []
        for *cells, verdict in table:
            lines.append(
                "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + "  " + verdict
            )
        return "\n".join([*lines, *([""] if self.remarks else []), *(fill(remark, 79) for remark in self.remarks)])


@dataclass(frozen=True)
class Example:
    """Something to compute, with its title and the lines that say what it is."""

    title: str
    setting: Sequence[str]
    compute: Callable[[], Outcome]

    def heading(self, number: int) -> str:
        """Return what stands above the outcome."""
        title = f"{number}. {self.title}"
        return "\n".join([title, "-" * len(title), *self.setting])


def agrees(printed: str, value: float, tolerance: float | None = None) -> bool:
    """Whether `value` rounds to what is printed, or is as near as `tolerance` says."""
    exact = Decimal(printed)
    exponent = exact.as_tuple().exponent
    if not np.isfinite(value) or not isinstance(exponent, int):
        return False
    if tolerance is None:
        half_a_unit = Decimal(5).scaleb(exponent - 1)
        allowed = max(half_a_unit, Decimal(4 * ulp(value))) if _digits(printed) >= _ALL_DIGITS else half_a_unit
    else:
        allowed = Decimal(tolerance)
    return abs(Decimal(value) - exact) <= allowed


def _digits(printed: str) -> int:
    return len(Decimal(printed).as_tuple().digits)
