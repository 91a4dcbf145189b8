"""How the mean potential of a nerve cell depends on its conductances and on the current through its membrane."""

from time import perf_counter

import reelgrad as rg
from cython_simulator import mean_potential

NAMES = ("sodium", "potassium", "leak", "current")


def main() -> None:
    """Simulate half a second, and print the mean potential with its derivatives."""
    inputs = rg.variables(120.0, 36.0, 0.3, 10.0)
    started = perf_counter()
    mean = mean_potential(*inputs)
    assert isinstance(mean, rg.Node)
    mean.backward()
    seconds = perf_counter() - started
    print(f"mean potential {mean:.6f} mV; {len(mean.tape):,} operations recorded and swept")
    for name, x in zip(NAMES, inputs, strict=True):
        print(f"d / d {name:9} {x.grad:+.6f}")
    print(f"{1e9 * seconds / len(mean.tape):.1f} ns for each operation")


if __name__ == "__main__":
    main()
