"""`python -m reelgrad`: four worked examples and two trainings on the engine, beside the numbers that others print.

With `--includes` or `--cmakedir` it tells compilers and CMake where to look instead.

The exit status is 0 if all numbers agree, 1 if one does not, and 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import platform
import sys
import sysconfig
from collections.abc import Sequence
from time import perf_counter

import reelgrad as rg
from reelgrad.demo import moons, worked, xor
from reelgrad.demo.documented import Example, Outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the examples, print them, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m reelgrad",
        description="Runs worked examples of back-propagation and two trainings, numbers beside documented ones.",
    )
    parser.add_argument("--quick", action="store_true", help="train for a tenth of the epochs and a fifth of the steps")
    parser.add_argument("--version", action="version", version=f"reelgrad {rg.__version__}")
    parser.add_argument(
        "--includes", action="store_true", help="print the compiler's options for Python's and reelgrad's headers"
    )
    parser.add_argument("--cmakedir", action="store_true", help="print the folder of the CMake package")
    options = parser.parse_args(arguments)
    try:
        if options.includes:
            print(" ".join(f"-I{folder}" for folder in (sysconfig.get_path("include"), rg.get_include())))
        if options.cmakedir:
            print(rg.get_cmake_dir())
    except rg.HeadersNotFoundError as error:
        print(f"python -m reelgrad: {error}", file=sys.stderr)
        return 1
    return 0 if options.includes or options.cmakedir else _demonstrate(options.quick)


def _demonstrate(quick: bool) -> int:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"reelgrad {rg.__version__}, {python}, {platform.system()} {platform.machine()}")
    started = perf_counter()
    try:
        outcomes = [_run(number, example) for number, example in enumerate(_examples(quick), start=1)]
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    wrong = [(number, row) for number, outcome in enumerate(outcomes, start=1) for row in outcome.disagreeing]
    print()
    for number, row in wrong:
        print(f"{number}: {row.quantity} is {', '.join(map(repr, row.values))}, but documented as {row.printed}")
    if wrong:
        return 1
    compared = sum(outcome.compared for outcome in outcomes)
    print(f"All {compared} compared numbers agree. {perf_counter() - started:.1f} s in all.")
    return 0


def _examples(quick: bool) -> list[Example]:
    return [
        worked.SIGMOID_NEURON,
        worked.RELU_NETWORKS,
        xor.example(xor.EPOCHS // 10 if quick else xor.EPOCHS),
        worked.TWO_SIGMOID_LAYERS,
        moons.example(moons.STEPS // 5 if quick else moons.STEPS),
    ]


def _run(number: int, example: Example) -> Outcome:
    print(f"\n{example.heading(number)}\n", flush=True)  # a progress bar on standard error may follow
    with rg.Tape():
        outcome = example.compute()
    print(outcome, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
