"""ReLU networks of growing depth, with mean squared error.

In every layer, the output included, h = relu(x @ W + b): output j is the sum of x[i]*W[i][j] over i, plus b[j], or 0 if
that is negative. The input is 0.5 and the target 0.95. A network is a list of layers, a layer is a matrix W (rows of
inputs, columns of outputs) and a vector b.
"""

from collections.abc import Sequence

import reelgrad as rg

x, target = 0.5, 0.95

Numbers = list[float]
Layer = tuple[list[list[rg.Node]], list[rg.Node]]


def layer(W: list[Numbers], b: Numbers) -> Layer:
    """Make the parameters of a layer."""
    return [[rg.variable(w) for w in row] for row in W], [rg.variable(v) for v in b]


def predict(layers: list[Layer], x: float) -> list[rg.Node]:
    """Return the outputs of the last layer."""
    outputs: list[rg.Node] = []
    for W, b in layers:
        inputs: Sequence[rg.Node | float] = outputs if outputs else [x]
        columns = zip(*W, strict=True)
        outputs = [rg.relu(rg.dot(inputs, column) + bias) for column, bias in zip(columns, b, strict=True)]
    return outputs


def show(title: str, layers: list[Layer]) -> None:
    """Compute prediction and loss, propagate back, and print all gradients."""
    outputs = predict(layers, x)
    loss = rg.mse(outputs, [target])
    loss.backward()
    print(f"{title}: prediction {outputs[0]:.4f}, loss {loss:.6g}")
    for k, (W, b) in enumerate(layers, start=1):
        print(f"  dW{k} = {[[round(w.grad, 4) for w in row] for row in W]}  db{k} = {[round(v.grad, 4) for v in b]}")


# The smallest network takes a step of gradient descent, too. The learning rate of 0.5 is bold: it passes the target.
network = [layer([[0.3]], [0.4])]
show("1-1", network)
[([[W]], [b])] = network
W.value -= 0.5 * W.grad
b.value -= 0.5 * b.grad
prediction = predict(network, x)
print(f"  after a step: W {W.value:.1f}, b {b.value:.1f}, prediction {prediction[0]:.4f}, ", end="")
print(f"loss {rg.mse(prediction, [target]):.4f}")

# A layer more in front: its derivatives are those of the next layer times the weight between them.
show("1-1-1", [layer([[0.3]], [0.4]), layer([[0.2]], [0.1])])

# Two neurons side by side: each gets its share of the error, by the weight through which it acted.
show("1-2-1", [layer([[0.3, 0.2]], [0.4, 0.1]), layer([[0.1], [0.7]], [0.3])])

# Three layers. A neuron that acts through several others gets the sum of what comes back from them.
show(
    "1-2-2-1",
    [
        layer([[0.3, 0.2]], [0.4, 0.1]),
        layer([[0.1, 0.8], [0.6, 0.7]], [0.3, 0.2]),
        layer([[0.4], [0.6]], [0.3]),
    ],
)
