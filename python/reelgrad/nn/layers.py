"""Layers on Arrays: their parameters are Arrays, and they take one sample or any number of them at once.

Samples stand in the rows: an input of shape ``(..., nin)`` gives an output of shape ``(..., nout)``, recorded in bulk.
Where a compiled function gets such a module as an argument, the parameters are traced numbers instead, and the same
code computes with those; after `rg.grad` of it, with what is in their places then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from reelgrad._core import LengthError, Node, NodeTypeError
from reelgrad.arrays import Array, array, asarray
from reelgrad.checks import whole
from reelgrad.nn.activations import Activation, resolved
from reelgrad.nn.init import Initialiser, Seed, drawn, generator
from reelgrad.nn.module import Module
from reelgrad.nn.widths import mlp_layers

__all__ = ["DenseMLP", "Embedding", "Linear", "Sequential"]

_RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "silu", "swish", "gelu", "softplus"})


class Linear(Module):
    """The affine map ``x @ weight.T + bias``.

    Parameters
    ----------
    nin : int
        How many inputs there are.
    nout : int
        How many outputs there are.
    bias : bool
        Whether there is a bias, which starts from 0.
    init : str or callable
        The name of one of `reelgrad.nn.init`, or a function ``init(shape, seed=generator)``, for the weights.
    seed : int or numpy.random.Generator, optional
        What the weights are drawn with. A generator serves several layers in turn.

    Attributes
    ----------
    weight : Array
        Of shape ``(nout, nin)``, as PyTorch's.
    bias : Array or None
        Of shape ``(nout,)``.

    Raises
    ------
    SettingError
        If `nin` or `nout` is less than 1, or there is no such initialiser.
    LengthError
        If the layer is called with another number of inputs.

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> layer = rg.nn.Linear(3, 2, seed=0)
    >>> layer
    Linear(3, 2)
    >>> layer(np.ones(3)).shape, layer(np.ones((100, 3))).shape
    ((2,), (100, 2))
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        *,
        bias: bool = True,
        init: str | Initialiser = "glorot_uniform",
        seed: Seed = None,
    ) -> None:
        shape = whole("nout", nout), whole("nin", nin)
        self.weight: Any = array(drawn(init, shape, seed))
        self.bias: Any = array(np.zeros(shape[0])) if bias else None

    def __call__(self, x: Any) -> Any:
        """Return the outputs for inputs of shape ``(..., nin)``."""
        x = _operand(x, self.weight)
        if np.ndim(x) == 0 or x.shape[-1] != self.weight.shape[1]:
            raise LengthError(
                f"{self!r} got inputs of shape {np.shape(x)}: the last dimension must be {self.weight.shape[1]}, the "
                "number of inputs of a sample"
            )
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def __repr__(self) -> str:
        nout, nin = self.weight.shape
        return f"Linear({nin}, {nout}{'' if self.bias is not None else ', bias=False'})"


class Sequential(Module):
    """Layers one after the other: modules, and functions such as ``rg.tanh``.

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> rng = np.random.default_rng(0)
    >>> model = rg.nn.Sequential(rg.nn.Linear(2, 8, seed=rng), rg.tanh, rg.nn.Linear(8, 1, seed=rng))
    >>> model
    Sequential(Linear(2, 8), tanh, Linear(8, 1))
    >>> model(np.zeros((5, 2))).shape
    (5, 1)
    >>> [name for name, _ in model.named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.2.weight', 'layers.2.bias']
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for k, layer in enumerate(layers):
            if not callable(layer):
                raise NodeTypeError(
                    f"Sequential: layer {k} is {layer!r:.80}, but a module or a function is needed, such as "
                    "rg.nn.Linear(2, 8) or rg.tanh"
                )
        self.layers = list(layers)

    def __call__(self, x: Any) -> Any:
        """Return what the last layer makes of what those before made of `x`."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> Callable[[Any], Any]:
        return self.layers[index]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(getattr(layer, '__name__', repr(layer)) for layer in self.layers)})"


