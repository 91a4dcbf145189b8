"""An engine checks a derivation by hand, and finds a slip in it.

Two hidden sigmoid neurons and a sigmoid output, for x = 1 and the target t = 0:

    z1 = x*w1     a1 = sigmoid(z1)          two numbers each
    z2 = a1 . w2   y = sigmoid(z2)     L = (y - t)**2 / 2

A tutorial derives the gradients by hand and prints

    dL/dw2 = [0.08055583, 0.04885958]      dL/dw1 = [0.036545, -0.036545]

The first is right and the second is not. Who says so? The engine, and finite differences, which know no calculus.
"""

import reelgrad as rg

x, t = 1.0, 0.0
start = [0.5, -0.5, 0.3, -0.3]


def network(w: list[rg.Node]) -> tuple[list[rg.Node], rg.Node, rg.Node]:
    """Return a1, y and L for the weights w1[0], w1[1], w2[0], w2[1]."""
    a1 = [(x * w[0]).sigmoid(), (x * w[1]).sigmoid()]
    y = (a1[0] * w[2] + a1[1] * w[3]).sigmoid()
    return a1, y, 0.5 * (y - t) ** 2


w = list(rg.variables(*start))
a1, y, L = network(w)
L.backward()
print(f"L = {L.value}")
print(f"dL/dw2 = {[round(v.grad, 8) for v in w[2:]]}  as printed")
print(f"dL/dw1 = {[round(v.grad, 8) for v in w[:2]]}  not as printed")


# Who is right? Move a weight a little up and a little down: the difference of the losses tells the slope.
def loss_with(k: int, change: float) -> float:
    """Return L with weight k changed."""
    return network([rg.variable(v + change * (i == k)) for i, v in enumerate(start)])[2].value


h = 1e-6
differences = [(loss_with(k, h) - loss_with(k, -h)) / (2 * h) for k in range(4)]
print(f"by differences dL/dw1 = {[round(d, 8) for d in differences[:2]]}")
assert all(abs(d - v.grad) < 1e-10 for d, v in zip(differences, w, strict=True))

# Where does the printed number come from? The chain from L to w1[k] has five links:
#     dL/dy = y - t    dy/dz2 = y*(1 - y)    dz2/da1 = w2    da1/dz1 = a1*(1 - a1)    dz1/dw1 = x
# The tutorial's formula has four of them. Without dy/dz2 we get exactly what it prints.
without = [(y.value - t) * w[2 + k].value * a1[k].value * (1 - a1[k].value) * x for k in range(2)]
print(f"without dy/dz2 dL/dw1 = {[round(g, 6) for g in without]}  as printed: the slip")

# With the fifth link it is the engine's. (The intermediate gradients lead the search: L.backward() left dL/da1 in a1.)
dy_dz2 = y.value * (1 - y.value)
for k in range(2):
    assert abs(without[k] * dy_dz2 - w[k].grad) < 1e-16
    assert abs(a1[k].grad - (y.value - t) * dy_dz2 * w[2 + k].value) < 1e-16
print(f"dy/dz2 = {dy_dz2:.6f} was forgotten: the printed gradient is {1 / dy_dz2:.3f} times the true one")
