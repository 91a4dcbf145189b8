"""The plot of the report: times on logarithmic axes, one panel for each workload."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

INK, FAINT, ACCENT, BASELINE, OTHERS = "#24292f", "#dfe3e8", "#c8401f", "#7b858f", "#b5c1cd"


class Bar(NamedTuple):
    """A variant, its time, and how many times reelgrad's that is."""

    name: str
    seconds: float
    ratio: float


class Panel(NamedTuple):
    """One workload."""

    title: str
    bars: Sequence[Bar]


def duration(seconds: float) -> str:
    """Return the time with three digits in the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def factor(ratio: float) -> str:
    """Return a ratio with as many digits as it deserves."""
    digits = 0 if ratio >= 100.0 else 1 if ratio >= 10.0 else 2 if ratio >= 0.1 else 4
    return f"{ratio:,.{digits}f}"


def _color(name: str) -> str:
    reference = "no derivative" in name or name.startswith("limit")
    return ACCENT if name.startswith("reelgrad") else BASELINE if reference else OTHERS


def _draw(axes: Axes, panel: Panel) -> None:
    bars = sorted(panel.bars, key=lambda bar: bar.seconds, reverse=True)
    for row, bar in enumerate(bars):
        axes.barh(row, bar.seconds, color=_color(bar.name), height=0.7)
        times = "" if bar.name == "reelgrad" else f"  ({factor(bar.ratio)}×)"
        text = axes.text(bar.seconds * 1.15, row, duration(bar.seconds) + times, va="center", fontsize=8, color=INK)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    fastest, slowest = bars[-1].seconds, bars[0].seconds
    left, right = fastest / 3.0, slowest * (slowest / fastest) ** 0.35 * 6.0
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    decades = [10.0**k for k in range(-9, 3) if left < 10.0**k < slowest]
    axes.set_xticks(decades, [duration(x) for x in decades], fontsize=7, color=BASELINE)
    axes.minorticks_off()
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=8)
    for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_color(ACCENT if bar.name.startswith("reelgrad") else INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(panel.title, loc="left", fontsize=9, fontweight="bold", color=INK)


def draw(panels: Sequence[Panel], target: Path) -> None:
    """Write the figure; the same data give the same file."""
    mpl.rcParams["svg.hashsalt"] = "reelgrad"
    rows = (len(panels) + 1) // 2
    figure, grid = plt.subplots(rows, 2, figsize=(12, 3.0 * rows), layout="constrained", squeeze=False)
    figure.suptitle("Time (and times reelgrad's), logarithmic; one core, one run", fontsize=9, color=BASELINE)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw(axes, panel)
    metadata = {"Date": None} if target.suffix == ".svg" else None
    figure.savefig(target, metadata=metadata, facecolor="white")
    plt.close(figure)
