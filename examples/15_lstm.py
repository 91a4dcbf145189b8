"""A small LSTM learns sines of any frequency and phase, and then goes on by itself.

The cell is a module of one's own: one matrix gives all four gates, for a whole batch of sequences at once. The network
is shown each value and must tell the next; afterwards it is shown the beginning of a wave only, and then what it said
itself.

S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); with the gate that forgets of
F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget", Neural Computation 12 (2000).

    python examples/15_lstm.py [steps [picture.svg]]
"""

import sys
from time import perf_counter
from typing import Any

import numpy as np

import reelgrad as rg

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 400
picture = sys.argv[2] if len(sys.argv) > 2 else None


class LSTM(rg.nn.Module):
    """One cell and a linear layer that reads it."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self.width = width
        self.gates = rg.nn.Linear(1 + width, 4 * width, seed=rng)
        self.read = rg.nn.Linear(width, 1, seed=rng)
        # At first nothing is forgotten.
        self.gates.bias.value = np.repeat([0.0, 1.0, 0.0, 0.0], width)

    def step(self, x: Any, state: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        """Return the next value and state, for values of shape (..., 1)."""
        h, c = state
        z = self.gates(np.concatenate([x, h], axis=-1))
        let_in, keep, new, let_out = np.split(z, 4, axis=-1)
        c = rg.sigmoid(keep) * c + rg.sigmoid(let_in) * rg.tanh(new)
        h = rg.sigmoid(let_out) * rg.tanh(c)
        return x + self.read(h), (h, c)  # what is learnt is the change

    def start(self, *shape: int) -> tuple[Any, Any]:
        """Return the state before the first value of sequences of this shape."""
        return np.zeros((*shape, self.width)), np.zeros((*shape, self.width))

    def __call__(self, sequences: Any) -> Any:
        """Return for each value of sequences (..., time) the one that should come next."""
        state = self.start(*sequences.shape[:-1])
        said = []
        for t in range(sequences.shape[-1]):
            y, state = self.step(sequences[..., t : t + 1], state)
            said.append(y)
        return np.concatenate(said, axis=-1)


rng = np.random.default_rng(15)


def waves(count: int, length: int) -> Any:
    """Return sines of random frequencies and phases."""
    frequency, phase = rng.uniform(0.2, 0.6, (count, 1)), rng.uniform(0.0, 2.0 * np.pi, (count, 1))
    return np.sin(frequency * np.arange(length) + phase)


model = LSTM(16, rng)
print(f"{model}, {[name for name, _ in model.named_parameters()]}")
optimizer = rg.optim.Adam(model.parameters(), lr=rg.optim.schedules.cosine(0.02, 0.0005, steps))
started = perf_counter()
for k in range(steps):
    batch = waves(32, 25)
    loss = rg.mse(model(batch[:, :-1])[:, 4:], batch[:, 5:])  # the first values do not tell the wave yet
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if k % 100 == 0 or k == steps - 1:
        print(f"step {k:3}  loss {loss.value:.6f}")
print(f"{1e3 * (perf_counter() - started) / steps:.1f} ms a step")


# The same model, compiled: a function of one sequence, and its gradient by the parameters.
@rg.compile(in_axes=(None, 0), reduce="mean")
def one(model: Any, wave: Any) -> Any:
    """Return the loss of one sequence."""
    return rg.mse(model(wave[:-1]), wave[1:])


value, slopes = one.value_and_grad(model, batch[:, :6])
model.zero_grad()
rg.mse(model(batch[:, :5]), batch[:, 1:6]).backward()
apart = abs(slopes.gates.weight - model.gates.weight.grad).max()
print(f"compiled for sequences of 6: {len(one.program)} instructions, gradients {'equal' if apart < 1e-12 else apart}")

# Two waves: 20 values are shown, 30 are made up.
shown, made_up = 20, 30
wave = waves(2, shown + made_up)
state = model.start(2)
said: list[Any] = []
for t in range(shown + made_up - 1):
    x = wave[:, t : t + 1] if t < shown else said[-1]
    y, state = model.step(x, state)
    said.append(y.value)
    state = tuple(part.value for part in state)  # numbers: nothing is to be differentiated
error = np.abs(np.concatenate(said, axis=1)[:, shown - 1 :] - wave[:, shown:])
print(f"off by {error[:, :10].mean():.3f} on average in the first 10 steps alone, {error.mean():.3f} in all {made_up}")

if picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(7, 4.6), layout="constrained", sharex=True)
    for axis, true, told in zip(axes, wave, np.concatenate(said, axis=1), strict=True):
        axis.plot(true, color="0.7", linewidth=4, label="the wave")
        axis.plot(np.arange(1, shown + made_up), told, color="C0", label="the network")
        axis.axvline(shown - 1, color="C3", linestyle=":", label="from here on by itself")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    axes[1].set(xlabel="step")
    figure.savefig(picture)
