"""Scalar engines behind one interface: numbers that Python's operators work on, and a gradient.

A workload is a function of such numbers and of `exp`, `tanh`, `relu`; it is written once and runs on each engine, on
plain floats too. An engine whose package is not installed raises `PeerMissing` when it is made.
"""

import importlib
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, ClassVar

import reelgrad as rg
from bench.program import Body


class PeerMissing(Exception):
    """The peer's package is not installed."""


def load(module: str, package: str, *, optional: bool = False) -> ModuleType:
    """Import a peer's module, or raise PeerMissing with the command that brings the package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what others deprecate on import is not ours to judge
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        cure = f"pip install {package}" if optional else "install the bench extra: pip install '.[bench]'"
        raise PeerMissing(f"{package} is not installed; {cure}") from error


class Engine:
    """What a workload needs of a library: see the methods. This one is for libraries that overload operators."""

    name: ClassVar[str]
    package: ClassVar[str]
    exp: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    relu: Callable[[Any], Any]

    def session(self) -> AbstractContextManager[Any]:
        """Return the context in which variables are made, operators recorded and gradients taken."""
        return nullcontext()

    def variables(self, values: Sequence[float]) -> Sequence[Any]:
        """Make a variable of each value; where the library wants it so, this begins a new recording."""
        raise NotImplementedError

    def record(self, body: Body, xs: Sequence[Any]) -> Any:
        """Run a program forward and return its output."""
        return body(xs, self.tanh, self.exp)

    def backward(self, y: Any) -> None:
        """Find the derivatives of y."""
        raise NotImplementedError

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Return what backward() found for the variables."""
        raise NotImplementedError

    def value(self, y: Any) -> float:
        """Return y as a float."""
        raise NotImplementedError

    def descend(self, loss: Any, parameters: Sequence[Any], rate: float) -> Sequence[Any]:
        """Take a step down the gradient of `loss` and return the parameters to go on with."""
        self.backward(loss)
        gradient = self.gradient(parameters)
        return self.variables([self.value(q) - rate * g for q, g in zip(parameters, gradient, strict=True)])


class Reelgrad(Engine):
    """reelgrad's Nodes on a tape of their own."""

    name = "reelgrad"
    package = "reelgrad"

    def __init__(self) -> None:
        self.exp, self.tanh, self.relu = rg.exp, rg.tanh, rg.relu

    def session(self) -> AbstractContextManager[rg.Tape]:
        """Return a new tape."""
        return rg.Tape()

    def variables(self, values: Sequence[float]) -> tuple[rg.Node, ...]:
        """Make variables on the current tape."""
        return rg.variables(*values)

    def backward(self, y: rg.Node) -> None:
        """Sweep back from y."""
        y.backward()

    def gradient(self, xs: Sequence[rg.Node]) -> list[float]:
        """Read the variables' gradients."""
        return [x.grad for x in xs]

    def value(self, y: rg.Node) -> float:
        """Read the value."""
        return y.value

    def descend(self, loss: rg.Node, parameters: Sequence[rg.Node], rate: float) -> Sequence[rg.Node]:
        """Update the variables in place; the tape is never reset."""
        loss.backward()
        for q in parameters:
            q.value -= rate * q.grad
            q.zero_grad()
        return parameters


def _float_relu(x: float) -> float:
    # Faster than max(x, 0.0), which costs four times as much: the reference should be as good as plain Python gets.
    return x if x > 0.0 else 0.0


class Floats(Engine):
    """Plain Python floats: the same arithmetic and no derivative. What everything is compared with."""

    name = "Python floats, no derivative"
    package = ""

    def __init__(self) -> None:
        self.exp, self.tanh, self.relu = math.exp, math.tanh, _float_relu

    def variables(self, values: Sequence[float]) -> Sequence[float]:
        """Return the numbers themselves."""
        return values

    def value(self, y: float) -> float:
        """Return y itself."""
        return y


