"""The sections of the report, as Markdown."""

from collections.abc import Sequence

from bench import operators
from bench.array_sizes import NUMPY, OWN
from bench.compiled import FIT
from bench.embedding import CPP
from bench.figure import Bar, Panel, duration, factor
from bench.limits import LIMIT
from bench.measure import FLOATS, REELGRAD, REELGRAD_NEW_TAPE, Measurements
from bench.measure_programs import CompileTime
from bench.parts import ArrayPart, CppPart, EmbeddingPart, Part
from bench.scaling_section import scaling_losses
from bench.table import table
from bench.targets import targets
from bench.timing import Metric, Rounds


def targets_section(m: Measurements) -> str:
    """Tell what was to be reached, and whether it was."""
    return table(("", "required", "measured", "met"), [target.row() for target in targets(m)])


def operators_section(rounds: Rounds) -> str:
    """W1, one operator at a time."""
    rows = []
    for case in operators.CASES:
        node, like = Metric(case.label, "Node"), Metric(case.label, "float")
        cells = ("-", "-", "-")
        if case.floats is not None:
            cells = (f"`{case.floats}`", duration(rounds.median(like)), factor(rounds.ratio(node, like)))
        rows.append((f"`{case.label}`", duration(rounds.median(node)), *cells))
    return table(("on a Node", "time", "on a float", "time", "ratio"), rows)


def chain_section(part: Part) -> str:
    """W1, the chain."""
    rounds, floats, own = part.rounds, Metric(FLOATS, "forward"), Metric(REELGRAD, "total")
    rows = []
    for name in part.names:
        forward, backward = Metric(name, "forward"), Metric(name, "backward")
        cells = [
            duration(rounds.median(forward)),
            duration(rounds.minimum(forward)),
            factor(rounds.ratio(forward, floats)),
        ]
        if backward in rounds:
            cells += [duration(rounds.median(backward)), factor(rounds.ratio(backward, floats))]
            cells += [factor(rounds.ratio(Metric(name, "total"), own))]
        rows.append([name, *cells, *["-"] * (6 - len(cells))])
    head = ("per operator", "forward", "fastest round", "÷ floats", "backward", "÷ floats", "both ÷ reelgrad")
    return table(head, rows)


def _ratio(rounds: Rounds, metric: Metric, to: Metric) -> str:
    return factor(rounds.ratio(metric, to)) if to in rounds else "-"


def _table_of_ratios(part: Part, unit: str, references: Sequence[tuple[str, str]]) -> str:
    """Return the variants, the fastest first, with ratios to the references: a column's head and a variant."""
    rounds = part.rounds
    rows = []
    for name in sorted(part.names, key=lambda name: rounds.median(Metric(name))):
        metric = Metric(name)
        ratios = [_ratio(rounds, metric, Metric(reference)) for _, reference in references]
        rows.append((name, duration(rounds.median(metric)), duration(rounds.minimum(metric)), *ratios))
    return table((f"per {unit}", "median", "fastest round", *[head for head, _ in references]), rows)


def training_section(part: Part, unit: str) -> str:
    """W2 or W3."""
    return _table_of_ratios(part, unit, (("÷ floats", FLOATS), ("÷ limit", LIMIT), ("÷ reelgrad", REELGRAD)))


def gradient_section(part: Part, unit: str, *, limit: bool) -> str:
    """W4, W5, W7 or W8; `limit` says whether there is one."""
    return _table_of_ratios(part, unit, (*[("÷ limit", LIMIT)] * limit, ("÷ reelgrad", REELGRAD)))


def calls_section(rounds: Rounds) -> str:
    """W7, the structure of arguments."""
    names = rounds.variants()
    rows = [(name, duration(rounds.median(Metric(name))), duration(rounds.minimum(Metric(name)))) for name in names]
    return table(("the argument is", "median", "fastest round"), rows)


def compile_section(times: Sequence[CompileTime]) -> str:
    """W8, what happens before the first run."""
    rows = []
    for found in times:
        per_operator = duration(found.compile / found.operators)
        jax = "-" if found.jax is None else duration(found.jax)
        rows.append((f"{found.operators:,}", duration(found.trace), duration(found.compile), per_operator, jax))
    return table(("operators", "trace", "compile", "compile, per operator", "JAX's compile"), rows)


