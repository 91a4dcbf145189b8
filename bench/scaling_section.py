"""The section of the report about sizes: a table and a verdict for each workload, both from what was measured."""

from collections.abc import Sequence
from itertools import groupby
from textwrap import fill

from bench.array_sizes import NUMPY
from bench.figure import Line, Lines, duration, factor
from bench.names import is_own, is_reference
from bench.parts import ArrayPart
from bench.scaling import LONGEST, Scaling
from bench.table import table
from bench.timing import Metric, Rounds


def _fastest(rounds: Rounds, names: Sequence[str]) -> str:
    return min(names, key=lambda name: rounds.median(Metric(name)))


def _at(sizes: Sequence[int], wins: Sequence[int]) -> str:
    """Say at which of the sizes, in as few words as are true."""
    if list(wins) == list(sizes):
        return "at every size"
    stretches = []
    for won, group in groupby(sizes, wins.__contains__):
        stretch = list(group)
        first, last = stretch[0], stretch[-1]
        if not won:
            continue
        if first == last:
            stretches.append(f"at {first:,}")
        elif last == sizes[-1]:
            stretches.append(f"from {first:,} on")
        elif first == sizes[0]:
            stretches.append(f"up to {last:,}")
        else:
            stretches.append(f"from {first:,} to {last:,}")
    return " and ".join(stretches)


def losses(scaling: Scaling) -> list[str]:
    """Tell of each peer at which sizes it is faster than reelgrad's fastest, and by how much at most."""
    found = []
    for peer in scaling.names():
        if is_own(peer) or is_reference(peer):
            continue
        gains: dict[int, float | None] = {}
        for size, rounds in scaling.rows:
            if Metric(peer) in rounds:
                own = _fastest(rounds, [name for name in rounds.variants() if is_own(name)])
                gain = rounds.ratio(Metric(own), Metric(peer))
                gains[size] = gain if gain > 1.0 else None
        wins = {size: gain for size, gain in gains.items() if gain is not None}
        if wins:
            found.append(f"{peer} {_at(list(gains), list(wins))} (up to {factor(max(wins.values()))}x)")
    return found


def scaling_losses(curves: Sequence[Scaling]) -> list[str]:
    """Return a line for each curve on which a peer is faster somewhere."""
    found = [(scaling.curve, losses(scaling)) for scaling in curves]
    return [
        f"- {curve.workload} by size, {curve.what}: faster is {'; '.join(peers)}." for curve, peers in found if peers
    ]


def _verdict(scaling: Scaling) -> str:
    names = scaling.names()
    if all(is_own(name) or is_reference(name) for name in names):
        (first, less), (last, more) = scaling.rows[0], scaling.rows[-1]
        to = Metric(names[0])
        ratios = [
            f"{name} {factor(less.ratio(Metric(name), to))}x at {first:,}, {factor(more.ratio(Metric(name), to))}x at "
            f"{last:,}"
            for name in names[1:]
            if Metric(name) in less and Metric(name) in more
        ]
        return f"Compared with {names[0]}: {'; '.join(ratios)}."
    found = losses(scaling)
    if not found:
        return "Faster than reelgrad's fastest: nothing that was measured with a derivative, at any size."
    return f"Faster than reelgrad's fastest: {'; '.join(found)}."


def _table(scaling: Scaling) -> str:
    names = scaling.names()
    rows = []
    for size, rounds in scaling.rows:
        here = [name for name in rounds.variants() if not is_reference(name)]
        fastest = _fastest(rounds, here) if any(not is_own(name) for name in names if not is_reference(name)) else ""
        times = [duration(rounds.median(Metric(name))) if Metric(name) in rounds else "-" for name in names]
        cells = [f"**{time}**" if name == fastest else time for name, time in zip(names, times, strict=True)]
        rows.append((f"{size:,}", *cells))
    return table((f"per {scaling.curve.unit}", *names), rows)


def scaling_section(curves: Sequence[Scaling]) -> str:
    """Return all curves, and how to read them."""
    texts = [
        f"""\
Times per unit, so that a level line is work in proportion to the size, and what falls is the cost of a call, shared by
more. The first column is the size. Medians; the fastest with a derivative in bold, the limit apart. A dash: one call
would have taken more than {LONGEST:g} s, or what is said below the heading."""
    ]
    for scaling in curves:
        curve = scaling.curve
        texts.append(f"### {curve.workload} by size: {curve.what}")
        texts += [fill(curve.note, 120), _table(scaling), fill(_verdict(scaling), 120)]
    return "\n\n".join(texts)


def scaling_lines(curves: Sequence[Scaling], arrays: ArrayPart | None = None) -> list[Lines]:
    """Return what the plot shows: medians per unit, over the size."""

    def line(name: str, rows: Sequence[tuple[int, Rounds]], per_number: bool = False) -> Line:
        here = [(size, rounds) for size, rounds in rows if Metric(name) in rounds]
        medians = [rounds.median(Metric(name)) / (size if per_number else 1) for size, rounds in here]
        return Line(name, [size for size, _ in here], medians)

    panels = []
    for scaling in curves:
        title = f"{scaling.curve.workload}, {scaling.curve.what}: per {scaling.curve.unit}"
        panels.append(Lines(title, [line(name, scaling.rows) for name in scaling.names()]))
    for workload in dict.fromkeys(name for name, _, _ in arrays.rounds) if arrays else ():
        rows = [(size, rounds) for name, size, rounds in arrays.rounds if name == workload] if arrays else []
        names = sorted(rows[0][1].variants(), key=lambda name: name == NUMPY)
        panels.append(Lines(f"W10, {workload}: per number", [line(name, rows, per_number=True) for name in names]))
    return panels