class Micrograd(Engine):
    """micrograd, with exp and tanh added in its own style: it has neither."""

    name = "micrograd"
    package = "micrograd"

    def __init__(self) -> None:
        value_type = load("micrograd.engine", "micrograd").Value
        # Its backward() recurses once per level of the graph.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))

        def tanh(x: Any) -> Any:
            t = math.tanh(x.data)
            out = value_type(t, (x,), "tanh")

            def backward() -> None:
                x.grad += (1 - t * t) * out.grad

            out._backward = backward
            return out

        def exp(x: Any) -> Any:
            e = math.exp(x.data)
            out = value_type(e, (x,), "exp")

            def backward() -> None:
                x.grad += e * out.grad

            out._backward = backward
            return out

        self._value_type = value_type
        self.exp, self.tanh, self.relu = exp, tanh, value_type.relu

    def variables(self, values: Sequence[float]) -> list[Any]:
        """Make Values."""
        return [self._value_type(v) for v in values]

    def backward(self, y: Any) -> None:
        """Run its backward()."""
        y.backward()

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Read .grad."""
        return [x.grad for x in xs]

    def value(self, y: Any) -> float:
        """Read .data."""
        return float(y.data)

    def descend(self, loss: Any, parameters: Sequence[Any], rate: float) -> Sequence[Any]:
        """Update in place, as its demo does."""
        for q in parameters:
            q.grad = 0
        loss.backward()
        for q in parameters:
            q.data -= rate * q.grad
        return parameters


class Xad(Engine):
    """XAD for Python, its adjoint mode."""

    name = "XAD"
    package = "xad"

    def __init__(self) -> None:
        self._adjoint = load("xad.adj_1st", "xad")
        functions = load("xad.math", "xad")
        self.exp, self.tanh = functions.exp, functions.tanh
        maximum = functions.max
        self.relu = lambda x: maximum(x, 0.0)
        self._tape: Any = None

    def session(self) -> AbstractContextManager[Any]:
        """Return its tape, which is active inside."""
        self._tape = self._adjoint.Tape()
        tape: AbstractContextManager[Any] = self._tape
        return tape

    def variables(self, values: Sequence[float]) -> list[Any]:
        """Register inputs of a new recording."""
        xs = [self._adjoint.Real(v) for v in values]
        self._tape.registerInputs(xs)
        self._tape.newRecording()
        return xs

    def backward(self, y: Any) -> None:
        """Compute the adjoints."""
        self._tape.registerOutput(y)
        y.derivative = 1.0
        self._tape.computeAdjoints()

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Read .derivative."""
        return [x.derivative for x in xs]

    def value(self, y: Any) -> float:
        """Read .value."""
        return float(y.value)


class TorchScalars(Engine):
    """PyTorch with a 0-dimensional float64 tensor for each number."""

    name = "PyTorch, 0-d tensors"
    package = "torch"

    def __init__(self) -> None:
        self._torch = load("torch", "torch", optional=True)
        self._torch.set_num_threads(1)
        self.exp, self.tanh, self.relu = self._torch.exp, self._torch.tanh, self._torch.relu

    def variables(self, values: Sequence[float]) -> list[Any]:
        """Make tensors that require a gradient."""
        return [self._torch.tensor(v, dtype=self._torch.float64, requires_grad=True) for v in values]

    def backward(self, y: Any) -> None:
        """Run its backward()."""
        y.backward()

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Read .grad."""
        return [0.0 if x.grad is None else float(x.grad) for x in xs]

    def value(self, y: Any) -> float:
        """Read the item."""
        return float(y.item())


class CasadiSX(Engine):
    """CasADi's symbolic SX: forward builds the expression, backward that of the gradient; neither evaluates."""

    name = "CasADi SX, building"
    package = "casadi"

    def __init__(self) -> None:
        self._casadi = load("casadi", "casadi", optional=True)
        self.exp, self.tanh = self._casadi.exp, self._casadi.tanh
        self._inputs: Any = None
        self._values: Sequence[float] = ()
        self._gradient: Any = None

    def variables(self, values: Sequence[float]) -> list[Any]:
        """Make symbols; the values are kept for gradient()."""
        self._inputs, self._values = self._casadi.SX.sym("x", len(values)), values
        return [self._inputs[i] for i in range(len(values))]

    def backward(self, y: Any) -> None:
        """Build the gradient."""
        self._gradient = self._casadi.gradient(y, self._inputs)

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Evaluate the gradient at the values."""
        function = self._casadi.Function("gradient", [self._inputs], [self._gradient])
        return [float(g) for g in function(self._values).full().ravel()]


class Autograd(Engine):
    """HIPS autograd: its trace begins inside make_vjp, so that a recording is made in one piece."""

    name = "autograd"
    package = "autograd"

    def __init__(self) -> None:
        functions = load("autograd.numpy", "autograd")
        self.exp, self.tanh = functions.exp, functions.tanh
        self._make_vjp = load("autograd", "autograd").make_vjp
        self._vjp: Any = None
        self._gradient: Sequence[Any] = ()

    def variables(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return the numbers: record() makes variables of them."""
        return tuple(values)

    def record(self, body: Body, xs: Sequence[Any]) -> Any:
        """Trace the program."""
        self._vjp, y = self._make_vjp(lambda x: body(x, self.tanh, self.exp))(xs)
        return y

    def backward(self, y: Any) -> None:
        """Run the vector-Jacobian product."""
        self._gradient = self._vjp(1.0)

    def gradient(self, xs: Sequence[Any]) -> list[float]:
        """Return the product."""
        return [float(g) for g in self._gradient]


# Reelgrad first: it is what the others' answers are checked against.
DIFFERENTIATING: tuple[type[Engine], ...] = (Reelgrad, Xad, Micrograd, TorchScalars, CasadiSX, Autograd)
TRAINING: tuple[type[Engine], ...] = (Reelgrad, Xad, Micrograd)