def embedding_section(part: EmbeddingPart) -> str:
    """W9."""
    if part.rounds is None:
        return f"Not measured: {part.missing}"
    rounds = part.rounds
    rows = []
    for name in rounds.variants():
        metric = Metric(name)
        times = duration(rounds.median(metric)), duration(rounds.minimum(metric))
        rows.append((name, *times, _ratio(rounds, metric, Metric(CPP))))
    return table(("per operator", "median", "fastest round", f"÷ {CPP}"), rows)


def arrays_section(part: ArrayPart) -> str:
    """W10: a table for each workload, a row for each size; the fastest with a gradient in bold."""
    texts = []
    for workload in dict.fromkeys(name for name, _, _ in part.rounds):
        rows = []
        names: list[str] = []
        for name, size, rounds in part.rounds:
            if name != workload:
                continue
            names = rounds.variants()
            times = {variant: rounds.median(Metric(variant)) for variant in names}
            fastest = min((variant for variant in names if variant != NUMPY), key=lambda variant: times[variant])
            cells = [f"**{duration(times[v])}**" if v == fastest else duration(times[v]) for v in names]
            rows.append((f"{size:,}", *cells))
        texts.append(table((f"{workload}, numbers", *names), rows))
    texts.append(
        f"Recording a 16 x 16 matrix times a vector, both of variables: {duration(part.recording)} per multiply-add."
    )
    return "\n\n".join(texts)


def bounded_section(rounds: Rounds, memory: dict[int, int]) -> str:
    """Tell what does not grow: backward() with the tape, the memory with the steps."""
    short, long = duration(rounds.median(Metric("0"))), duration(rounds.median(Metric("60000")))
    sizes = ", ".join(f"{size / 1e6:.1f} MB after {steps}" for steps, size in memory.items())
    return f"""\
`backward()` of a graph of 45 operators takes {short} on a tape with nothing else, and {long} on one that holds
60,000 operators before it. The training loop never resets its tape; the memory that the tape holds: {sizes} steps."""


CPP_ROWS = {
    "the same arithmetic on plain doubles": Metric("plain"),
    "record": Metric("tape", "record"),
    "reverse": Metric("tape", "reverse"),
    "record and reverse": Metric("tape", "total"),
    "record into memory used for the first time": Metric("first"),
}


def cpp_section(part: CppPart) -> str:
    """W6."""
    if part.rounds is None:
        return f"Not measured: {part.missing}"
    rows = []
    for name, metric in CPP_ROWS.items():
        median, fastest = part.rounds.median(metric), part.rounds.minimum(metric)
        rows.append((name, duration(median), duration(fastest), factor(part.rounds.ratio(metric, Metric("plain")))))
    return f"""\
{part.operators:,} operators, {part.bytes_per_operator:.1f} bytes each in use, adjoints included.
Compiler: {part.compiler}.

{table(("per operator", "median", "fastest round", "÷ plain"), rows)}"""


NOTHING = "nothing that was measured"


def _faster(part: Part, own_name: str = REELGRAD) -> str:
    own = Metric(own_name)
    peers = [name for name in part.names if name != FLOATS and not name.startswith((REELGRAD, LIMIT))]
    gains = {name: part.rounds.ratio(own, Metric(name)) for name in peers}
    faster = sorted((name for name in peers if gains[name] > 1.0), key=lambda name: -gains[name])
    wins = [f"{name} ({factor(gains[name])}x)" for name in faster]
    return "; ".join(wins) or NOTHING


