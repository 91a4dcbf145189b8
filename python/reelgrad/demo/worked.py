"""Four examples of back-propagation that tutorials compute by hand, through the public API.

Each function builds its network from variables, calls `backward()`, takes the step of gradient descent if the
tutorial does, and returns the numbers beside the printed ones. One tutorial made a slip, which `two_sigmoid_layers`
shows. The third example is a training: see `xor`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

import reelgrad as rg
from reelgrad.demo.documented import Example, Outcome, Row

_Floats: TypeAlias = list[list[float]]


def sigmoid_neuron() -> Outcome:
    """Compute a sigmoid neuron with a linear output, and one step of gradient descent."""
    x, t, lr = 1.0, 0.0, 0.01
    start = (0.5, 0.0, -1.0, 0.0)
    W1, b1, W2, b2 = rg.variables(*start)
    z = W1 * x + b1
    a = z.sigmoid()
    y = W2 * a + b2
    L = 0.5 * (y - t) ** 2
    L.backward()
    in_float32 = _sigmoid_loss_in_float32(x, t, *start)
    rows = [
        Row("z", "0.5", [z.value]),
        Row("a", "0.62245933", [a.value]),
        Row("y", "-0.62245933", [y.value]),
        Row("L", "0.19372781", [L.value]),
        Row("L, all digits", "0.19372780950013005", [L.value]),
        Row("L, float32 run", "0.19372782111167908", [L.value], float32=[in_float32]),
        Row("dL/dy", "-0.62245933", [y.grad]),
        Row("dL/dW2", "-0.38745562", [W2.grad]),
        Row("dL/db2", "-0.62245933", [b2.grad]),
        Row("dL/da", "0.62245933", [a.grad]),
        Row("dL/dW1", "0.14628025", [W1.grad]),
        Row("dL/db1", "0.14628025", [b1.grad]),
        Row("dL/dW2, all digits", "-0.3874556190002601", [W2.grad]),
        Row("dL/db2, all digits", "-0.6224593312018546", [b2.grad]),
        Row("dL/dW1, all digits", "0.14628025352695762", [W1.grad]),
        Row("dL/db1, all digits", "0.14628025352695762", [b1.grad]),
    ]
    for parameter in (W1, b1, W2, b2):
        parameter.value -= lr * parameter.grad
    rows += [
        Row("W2, stepped", "-0.99612544", [W2.value]),
        Row("b2, stepped", "0.00622459", [b2.value]),
        Row("W1, stepped", "0.4985372", [W1.value]),
        Row("b1, stepped", "-0.0014628", [b1.value]),
    ]
    return Outcome(
        rows,
        [
            "dL/dy and dL/da belong to intermediate values, which keep their gradients here.",
            f"The float32 run printed what these formulas give in float32, {in_float32!r}.",
        ],
    )


# Per network: the layers as (W as rows of inputs by columns of outputs, b), then what is printed, in its order.
_RELU_NETWORKS: list[tuple[str, list[tuple[_Floats, list[float]]], dict[str, str]]] = [
    (
        "1-1",
        [([[0.3]], [0.4])],
        {"p": "0.5500", "loss": "0.1600", "dW1": "-0.4000", "db1": "-0.8000"},
    ),
    (
        "1-1-1",
        [([[0.3]], [0.4]), ([[0.2]], [0.1])],
        {
            "p": "0.2100",
            "loss": "0.5476",
            "dW2": "-0.8140",
            "db2": "-1.4800",
            "dW1": "-0.1480",
            "db1": "-0.2960",
        },
    ),
    (
        "1-2-1",
        [([[0.3, 0.2]], [0.4, 0.1]), ([[0.1], [0.7]], [0.3])],
        {
            "hidden 1": "0.55 0.20",
            "p": "0.4950",
            "loss": "0.2070",
            "loss, all digits": "0.207025",
            "dW2": "-0.5005 -0.1820",
            "db2": "-0.9100",
            "dW1": "-0.0455 -0.3185",
            "db1": "-0.0910 -0.6370",
        },
    ),
    (
        "1-2-2-1",
        [([[0.3, 0.2]], [0.4, 0.1]), ([[0.1, 0.8], [0.6, 0.7]], [0.3, 0.2]), ([[0.4], [0.6]], [0.3])],
        {
            "hidden 1": "0.55 0.20",
            "hidden 2": "0.475 0.78",
            "p": "0.9580",
            "loss": "6.4e-05",
            "loss, float32 run": "6.4001e-05",
            "dW3": "0.0076 0.0125",
            "db3": "0.0160",
            "dW2[0]": "0.0035 0.0053",
            "dW2[1]": "0.0013 0.0019",
            "db2": "0.0064 0.0096",
            "dW1": "0.0042 0.0053",
            "db1": "0.0083 0.0106",
        },
    ),
]


def relu_networks() -> Outcome:
    """Compute four ReLU networks with mean squared error; the first takes a step."""
    x, t, lr = 0.5, 0.95, 0.5
    rows = []
    for name, layers, printed in _RELU_NETWORKS:
        parameters = [([[rg.variable(w) for w in row] for row in W], [rg.variable(v) for v in b]) for W, b in layers]
        outputs, loss = _relu_network(parameters, x, t)
        loss.backward()

        computed = {"p": [outputs[-1][0].value]}
        computed |= {key: [loss.value] for key in printed if key.startswith("loss")}
        for k, (output, (weights, biases)) in enumerate(zip(outputs, parameters, strict=True), start=1):
            computed[f"hidden {k}"] = [node.value for node in output]
            computed[f"dW{k}"] = [node.grad for row in weights for node in row]
            computed |= {f"dW{k}[{i}]": [node.grad for node in row] for i, row in enumerate(weights)}
            computed[f"db{k}"] = [node.grad for node in biases]
        for quantity, numbers in printed.items():
            float32 = [_relu_loss_in_float32(layers, x, t)] if "float32" in quantity else None
            rows.append(Row(f"{name:9}{quantity}", numbers, computed[quantity], float32=float32))

        if name == "1-1":
            (w,), (b,) = parameters[0][0][0], parameters[0][1]
            w.value -= lr * w.grad
            b.value -= lr * b.grad
            ((p,),), loss = _relu_network(parameters, x, t)
            for quantity, number, node in [
                ("W1", "0.5", w),
                ("b1", "0.8", b),
                ("p", "1.0500", p),
                ("loss", "0.0100", loss),
            ]:
                rows.append(Row(f"{name:9}{quantity}, stepped", number, [node.value]))
    in_float32 = _relu_loss_in_float32(_RELU_NETWORKS[-1][1], x, t)
    return Outcome(
        rows,
        [
            f"The float32 run printed what these formulas give in float32, {in_float32:.6e}: p is so near to t "
            "that p - t keeps few of the seven digits.",
        ],
    )


def two_sigmoid_layers() -> Outcome:
    """Compute two hidden sigmoid neurons and a sigmoid output, and show the slip in the printed gradient."""
    x, t = 1.0, 0.0

    def forward(w1: Sequence[rg.Node], w2: Sequence[rg.Node]) -> tuple[list[rg.Node], rg.Node, rg.Node]:
        a1 = [(w * x).sigmoid() for w in w1]
        y = rg.dot(a1, w2).sigmoid()
        return a1, y, 0.5 * (y - t) ** 2

    starts = [0.5, -0.5, 0.3, -0.3]
    *w1, u, v = rg.variables(*starts)
    a1, y, L = forward(w1, [u, v])
    L.backward()

    def loss(values: Sequence[float]) -> float:
        *first, u, v = rg.variables(*values)
        return forward(first, [u, v])[2].value

    without_factor = [(y.value - t) * w.value * a.value * (1.0 - a.value) for w, a in zip([u, v], a1, strict=True)]
    slope = y.value * (1.0 - y.value)
    return Outcome(
        [
            Row("L", "0.13434887664395717", [L.value]),
            Row("dL/dw2[0]", "0.08055583", [u.grad]),
            Row("dL/dw2[1]", "0.04885958", [v.grad]),
            Row("dL/dw1[0], true", "0.009123930803275759", [w1[0].grad]),
            Row("dL/dw1[1], true", "-0.009123930803275759", [w1[1].grad]),
            Row("by differences", "0.009123930803275759", [_central_difference(loss, starts, 0)], tolerance=1e-10),
            Row("by differences", "-0.009123930803275759", [_central_difference(loss, starts, 1)], tolerance=1e-10),
            Row("dL/dw1, printed", "0.036545 -0.036545", [w.grad for w in w1], not_compared="the slip"),
            Row("with the slip", "0.036545 -0.036545", without_factor),
        ],
        [
            "The slip: the tutorial computes dL/dw1 as (y - t) * w2 * a1 * (1 - a1), without the factor dy/dz2 = "
            f"sigmoid'(z2) = y * (1 - y) = {slope:.6f}. That formula gives exactly what it prints, {1 / slope:.3f} "
            "times the true value. Central differences side with the engine.",
        ],
    )


def _relu_network(
    layers: Sequence[tuple[Sequence[Sequence[rg.Node]], Sequence[rg.Node]]], x: float, t: float
) -> tuple[list[list[rg.Node]], rg.Node]:
    """Return the outputs of every layer, and the loss."""
    signal: list[Any] = [x]
    outputs = []
    for W, b in layers:
        signal = [(rg.dot(signal, column) + bias).relu() for column, bias in zip(zip(*W, strict=True), b, strict=True)]
        outputs.append(signal)
    return outputs, rg.mse(signal, [t])


def _relu_loss_in_float32(layers: Sequence[tuple[_Floats, list[float]]], x: float, t: float) -> float:
    signal = np.array([x], np.float32)
    for W, b in layers:  # without matmul, whose rounding depends on the machine
        products = signal[:, None] * np.array(W, np.float32)
        signal = np.maximum(products.sum(axis=0) + np.array(b, np.float32), np.float32(0))
    return float(np.mean((signal - np.float32(t)) ** 2))


def _sigmoid_loss_in_float32(x: float, t: float, *parameters: float) -> float:
    W1, b1, W2, b2 = map(np.float32, parameters)
    z = W1 * np.float32(x) + b1
    a = np.float32(1) / (np.float32(1) + np.float32(np.exp(-float(z))))
    return float(np.float32(0.5) * (W2 * a + b2 - np.float32(t)) ** 2)


def _central_difference(f: Callable[[Sequence[float]], float], at: Sequence[float], k: int) -> float:
    """Return df/dx_k; with a step of 1e-6 its error is some 1e-11, from the rounding of f."""
    step = 1e-6
    above, below = list(at), list(at)
    above[k] += step
    below[k] -= step
    return (f(above) - f(below)) / (2 * step)


SIGMOID_NEURON = Example(
    "Sigmoid neuron with a linear output",
    ["z = W1*x + b1, a = sigmoid(z), y = W2*a + b2, L = (y - t)^2/2", "x 1, t 0, W1 0.5, b1 0, W2 -1, b2 0, lr 0.01"],
    sigmoid_neuron,
)
RELU_NETWORKS = Example(
    "ReLU networks with mean squared error",
    ["h = relu(x @ W + b) in every layer, the last one p; loss = mean((p - t)^2)", "x 0.5, t 0.95, lr 0.5"],
    relu_networks,
)
TWO_SIGMOID_LAYERS = Example(
    "Two hidden sigmoid neurons, sigmoid output",
    [
        "z1 = x*w1, a1 = sigmoid(z1), z2 = a1.w2, y = sigmoid(z2), L = (y - t)^2/2",
        "x 1, t 0, w1 [0.5, -0.5], w2 [0.3, -0.3]",
    ],
    two_sigmoid_layers,
)
