"""``python -m bench.report``: measure everything in one run; write ``docs/benchmarks.md`` and its two figures.

With ``--quick`` a dry run of few rounds, written to a temporary folder. The machine should do nothing else meanwhile.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import reelgrad as rg
from bench import asian, batch, embedding, figure, long_program, machine, sections
from bench.cpp_build import ROOT
from bench.measure import Measurements, measure
from bench.parts import FULL, QUICK
from bench.scaling_section import scaling_lines, scaling_section
from bench.targets import targets
from bench.timing import pin


def page(m: Measurements, where: str) -> str:
    """Return the text of docs/benchmarks.md."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions().items())
    return f"""\
# Benchmarks

*Written by `python -m bench.report`, from one run. Do not edit; run it again.*

![Times of reelgrad and its peers](benchmarks.svg)

## Method

- **One run, one core, one thread, float64.** Variants take turns, round by round. A ratio is the median, over the
  rounds, of the ratio within one round; a time is the median of the rounds, or the fastest where it says so. A first
  round warms up and is dropped.
- **Answers before times.** Every variant's gradient or loss is compared before it is timed: in W1 to W3 with
  reelgrad's, in W4, W5 and W7 with NumPy's, to 1e-10 of the largest derivative, in W8 with the tape's, to 1e-9. The
  moons network must end at the loss 0.0132907307 with all points on their side, the C++ tape at the bits of plain
  doubles. By size everything is compared again at each size, the moons network with NumPy.
- **The reference is plain Python floats**: the same source, the same arithmetic in the same order, with no derivative.
  In W2 and W3 the floats repeat the forward passes of the training on the same parameters.
- **The limit is C++ by hand**, derivatives and all, compiled for this very processor (`bench/cpp/`): W2 one number at a
  time, the others with SIMD across samples or paths. It knows all sizes beforehand and computes nothing else.
- **Code of its own for each engine.** CPython specialises bytecode for the types it meets; shared, it would be slow for
  floats, and the comparison flattering.
- Garbage collection is on, as in use. It is run before each turn, and does not see the modules loaded before, so that
  nobody pays for another. A turn of less than 20 ms is taken twice, and the second time counts: the first one finds the
  caches full of what another engine left. Slow engines do fewer steps per round; all times are per operator, epoch or
  step.
- exp and tanh were added to micrograd in its own style. CasADi's figures are for building expressions, which it
  evaluates faster afterwards.

Machine: {where}.

Versions: reelgrad {rg.__version__}, {versions}.
{sections.missing_section(m)}
## Targets

{sections.targets_section(m)}

## W1: operators from Python

One statement, including the interpreter's share: loading names, dropping the result.

{sections.operators_section(m.operators)}

A random chain of {len(m.program):,} operators: 40 % mul, 35 % add, 10 % sub, 5 % each of div, tanh and exp;
{m.program.ancestors} of them are ancestors of the output. Forward records; backward finds 20 derivatives.

{sections.chain_section(m.chain)}

## W2: XOR with one sigmoid layer

10,000 epochs of 45 operators; the loss falls to 0.25, as it must.

{sections.training_section(m.xor, "epoch")}

## W3: the moons network

A network 2-16-16-1 with ReLU on 100 points, hinge loss and L2: 100 steps of some 65,000 operators.

{sections.training_section(m.moons, "step")}

{sections.bounded_section(m.backward, m.memory)}

## W4: a gradient over a batch

The squared error of a network 2-16-16-1 with tanh, summed over {batch.SAMPLES:,} samples: {batch.OPERATORS} operators
forward, and derivatives for 337 parameters.

{sections.gradient_section(m.batch, "sample", limit=True)}

## W5: an Asian call

Monte Carlo with {asian.PATHS:,} paths of {asian.STEPS} steps: the price and its derivatives for five inputs. The limit
reads normal numbers that are stored by step (time-major).

{sections.gradient_section(m.asian, "path", limit=True)}

## W6: the tape from C++

{sections.cpp_section(m.cpp)}

## W7: one sample

Value and gradient of the loss of W4 for one sample, from Python: the parameters go in as one NumPy array.

{sections.gradient_section(m.replay, "call", limit=False)}

What a call costs with arguments of other structures: value and gradient of the sum of the squares of ten numbers.

{sections.calls_section(m.calls)}

## W8: a long program

A random straight-line program of {long_program.timed_program().operators:,} operators with 20 inputs, over
{long_program.LANES} lanes: the sum over the lanes and its derivatives for each lane's inputs. Time per forward operator
and lane.

{sections.gradient_section(m.long_program, "operator and lane", limit=False)}

Compiling value and gradient of such programs, the trace apart. JAX was asked to compile the smallest only: more would
take it many minutes.

{sections.compile_section(m.compile)}

## W9: on the tape from Cython and C++

A driven pendulum of {embedding.OPERATORS_PER_STEP} operators a step, recorded on a tape that Python made: the same loop
in a C++ function, in Cython and on Nodes.

{sections.embedding_section(m.embedding)}

## W10: Arrays by size

Value and gradient, eagerly: nothing is compiled, so that each evaluation pays for its bookkeeping. NumPy computes the
value only. PyTorch and JAX are made for large arrays; where theirs are the bold figures, so is the advice to use them.

{sections.arrays_section(m.arrays)}

## How it scales

![Times by size](benchmarks-scaling.svg)

{scaling_section(m.scaling)}

## Where others win

{sections.losses_section(m)}

## Do it yourself

    pip install '.[bench]'                    # and torch, jax, casadi, if you want them in the tables
    python -m bench.report                    # writes this page
    python -m bench.report --quick            # a dry run, written elsewhere
    pytest bench --benchmark-only             # the same workloads in pytest-benchmark's groups
    pytest bench --benchmark-disable          # each once, without timing
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status of a full run is 1 if a target was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.report", description="Measure all, write docs/benchmarks.md."
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, written to a temporary folder")
    parser.add_argument("--output", type=Path, help="folder to write to (default: docs)")
    options = parser.parse_args(arguments)
    folder: Path = options.output or (Path(tempfile.mkdtemp(prefix="benchmarks-")) if options.quick else ROOT / "docs")
    folder.mkdir(parents=True, exist_ok=True)
    load, core = machine.load(), pin()
    pinned = "not pinned" if core is None else f"pinned to core {core}"
    where = f"{machine.processor()}, {machine.cores()} cores, {pinned}, load {load} before the run; {machine.system()}"
    measured = measure(QUICK if options.quick else FULL)
    (folder / "benchmarks.md").write_text(page(measured, where), encoding="utf-8")
    figure.draw(sections.panels(measured), folder / "benchmarks.svg")
    figure.draw_scaling(scaling_lines(measured.scaling, measured.arrays), folder / "benchmarks-scaling.svg")
    print(f"written: {folder / 'benchmarks.md'} and its figures", file=sys.stderr)
    missed = [target.claim for target in targets(measured) if target.met is False]
    for claim in missed:
        print(f"target missed: {claim}", file=sys.stderr)
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
