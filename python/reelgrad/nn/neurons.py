"""Networks in scalar form, in micrograd's shape: one Node per number.

`Neuron`, `Layer` and `MLP` have the constructors, the draws from `random` and the order of additions of micrograd's, so
that a seed gives the same network and the same bits.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from operator import mul
from typing import Any

from reelgrad._core import LengthError, Node
from reelgrad.checks import whole
from reelgrad.nn.activations import Activation, resolved
from reelgrad.nn.module import Module
from reelgrad.nn.widths import mlp_layers

__all__ = ["MLP", "Layer", "Neuron"]


class Neuron(Module):
    """The weighted sum of its inputs plus a bias, through an activation.

    Parameters
    ----------
    nin : int
        How many inputs it takes. The weights are drawn by ``random.uniform(-1, 1)``, in order; the bias is 0.
    nonlin : bool
        Whether the activation is applied.
    activation : str or callable
        Name of an operator of one operand (``'relu'``, ``'tanh'``, ``'sigmoid'``, ``'silu'``, ...), ``'linear'``, or a
        function from Node to Node.

    Raises
    ------
    SettingError
        If `nin` is less than 1, or `activation` is not such a name.
    LengthError
        If the neuron is called with another number of inputs.

    Examples
    --------
    >>> import random
    >>> import reelgrad as rg
    >>> random.seed(1337)
    >>> neuron = rg.nn.Neuron(2, activation="tanh")
    >>> neuron
    TanhNeuron(2)
    >>> print(f"{neuron([1.0, -2.0]):.6f}")
    0.102087
    """

    def __init__(self, nin: int, nonlin: bool = True, *, activation: str | Activation = "relu") -> None:
        self.w: list[Node] = [Node(random.uniform(-1, 1)) for _ in range(whole("nin", nin))]
        self.b: Node = Node(0)
        self._activation, self._kind = resolved(activation if nonlin else "linear")
        self.nonlin = self._activation is not None

    def __call__(self, x: Sequence[Node | float]) -> Node:
        """Return the output for the inputs `x`, Nodes or numbers."""
        if len(x) != len(self.w):
            raise LengthError(f"{self!r} got {len(x)} inputs: it needs {len(self.w)}, one for each weight")
        # Of the forms that add in micrograd's order, the fastest from Python. Measured on 3.11 for 16 inputs,
        # recording, in ns per product and addition: this 38, a loop 48, a list comprehension 63,
        # rg.dot([b, *w], [1.0, *x]) 76 (on a par with this only from some 64 inputs on), rg.fma 270. The sweep takes 6
        # over this and 2.4 over a dot, which does not make up for it.
        total = sum(map(mul, self.w, x), self.b)
        return total if self._activation is None else self._activation(total)

    def __repr__(self) -> str:
        return f"{self._kind}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side, all with the same inputs.

    Parameters
    ----------
    nin : int
        How many inputs it takes.
    nout : int
        How many neurons it has.
    nonlin, activation
        As for `Neuron`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> layer = rg.nn.Layer(2, 3, activation="sigmoid")
    >>> layer
    Layer of [SigmoidNeuron(2), SigmoidNeuron(2), SigmoidNeuron(2)]
    >>> len(layer([1.0, 2.0]))
    3
    """

    def __init__(self, nin: int, nout: int, *, nonlin: bool = True, activation: str | Activation = "relu") -> None:
        self.neurons = [Neuron(nin, nonlin, activation=activation) for _ in range(whole("nout", nout))]

    def __call__(self, x: Sequence[Node | float]) -> Node | list[Node]:
        """Return the list of outputs, or the one Node if the layer has one neuron."""
        outputs = [neuron(x) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron: layers one after the other, the last one linear.

    Parameters
    ----------
    nin : int
        How many inputs it takes.
    nouts : sequence of int
        The widths of the layers. A last layer of width 1 makes the output a single Node.
    activation : str or callable
        Activation of all layers but the last; see `Neuron`.
    output : str or callable
        Activation of the last layer.

    Examples
    --------
    >>> import reelgrad as rg
    >>> model = rg.nn.MLP(2, [16, 16, 1])
    >>> len(model.parameters())
    337
    >>> isinstance(model([0.5, -0.5]), rg.Node)
    True
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: str | Activation = "relu",
        output: str | Activation = "linear",
    ) -> None:
        self.layers = [
            Layer(inputs, outputs, activation=a) for inputs, outputs, a in mlp_layers(nin, nouts, activation, output)
        ]

    def __call__(self, x: Sequence[Node | float]) -> Any:  # a Node or a list: mypy cannot know which, the caller does
        """Return the output: a Node if the last layer has one neuron, else a list of Nodes."""
        signal: Any = x
        for layer in self.layers:
            # A layer of one neuron gives a Node, not a list of one.
            signal = layer([signal] if isinstance(signal, Node) else signal)
        return signal

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"
