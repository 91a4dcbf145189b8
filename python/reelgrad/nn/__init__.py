"""Neural networks: modules that own parameters, layers of them, and losses.

A `Module` owns variables, its parameters: Nodes, one by one, or Arrays. A module is a tree of its parameters, which
eager code, `rg.optim`, `rg.compile` and `rg.fit` all take.

- `Linear`, `Sequential`, `DenseMLP` and `Embedding` work on Arrays, samples in the rows; `rg.nn.init` has what their
  weights start from.
- `Neuron`, `Layer` and `MLP` are micrograd's, with one Node per number, to the bit.
- The losses and the activations are functions of the package, those of the operator table.
"""

from reelgrad._core import bce, bce_with_logits, cross_entropy, half_mse, hinge, huber, mae, mse
from reelgrad.nn import init
from reelgrad.nn.layers import DenseMLP, Embedding, Linear, Sequential
from reelgrad.nn.module import Module, StateError
from reelgrad.nn.neurons import MLP, Layer, Neuron

__all__ = [
    "MLP",
    "DenseMLP",
    "Embedding",
    "Layer",
    "Linear",
    "Module",
    "Neuron",
    "Sequential",
    "StateError",
    "bce",
    "bce_with_logits",
    "cross_entropy",
    "half_mse",
    "hinge",
    "huber",
    "init",
    "mae",
    "mse",
]