class DenseMLP(Module):
    """A multi-layer perceptron on Arrays: what `MLP` is in scalar form.

    Parameters
    ----------
    nin : int
        How many inputs a sample has.
    nouts : sequence of int
        The widths of the layers. After a last layer of width 1 a sample's output is one number: the last axis is gone,
        as an `MLP` returns one Node.
    activation : str or callable
        Activation of all layers but the last: the name of an operator of one operand, ``'linear'``, or a function of
        an Array. See `Neuron`.
    output : str or callable
        Activation of the last layer.
    init : str or callable, optional
        For the weights: see `Linear`. By default ``'he_uniform'`` in front of relu and its like, else
        ``'glorot_uniform'``.
    seed : int or numpy.random.Generator, optional
        What all weights are drawn with.

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> model = rg.nn.DenseMLP(2, [16, 16, 1], seed=0)
    >>> model
    DenseMLP(2, 16, 16, 1: 337 parameters)
    >>> X = np.linspace(-1.0, 1.0, 10).reshape(5, 2)
    >>> model(X).shape, isinstance(model(X[0]), rg.Node)
    ((5,), True)
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: str | Activation = "relu",
        output: str | Activation = "linear",
        init: str | Initialiser | None = None,
        seed: Seed = None,
    ) -> None:
        layers = mlp_layers(nin, nouts, activation, output)
        rng = generator(seed)
        # A tuple can be compared, so that modules of equal activations are of one structure.
        self._activations = tuple(resolved(a)[0] for _, _, a in layers)
        self.layers = [
            Linear(inputs, outputs, init=_suited(a) if init is None else init, seed=rng)
            for inputs, outputs, a in layers
        ]

    def __call__(self, x: Any) -> Any:
        """Return the outputs for inputs of shape ``(..., nin)``: of the shape ``(..., nout)``, or ``(...)`` for 1."""
        for layer, activation in zip(self.layers, self._activations, strict=True):
            x = layer(x)
            if activation is not None:
                x = activation(x)
        return x[..., 0] if x.shape[-1] == 1 else x

    def __repr__(self) -> str:
        widths = [self.layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in self.layers)]
        count = sum((above + 1) * below for above, below in pairwise(widths))
        return f"DenseMLP({', '.join(map(str, widths))}: {count} parameters)"


class Embedding(Module):
    """A table of vectors, one for each of a number of things, which are called by their numbers.

    Parameters
    ----------
    count : int
        How many things there are.
    width : int
        How long a vector is.
    init, seed
        As for `Linear`; by default the vectors are drawn from a normal distribution.

    Raises
    ------
    LengthError
        If it is called with a number below 0, or not below `count`.
    NodeTypeError
        If it is called with anything but whole numbers. In a compiled function a number that varies from sample to
        sample cannot choose: let the samples be rows of a unit matrix, ``numpy.eye(count)[numbers]``, and write
        ``row @ embedding.weight``.

    Examples
    --------
    >>> import reelgrad as rg
    >>> embedding = rg.nn.Embedding(10, 4, seed=0)
    >>> embedding(3).shape, embedding([[1, 2, 3], [7, 7, 0]]).shape
    ((4,), (2, 3, 4))
    >>> embedding([7, 7]).sum().backward()
    >>> embedding.weight.grad[6:9, 0].tolist()
    [0.0, 2.0, 0.0]
    """

    def __init__(self, count: int, width: int, *, init: str | Initialiser = "normal", seed: Seed = None) -> None:
        shape = whole("count", count), whole("width", width)
        self.weight: Any = array(drawn(init, shape, seed))

    def __call__(self, numbers: Any) -> Any:
        """Return the vectors of these things: whole numbers, in an array of any shape."""
        if isinstance(numbers, (Array, Node)):
            raise NodeTypeError(_cannot_choose(numbers))
        chosen = np.asarray(numbers)
        if chosen.dtype.kind not in "iu":
            if chosen.dtype == object and any(isinstance(number, Node) for number in chosen.flat):
                raise NodeTypeError(_cannot_choose(chosen.ravel()[0]))
            raise NodeTypeError(f"Embedding: got {numbers!r:.80} ({chosen.dtype}), but whole numbers are needed")
        count = self.weight.shape[0]
        outside = chosen[(chosen < 0) | (chosen >= count)]
        if outside.size:
            raise LengthError(f"{self!r} got the number {outside[0]}, but has {count} vectors; they count from 0")
        return self.weight[chosen]

    def __repr__(self) -> str:
        count, width = self.weight.shape
        return f"Embedding({count}, {width})"


def _operand(x: Any, weight: Any) -> Any:
    """Return inputs as what multiplies with the weights: lists become arrays of the weights' kind."""
    if isinstance(x, (Array, np.ndarray)) and (not isinstance(weight, Array) or x.dtype != object):
        return x
    if isinstance(weight, Array):
        return asarray(x)
    found: Any = np.asarray(x)
    return found


def _suited(activation: str | Activation) -> str:
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "")
    return "he_uniform" if name in _RECTIFIERS else "glorot_uniform"


def _cannot_choose(number: Any) -> str:
    return (
        f"Embedding: got {number!r:.80}, but a number that has a derivative, or varies in a compiled function, cannot "
        "choose a vector: pass whole numbers; where they vary, rows of a unit matrix, and write row @ embedding.weight"
    )
