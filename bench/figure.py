"""The plots of the report: times on logarithmic axes, as bars for each workload and as lines over its size."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from bench.names import is_own, is_reference

P = TypeVar("P")

INK, FAINT, ACCENT, BASELINE, OTHERS = "#24292f", "#dfe3e8", "#c8401f", "#7b858f", "#b5c1cd"
# A line's color is its library's, the same in all panels; a library's second line in a panel is dashed.
LIBRARIES = {
    "reelgrad": ACCENT,
    "JAX": "#2f6fb5",
    "PyTorch": "#8a5fb0",
    "NumPy": "#2e8b57",
    "micrograd": "#a0762a",
    "XAD": "#18919b",
    "CasADi": "#18919b",
    "plain Python": "#2e8b57",
}
FEWEST = 4  # bars for which a panel has room, so that a few do not get fat
DASHES = ((0, ()), (0, (5, 1.5)), (0, (1.5, 1.5)))


class Bar(NamedTuple):
    """A variant, its time, and how many times reelgrad's that is; None for what the others are compared with."""

    name: str
    seconds: float
    ratio: float | None


class Panel(NamedTuple):
    """One workload."""

    title: str
    bars: Sequence[Bar]


class Line(NamedTuple):
    """A variant, the sizes at which it was measured, and its times there."""

    name: str
    sizes: Sequence[int]
    seconds: Sequence[float]


class Lines(NamedTuple):
    """One workload by size."""

    title: str
    lines: Sequence[Line]


def duration(seconds: float) -> str:
    """Return the time with three digits in the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def factor(ratio: float) -> str:
    """Return a ratio with as many digits as it deserves."""
    digits = 0 if ratio >= 100.0 else 1 if ratio >= 10.0 else 2 if ratio >= 0.1 else 4
    return f"{ratio:,.{digits}f}"


def _color(name: str) -> str:
    return ACCENT if is_own(name) else BASELINE if is_reference(name) else OTHERS


def _decades(low: float, high: float) -> list[float]:
    return [10.0**k for k in range(-10, 8) if low <= 10.0**k <= high]


def _plain(axes: Axes, title: str) -> None:
    axes.minorticks_off()
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=INK)


def _draw_bars(axes: Axes, panel: Panel) -> None:
    bars = sorted(panel.bars, key=lambda bar: bar.seconds, reverse=True)
    for row, bar in enumerate(bars):
        axes.barh(row, bar.seconds, color=_color(bar.name), height=0.7)
        times = "" if bar.ratio is None else f"  ({factor(bar.ratio)}×)"
        text = axes.text(bar.seconds * 1.15, row, duration(bar.seconds) + times, va="center", fontsize=8, color=INK)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    fastest, slowest = bars[-1].seconds, bars[0].seconds
    left, right = fastest / 3.0, slowest * (slowest / fastest) ** 0.35 * 6.0
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    decades = _decades(left, slowest)
    axes.set_xticks(decades, [duration(x) for x in decades], fontsize=7, color=BASELINE)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=8)
    axes.set_ylim(len(bars) - 0.4 - max(len(bars), FEWEST), len(bars) - 0.4)
    for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_color(ACCENT if is_own(bar.name) else INK)
    _plain(axes, panel.title)


def _library(name: str) -> str:
    if is_reference(name):
        return ""
    return next((library for library in LIBRARIES if name.startswith(library)), "")


def _draw_lines(axes: Axes, panel: Lines) -> None:
    seen: dict[str, int] = {}
    for line in panel.lines:
        library = _library(line.name)
        dashes = DASHES[seen.get(library, 0) % len(DASHES)]
        seen[library] = seen.get(library, 0) + 1
        width, color = 2.2 if library == "reelgrad" else 1.3, LIBRARIES.get(library, BASELINE)
        axes.plot(
            line.sizes, line.seconds, color=color, linestyle=dashes, linewidth=width, marker="o", markersize=3.5,
            label=line.name, zorder=3 if library == "reelgrad" else 2,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = _decades(1.0, 1.5 * max(size for line in panel.lines for size in line.sizes))
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], fontsize=7, color=BASELINE)
    times = _decades(*(f(second for line in panel.lines for second in line.seconds) for f in (min, max)))
    axes.set_yticks(times, [duration(second) for second in times], fontsize=7, color=BASELINE)
    axes.grid(color=FAINT, linewidth=0.8)
    handles, labels = axes.get_legend_handles_labels()
    # From top to bottom as the lines end.
    order = sorted(range(len(labels)), key=lambda k: panel.lines[k].seconds[-1], reverse=True)
    legend = axes.legend(
        [handles[k] for k in order], [labels[k] for k in order], loc="center left", bbox_to_anchor=(1.0, 0.5),
        fontsize=7.5, frameon=False, labelcolor=INK, handlelength=2.4,
    )  # fmt: skip
    for text in legend.get_texts():
        if is_own(text.get_text()):
            text.set_color(ACCENT)
    _plain(axes, panel.title)


def _draw(panels: Sequence[P], draw_one: Callable[[Axes, P], None], title: str, target: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "reelgrad"
    rows = (len(panels) + 1) // 2
    figure, grid = plt.subplots(rows, 2, figsize=(12, 3.0 * rows), layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=9, color=BASELINE)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        draw_one(axes, panel)
    metadata = {"Date": None} if target.suffix == ".svg" else None
    figure.savefig(target, metadata=metadata, facecolor="white")
    plt.close(figure)


def draw(panels: Sequence[Panel], target: Path) -> None:
    """Write the figure of bars; the same data give the same file."""
    _draw(panels, _draw_bars, "Time (and times reelgrad's), logarithmic; one core, one run", target)


def draw_scaling(panels: Sequence[Lines], target: Path) -> None:
    """Write the figure of lines; the same data give the same file."""
    _draw(panels, _draw_lines, "Time per unit over the number of units, both logarithmic; one core, one run", target)