def losses_section(m: Measurements) -> str:
    """Tell where others win, and what was missed."""
    chain = m.chain.rounds
    first = chain.ratio(Metric(REELGRAD_NEW_TAPE, "forward"), Metric(REELGRAD, "forward"))
    programs = {"A gradient over a batch": m.batch, "The Asian call": m.asian, "One sample": m.replay}
    faster = {title: _faster(part) for title, part in programs.items()}
    lines = [
        f"- By `rg.fit`, XOR is slower than with: {_faster(m.xor, FIT)}.\n"
        f"  The moons network is slower than with: {_faster(m.moons, FIT)}.",
        f"- As Nodes, XOR is slower than with: {_faster(m.xor)}.\n"
        "  What compiles the whole loop, or has its derivative written by hand, keeps no tape.",
        f"- As Nodes, the moons network is slower than with: {_faster(m.moons)}.\n"
        "  It is made of matrix products over 100 points: whoever hands them over as arrays pays Python for a few\n"
        "  calls per step instead of 65,000. Nodes are for programs that are not made of arrays.",
        f"- The first 65,536 operators on a new tape take {factor(first)} times as long: their memory is new.",
    ]
    lines += [f"- {title} is slower than with: {names}." for title, names in faster.items() if names != NOTHING]
    compared = [case.label for case in operators.CASES if case.floats is not None]
    ratios = {label: m.operators.ratio(Metric(label, "Node"), Metric(label, "float")) for label in compared}
    slow = sorted((label for label in compared if ratios[label] > 2.0), key=lambda label: -ratios[label])
    worst = [f"`{label}` ({factor(ratios[label])}x)" for label in slow]
    if worst:
        lines.append(f"- Single operators that cost more than twice a float's: {', '.join(worst)}.")
    lines += scaling_losses(m.scaling)
    lines += [f"- **Target missed**: {target.claim}." for target in targets(m) if target.met is False]
    return "\n".join(lines)


def missing_section(m: Measurements) -> str:
    """Tell which peers were left out."""
    parts = m.chain, m.xor, m.moons, m.batch, m.asian, m.replay, m.long_program
    lists = [part.missing for part in parts] + [m.arrays.missing] + [curve.missing for curve in m.scaling]
    reasons = sorted({reason for missing in lists for reason in missing})
    return "" if not reasons else "\nLeft out:\n\n" + "\n".join(f"- {reason}" for reason in reasons) + "\n"


def panels(m: Measurements) -> list[Panel]:
    """Return what the plot shows: medians."""

    def of(title: str, rounds: Rounds, bars: dict[str, Metric], own: Metric) -> Panel:
        ratios = {name: None if x == own else rounds.ratio(x, own) for name, x in bars.items()}
        return Panel(title, [Bar(name, rounds.median(x), ratios[name]) for name, x in bars.items()])

    shown = []

    def add(title: str, rounds: Rounds, metric: str = "time", own_name: str = REELGRAD) -> None:
        bars = {name: Metric(name, metric) for name in rounds.variants() if name != REELGRAD_NEW_TAPE}
        shown.append(of(title, rounds, {n: x for n, x in bars.items() if x in rounds}, Metric(own_name, metric)))

    add("W1, chain of operators: forward, per operator", m.chain.rounds, "forward")
    add("W1, chain: backward, per operator", m.chain.rounds, "backward")
    add("W2, XOR: training, per epoch", m.xor.rounds)
    add("W3, moons network: training, per step", m.moons.rounds)
    add("W4, gradient over a batch, per sample", m.batch.rounds)
    add("W5, Asian call: gradient, per path", m.asian.rounds)
    if m.cpp.rounds is not None:
        names = {"plain": "plain doubles, no derivative", "first": "reelgrad, record on new memory"}
        bars = {names.get(x.variant, f"reelgrad, {name}"): x for name, x in CPP_ROWS.items()}
        shown.append(of("W6, the tape from C++, per operator", m.cpp.rounds, bars, CPP_ROWS["record and reverse"]))
    add("W7, one sample: gradient, per call", m.replay.rounds)
    add("W8, a program of 10,000 operators, per operator and lane", m.long_program.rounds)
    if m.embedding.rounds is not None:
        add("W9, on the tape from elsewhere, per operator", m.embedding.rounds, own_name=CPP)
    for workload, size, rounds in m.arrays.rounds:
        if 1_000 <= size < 2_000:
            add(f"W10, {workload}, {size:,} numbers", rounds, own_name=OWN)
    return shown
