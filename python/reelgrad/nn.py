"""Small neural networks in scalar form, in micrograd's shape.

A `Module` owns variables, its parameters. `Neuron`, `Layer` and `MLP` are modules that compute with one Node per
number: the same constructors, the same draws from `random` and the same order of additions as micrograd's, so that a
seed gives the same network and the same bits. The losses are those of the operator table.

Nothing is computed here: every operation is a Node's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from operator import index, mul
from typing import Any, TypeAlias, cast

import numpy as np

from reelgrad import _core
from reelgrad._core import (
    LengthError,
    Node,
    NodeTypeError,
    SettingError,
    bce,
    bce_with_logits,
    cross_entropy,
    half_mse,
    hinge,
    huber,
    mae,
    mse,
)
from reelgrad.module_trees import register_module

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "bce",
    "bce_with_logits",
    "cross_entropy",
    "half_mse",
    "hinge",
    "huber",
    "mae",
    "mse",
]

Activation: TypeAlias = Callable[[Node], Node]
_Path: TypeAlias = tuple[Any, ...]  # () for the module itself, else (path to the container, key in it)
_NUMBERS_AND_TEXT = frozenset({bool, int, float, str, type(None)})  # common attributes that hold no variables


class Module:
    """Owner of parameters: a base for networks and whatever else has variables to fit.

    The parameters are the variables found in the attributes, in the order in which those were set, and in the lists,
    tuples, dicts, object arrays and modules among them. A variable that is found twice counts once. Attributes whose
    name begins with an underscore are not searched, and results of operations are no parameters.

    Examples
    --------
    >>> import reelgrad as rg
    >>> class Line(rg.nn.Module):
    ...     def __init__(self):
    ...         self.slope = rg.Node(2.0)
    ...         self.offset = rg.Node(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).backward()
    >>> {name: p.grad for name, p in line.named_parameters()}
    {'slope': 3.0, 'offset': 1.0}
    """

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        register_module(cls)

    def named_parameters(self) -> Iterator[tuple[str, Node]]:
        """Yield each parameter with the path that leads to it, as in ``'layers.0.neurons.3.w.1'``."""
        for parameter, path in self._variables().items():
            yield _name(path), parameter

    def parameters(self) -> list[Node]:
        """Return the parameters as a list, in the order of `named_parameters`."""
        return list(self._variables())

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def _variables(self) -> dict[Node, _Path]:
        found: dict[Node, _Path] = {}
        _find_variables(self, (), found, set())
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters())} parameters)"


register_module(Module)


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
        self.w: list[Node] = [Node(random.uniform(-1, 1)) for _ in range(_width("nin", nin))]
        self.b: Node = Node(0)
        self._activation, self._kind = _resolve(activation if nonlin else "linear")
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
        self.neurons = [Neuron(nin, nonlin, activation=activation) for _ in range(_width("nout", nout))]

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
        try:
            widths = [nin, *nouts]
        except TypeError:
            raise NodeTypeError(
                f"nouts: got {nouts!r}, but a list of the layers' widths is needed: [16, 16, 1]"
            ) from None
        if len(widths) == 1:
            raise LengthError("nouts is empty: an MLP needs at least one layer; give its width: [1]")
        activations = [activation] * (len(widths) - 2) + [output]
        self.layers = [
            Layer(inputs, outputs, activation=a)
            for (inputs, outputs), a in zip(pairwise(widths), activations, strict=True)
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


def _find_variables(value: object, path: _Path, found: dict[Node, _Path], seen: set[int]) -> None:
    """Walk through what a module holds, noting the path to each variable; `seen` ends cycles."""
    entries: Iterable[tuple[object, object]]
    if isinstance(value, (list, tuple)):
        entries = enumerate(value)
    elif isinstance(value, Module):
        entries = [entry for entry in vars(value).items() if entry[0][:1] != "_"]
    elif isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, np.ndarray) and value.dtype == object:
        entries = [(".".join(map(str, position)), entry) for position, entry in np.ndenumerate(value)]
    else:
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    for key, entry in entries:
        if isinstance(entry, Node):
            if entry.is_variable:
                found.setdefault(entry, (path, key))
        elif type(entry) not in _NUMBERS_AND_TEXT:
            _find_variables(entry, (path, key), found, seen)


def _name(path: _Path) -> str:
    above, key = path
    return f"{_name(above)}.{key}" if above else str(key)


def _width(what: str, width: int) -> int:
    try:
        width = index(width)
    except TypeError:
        raise NodeTypeError(f"{what}: got {width!r}, but a whole number of at least 1 is needed") from None
    if width < 1:
        raise SettingError(f"{what}: got {width}, but at least 1 is needed")
    return width


@cache
def _operators_of_one() -> dict[str, Activation]:
    """Operators of the table that one Node is enough for, by name and alias."""
    of_numbers = {"silu", "gelu"}  # the composites that do not reduce a sequence
    return {
        name: cast(Activation, getattr(_core, name))
        for row in _core.operator_table()
        if (row["kind"] == "primitive" and len(row["operands"]) == 1 + (row["default"] is not None))
        or row["name"] in of_numbers
        for name in (row["name"], *row["aliases"])
    }


def _resolve(activation: str | Activation) -> tuple[Activation | None, str]:
    """Return the function (None for the identity) and what the repr calls it."""
    if callable(activation):
        return activation, _title(getattr(activation, "__name__", type(activation).__name__))
    if not isinstance(activation, str):
        raise NodeTypeError(f"activation: got {activation!r}, but the name of an operator or a function is needed")
    if activation == "linear":
        return None, "Linear"
    if activation not in _operators_of_one():
        raise SettingError(
            f"activation: {activation!r} is not an operator of one operand; give 'relu', 'tanh', 'sigmoid' or another "
            "such name, 'linear', or a function from Node to Node"
        )
    return _operators_of_one()[activation], "ReLU" if activation == "relu" else _title(activation)


def _title(name: str) -> str:
    return name.title().replace("_", "")
