"""Every script in examples/ runs by itself and prints what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

# Script, arguments, and lines (or their beginnings) that its output must have, in this order.
PROMISES = [
    (
        "01_sigmoid_neuron.py",
        [],
        [
            "z = 0.50000000  a = 0.62245933  y = -0.62245933  L = 0.19372781",
            "dL/dW2 = -0.38745562",
            "dL/db2 = -0.62245933",
            "dL/dW1 = 0.14628025",
            "dL/db1 = 0.14628025",
            "dL/dy  = -0.62245933",
            "dL/da  = 0.62245933",
            "W2 = -0.99612544",
            "b2 = 0.00622459",
            "W1 = 0.49853720",
            "b1 = -0.00146280",
            "L was 0.19372781 and is 0.18796903",
        ],
    ),
    (
        "02_relu_networks.py",
        [],
        [
            "1-1: prediction 0.5500, loss 0.16",
            "  dW1 = [[-0.4]]  db1 = [-0.8]",
            "  after a step: W 0.5, b 0.8, prediction 1.0500, loss 0.0100",
            "1-1-1: prediction 0.2100, loss 0.5476",
            "1-2-1: prediction 0.4950, loss 0.207025",
            "  dW2 = [[-0.5005], [-0.182]]  db2 = [-0.91]",
            "1-2-2-1: prediction 0.9580, loss 6.4e-05",
            "  dW1 = [[0.0042, 0.0053]]  db1 = [0.0083, 0.0106]",
            "  dW2 = [[0.0035, 0.0053], [0.0013, 0.0019]]  db2 = [0.0064, 0.0096]",
            "  dW3 = [[0.0076], [0.0125]]  db3 = [0.016]",
        ],
    ),
    (
        "03_xor.py",
        [],
        [
            "epoch  9,001  loss 0.2500000",
            "0 xor 0 = 0, the neuron says 0.5000",
            "0 xor 1 = 1, the neuron says 0.5000",
            "1 xor 0 = 1, the neuron says 0.5000",
            "1 xor 1 = 0, the neuron says 0.5000",
            "with two neurons before it: loss 0.000",
        ],
    ),
    (
        "04_find_the_slip.py",
        [],
        [
            "L = 0.134348876643957",
            "dL/dw2 = [0.08055583, 0.04885958]  as printed",
            "dL/dw1 = [0.00912393, -0.00912393]  not as printed",
            "by differences dL/dw1 = [0.00912393, -0.00912393]",
            "without dy/dz2 dL/dw1 = [0.036545, -0.036545]  as printed: the slip",
            "dy/dz2 = 0.249663 was forgotten: the printed gradient is 4.005 times the true one",
        ],
    ),
    # The first two losses are micrograd's.
    (
        "05_moons.py",
        ["11"],
        ["337 parameters", "step   0  loss 0.889588  accuracy 50%", "step  10  loss 0.272271  accuracy 93%"],
    ),
    (
        "06_curve_fit.py",
        [],
        [
            "Adam, step 500: loss 0.04797278  A 2.005433  k 0.480442  w 2.995511",
            "Gauss-Newton, step 5: loss 0.04797278  A 2.005433  k 0.480442  w 2.995511",
            "A = 2.005 +- 0.021",
            "k = 0.480 +- 0.009",
            "w = 2.996 +- 0.006",
        ],
    ),
    ("07_asian_option.py", ["20000"], ["price 5.", "d price / d spot", "d price / d maturity", "price and five"]),
    ("08_formulas.py", ["5"], ["5 formulas fitted, 100 steps", "compiled: ", "mean square "]),
    (
        "09_likelihood.py",
        [],
        ["L-BFGS-B", "trust-ncg", "log freedom", "log scale", "offset", "slope"],
    ),
    (
        "10_lotka_volterra.py",
        [],
        ["a        1.061", "b        0.395", "lynxes   4.92", "the Jacobian is within "],
    ),
    (
        "11_gaussian_mixture.py",
        [],
        ["minimize: log-likelihood -1713.63", "EM:       log-likelihood -1713.63", "share 0.524", "share 0.197"],
    ),
    ("12_evolved_network.py", ["10"], ["generation   5: ", "generation  10: ", "61 shapes compiled and trained"]),
    (
        "13_moons_on_arrays.py",
        ["101"],
        ["DenseMLP(2, 16, 16, 1: 337 parameters)", "step 100  loss 0.00", "rg.fit: ", "the parameters are the same"],
    ),
    (
        "14_mixture_on_arrays.py",
        ["400"],
        [
            "40 parameters, 400 points",
            "L-BFGS: log-likelihood -1666.37",
            "EM:     log-likelihood -1666.37",
            "share 0.397",
        ],
    ),
    (
        "15_lstm.py",
        ["101"],
        ["LSTM(1169 parameters)", "step 100  loss 0.00", "compiled for sequences of 6: ", "off by 0."],
    ),
]


def test_every_example_has_its_promises():
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [name for name, _, _ in PROMISES]


@pytest.mark.parametrize(("name", "arguments", "promised"), PROMISES, ids=[name for name, _, _ in PROMISES])
def test_example_prints_what_it_promises(name, arguments, promised):
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    lines = iter(finished.stdout.splitlines())
    for beginning in promised:
        assert any(line.startswith(beginning) for line in lines), (
            f"no line {beginning!r} in its place in\n{finished.stdout}"
        )
