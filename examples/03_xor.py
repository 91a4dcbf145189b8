"""XOR and a single sigmoid neuron: a training that works and a model that cannot.

XOR is 1 if exactly one of its two inputs is. A neuron sigmoid(w1*x1 + w2*x2 + b) says yes on one side of a line and no
on the other, and no line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other. Its best answer is 0.5
everywhere, with a mean squared error of 0.25, and from any start gradient descent finds it.

The loop is the usual one, and it may run as long as it likes: what is no longer needed of the recording is reclaimed,
so that memory does not grow.

    python examples/03_xor.py [epochs]
"""

import random
import sys
from time import perf_counter

import reelgrad as rg

X = [[0, 0], [0, 1], [1, 0], [1, 1]]
Y = [0, 1, 1, 0]
epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000

random.seed(0)
neuron = rg.nn.Neuron(2, activation="sigmoid")
optimizer = rg.optim.SGD(neuron.parameters(), lr=0.1)

started = perf_counter()
for epoch in range(1, epochs + 1):
    predictions = [neuron(x) for x in X]
    loss = rg.mse(predictions, Y)

    optimizer.zero_grad()  # backward() adds to the gradients, so that they must start from 0
    loss.backward()
    optimizer.step()

    if epoch % 1000 == 1:
        print(f"epoch {epoch:6,}  loss {loss:.7f}")
print(f"{perf_counter() - started:.2f} s")

for x, y in zip(X, Y, strict=True):
    print(f"{x[0]} xor {x[1]} = {y}, the neuron says {neuron(x):.4f}")

# A layer of two neurons before it draws two lines, and that is enough.
random.seed(3)
network = rg.nn.MLP(2, [2, 1], activation="tanh", output="sigmoid")
optimizer = rg.optim.SGD(network.parameters(), lr=0.5, momentum=0.9)
for _ in range(min(epochs, 1000)):
    loss = rg.mse([network(x) for x in X], Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"with two neurons before it: loss {loss:.5f}")
