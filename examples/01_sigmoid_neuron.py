"""A first back-propagation: a sigmoid neuron with a linear output.

The network has one input, one hidden neuron and one output:

    z = W1*x + b1        the neuron's weighted input
    a = sigmoid(z)       what it passes on
    y = W2*a + b2        the output
    L = (y - t)**2 / 2   how far the output is from the target t

By hand, the chain rule goes backwards from the loss:

    dL/dy  = y - t
    dL/dW2 = dL/dy * a           dL/db2 = dL/dy
    dL/da  = dL/dy * W2
    dL/dW1 = dL/da * a*(1-a) * x dL/db1 = dL/da * a*(1-a)

Here the same formulas for L are ordinary Python, on Nodes instead of floats, and `L.backward()` does the rest.
"""

import reelgrad as rg

x, t = 1.0, 0.0

# The numbers to differentiate for are variables. Plain numbers such as x and t are constants.
W1, b1 = rg.variable(0.5, name="W1"), rg.variable(0.0, name="b1")
W2, b2 = rg.variable(-1.0, name="W2"), rg.variable(0.0, name="b2")

z = W1 * x + b1
a = z.sigmoid()
y = W2 * a + b2
L = 0.5 * (y - t) ** 2

print(f"z = {z:.8f}  a = {a:.8f}  y = {y:.8f}  L = {L:.8f}")

# One sweep backwards through what was recorded gives the derivative of L by every variable ...
L.backward()
for parameter in (W2, b2, W1, b1):
    print(f"dL/d{parameter.name} = {parameter.grad:.8f}")

# ... and by everything in between, which many tools throw away.
print(f"dL/dy  = {y.grad:.8f}")
print(f"dL/da  = {a.grad:.8f}")

# The formulas from the top, with the numbers that the network computed: the same derivatives.
dy = y.value - t
da = dy * W2.value
assert W2.grad == dy * a.value
assert b2.grad == y.grad == dy
assert a.grad == da
assert abs(W1.grad - da * a.value * (1.0 - a.value) * x) < 1e-16

# One step of gradient descent: each parameter moves a little against its derivative, and the loss falls.
lr = 0.01
for parameter in (W2, b2, W1, b1):
    parameter.value -= lr * parameter.grad
    print(f"{parameter.name} = {parameter.value:.8f}")

L_after = 0.5 * (W2 * (W1 * x + b1).sigmoid() + b2 - t) ** 2
print(f"L was {L:.8f} and is {L_after:.8f}")
